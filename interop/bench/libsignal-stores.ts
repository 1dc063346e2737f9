/** What libsignal wants kept, in memory: sessions, identities and prekeys. */
import {
  IdentityChange,
  IdentityKeyPair,
  IdentityKeyStore,
  type KyberPreKeyRecord,
  KyberPreKeyStore,
  type PreKeyRecord,
  PreKeyStore,
  type PrivateKey,
  type ProtocolAddress,
  type PublicKey,
  type SessionRecord,
  SessionStore,
  type SignedPreKeyRecord,
  SignedPreKeyStore,
} from "@signalapp/libsignal-client";

const keyOf = (address: ProtocolAddress): string => `${address.name()}.${address.deviceId()}`;

/** `written` counts what a database would be given, while `stores` is set. */
export class Sessions extends SessionStore {
  stores = false;
  written = 0;
  readonly #records = new Map<string, SessionRecord>();

  async saveSession(address: ProtocolAddress, record: SessionRecord): Promise<void> {
    if (this.stores) this.written += record.serialize().length;
    this.#records.set(keyOf(address), record);
  }

  async getSession(address: ProtocolAddress): Promise<SessionRecord | null> {
    return this.#records.get(keyOf(address)) ?? null;
  }

  async getExistingSessions(addresses: ProtocolAddress[]): Promise<SessionRecord[]> {
    return addresses.map((address) => this.#records.get(keyOf(address))!);
  }
}

/** Trusts whoever it meets first under a name. */
export class Identity extends IdentityKeyStore {
  readonly #own = IdentityKeyPair.generate().privateKey;
  readonly #known = new Map<string, PublicKey>();

  async getIdentityKey(): Promise<PrivateKey> {
    return this.#own;
  }

  async getLocalRegistrationId(): Promise<number> {
    return 1;
  }

  async saveIdentity(address: ProtocolAddress, key: PublicKey): Promise<IdentityChange> {
    const known = this.#known.get(keyOf(address));
    this.#known.set(keyOf(address), key);
    return known === undefined || known.equals(key)
      ? IdentityChange.NewOrUnchanged
      : IdentityChange.ReplacedExisting;
  }

  async isTrustedIdentity(address: ProtocolAddress, key: PublicKey): Promise<boolean> {
    return this.#known.get(keyOf(address))?.equals(key) ?? true;
  }

  async getIdentity(address: ProtocolAddress): Promise<PublicKey | null> {
    return this.#known.get(keyOf(address)) ?? null;
  }
}

export class PreKeys extends PreKeyStore {
  readonly #records = new Map<number, PreKeyRecord>();

  async savePreKey(id: number, record: PreKeyRecord): Promise<void> {
    this.#records.set(id, record);
  }

  async getPreKey(id: number): Promise<PreKeyRecord> {
    return this.#records.get(id)!;
  }

  async removePreKey(id: number): Promise<void> {
    this.#records.delete(id);
  }
}

export class SignedPreKeys extends SignedPreKeyStore {
  readonly #records = new Map<number, SignedPreKeyRecord>();

  async saveSignedPreKey(id: number, record: SignedPreKeyRecord): Promise<void> {
    this.#records.set(id, record);
  }

  async getSignedPreKey(id: number): Promise<SignedPreKeyRecord> {
    return this.#records.get(id)!;
  }
}

export class KyberPreKeys extends KyberPreKeyStore {
  readonly #records = new Map<number, KyberPreKeyRecord>();

  async saveKyberPreKey(id: number, record: KyberPreKeyRecord): Promise<void> {
    this.#records.set(id, record);
  }

  async getKyberPreKey(id: number): Promise<KyberPreKeyRecord> {
    return this.#records.get(id)!;
  }

  async markKyberPreKeyUsed(): Promise<void> {
    // There is one session alone, so nobody else comes with the same key.
  }
}
