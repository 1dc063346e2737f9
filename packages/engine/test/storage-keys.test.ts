/** The keys of sealed storage: who gets them, and who cannot give them. */
import type { AccountRecord } from "@fedchat/protocol";
import { accountRecord, openAccountRecord, ProtocolError, storageKeys } from "@fedchat/protocol";
import { nodePrimitives as primitives, nodeRandom as random } from "@fedchat/protocol/primitives/node";
import { expect, test } from "vitest";
import { Identity } from "../src/core/identity.ts";
import { getSealed, putSealed } from "../src/core/sealed-storage.ts";
import { StorageKeyRing } from "../src/core/storage-key-ring.ts";
import { openSqliteDatabase } from "../src/node/sqlite-database.ts";
import { openEngineStore } from "../src/store/engine-store.ts";
import { person } from "./room-people.ts";

interface Kept {
  name: string;
  version: number;
  bytes: Uint8Array;
}

/** What a homeserver does for sealed storage, and nothing else. */
class Storage {
  readonly records = new Map<string, Kept>();
  readonly state = { kind: "connected" as const };

  readonly request = (async (method: string, params: Kept) => {
    const held = this.records.get(params.name);
    if (method === "sealed.get") return { record: held ?? null };
    if (params.version !== (held?.version ?? 0) + 1) throw new ProtocolError("conflict");
    this.records.set(params.name, params);
    return {};
  }) as never;
}

/** Two devices of one account: the first holds the account key, the second does not. */
function account() {
  const made = person("alice", { devices: 2 });
  const homeserver = new Storage();
  const device = (index: number) => {
    const store = openEngineStore(openSqliteDatabase(":memory:"));
    const identity = new Identity({ store, primitives, clock: { now: () => 5_000 } });
    const { id, signatureSeed, noisePrivateKey, certificate } = made.devices[index]!;
    identity.keep({
      ...{ state: "open", account: made.id, accountSeed: index === 0 ? made.seed : new Uint8Array() },
      ...{ recoverySeed: null, device: id, deviceName: "test", signatureSeed, noisePrivateKey, certificate },
      ...{ record: made.signed, fencing: 1, administrator: 0, hasPassword: 0, createdAt: 1 },
    });
    const base = { store, identity, homeserver, primitives, random };
    const keys = new StorageKeyRing(base);
    return { ...base, keys };
  };
  return { made, homeserver, first: device(0), second: device(1) };
}

const text = (content: string) => new TextEncoder().encode(content);
const malformed = expect.objectContaining({ code: "malformed" });

test("[U2] [H16] a device without the account key reads and writes by its own share of the keys", async () => {
  const { first, second } = account();
  await expect(putSealed(second, "room/a", text("too early"))).rejects.toEqual(
    expect.objectContaining({ code: "unreachable" }),
  );
  await putSealed(first, "room/a", text("one"));
  expect(await getSealed(second, "room/a")).toEqual(text("one"));
  await putSealed(second, "room/a", text("two"));
  expect(await getSealed(first, "room/a")).toEqual(text("two"));
});

test("[U2] [U6] who is not on the record any more opens nothing of what is sealed from then on", async () => {
  const { made, first, second } = account();
  await putSealed(first, "room/a", text("for both"));
  await getSealed(second, "room/a");
  const record: AccountRecord = { ...made.record, devices: made.record.devices.slice(0, 1), sequence: 9_000 };
  const without = openAccountRecord(primitives, accountRecord.sign(primitives, made.seed, record));
  await first.keys.share(made.seed, without, true);
  await putSealed(first, "room/a", text("for one"));
  expect(first.keys.held.map(({ generation }) => generation)).toEqual([1, 2]);
  await expect(getSealed(second, "room/a")).rejects.toEqual(malformed);
  expect(await getSealed(first, "room/a")).toEqual(text("for one"));
});

test("[U2] keys that another than the account key signed, or older ones, are refused", async () => {
  const { made, homeserver, first, second } = account();
  await first.keys.current();
  await second.keys.current();
  const genuine = homeserver.records.get("storage-keys")!;
  await first.keys.share(made.seed, openAccountRecord(primitives, made.signed), true);
  const newer = homeserver.records.get("storage-keys")!;
  await second.keys.refresh();
  homeserver.records.set("storage-keys", { ...genuine, version: newer.version });
  await expect(second.keys.refresh()).rejects.toEqual(malformed);
  const value = storageKeys.open(primitives, newer.bytes);
  const stranger = random.bytes(32);
  expect(() => storageKeys.open(primitives, storageKeys.sign(primitives, stranger, value))).toThrow(
    malformed,
  );
  const bytes = newer.bytes.with(newer.bytes.length - 1, newer.bytes.at(-1)! ^ 1);
  homeserver.records.set("storage-keys", { ...newer, bytes });
  await expect(second.keys.refresh()).rejects.toEqual(malformed);
});
