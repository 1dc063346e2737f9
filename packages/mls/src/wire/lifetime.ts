/** Lifetime (RFC 9420 §7.2): Unix seconds, both ends included. */
import { type Codec, struct, uint64 } from "../codec/codec.ts";

export interface Lifetime {
  readonly notBefore: bigint;
  readonly notAfter: bigint;
}

export const lifetime: Codec<Lifetime> = struct<Lifetime>({ notBefore: uint64, notAfter: uint64 });
