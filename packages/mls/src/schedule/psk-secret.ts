/** The PSK secret (RFC 9420 §8.4): all pre-shared keys of a Commit, chained in their order. */
import { Writer } from "../codec/writer.ts";
import type { CipherSuite } from "../crypto/suite.ts";
import { type PskId, pskId } from "../wire/psk-id.ts";

export interface Psk {
  readonly id: PskId;
  readonly secret: Uint8Array;
}

export function pskSecret(suite: CipherSuite, psks: readonly Psk[]): Uint8Array {
  const zero = new Uint8Array(suite.secretBytes);
  let secret: Uint8Array = new Uint8Array(suite.secretBytes);
  psks.forEach((psk, index) => {
    const writer = new Writer();
    pskId.write(writer, psk.id);
    writer.uint16(index);
    writer.uint16(psks.length);
    const extracted = suite.extract(zero, psk.secret);
    const input = suite.expandWithLabel(extracted, "derived psk", writer.finish(), suite.secretBytes);
    secret = suite.extract(input, secret);
    extracted.fill(0);
    input.fill(0);
  });
  return secret;
}
