/**
 * Where a message of ours is, step by step, and since when; only what was confirmed counts as done. Relays that signed
 * for it stand between the two homeservers; what the homeserver says of it at this moment tells why it waits.
 */
import type { ClientResult, MessageId, ServerId } from "@fedchat/protocol";
import { fromWireError } from "@fedchat/protocol";
import type { Cause, Server, XrayStep } from "../interface/index.ts";
import type { EngineStore } from "../store/engine-store.ts";
import type { MessageCustody, MessageRow } from "../store/messages-table.ts";
import { causeOf, causeOfCode, decodeCause, encodeCause } from "./causes.ts";
import type { HomeserverClient } from "./homeserver-client.ts";

type Trace = ClientResult<"envelopes.trace">["traces"][number];

interface Way {
  own: string;
  theirs: string;
  peer: string;
  /** The link to their homeserver; undefined when they live on ours, or when there is none. */
  link: Server | undefined;
  /** Relays that signed for it. */
  custody: MessageCustody[];
  /** What our homeserver says of it now; undefined where it cannot be asked, or has nothing of it any more. */
  trace: Trace | undefined;
  nameOf: (server: ServerId) => string;
  /** The relays that it passed; undefined where that is not known. */
  passed: ServerId[] | undefined;
}

/**
 * What the homeserver knows of a message that it still has, and receipts that came while this engine was away, which
 * are kept. Undefined where it cannot be asked now.
 */
export async function traceMessage(
  { store, homeserver }: { store: EngineStore; homeserver: Pick<HomeserverClient, "request" | "state"> },
  { id, submittedAt, forwardedAt }: MessageRow,
): Promise<Trace | undefined> {
  // Of several servers the first that does not have it yet.
  const sent = store.transport.bySubject(id).find(({ state }) => state !== "failed");
  if (sent === undefined || submittedAt === null || forwardedAt !== null) return undefined;
  if (homeserver.state.kind !== "connected") return undefined;
  const asked = await homeserver
    .request("envelopes.trace", { envelope: sent.envelope })
    .catch(() => undefined);
  const trace = asked?.traces.find(({ server }) => server === sent.server);
  if (trace !== undefined) keepReceipts(store, id, trace);
  return trace;
}

/** As it is on a device that its homeserver lists no more: what is not on its disk yet never gets there. [A7] */
export function withheld(message: MessageRow): MessageRow {
  const isHeld = message.mine === 1 && message.state !== "failed" && message.submittedAt === null;
  return isHeld ? { ...message, cause: encodeCause(causeOfCode("device-removed")) } : message;
}

export function xrayOf(message: MessageRow, way: Way): XrayStep[] {
  const { own, theirs, peer } = way;
  if (message.mine === 0) return [done(message.receivedAt, `Received from ${peer} and decrypted here.`)];
  if (message.state === "read" && message.submittedAt === null)
    return [done(message.sentAt, "Kept on this engine only.")];
  const steps: [at: number | null, text: string, underWay: string][] = [
    [message.sentAt, "Encrypted and kept by this engine.", "Being encrypted by this engine."],
    [message.submittedAt, `On disk at your homeserver, ${own}.`, `On its way to your homeserver, ${own}.`],
    [
      message.forwardedAt,
      `On disk at their homeserver, ${theirs}.`,
      `On its way to their homeserver, ${theirs}.`,
    ],
    [message.deliveredAt, `${peer}'s engine has it.`, `Waiting for ${peer}'s engine to fetch it.`],
    [message.readAt, `${peer} has read it.`, `Waiting for ${peer} to read it.`],
  ];
  // A later confirmation proves the steps before it, whose own times may be unknown.
  const reached = steps.findLastIndex(([at]) => at !== null);
  const kept = decodeCause(message.cause);
  const told = steps.map(([at, sentence, underWay], index): XrayStep => {
    if (index === forwardedStep && index <= reached) return arrived(way, at, sentence);
    if (index <= reached) return done(at, sentence);
    if (index > reached + 1) return { at: null, state: "pending", sentence };
    if (message.state === "failed")
      return { at: null, state: "failed", sentence: kept?.sentence ?? sentence };
    if (index !== forwardedStep)
      return kept === null ? now(underWay) : { ...now(waiting(underWay, kept)), ...fixOf(kept) };
    return underWayToThem(way, kept, underWay);
  });
  const relays = way.custody.map((receipt) => custodyStep(way, receipt));
  return [...told.slice(0, forwardedStep), ...relays, ...told.slice(forwardedStep)];
}

