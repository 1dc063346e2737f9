/**
 * The keys that this account's sealed storage is under. They are made with the account and replaced when a device is
 * revoked; the homeserver keeps them sealed, for the account key and for each device, signed by the account key. [U2]
 */
import type {
  DeviceCertificate,
  DeviceId,
  OpenedAccountRecord,
  Primitives,
  RandomSource,
} from "@fedchat/protocol";
import {
  accountId,
  decode,
  encode,
  hpkeX25519,
  ProtocolError,
  type StorageKeyList,
  storageKeyList,
  storageKeys,
  storageKeysMax,
  storageKeysSealInfo,
} from "@fedchat/protocol";
import type { EngineStore } from "../store/engine-store.ts";
import type { Identity } from "./identity.ts";
import type { Homeserver } from "./ports.ts";

export interface StorageKeyRingPorts {
  store: Pick<EngineStore, "identity" | "transaction">;
  identity: Identity;
  homeserver: Pick<Homeserver, "request">;
  primitives: Primitives;
  random: RandomSource;
}

export interface StorageKey {
  generation: number;
  key: Uint8Array;
}

const setting = "storage-keys";
const recordName = "storage-keys";
const nonceBytes = 12;
const attemptsMax = 5;
const utf8 = new TextEncoder();

export class StorageKeyRing {
  readonly #ports: StorageKeyRingPorts;

  constructor(ports: StorageKeyRingPorts) {
    this.#ports = ports;
  }

  /** What this device holds, oldest first; none before it was told. */
  get held(): StorageKeyList {
    const kept = this.#ports.store.identity.setting(setting);
    return kept === undefined ? [] : decode(storageKeyList, kept);
  }

  /** From whoever linked this device. */
  keep(keys: StorageKeyList): void {
    this.#ports.store.identity.putSetting(setting, encode(storageKeyList, keys));
  }

  /** The newest key. Rejects with `ProtocolError` where the homeserver has to be asked and cannot be. */
  async current(): Promise<StorageKey> {
    const newest = this.held.at(-1) ?? (await this.refresh()).at(-1);
    if (newest === undefined) throw new ProtocolError("not-allowed", "No key of this account's storage.");
    return newest;
  }

  /** As they lie at the homeserver; made, where there are none and the account key is here. */
  async refresh(): Promise<StorageKeyList> {
    const { store, identity, homeserver } = this.#ports;
    const { record } = await homeserver.request("sealed.get", { name: recordName });
    const seed = identity.accountKey;
    if (record === null) {
      if (seed === undefined)
        throw new ProtocolError("unreachable", "This account's storage has no keys yet.");
      const first = this.held.length > 0 ? this.held : [this.#newKey([])];
      await this.#publish(seed, first, identity.record, 1);
      return first;
    }
    if (record.version < store.identity.sealedVersion(recordName))
      throw new ProtocolError("malformed", "sealed storage keys: an old version");
    const keys = this.#open(record.bytes);
    if ((keys.at(-1)?.generation ?? 0) < (this.held.at(-1)?.generation ?? 0))
      throw new ProtocolError("malformed", "sealed storage keys: older than those that are held");
    store.transaction(() => {
      this.keep(keys);
      store.identity.putSealedVersion(recordName, record.version);
    });
    return keys;
  }

  /**
   * Whoever holds the account key sees to it that exactly the devices of our record have the keys: linking or revoking
   * may have been broken off, or an account recovered.
   */
  async settle(): Promise<void> {
    const { identity } = this.#ports;
    const seed = identity.accountKey;
    const shared = await this.#sharedWith();
    if (seed === undefined || shared === undefined) return;
    const isTooFew = shared.length !== identity.record.certificates.length;
    if (this.#isBeyondList(shared) || isTooFew) await this.share(seed, identity.record, "where-needed");
  }

  /** Whether a device among these is not on our record's list. */
  #isBeyondList(shared: DeviceId[]): boolean {
    const listed = this.#ports.identity.record.certificates.map(({ device }) => device);
    return shared.some((device) => !listed.includes(device));
  }

  /** Undefined where there are no keys at the homeserver yet. */
  async #sharedWith(): Promise<DeviceId[] | undefined> {
    const { homeserver, primitives } = this.#ports;
    const { record } = await homeserver.request("sealed.get", { name: recordName });
    return record === null
      ? undefined
      : storageKeys.open(primitives, record.bytes).forDevices.map(({ device }) => device);
  }

