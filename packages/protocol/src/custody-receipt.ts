/**
 * A relay's signed word that it stores a bundle for an absent server. It promises storage, not delivery: the source
 * keeps its own copy until the destination's acknowledgement. [K2]
 */
import type { TypeOf } from "./cbor/codec.ts";
import { bytes, literals, struct, uint } from "./cbor/codec.ts";
import { serverId } from "./names.ts";
import type { Primitives } from "./primitives/primitives.ts";
import { signedKind } from "./signed.ts";

export const custodyReceiptBody = struct({
  relay: serverId.codec,
  source: serverId.codec,
  destination: serverId.codec,
  class: literals("control", "messages", "bulk"),
  stream: uint({}),
  sequence: uint({}),
  /** SHA-256 over the bundle's authenticated header and its sealed body: the route is not part of it. */
  bundle: bytes(32),
  /** Unix ms by the relay's clock. */
  taken: uint({}),
  /** Kept until then, unless it is delivered before. */
  until: uint({}),
});
export type CustodyReceipt = TypeOf<typeof custodyReceiptBody>;

/** The name of one sealed bundle, whatever its route. `aad`: the authenticated header, [B2]. */
export function bundleHash(
  p: Primitives,
  { aad, sealed }: { aad: Uint8Array; sealed: Uint8Array },
): Uint8Array {
  return p.sha256(aad, sealed);
}

export const custodyReceipt = signedKind(
  "custody-receipt",
  custodyReceiptBody,
  (receipt) => serverId.toBytes(receipt.relay),
  {
    bytesMax: 512,
    check: (receipt) => (receipt.until >= receipt.taken ? undefined : "ends before it was taken"),
  },
);