/** Which of the steps says that it is on their homeserver's disk. */
const forwardedStep = 2;

/** With the way that it took, where that is known. */
function arrived({ passed, custody, nameOf }: Way, at: number | null, sentence: string): XrayStep {
  if (passed === undefined || custody.length > 0) return done(at, sentence);
  if (passed.length === 0) return done(at, `${sentence} It went there directly.`);
  return { ...done(at, sentence), path: shown(passed, nameOf) };
}

function underWayToThem(way: Way, kept: Cause | null, underWay: string): XrayStep {
  const { theirs, link, trace, custody, nameOf } = way;
  const keeper = custody.findLast(({ relay }) => trace?.receipts.some((one) => one.relay === relay) ?? true);
  const sentence =
    keeper === undefined ? underWay : `${nameOf(keeper.relay)} hands it to ${theirs} as soon as they meet.`;
  const error = trace?.error ?? null;
  const traced = error === null ? null : causeOf(fromWireError(error));
  const cause = kept ?? traced ?? (keeper === undefined && trace === undefined ? holdUp(link) : null);
  const hold = cause === null ? undefined : heldUp(way, cause, keeper);
  const path = trace?.path ?? keeper?.path ?? [];
  const nextTryAt = (trace === undefined && keeper === undefined ? link : trace)?.nextTryAt ?? null;
  return {
    ...now(hold === undefined ? sentence : waiting(sentence, hold)),
    ...fixOf(hold),
    ...(path.length === 0 ? {} : { path: shown(path, nameOf) }),
    ...(nextTryAt === null ? {} : { nextTryAt }),
  };
}

/** Who is missing, by name, and one thing to do. */
function heldUp(
  { theirs, peer, trace, nameOf }: Way,
  cause: Pick<Cause, "code" | "sentence" | "fix">,
  keeper: MessageCustody | undefined,
): Pick<Cause, "sentence" | "fix"> {
  if (cause.code !== "unreachable") return cause;
  if (keeper !== undefined) {
    const sentence = `${theirs} is away.`;
    return {
      sentence,
      fix: `Ask ${peer} to switch ${theirs} on. You need not stay: ${nameOf(keeper.relay)} keeps it.`,
    };
  }
  const relays = (trace?.missing ?? []).map(nameOf);
  const [relay] = relays;
  if (relay === undefined) {
    const sentence = `${theirs} is not reached. ${cause.sentence}`;
    return {
      sentence,
      fix: `Ask ${peer} to switch ${theirs} on, and whether its address is right. It goes on by itself.`,
    };
  }
  const which = relays.length === 1 ? `its relay ${relay}` : `its relays ${relays.join(", ")}`;
  return {
    sentence: `neither ${theirs} nor ${which} is reached. ${cause.sentence}`,
    fix: `Have ${relay} started again, or ask ${peer} for another relay. It goes on by itself.`,
  };
}

function custodyStep({ nameOf }: Way, { relay, taken, until, path }: MessageCustody): XrayStep {
  const sentence = `In the custody of ${nameOf(relay)}, a relay, which signed for it. It cannot read it.`;
  return { ...done(taken, sentence), path: shown(path, nameOf), keptUntil: until };
}

function shown(path: ServerId[], nameOf: (server: ServerId) => string): XrayStep["path"] {
  return path.map((serverId) => ({ serverId, name: nameOf(serverId) }));
}

function keepReceipts(store: EngineStore, id: MessageId, { receipts, path }: Trace): void {
  const known = new Set(store.messages.custodyOf(id).map(({ relay }) => relay));
  const missed = receipts.filter(({ relay }) => !known.has(relay));
  if (missed.length === 0) return;
  store.transaction(() => missed.forEach((receipt) => store.messages.addCustody(id, { ...receipt, path })));
}

/** Why what lies in the outbox does not go on. */
function holdUp(link: Server | undefined): Pick<Cause, "code" | "sentence" | "fix"> | null {
  if (link === undefined || link.state === "connected") return null;
  return link.cause ?? { code: "unreachable", sentence: "It is tried again by itself.", fix: null };
}

const waiting = (underWay: string, cause: Pick<Cause, "sentence">): string =>
  `${underWay} Waiting: ${cause.sentence}`;

const fixOf = (hold: Pick<Cause, "fix"> | undefined): Pick<XrayStep, "fix"> =>
  hold?.fix ? { fix: hold.fix } : {};

function now(sentence: string): XrayStep {
  return { at: null, state: "now", sentence };
}

function done(at: number | null, sentence: string): XrayStep {
  return { at, state: "done", sentence };
}
