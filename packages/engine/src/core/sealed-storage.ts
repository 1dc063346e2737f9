/**
 * Records at the homeserver that only this account's devices can read: AES-256-GCM under the storage key of a generation,
 * bound to account, name and version. A version below one that this device saw is refused, so that the homeserver
 * cannot bring back an old one. [H16]
 */
import type { Primitives, RandomSource } from "@fedchat/protocol";
import { accountId, ProtocolError } from "@fedchat/protocol";
import type { EngineStore } from "../store/engine-store.ts";
import type { Identity } from "./identity.ts";
import type { Homeserver } from "./ports.ts";
import type { StorageKeyRing } from "./storage-key-ring.ts";

export interface SealedStoragePorts {
  store: Pick<EngineStore, "identity">;
  identity: Pick<Identity, "account">;
  keys: StorageKeyRing;
  homeserver: Pick<Homeserver, "request">;
  primitives: Primitives;
  random: RandomSource;
}

const generationBytes = 4;
const nonceBytes = 12;
const headBytes = generationBytes + nonceBytes;
const utf8 = new TextEncoder();

/** Writes the next version. Rejects with `ProtocolError("conflict")` where another device was faster. */
export async function putSealed(
  { store, identity, keys, homeserver, primitives, random }: SealedStoragePorts,
  name: string,
  plaintext: Uint8Array,
): Promise<void> {
  const { generation, key } = await keys.current();
  const version = store.identity.sealedVersion(name) + 1;
  const bytes = new Uint8Array(headBytes + plaintext.length + 16);
  new DataView(bytes.buffer).setUint32(0, generation);
  const nonce = random.bytes(nonceBytes);
  bytes.set(nonce, generationBytes);
  const about = aad(identity, name, version);
  bytes.set(primitives.aes256Gcm(key).seal(nonce, about, plaintext), headBytes);
  await homeserver.request("sealed.put", { name, version, bytes });
  store.identity.putSealedVersion(name, version);
}

/** Undefined where there is none. Rejects with `ProtocolError("malformed")` for one that is old or not ours. */
export async function getSealed(
  { store, identity, keys, homeserver, primitives }: SealedStoragePorts,
  name: string,
): Promise<Uint8Array | undefined> {
  const { record } = await homeserver.request("sealed.get", { name });
  const seen = store.identity.sealedVersion(name);
  if (record === null && seen === 0) return undefined;
  if (record === null || record.version < seen)
    throw new ProtocolError("malformed", `sealed ${name}: an old version`);
  const { bytes, version } = record;
  const generation = bytes.length < headBytes ? 0 : new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
  const known = (list: StorageKeyRing["held"]) => list.find((one) => one.generation === generation)?.key;
  const key = known(keys.held) ?? known(await keys.refresh());
  const nonce = bytes.subarray(generationBytes, headBytes);
  const about = aad(identity, name, version);
  const opened = key && primitives.aes256Gcm(key).open(nonce, about, bytes.subarray(headBytes));
  if (opened === undefined) throw new ProtocolError("malformed", `sealed ${name}: cannot be opened`);
  store.identity.putSealedVersion(name, version);
  return opened;
}

function aad({ account }: Pick<Identity, "account">, name: string, version: number): Uint8Array {
  return Uint8Array.of(...accountId.toBytes(account), ...utf8.encode(`${name}\0${version}`));
}
