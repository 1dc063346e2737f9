/**
 * What setup leaves at either end (RFC 9180 §5.2, §5.3), with explicit sequence numbers: a bundle that is sealed once,
 * stored and sent again keeps its nonce, and a receiver opens in any order, each as often as it arrives. Invariant: a
 * sender never seals twice under one number.
 */
import { assert } from "../primitives/assert.ts";
import type { Aead } from "../primitives/primitives.ts";
import type { LabeledKdf } from "./labeled.ts";

export interface SenderContext {
  /**
   * `sequence` is a whole number above every one sealed before in this context (asserted, since a nonce used twice
   * gives the key away). The result is 16 bytes longer.
   */
  seal(sequence: number, aad: Uint8Array, plaintext: Uint8Array): Uint8Array;
  /** RFC 9180 §5.3: a secret of `length` bytes that both ends share, another one for each `exporterContext`. */
  export(exporterContext: Uint8Array, length: number): Uint8Array;
}

export interface ReceiverContext {
  /** Undefined where authentication fails. Remembers nothing: suppressing what was seen before is the caller's. */
  open(sequence: number, aad: Uint8Array, ciphertext: Uint8Array): Uint8Array | undefined;
  /** As the sender's. */
  export(exporterContext: Uint8Array, length: number): Uint8Array;
}

/** The outcome of the key schedule. */
export interface ContextSecrets {
  readonly aead: Aead;
  readonly baseNonce: Uint8Array;
  readonly exporterSecret: Uint8Array;
}

export function senderContext(secrets: ContextSecrets, kdf: LabeledKdf): SenderContext {
  let next = 0;
  return {
    seal(sequence, aad, plaintext) {
      assert(
        Number.isSafeInteger(sequence) && sequence >= next,
        "a sequence number is used once and only rises",
      );
      next = sequence + 1;
      return secrets.aead.seal(nonceFor(secrets.baseNonce, sequence), aad, plaintext);
    },
    export: exporter(secrets, kdf),
  };
}

export function receiverContext(secrets: ContextSecrets, kdf: LabeledKdf): ReceiverContext {
  return {
    open(sequence, aad, ciphertext) {
      if (!Number.isSafeInteger(sequence) || sequence < 0) return undefined;
      return secrets.aead.open(nonceFor(secrets.baseNonce, sequence), aad, ciphertext);
    },
    export: exporter(secrets, kdf),
  };
}

function exporter(secrets: ContextSecrets, kdf: LabeledKdf): SenderContext["export"] {
  return (exporterContext, length) => kdf.expand(secrets.exporterSecret, "sec", [exporterContext], length);
}

/** RFC 9180 §5.2 ComputeNonce: the base nonce XOR the big-endian sequence number. */
function nonceFor(baseNonce: Uint8Array, sequence: number): Uint8Array {
  const nonce = baseNonce.slice();
  const view = new DataView(nonce.buffer);
  view.setUint32(4, view.getUint32(4) ^ Math.floor(sequence / 0x1_0000_0000));
  view.setUint32(8, view.getUint32(8) ^ (sequence % 0x1_0000_0000));
  return nonce;
}
