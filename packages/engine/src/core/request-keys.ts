/**
 * The private parts of request keys, in sealed storage: a further device finds there what it needs to read requests, a
 * device that made a key puts it there.
 */
import { array, bytes, decode, encode, struct, uint } from "@fedchat/protocol";
import { isEqual } from "./credentials.ts";
import type { SealedStoragePorts } from "./sealed-storage.ts";
import { getSealed, putSealed } from "./sealed-storage.ts";

export const requestKeysRecord = "request-keys";
/** Setting: id of the key that is known to lie there. */
const sharedSetting = "request-key-shared";
/** Keys are rotated at most daily, and older ones open nothing that is still under way. */
const keysMax = 256;
const stored = array(struct({ id: bytes(8), seed: bytes(32), createdAt: uint() }), { max: keysMax });

/**
 * Brings store and sealed storage together.
 * @param current id of the key on our record
 */
export async function shareRequestKeys(ports: SealedStoragePorts, current: Uint8Array): Promise<void> {
  const { identity } = ports.store;
  const own = identity.requestKey(current);
  if (own !== undefined && isEqual(identity.setting(sharedSetting) ?? new Uint8Array(), current)) return;
  const plaintext = await getSealed(ports, requestKeysRecord);
  const shared = plaintext === undefined ? [] : decode(stored, plaintext);
  for (const row of shared) identity.putRequestKey(row);
  const isThere = shared.some(({ id }) => isEqual(id, current));
  if (own !== undefined && !isThere) {
    const { id, seed, createdAt } = own;
    const all = [...shared, { id, seed, createdAt }].slice(-keysMax);
    await putSealed(ports, requestKeysRecord, encode(stored, all));
  }
  if (own !== undefined || isThere) identity.putSetting(sharedSetting, current);
}
