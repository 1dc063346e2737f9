/**
 * How others can reach our homeserver, as far as its record, the connections of others, and the linked servers that were
 * asked to dial it tell.
 */
import type { ServerAddress, ServerId, ServerRecord } from "@fedchat/protocol";
import { isPrivateHost } from "@fedchat/protocol";
import type { Cause, Status } from "../interface/index.ts";
import type { OwnServer } from "./servers.ts";
import { isLoopbackHost } from "./servers.ts";

type Reach = Status["reach"];
type Known = Pick<OwnServer, "reachedFromOutside" | "dialledBack"> & {
  record: Pick<ServerRecord, "addresses" | "relays"> | undefined;
};

/** @param nameOf what relays are called here */
export function reachOf(
  { record, reachedFromOutside, dialledBack }: Known,
  nameOf: (relay: ServerId) => string,
): Reach {
  const { addresses, relays } = record ?? { addresses: [], relays: [] };
  const reached = reachedFromOutside || dialledBack === true;
  const outside = addresses.find(isOutside);
  if (reached && outside !== undefined) return reachedAt(outside);
  const onlyHere = addresses.length > 0 && addresses.every(({ host }) => isLoopbackHost(host));
  // Whoever dials this one in its own network needs no relay for it; others may.
  if (relays.length > 0 && !(reached && onlyHere))
    return { kind: "relay", sentence: relayed(relays.map(nameOf)) };
  if (outside !== undefined && dialledBack === false) {
    const sentence = `Not reached: linked servers that tried ${placeOf(outside)} did not get through.`;
    return { kind: "none", sentence };
  }
  if (outside?.kind === "proxy") return reachedAt(outside);
  if (outside !== undefined) {
    const sentence = "Nobody has connected from outside yet, so it is not known whether they can.";
    return { kind: "unknown", sentence };
  }
  if (addresses.some(({ host }) => !isLoopbackHost(host)))
    return { kind: "lan", sentence: "Reached from this network only." };
  if (addresses.length > 0) return { kind: "this-machine", sentence: "Reached from this machine only." };
  return { kind: "unknown", sentence: "It is not known yet how others can reach you." };
}

/**
 * The cause of a link that fails where no way leads from either side to the other: what would help then is a third one.
 * Anything else is returned as it is.
 */
export function causeWithReach(cause: Cause | null, { kind }: Reach): Cause | null {
  if (cause?.code !== "unreachable") return cause;
  if (kind !== "lan" && kind !== "this-machine" && kind !== "none") return cause;
  return {
    ...cause,
    sentence: `${cause.sentence} It cannot dial you either: from outside nobody reaches you.`,
    fix: `${cause.fix ?? ""} Otherwise link a server that both of you reach as a relay, or ask for a new invitation, which names relays.`.trim(),
  };
}

/** Beyond this network, as far as its text tells; what a proxy's address leads to, its owner has said. */
const isOutside = ({ kind, host }: ServerAddress): boolean =>
  kind === "proxy" || (kind === "direct" && !isPrivateHost(host));

function reachedAt(address: ServerAddress): Reach {
  return address.kind === "proxy"
    ? { kind: "proxy", sentence: `Reached through a proxy at ${address.host}.` }
    : { kind: "direct", sentence: `Reached directly at ${address.host}, port ${address.port}.` };
}

const relayed = (names: readonly string[]): string =>
  names.length === 1
    ? `Reached via the relay ${names[0]}.`
    : `Reached via ${names.length} relays: ${names.join(", ")}.`;

const placeOf = ({ host, port }: ServerAddress): string =>
  host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
