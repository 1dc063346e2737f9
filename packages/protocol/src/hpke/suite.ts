/**
 * HPKE (RFC 9180), synchronous: setup from either end, over any KEM and AEAD with HKDF-SHA256. Pre-shared keys are not
 * used here, so that the modes are base (anyone may have sealed it) and auth (the holder of the sender's key did).
 */
import type { RandomSource } from "../ports.ts";
import { concatBytes } from "../primitives/bytes.ts";
import type { Primitives } from "../primitives/primitives.ts";
import type { HpkeAead } from "./aead.ts";
import { receiverContext, senderContext } from "./context.ts";
import type { ContextSecrets, ReceiverContext, SenderContext } from "./context.ts";
import type { AuthKem, Encapsulated, Kem } from "./kem.ts";
import { labeledKdf } from "./labeled.ts";

const KDF_ID = 0x0001;
const MODE_BASE = 0;
const MODE_AUTH = 2;
const empty = new Uint8Array(0);

export interface SenderOptions {
  readonly recipientPublicKey: Uint8Array;
  /** What both ends must agree on for the keys to be the same. */
  readonly info: Uint8Array;
  readonly random: RandomSource;
}

export interface ReceiverOptions {
  readonly encapsulation: Uint8Array;
  readonly recipientPrivateKey: Uint8Array;
  readonly info: Uint8Array;
}

export interface SenderSetup {
  /** To be sent with the first ciphertext; RFC 9180 calls it `enc`. */
  readonly encapsulation: Uint8Array;
  readonly context: SenderContext;
}

export interface SealedOnce {
  readonly encapsulation: Uint8Array;
  readonly ciphertext: Uint8Array;
}

/** RFC 9180 §5.1.1 and §6, base mode. Undefined always means that a key, an encapsulation or a ciphertext is no good. */
export interface Hpke {
  setupSender(options: SenderOptions): SenderSetup | undefined;
  setupReceiver(options: ReceiverOptions): ReceiverContext | undefined;
  /** Seals one plaintext under a key of its own, at sequence 0. */
  sealOnce(options: SenderOptions, aad: Uint8Array, plaintext: Uint8Array): SealedOnce | undefined;
  openOnce(options: ReceiverOptions, aad: Uint8Array, ciphertext: Uint8Array): Uint8Array | undefined;
}

/** RFC 9180 §5.1.3 as well, auth mode. */
export interface AuthHpke extends Hpke {
  setupAuthSender(
    options: SenderOptions & { readonly senderPrivateKey: Uint8Array },
  ): SenderSetup | undefined;
  setupAuthReceiver(
    options: ReceiverOptions & { readonly senderPublicKey: Uint8Array },
  ): ReceiverContext | undefined;
}

/** Base mode over any KEM. */
export function hpkeSuite(primitives: Primitives, kem: Kem, aead: HpkeAead): Hpke {
  const schedule = keySchedule(primitives, kem, aead);

  function setupSender(options: SenderOptions): SenderSetup | undefined {
    const made = kem.encapsulate(options.recipientPublicKey, options.random);
    return made && schedule.sender(MODE_BASE, made, options.info);
  }

  function setupReceiver(options: ReceiverOptions): ReceiverContext | undefined {
    const secret = kem.decapsulate(options.encapsulation, options.recipientPrivateKey);
    return secret && schedule.receiver(MODE_BASE, secret, options.info);
  }

  return {
    setupSender,
    setupReceiver,
    sealOnce(options, aad, plaintext) {
      const setup = setupSender(options);
      return (
        setup && { encapsulation: setup.encapsulation, ciphertext: setup.context.seal(0, aad, plaintext) }
      );
    },
    openOnce: (options, aad, ciphertext) => setupReceiver(options)?.open(0, aad, ciphertext),
  };
}

/** Base and auth mode over a KEM that can prove the sender. */
export function authHpkeSuite(primitives: Primitives, kem: AuthKem, aead: HpkeAead): AuthHpke {
  const schedule = keySchedule(primitives, kem, aead);
  return {
    ...hpkeSuite(primitives, kem, aead),
    setupAuthSender(options) {
      const made = kem.authEncapsulate(options.recipientPublicKey, options.senderPrivateKey, options.random);
      return made && schedule.sender(MODE_AUTH, made, options.info);
    },
    setupAuthReceiver(options) {
      const { encapsulation, recipientPrivateKey, senderPublicKey } = options;
      const secret = kem.authDecapsulate(encapsulation, recipientPrivateKey, senderPublicKey);
      return secret && schedule.receiver(MODE_AUTH, secret, options.info);
    },
  };
}

/** RFC 9180 §5.1 KeySchedule with the empty pre-shared key. */
function keySchedule(primitives: Primitives, kem: Kem, aead: HpkeAead) {
  const kdf = labeledKdf(primitives, "HPKE", kem.id, KDF_ID, aead.id);
  const pskIdHash = kdf.extract(empty, "psk_id_hash", empty);

  function derive(mode: number, sharedSecret: Uint8Array, info: Uint8Array): ContextSecrets {
    const context = concatBytes(Uint8Array.of(mode), pskIdHash, kdf.extract(empty, "info_hash", info));
    const secret = kdf.extract(sharedSecret, "secret", empty);
    const key = kdf.expand(secret, "key", [context], aead.keyBytes);
    const secrets = {
      aead: aead.create(key),
      baseNonce: kdf.expand(secret, "base_nonce", [context], aead.nonceBytes),
      exporterSecret: kdf.expand(secret, "exp", [context], 32),
    };
    for (const spent of [secret, key, sharedSecret]) spent.fill(0);
    return secrets;
  }

  return {
    sender: (mode: number, made: Encapsulated, info: Uint8Array): SenderSetup => ({
      encapsulation: made.encapsulation,
      context: senderContext(derive(mode, made.secret, info), kdf),
    }),
    receiver: (mode: number, secret: Uint8Array, info: Uint8Array): ReceiverContext =>
      receiverContext(derive(mode, secret, info), kdf),
  };
}
