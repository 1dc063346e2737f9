/**
 * Records at the homeserver that only this account's devices can read: AES-256-GCM under a key from the account key,
 * bound to account, name and version. A version below one that this device saw is refused, so that the homeserver
 * cannot bring back an old one.
 */
import type { AccountId, Primitives, RandomSource } from "@fedchat/protocol";
import { accountId, ProtocolError } from "@fedchat/protocol";
import type { EngineStore } from "../store/engine-store.ts";
import type { Homeserver } from "./ports.ts";

export interface SealedStoragePorts {
  store: Pick<EngineStore, "identity">;
  homeserver: Pick<Homeserver, "request">;
  primitives: Primitives;
  random: RandomSource;
}

export interface SealedStorageKey {
  account: AccountId;
  accountSeed: Uint8Array;
}

const nonceBytes = 12;
const utf8 = new TextEncoder();

/** Writes the next version. Rejects with `ProtocolError("conflict")` where another device was faster. */
export async function putSealed(
  { store, homeserver, primitives, random }: SealedStoragePorts,
  key: SealedStorageKey,
  name: string,
  plaintext: Uint8Array,
): Promise<void> {
  const version = store.identity.sealedVersion(name) + 1;
  const nonce = random.bytes(nonceBytes);
  const sealed = primitives
    .aes256Gcm(storageKey(primitives, key))
    .seal(nonce, aad(key, name, version), plaintext);
  await homeserver.request("sealed.put", { name, version, bytes: Uint8Array.of(...nonce, ...sealed) });
  store.identity.putSealedVersion(name, version);
}

/** Undefined where there is none. Rejects with `ProtocolError("malformed")` for one that is old or not ours. */
export async function getSealed(
  { store, homeserver, primitives }: SealedStoragePorts,
  key: SealedStorageKey,
  name: string,
): Promise<Uint8Array | undefined> {
  const { record } = await homeserver.request("sealed.get", { name });
  const seen = store.identity.sealedVersion(name);
  if (record === null && seen === 0) return undefined;
  if (record === null || record.version < seen)
    throw new ProtocolError("malformed", `sealed ${name}: an old version`);
  const nonce = record.bytes.subarray(0, nonceBytes);
  const aead = primitives.aes256Gcm(storageKey(primitives, key));
  const usable = record.bytes.length >= nonceBytes;
  const opened = usable
    ? aead.open(nonce, aad(key, name, record.version), record.bytes.subarray(nonceBytes))
    : undefined;
  if (opened === undefined) throw new ProtocolError("malformed", `sealed ${name}: cannot be opened`);
  store.identity.putSealedVersion(name, record.version);
  return opened;
}

function storageKey(p: Primitives, { accountSeed }: SealedStorageKey): Uint8Array {
  return p.hmacSha256(accountSeed, utf8.encode("fedchat/v1/sealed-storage-key\0"));
}

function aad({ account }: SealedStorageKey, name: string, version: number): Uint8Array {
  return Uint8Array.of(...accountId.toBytes(account), ...utf8.encode(`${name}\0${version}`));
}
