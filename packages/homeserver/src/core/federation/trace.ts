/**
 * Where an envelope of somebody here is on its way to other servers: what waits, on which way, who signed for it, and
 * why it does not go on. What has arrived is in no outbox any more and not told. [H18]
 */
import type { AccountId, EnvelopeId, EnvelopeTrace, ErrorCode, ServerId } from "@fedchat/protocol";
import { errorCodes, limits, ProtocolError, toWireError } from "@fedchat/protocol";
import type { HomeserverStore } from "../../store/store.ts";
import type { CustodyDesk } from "./custody-desk.ts";
import type { LinkConnections } from "./link-connections.ts";
import type { Links } from "./links.ts";
import type { ServerRecords } from "./records.ts";

export interface TracePorts {
  store: Pick<HomeserverStore, "outboxPlaces" | "receipts" | "refusals">;
  links: Pick<Links, "get">;
  custody: Pick<CustodyDesk, "view">;
  self: ServerId;
  records: Pick<ServerRecords, "get">;
  connections: Pick<LinkConnections, "direct">;
}

type Place = Awaited<ReturnType<HomeserverStore["outboxPlaces"]>>[number];

export async function traceEnvelope(
  ports: TracePorts,
  account: AccountId,
  envelope: EnvelopeId,
): Promise<EnvelopeTrace[]> {
  const [places, refusals] = await Promise.all([
    ports.store.outboxPlaces(envelope),
    ports.store.refusals(account, [envelope]),
  ]);
  const queued = places.filter(({ from }) => from === account).slice(0, limits.envelopeDestinationsMax);
  const room = limits.envelopeDestinationsMax - queued.length;
  return [
    ...(await Promise.all(queued.map((place) => traceQueued(ports, place)))),
    ...refusals.slice(0, room).map(({ server, code }) => ({
      server,
      state: code === "expired" ? ("expired" as const) : ("refused" as const),
      ...{ route: "none" as const, path: [], receipts: [] },
      error: toWireError(new ProtocolError(asErrorCode(code))),
      nextTryAt: null,
    })),
  ];
}

async function traceQueued(ports: TracePorts, place: Place): Promise<EnvelopeTrace> {
  const { store, links, custody } = ports;
  const { server, class: streamClass, sequence } = place;
  const receipts = await store.receipts(server, streamClass, sequence, sequence);
  const told = receipts
    .slice(-limits.bundleHopsMax)
    .map(({ relay, taken, until }) => ({ relay, taken, until }));
  const link = links.get(server);
  if (link?.connected === true) {
    const path = [...link.via].slice(0, limits.bundleHopsMax);
    const route = path.length > 0 ? "relayed" : "direct";
    return { server, state: "queued", route, path, receipts: told, error: null, nextTryAt: null };
  }
  const view = custody.view(server);
  const signed = receipts.at(-1);
  const path = signed?.path ?? view?.path ?? [];
  const error = view?.error ?? link?.error;
  const tries = [view?.nextTryAt, link?.nextTryAt].filter((at) => at !== undefined);
  const missing = missingRelays(ports, server).slice(0, limits.bundleHopsMax);
  return {
    ...(missing.length === 0 ? {} : { missing }),
    ...{ server, state: "queued", route: path.length > 0 ? "custody" : "none", path, receipts: told },
    error: error === undefined ? null : toWireError(error),
    nextTryAt: tries.length === 0 ? null : Math.min(...tries),
  };
}

/** Relays by which a server says that it is reached, and which are not connected here. */
function missingRelays({ self, records, connections }: TracePorts, server: ServerId): ServerId[] {
  const relays = records.get(server)?.relays ?? [];
  return relays.filter((relay) => relay !== self && connections.direct(relay) === undefined);
}

function asErrorCode(code: string): ErrorCode {
  return errorCodes.find((known) => known === code) ?? "internal";
}
