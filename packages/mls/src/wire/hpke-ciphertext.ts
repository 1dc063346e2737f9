/** HPKECiphertext (RFC 9420 §7.6). */
import { type Codec, opaque, struct } from "../codec/codec.ts";
import type { HpkeSealed } from "../crypto/hpke.ts";

export const hpkeCiphertext: Codec<HpkeSealed> = struct<HpkeSealed>({
  kemOutput: opaque,
  ciphertext: opaque,
});
