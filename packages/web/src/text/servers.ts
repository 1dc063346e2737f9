/** A link with a server in words: which way it goes, when the server was last heard. */
import type { MapServer, Server, UnlinkedServer } from "@fedchat/engine/interface";
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

/** Who links whom, as far as is known: what the other side said last, and when, where it cannot be asked now. */
export function trustLine(
  { trust, state, cause, lastContactAt }: Pick<Server, "trust" | "state" | "cause" | "lastContactAt">,
  now: number,
): string {
  if (trust === "outgoing" && hasBlockedUs(cause)) return t.servers.blockedUs;
  const said = t.servers.trust[trust];
  if (trust === "blocked" || state === "connected" || lastContactAt === null) return said;
  return t.servers.asLastHeard(said, ago(lastContactAt, now));
}

/** A server without a link in one line: who lives there, and how it is reached. */
export function unlinkedLine(server: Way & Pick<UnlinkedServer, "people">): string {
  const way = wayOf(server);
  return [
    t.unlinked.livesThere(server.people),
    way === null ? t.unlinked.state[server.state] : t.unlinked.connected(way),
  ]
    .filter(Boolean)
    .join(" · ");
}

/** `Connected through hub · 12 ms`; what a list says of a server in one line. */
export function stateLine(
  server: Way & Pick<Server, "trust" | "roundTripMs"> & { cause?: Server["cause"] },
): string {
  if (server.trust === "blocked") return t.servers.trustShort.blocked;
  if (server.trust === "outgoing" && hasBlockedUs(server.cause)) return t.servers.blockedUsShort;
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

/** In the server's own words: what came in the clear is tried again, and nobody need have said it. */
const hasBlockedUs = (cause: Server["cause"] | undefined): boolean =>
  cause?.code === "blocked" && cause.retry === "never";