  /**
   * For the devices of this record and no others.
   * @param anew with one more key, which who was revoked never had; `where-needed`: if they are shared with such a device
   */
  async share(
    accountSeed: Uint8Array,
    record: OpenedAccountRecord,
    anew: boolean | "where-needed",
  ): Promise<void> {
    const { store } = this.#ports;
    for (let attempt = 0; attempt < attemptsMax; attempt++) {
      const keys = await this.refresh();
      const isAnew = anew === "where-needed" ? this.#isBeyondList((await this.#sharedWith()) ?? []) : anew;
      const next = isAnew ? [...keys, this.#newKey(keys)].slice(-storageKeysMax) : keys;
      try {
        await this.#publish(accountSeed, next, record, store.identity.sealedVersion(recordName) + 1);
        return;
      } catch (error) {
        if (!(error instanceof ProtocolError) || error.code !== "conflict") throw error;
      }
    }
    throw new ProtocolError("conflict");
  }

  /**
   * To a homeserver that this account moves to and that has none yet: whoever does not keep the account's key cannot bring
   * them later.
   */
  async bring(to: Pick<Homeserver, "request">, accountSeed: Uint8Array): Promise<void> {
    const { record } = await to.request("sealed.get", { name: recordName });
    if (record !== null || this.held.length === 0) return;
    const bytes = this.#sealed(accountSeed, this.held, this.#ports.identity.record);
    await to.request("sealed.put", { name: recordName, version: 1, bytes });
  }

  #newKey(keys: StorageKeyList): StorageKey {
    return { generation: (keys.at(-1)?.generation ?? 0) + 1, key: this.#ports.random.bytes(32) };
  }

  async #publish(
    accountSeed: Uint8Array,
    keys: StorageKeyList,
    record: OpenedAccountRecord,
    version: number,
  ): Promise<void> {
    const { store, homeserver } = this.#ports;
    const bytes = this.#sealed(accountSeed, keys, record);
    await homeserver.request("sealed.put", { name: recordName, version, bytes });
    store.transaction(() => {
      this.keep(keys);
      store.identity.putSealedVersion(recordName, version);
    });
  }

  #sealed(
    accountSeed: Uint8Array,
    keys: StorageKeyList,
    { record, certificates }: OpenedAccountRecord,
  ): Uint8Array {
    const { primitives, random } = this.#ports;
    const { account } = record;
    const plaintext = encode(storageKeyList, keys);
    const nonce = random.bytes(nonceBytes);
    const sealed = accountAead(primitives, accountSeed).seal(nonce, accountId.toBytes(account), plaintext);
    return storageKeys.sign(primitives, accountSeed, {
      account,
      generation: keys.at(-1)!.generation,
      forAccount: Uint8Array.of(...nonce, ...sealed),
      forDevices: certificates.map((one) => this.#forDevice(one, plaintext)),
    });
  }

  #forDevice({ account, device, noiseKey }: DeviceCertificate, plaintext: Uint8Array) {
    const { primitives, random } = this.#ports;
    const options = { recipientPublicKey: noiseKey, info: storageKeysSealInfo, random };
    const sealed = hpkeX25519(primitives).sealOnce(options, accountId.toBytes(account), plaintext);
    if (sealed === undefined) throw new Error("assertion: a certificate's Noise key is usable");
    return { device, ...sealed };
  }

  /** Throws `ProtocolError("malformed")` where it is not our account's, or not for us. */
  #open(signed: Uint8Array): StorageKeyList {
    const { identity, primitives } = this.#ports;
    const { account, device, noisePrivateKey } = identity.self;
    const held = storageKeys.open(primitives, signed);
    const aad = accountId.toBytes(account);
    const seed = identity.accountKey;
    const sealed = held.forDevices.find((one) => one.device === device);
    const plaintext =
      sealed !== undefined
        ? hpkeX25519(primitives).openOnce(
            { ...sealed, recipientPrivateKey: noisePrivateKey, info: storageKeysSealInfo },
            aad,
            sealed.ciphertext,
          )
        : seed &&
          accountAead(primitives, seed).open(
            held.forAccount.subarray(0, nonceBytes),
            aad,
            held.forAccount.subarray(nonceBytes),
          );
    if (held.account !== account || plaintext === undefined)
      throw new ProtocolError("malformed", "sealed storage keys: not for this device");
    return decode(storageKeyList, plaintext);
  }
}

function accountAead(p: Primitives, accountSeed: Uint8Array) {
  return p.aes256Gcm(p.hmacSha256(accountSeed, utf8.encode("fedchat/v1/sealed-storage-key\0")));
}
