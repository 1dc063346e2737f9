/**
 * Signal's own library, for conversations of two: the bar for messages per second. `npm run bench:mls` takes it in where
 * it is installed. Sessions are those of its current protocol: PQXDH, and the post-quantum ratchet beside the double one.
 * It keeps a session as a whole; `written` counts its encodings, as its client stores them with every message.
 */
import {
  CiphertextMessageType,
  KEMKeyPair,
  KyberPreKeyRecord,
  PreKeyBundle,
  PreKeyRecord,
  PreKeySignalMessage,
  PrivateKey,
  processPreKeyBundle,
  ProtocolAddress,
  signalDecrypt,
  signalDecryptPreKey,
  signalEncrypt,
  SignalMessage,
  SignedPreKeyRecord,
} from "@signalapp/libsignal-client";
import { Identity, KyberPreKeys, PreKeys, Sessions, SignedPreKeys } from "./libsignal-stores.ts";

/** Two ends of one session, in which both have spoken already. */
export async function pair(): Promise<readonly [SignalTalker, SignalTalker]> {
  const [alice, bob] = [new SignalTalker("alice"), new SignalTalker("bob")];
  await alice.meet(bob);
  const hello = new TextEncoder().encode("hello");
  await bob.decrypt(await alice.encrypt(hello, 1), hello);
  await alice.decrypt(await bob.encrypt(hello, 1), hello);
  return [alice, bob];
}

export const talkLibrary = () => ({ name: "libsignal", pair });

/** The library wants arrays that cannot be shared between threads; ours never are. */
type Bytes = Uint8Array<ArrayBuffer>;

const PRE_KEY_ID = 1;

export class SignalTalker {
  readonly address: ProtocolAddress;
  readonly sessions = new Sessions();
  readonly #identity = new Identity();
  readonly #preKeys = new PreKeys();
  readonly #signedPreKeys = new SignedPreKeys();
  readonly #kyberPreKeys = new KyberPreKeys();
  #peer: ProtocolAddress | undefined;

  constructor(name: string) {
    this.address = ProtocolAddress.new(name, 1);
  }

  get stores(): boolean {
    return this.sessions.stores;
  }

  set stores(stores: boolean) {
    this.sessions.stores = stores;
  }

  get written(): number {
    return this.sessions.written;
  }

  set written(written: number) {
    this.sessions.written = written;
  }

  /** Begins a session with the other from what it publishes. */
  async meet(other: SignalTalker): Promise<void> {
    [this.#peer, other.#peer] = [other.address, this.address];
    const bundle = await other.#bundle();
    await processPreKeyBundle(bundle, other.address, this.address, this.sessions, this.#identity);
  }

  async encrypt(payload: Uint8Array, times: number): Promise<Uint8Array[]> {
    const messages: Uint8Array[] = [];
    for (let count = 0; count < times; count += 1) {
      const message = await signalEncrypt(
        payload as Bytes,
        this.#peer!,
        this.address,
        this.sessions,
        this.#identity,
      );
      messages.push(withType(message.type(), message.serialize()));
    }
    return messages;
  }

  /** Throws where one of them is not what was sent. */
  async decrypt(messages: readonly Uint8Array[], payload: Uint8Array): Promise<void> {
    for (const message of messages) {
      const opened = await this.#open(message[0]!, message.slice(1));
      if (opened.length !== payload.length || !opened.every((byte, at) => byte === payload[at])) {
        throw new Error("another message than the one sent");
      }
    }
  }

  #open(type: CiphertextMessageType, bytes: Bytes): Promise<Uint8Array> {
    const [from, to] = [this.#peer!, this.address];
    if (type === CiphertextMessageType.Whisper) {
      return signalDecrypt(SignalMessage.deserialize(bytes), from, to, this.sessions, this.#identity);
    }
    return signalDecryptPreKey(
      PreKeySignalMessage.deserialize(bytes),
      from,
      to,
      this.sessions,
      this.#identity,
      this.#preKeys,
      this.#signedPreKeys,
      this.#kyberPreKeys,
    );
  }

  async #bundle(): Promise<PreKeyBundle> {
    const identity = await this.#identity.getIdentityKey();
    const [preKey, signedPreKey, kyberPreKey] = [
      PrivateKey.generate(),
      PrivateKey.generate(),
      KEMKeyPair.generate(),
    ];
    const signed = signedPreKey.getPublicKey();
    const signature = identity.sign(signed.serialize());
    const kyber = kyberPreKey.getPublicKey();
    const kyberSignature = identity.sign(kyber.serialize());
    const now = Date.now();
    await this.#preKeys.savePreKey(PRE_KEY_ID, PreKeyRecord.new(PRE_KEY_ID, preKey.getPublicKey(), preKey));
    const signedRecord = SignedPreKeyRecord.new(PRE_KEY_ID, now, signed, signedPreKey, signature);
    await this.#signedPreKeys.saveSignedPreKey(PRE_KEY_ID, signedRecord);
    const kyberRecord = KyberPreKeyRecord.new(PRE_KEY_ID, now, kyberPreKey, kyberSignature);
    await this.#kyberPreKeys.saveKyberPreKey(PRE_KEY_ID, kyberRecord);
    return PreKeyBundle.new(
      await this.#identity.getLocalRegistrationId(),
      this.address.deviceId(),
      PRE_KEY_ID,
      preKey.getPublicKey(),
      PRE_KEY_ID,
      signed,
      signature,
      identity.getPublicKey(),
      PRE_KEY_ID,
      kyber,
      kyberSignature,
    );
  }
}

/** Whoever delivers Signal's messages says of which type they are. */
function withType(type: number, message: Uint8Array): Uint8Array {
  const typed = new Uint8Array(message.length + 1);
  typed[0] = type;
  typed.set(message, 1);
  return typed;
}
