/**
 * What an owner does with the words that they keep on paper: naming their key in this server's record, while its own key
 * is theirs, and putting another key in its place once that is stolen or lost. The accounts, links and rooms of the store
 * stay; the next start says so to others. Invariant: the key file is either the old one or the new one. [R7] [R8]
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Primitives, RandomSource, ServerId, ServerRecord } from "@fedchat/protocol";
import { limits, recoveryKeyHashOf, replaceServer, serverId, serverRecord } from "@fedchat/protocol";
import type { HomeserverKeys } from "../core/server-identity.ts";
import { uncheckedRecoveryKey } from "../core/server-identity.ts";
import { sameBytes } from "../core/same-bytes.ts";
import type { HomeserverStore } from "../store/store.ts";
import { openSqliteStore, storeFileName } from "../store/sqlite/sqlite-store.ts";
import { keyFileName, loadKeys, writeKeys } from "./keys.ts";
import { readOwnerOnlyFile, writeOwnerOnlyFile } from "./owner-only.ts";

interface KeyPorts {
  primitives: Primitives;
  random: RandomSource;
}

/** Why nothing was changed. */
export type KeyRefusal =
  /** There is a recovery key already: it stays. */
  | "named"
  /** No FedChat ever ran here. */
  | "no server"
  /** This folder knows of none: there is none, or the folder was put back from a backup from before. */
  | "none named"
  /** They are not the words of this server. */
  | "wrong words"
  /** Its key was replaced too often. */
  | "too often";

/**
 * From the next start on the record names the recovery key that `prepared` gives, for good; undefined: its person has the
 * words not on paper, and nothing is changed. Rejects with `StoreUnusableError` while FedChat runs here.
 */
export async function nameRecoveryKey(
  folder: string,
  { primitives, random }: KeyPorts,
  prepared: () => Promise<Uint8Array | undefined>,
): Promise<KeyRefusal | "not prepared" | { server: ServerId }> {
  return await withStore(folder, async (record) => {
    if (record === undefined) return "no server";
    const keys = loadKeys(folder, { primitives, random });
    if ((record.recoveryKeyHash ?? keys.recoveryKeyHash) !== undefined) return "named";
    const recoverySeed = await prepared();
    if (recoverySeed === undefined) return "not prepared";
    const recoveryKeyHash = recoveryKeyHashOf(primitives, recoverySeed);
    writeKeys(folder, { ...keys, recoveryKeyHash }, primitives);
    return { server: record.key };
  });
}

/**
 * Makes another key. The former key's file stays beside the new one under a name of its own, since only its thief has any
 * use for destroying it. Rejects with `StoreUnusableError` while FedChat runs here.
 * @param unchecked whether a word of a recovery key is taken that this folder does not know, and others may
 */
export async function replaceKeys(
  folder: string,
  recoverySeed: Uint8Array,
  { primitives: p, random, nowMs, unchecked }: KeyPorts & { nowMs: number; unchecked: boolean },
): Promise<KeyRefusal | { former: ServerId; server: ServerId; checked: boolean }> {
  return await withStore(folder, async (record, store) => {
    if (record === undefined) return "no server";
    const { key: former, recoveryKeyHash: named, replaces = [] } = record;
    const recoveryKeyHash = recoveryKeyHashOf(p, recoverySeed);
    const checked = named !== undefined && sameBytes(recoveryKeyHash, named);
    if (!checked && !unchecked) return named === undefined ? "none named" : "wrong words";
    if (replaces.length >= limits.serverReplacedMax) return "too often";
    const identity = random.bytes(32);
    const server = serverId.fromBytes(p.ed25519.publicKey(identity));
    // Said anew of each key that there was: whoever knows the first one alone learns it, too.
    const all = [...replaces.map((one) => one.server), former];
    // Later than what was said before, wherever the clock stands.
    const issued = Math.max(nowMs, ...replaces.map((one) => one.issued + 1));
    const keys: HomeserverKeys = {
      ...{ identity, noise: random.bytes(32), recoveryKeyHash },
      replaces: all.map((one) => replaceServer(p, recoverySeed, { former: one, successor: server, issued })),
    };
    if (!checked) await store!.write([{ op: "meta.put", key: uncheckedRecoveryKey, value: recoveryKeyHash }]);
    setAside(folder, former);
    writeKeys(folder, keys, p);
    return { former, server, checked };
  });
}

/** What the server last said of itself; nobody else runs on this store meanwhile. */
async function withStore<T>(
  folder: string,
  work: (record: ServerRecord | undefined, store?: HomeserverStore) => Promise<T>,
): Promise<T> {
  if (!existsSync(join(folder, storeFileName))) return await work(undefined);
  await using store = await openSqliteStore({ folder });
  const signed = (await store.load()).meta.get("server.record");
  return await work(signed && serverRecord.read(signed).value, store);
}

/** Nothing where the key itself is lost. */
function setAside(folder: string, former: ServerId): void {
  const path = join(folder, keyFileName);
  const text = readOwnerOnlyFile(path);
  if (text !== undefined) writeOwnerOnlyFile(`${path}.${former.slice(0, 8)}.former`, text);
}
