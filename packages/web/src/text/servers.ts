/** A link with a server in words: which way it goes, when the server was last heard. */
import type { MapServer, Server } from "@fedchat/engine/interface";
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

/** `Connected through hub · 12 ms`; what a list says of a server in one line. */
export function stateLine(server: Way & Pick<Server, "trust" | "roundTripMs">): string {
  if (server.trust === "blocked") return t.servers.trustShort.blocked;
  const connected = server.state === "connected";
  const direct = server.via.length === 0;
  const way = direct ? t.servers.connectedDirect : t.servers.connectedVia([...server.via]);
  return [
    t.servers.trustShort[server.trust],
    connected ? way : t.servers.state[server.state],
    connected && server.roundTripMs !== null ? t.servers.ms(server.roundTripMs) : null,
  ]
    .filter(Boolean)
    .join(" · ");
}

/** The same for any server of the map, with how far it is and whether it relays. */
export function nodeLine(server: Pick<MapServer, "hops" | "relaysFor" | "link">): string {
  const { hops, relaysFor, link } = server;
  const is =
    link !== null ? stateLine(link) : hops === 0 ? t.map.own : `${t.map.heard} · ${t.map.away(hops)}`;
  return relaysFor === "nobody" ? is : `${is} · ${t.map.relayShort[relaysFor]}`;
}
