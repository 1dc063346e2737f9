/**
 * Decides what becomes of the bodies of one run, before anything is committed: envelopes that are admitted are
 * delivered, others are refused back to their source, refusals of ours are remembered for their senders, and a body
 * that does not decode is refused by itself: nothing of it is delivered, and the stream goes on. [B11] to [B13] [V2]
 */
import type { Envelope, ErrorCode, Refusal, ServerId } from "@fedchat/protocol";
import { decodeBundleBody, errorCodes, ProtocolError } from "@fedchat/protocol";
import type { Delivery, RefusalRow } from "../../store/store.ts";
import type { LocalAccounts, Trust } from "../seams.ts";

export interface UnpackContext {
  source: ServerId;
  trust: Trust;
  accounts: Pick<LocalAccounts, "admits" | "record">;
  nowMs: number;
  /** Whether one more refusal of this source may be remembered. */
  mayRemember: () => boolean;
}

export interface Unpacked {
  deliveries: Delivery[];
  /** To be told to the source. */
  refusals: Refusal[];
  /** What the source refused of ours. */
  refused: RefusalRow[];
  /** Signed entries of rooms' logs, in order; views of their bodies. [O4] */
  entries: Uint8Array[];
  /** Bodies that did not decode, or do not belong into a stream. */
  malformed: number;
}

export function unpack(bodies: Uint8Array[], context: UnpackContext): Unpacked {
  const unpacked: Unpacked = { deliveries: [], refusals: [], refused: [], entries: [], malformed: 0 };
  for (const bytes of bodies) {
    try {
      const body = decodeBundleBody(bytes);
      if (body.kind === "envelopes")
        for (const envelope of body.envelopes) admit(envelope, context, unpacked);
      else if (body.kind === "refusals")
        for (const refusal of body.refusals) remember(refusal, context, unpacked);
      else if (body.kind === "entries") unpacked.entries.push(...body.entries);
      else unpacked.malformed += 1;
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      unpacked.malformed += 1;
    }
  }
  return unpacked;
}

function admit(envelope: Envelope, context: UnpackContext, unpacked: Unpacked): void {
  const { source: server, trust, accounts } = context;
  const { id, kind, from, created, payload: view } = envelope;
  const admitted = envelope.to.filter((to) => {
    const verdict = accounts.admits({ server, from, kind, to, trust, payload: view });
    if (verdict === "admitted") return true;
    if (verdict !== "ignored") unpacked.refusals.push({ envelope: id, from, to, code: verdict });
    return false;
  });
  if (admitted.length === 0) return;
  // The payload is a view into its bundle: copied, so that it does not keep the whole of it.
  const payload = view.slice();
  unpacked.deliveries.push({
    server,
    from,
    id,
    kind,
    created,
    received: context.nowMs,
    payload,
    to: admitted,
  });
}

function remember(refusal: Refusal, context: UnpackContext, unpacked: Unpacked): void {
  if (context.accounts.record(refusal.from) === undefined || !context.mayRemember()) return;
  unpacked.refused.push({
    account: refusal.from,
    envelope: refusal.envelope,
    server: context.source,
    code: errorCodeOf(refusal.code),
    at: context.nowMs,
  });
}

/** A code of a newer version reads as `internal`. */
function errorCodeOf(code: string): ErrorCode {
  return (errorCodes as string[]).includes(code) ? (code as ErrorCode) : "internal";
}
