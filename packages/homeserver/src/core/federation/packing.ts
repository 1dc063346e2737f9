/** How what waits for one destination is cut into bundles: in order, each within the bounds of a body. [B9] */
import type { Envelope, Refusal } from "@fedchat/protocol";
import { encodeBundleBody, envelopeSize, limits } from "@fedchat/protocol";

const bodyOverheadBytes = 3;
/** As many as a body of refusals may hold. */
const refusalsPerBody = limits.bundleEnvelopesMax * 4;

export function packEnvelopes(envelopes: Envelope[]): Envelope[][] {
  const bundles: Envelope[][] = [];
  let current: Envelope[] = [];
  let bytes = bodyOverheadBytes;
  for (const envelope of envelopes) {
    const size = envelopeSize(envelope);
    const full = current.length === limits.bundleEnvelopesMax || bytes + size > limits.bundleBodyBytesMax;
    if (full && current.length > 0) {
      bundles.push(current);
      current = [];
      bytes = bodyOverheadBytes;
    }
    current.push(envelope);
    bytes += size;
  }
  if (current.length > 0) bundles.push(current);
  return bundles;
}

/** What CBOR adds to an entry, and the kind with the array's head to all of them. */
const entryOverheadBytes = 5;
const entriesOverheadBytes = 6;

/** Encoded bodies of signed room entries, in order. [O4] */
export function packEntries(entries: Uint8Array[]): Uint8Array[] {
  const bodies: Uint8Array[] = [];
  let current: Uint8Array[] = [];
  let bytes = entriesOverheadBytes;
  const close = () => {
    if (current.length > 0) bodies.push(encodeBundleBody({ kind: "entries", entries: current }));
    current = [];
    bytes = entriesOverheadBytes;
  };
  for (const entry of entries) {
    const size = entry.length + entryOverheadBytes;
    if (current.length === limits.roomLogPageEntriesMax || bytes + size > limits.bundleBodyBytesMax) close();
    current.push(entry);
    bytes += size;
  }
  close();
  return bodies;
}

/** Encoded bodies. */
export function packRefusals(refusals: Refusal[]): Uint8Array[] {
  const bodies: Uint8Array[] = [];
  for (let at = 0; at < refusals.length; at += refusalsPerBody) {
    bodies.push(encodeBundleBody({ kind: "refusals", refusals: refusals.slice(at, at + refusalsPerBody) }));
  }
  return bodies;
}
