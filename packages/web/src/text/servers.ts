/** A link with a server in words: which way it goes, when the server was last heard. */
import type { Server } from "@fedchat/engine/interface";
import { t } from "../strings.ts";
import { ago } from "./time.ts";

type Way = Pick<Server, "state" | "via">;

/** Null where there is no connection. */
export function wayOf({ state, via }: Way): string | null {
  if (state !== "connected") return null;
  return via.length === 0 ? t.servers.direct : t.servers.via([...via]);
}

/** A connection that stands is a contact all the time: its heartbeats say so. */
export function lastContact(
  { state, lastContactAt }: Pick<Server, "state" | "lastContactAt">,
  now: number,
): string {
  if (state === "connected") return t.servers.now;
  return lastContactAt === null ? t.servers.never : ago(lastContactAt, now);
}

/** `Connected · through hub · 12 ms`; what a list says of a server in one line. */
export function stateLine(server: Way & Pick<Server, "trust" | "roundTripMs">): string {
  if (server.trust === "blocked") return t.servers.trustShort.blocked;
  const connected = server.state === "connected";
  return [
    t.servers.trustShort[server.trust],
    t.servers.state[server.state],
    wayOf(server),
    connected && server.roundTripMs !== null ? t.servers.ms(server.roundTripMs) : null,
  ]
    .filter(Boolean)
    .join(" · ");
}
