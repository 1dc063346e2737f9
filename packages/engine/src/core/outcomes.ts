/**
 * What becomes of an envelope, and how it shows on the message or request that it carries. A message to several servers
 * has got as far as it has with all of them.
 */
import type { MessageId, ProtocolError, RequestId, ServerId } from "@fedchat/protocol";
import type { Cause } from "../interface/index.ts";
import type { EngineStore } from "../store/engine-store.ts";
import type { MessageCustody } from "../store/messages-table.ts";
import type { AskedOutcome } from "../store/room-asks-table.ts";
import type { OutgoingHead } from "../store/transport-table.ts";
import { encodeCause } from "./causes.ts";
import type { Changes } from "./changes.ts";

export type Outcome =
  | { kind: "waiting" | "failed"; cause: Cause }
  /** On disk at our homeserver. */
  | { kind: "submitted" }
  /** On disk at a relay, which keeps it for the recipient's homeserver. */
  | { kind: "custody"; custody: MessageCustody }
  /** On disk at the recipient's homeserver; `path`: the relays that it passed, where that is known. */
  | { kind: "forwarded"; path?: ServerId[] | undefined };

/**
 * Whoever is in no such room refuses what is written there. They left or were taken out, and we may not know it yet: the
 * message is for the others, and has not failed.
 */
export function isOutsiders(
  { messages, rooms }: Pick<EngineStore, "messages" | "rooms">,
  { purpose, subject }: Pick<OutgoingHead, "purpose" | "subject">,
  refusal: ProtocolError,
): boolean {
  if (purpose !== "message" || refusal.code !== "not-allowed") return false;
  const room = messages.get(subject as MessageId)?.room;
  return room !== undefined && rooms.get(room)?.kind === "group";
}

export function recordOutcome(
  store: Pick<EngineStore, "messages" | "requests" | "roomAsks" | "transport">,
  changes: Changes,
  row: Pick<OutgoingHead, "seq" | "purpose" | "subject" | "accounts">,
  outcome: Outcome,
  at: number,
): void {
  if (row.purpose === "message") recordForMessage(store, changes, row, outcome, at);
  else if (row.purpose === "request") recordForRequest(store, changes, row, outcome);
}

function recordForMessage(
  { messages, transport }: Pick<EngineStore, "messages" | "transport">,
  changes: Changes,
  { seq, subject }: Pick<OutgoingHead, "seq" | "subject">,
  outcome: Outcome,
  at: number,
): void {
  const id = subject as MessageId;
  if (outcome.kind === "custody") {
    messages.addCustody(id, outcome.custody);
    return changes.messageChanged(id);
  }
  if (outcome.kind === "forwarded" && outcome.path !== undefined) messages.setPassed(id, outcome.path);
  if (outcome.kind === "submitted" || outcome.kind === "forwarded") {
    const others = transport.others(subject, seq);
    const underWay = outcome.kind === "forwarded" ? others.submitted : 0;
    if (others.queued + others.failed + underWay > 0) return;
  }
  const changed =
    outcome.kind === "waiting"
      ? messages.setWaiting(id, encodeCause(outcome.cause))
      : outcome.kind === "failed"
        ? messages.setFailed(id, encodeCause(outcome.cause))
        : messages.confirm(id, outcome.kind, at);
  if (changed) changes.messageChanged(id);
}

function recordForRequest(
  { requests, roomAsks }: Pick<EngineStore, "requests" | "roomAsks">,
  changes: Changes,
  { subject, accounts }: Pick<OutgoingHead, "subject" | "accounts">,
  outcome: Outcome,
): void {
  const id = subject as RequestId;
  const ask = roomAsks.get(id);
  if (ask?.state === "pending" && outcome.kind !== "custody") {
    // Several are asked, and any of them may answer: what keeps it from one is told, and ends nothing.
    roomAsks.setCause(id, "cause" in outcome ? encodeCause(outcome.cause) : null);
    for (const account of accounts) roomAsks.setAsked(id, account, askedOutcome(outcome));
    return changes.mark("roomAsk", id);
  }
  const request = requests.get(id);
  if (request?.state !== "pending" || outcome.kind === "custody") return;
  if (outcome.kind === "failed") {
    requests.settle(id, "failed", { cause: encodeCause(outcome.cause) });
    requests.deleteKeyPackagesOf(id);
  } else {
    requests.setCause(id, outcome.kind === "waiting" ? encodeCause(outcome.cause) : null);
  }
  changes.mark("request", id);
}

function askedOutcome(outcome: Outcome): AskedOutcome {
  if (outcome.kind === "forwarded") return "arrived";
  if (outcome.kind !== "failed") return null;
  return outcome.cause.retry === "never" ? "never" : "later";
}
