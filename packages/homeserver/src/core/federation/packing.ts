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

/** Encoded bodies. */
export function packRefusals(refusals: Refusal[]): Uint8Array[] {
  const bodies: Uint8Array[] = [];
  for (let at = 0; at < refusals.length; at += refusalsPerBody) {
    bodies.push(encodeBundleBody({ kind: "refusals", refusals: refusals.slice(at, at + refusalsPerBody) }));
  }
  return bodies;
}
