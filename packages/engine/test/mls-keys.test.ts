/**
 * What holds for the real groups only, told of a room of two: that keys are gone once used, in memory and on disk, that
 * lengths tell little, and that what a member could forge is refused. The hostile peers here speak MLS directly.
 */
import * as mls from "@fedchat/mls";
import { nodePrimitives as nodeMlsPrimitives } from "@fedchat/mls/node";
import type { RoomId } from "@fedchat/protocol";
import { limits, roomId } from "@fedchat/protocol";
import { nodePrimitives, nodeRandom } from "@fedchat/protocol/primitives/node";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { withEmptiedLog } from "../src/core/emptied-log.ts";
import { Groups } from "../src/core/groups.ts";
import { logKeptMs } from "../src/core/limits.ts";
import { vouchesFor } from "../src/core/credentials.ts";
import type { GroupState } from "../src/mls/group-records.ts";
import { MlsRoomCrypto } from "../src/mls/mls-room.ts";
import type { MemberIdentity, RoomCrypto } from "../src/mls/room-crypto.ts";
import {
  keyPackageLifetimeMs,
  plaintextBytesMax,
  skippedGenerationsMax,
  skippedKeysMax,
} from "../src/mls/limits.ts";
import { openSqliteDatabase } from "../src/node/sqlite-database.ts";
import type { EngineStore } from "../src/store/engine-store.ts";
import { openEngineStore } from "../src/store/engine-store.ts";
import { ManualClock } from "../../protocol/test/manual-clock.ts";
import { createdPair, pairPerson, pairTerms, takenIn, textIn } from "./pair-scene.ts";
import { realGroups } from "./real-groups.ts";

const clock = { now: () => 1_800_000_000_000 };
const groupId = nodeRandom.bytes(32);
const [alice, bob, carol] = [pairPerson("alice"), pairPerson("bob"), pairPerson("carol")];

let crypto: RoomCrypto;
let env: mls.Environment;
beforeAll(async () => {
  const sodium = await sodiumOnce();
  crypto = realGroups(clock);
  // A peer that accepts and makes whatever MLS itself allows.
  const policy = mls.policy({ acceptsCredential: () => true, lifetimeSecondsMax: 1n << 64n });
  env = { primitives: nodeMlsPrimitives(sodium), random: nodeRandom, now: clock.now(), policy };
});

describe("keys", () => {
  test("after decryption no record holds the ratchet's secret, or anything to derive it from", () => {
    const { aliceState, bobState } = pair();
    const { message } = crypto.encrypt(aliceState, text("hi"));
    const before = storedIn(bobState);
    const secrets = secretsIn(before);
    const outcome = crypto.receive(bobState, message);
    if (outcome.kind !== "application") throw new Error(outcome.kind);
    const { put, remove } = crypto.changes(bobState, outcome.state);
    expect(put.size + remove.length).toBeGreaterThan(0);
    const gone = secrets.filter(
      (secret) => !secretsIn(storedIn(outcome.state)).some((one) => one.equals(secret)),
    );
    // The branch of the secret tree down to the sender.
    expect(gone.length).toBeGreaterThan(0);
  });

  test("[X4] a former state's secrets are overwritten in memory once the next one is committed", () => {
    const store = openEngineStore(openSqliteDatabase(":memory:"));
    const groups = new Groups({
      store,
      roomCrypto: crypto,
      stepped: () => undefined,
      damaged: () => undefined,
    });
    const room = roomId.fromBytes(nodeRandom.bytes(16));
    const { aliceState, bobState } = pair();
    store.transaction(() => addPair(store, groups, room, aliceState));
    const { message, state } = crypto.encrypt(aliceState, text("hi"));
    const former = transparent(aliceState).messageKeys.senders.flatMap(
      (sender) => sender?.application.secret ?? [],
    );
    store.transaction(() => groups.advance(room, state));
    expect(groups.of(room)).toBe(state);
    for (const secret of former) {
      const isKept = transparent(state).messageKeys.senders.some(
        (sender) => sender?.application.secret === secret,
      );
      if (!isKept) expect(secret.every((byte) => byte === 0)).toBe(true);
    }
    expect(crypto.receive(bobState, message).kind).toBe("application");
  });

  test("[X4] a step whose transaction failed is as if it had never been", () => {
    const store = openEngineStore(openSqliteDatabase(":memory:"));
    const groups = new Groups({
      store,
      roomCrypto: crypto,
      stepped: () => undefined,
      damaged: () => undefined,
    });
    const room = roomId.fromBytes(nodeRandom.bytes(16));
    const { aliceState, bobState } = pair();
    store.transaction(() => addPair(store, groups, room, aliceState));
    const lost = crypto.encrypt(groups.of(room)!, text("lost"));
    expect(() =>
      store.transaction(() => {
        groups.advance(room, lost.state);
        throw new Error("the disk is full");
      }),
    ).toThrow("the disk is full");
    const sent = crypto.encrypt(groups.of(room)!, text("sent"));
    expect(crypto.receive(bobState, sent.message)).toMatchObject({ kind: "application", generation: 0 });
  });

  test("[X4] used keys are nowhere in the store's files some seconds later, while the engine runs", () => {
    const directory = mkdtempSync(join(tmpdir(), "fedchat-keys-"));
    try {
      const path = join(directory, "engine.db");
      const time = new ManualClock(clock.now());
      const store = openEngineStore(withEmptiedLog(openSqliteDatabase(path), time));
      const groups = new Groups({
        store,
        roomCrypto: crypto,
        stepped: () => undefined,
        damaged: () => undefined,
      });
      const room = roomId.fromBytes(nodeRandom.bytes(16));
      let { aliceState, bobState } = pair();
      store.transaction(() => addPair(store, groups, room, bobState));
      const used: Buffer[] = [];
      for (let i = 0; i < 200; i++) {
        const sealed = crypto.encrypt(aliceState, text(`message ${i}`));
        aliceState = sealed.state;
        const held = groups.of(room)!;
        used.push(...secretsIn(storedIn(held)));
        const outcome = crypto.receive(held, sealed.message);
        if (outcome.kind !== "application") throw new Error(outcome.kind);
        store.transaction(() => groups.advance(room, outcome.state));
      }
      const kept = secretsIn(storedIn(groups.of(room)!));
      time.advance(logKeptMs);
      const files = readdirSync(directory).map((name) => readFileSync(join(directory, name)));
      const isOnDisk = (secret: Buffer) => files.some((file) => file.includes(secret));
      const gone = used.filter((secret) => !kept.some((one) => one.equals(secret)));
      expect(gone.length).toBeGreaterThan(190);
      expect(gone.filter(isOnDisk)).toEqual([]);
      expect(kept.filter(isOnDisk)).toEqual(kept);
      store.close();
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  test("an identity whose public key is not its seed's is our mistake", () => {
    const mixed = { ...alice, signaturePublicKey: bob.signaturePublicKey };
    expect(() => crypto.createKeyPackage(mixed, "hybrid")).toThrow("belongs to its seed");
  });

  test("a message rewrites less than a kilobyte", () => {
    const [{ aliceState }, bytes] = [pair(), [] as number[]];
    let state = aliceState;
    for (let i = 0; i < 10; i++) {
      const sealed = crypto.encrypt(state, text("hi"));
      bytes.push(
        [...crypto.changes(state, sealed.state).put.values()].reduce((sum, one) => sum + one.length, 0),
      );
      state = sealed.state;
    }
    expect(Math.max(...bytes)).toBeLessThan(1_024);
  });
});

describe("the cipher suite", () => {
  test("[X2] is the hybrid of X25519 and ML-KEM-768", () => {
    const { keyPackage } = crypto.createKeyPackage(bob, "hybrid");
    // MLSMessage and KeyPackage each begin with a version; between them stands the wire format (RFC 9420 §6, §10).
    expect([...keyPackage.subarray(0, 8)]).toEqual([0, 1, 0, 5, 0, 1, 0, 0x4f]);
  });

  test("a browser's backend and Node's talk to each other", async () => {
    const primitives = await sodiumOnce();
    const ports = { random: nodeRandom, clock, protocolPrimitives: nodePrimitives };
    const browser = new MlsRoomCrypto({ ...ports, primitives, vouches: vouchesFor(nodePrimitives) });
    const { aliceState, bobState } = pair(browser);
    expect(textIn(browser, bobState, crypto.encrypt(aliceState, text("hi")).message)).toBe("hi");
  });
});

describe("lengths", () => {
  test("[X5] short messages have one length, a longer one tells its length to within an eighth", () => {
    const { aliceState } = pair();
    const lengthOf = (size: number) => crypto.encrypt(aliceState, nodeRandom.bytes(size)).message.length;
    const least = lengthOf(0);
    for (const size of [1, 30, 59]) expect(lengthOf(size), `${size} bytes`).toBe(least);
    expect(lengthOf(63)).toBeGreaterThan(least);
    for (const size of [1_000, 10_000, 100_000]) {
      const lengths = new Set(Array.from({ length: 64 }, (_, i) => lengthOf(size + i)));
      expect(lengths.size, `${size} bytes and a few more`).toBeLessThanOrEqual(2);
      expect(Math.max(...lengths)).toBeLessThan((size + 300) * 1.13);
    }
  });

  test("the longest message fits an envelope", () => {
    const { aliceState } = pair();
    const { message } = crypto.encrypt(aliceState, new Uint8Array(plaintextBytesMax), new Uint8Array(4096));
    expect(message.length).toBeLessThanOrEqual(limits.envelopePayloadBytesMax);
  });
});

describe("key packages that MLS would take are refused", () => {
  const forever = { notBefore: 0n, notAfter: (1n << 64n) - 1n };
  const cases: [string, () => mls.OwnKeyPackage][] = [
    ["for another suite", () => foreign(carol, { cipherSuite: mls.SUITE_X25519_CHACHA20POLY1305 })],
    ["with a lifetime without end", () => foreign(carol, { lifetime: forever })],
    [
      "with an X.509 credential",
      () => foreign(carol, { credential: { type: "x509", certificates: [carol.credential] } }),
    ],
    ["with a credential beyond its bound", () => foreign({ ...carol, credential: new Uint8Array(5_000) })],
  ];
  test.each(cases)("%s", (_what, make) => {
    const bytes = wire(make().keyPackage);
    expect(crypto.inspectKeyPackage(bytes, "hybrid")).toBeUndefined();
    expect(takenIn(crypto, pairTerms(alice, carol, groupId), bytes).kind).toBe("refused");
  });

  test("[X3] with a credential that does not vouch for its key", () => {
    const stolen = { ...bob, credential: carol.credential };
    expect(crypto.inspectKeyPackage(wire(foreign(stolen).keyPackage), "hybrid")).toBeUndefined();
  });

  test("while the same without the fault is taken", () => {
    expect(crypto.inspectKeyPackage(wire(foreign(carol).keyPackage), "hybrid")).toBeDefined();
  });
});

describe("a long way forward", () => {
  test("[X6] opens the same message as step by step, and keeps the keys within the bound", () => {
    const { aliceState, bobState } = pair();
    let state = aliceState;
    const sent = Array.from({ length: 600 }, (_, i) => {
      const sealed = crypto.encrypt(state, text(`${i}`));
      state = sealed.state;
      return sealed.message;
    });
    const jumped = crypto.receive(bobState, sent[599]!);
    expect(jumped).toMatchObject({ kind: "application", plaintext: text("599"), generation: 599 });
    if (jumped.kind !== "application") throw new Error(jumped.kind);
    for (const late of [598, 599 - skippedKeysMax]) {
      const plaintext = text(`${late}`);
      expect(crypto.receive(jumped.state, sent[late]!)).toMatchObject({ kind: "application", plaintext });
    }
    expect(crypto.receive(jumped.state, sent[598 - skippedKeysMax]!)).toEqual({ kind: "duplicate" });
  });

  test("[X6] a forged message as far ahead as is allowed is soon refused, one from further at once", () => {
    const { aliceState, bobState } = pair();
    const { message } = crypto.encrypt(aliceState, text("hi"));
    const forged = crypto.encrypt(claimingGeneration(aliceState, skippedGenerationsMax), text("forged"));
    expect(crypto.receive(bobState, forged.message).kind).toBe("refused");
    for (const generation of [skippedGenerationsMax + 1, 0xffff_fffe]) {
      const ahead = crypto.encrypt(claimingGeneration(aliceState, generation), text("ahead"));
      expect(crypto.receive(bobState, ahead.message)).toMatchObject({
        kind: "refused",
        rule: "message.generation-far",
      });
    }
    expect(crypto.receive(bobState, message).kind).toBe("application");
  });

  /** The sender's ratchet as it is, under the number of another one: what a member could make. */
  function claimingGeneration(state: GroupState, generation: number): GroupState {
    const open = transparent(state);
    const senders = open.messageKeys.senders.map((sender, index) =>
      index === open.ownLeaf ? undefined : sender,
    );
    const moved = ok(mls.encrypt(open, { data: text("to have a ratchet") }, env)).state;
    const own = moved.messageKeys.senders[open.ownLeaf]!;
    senders[open.ownLeaf] = { ...own, application: { ...own.application, generation } };
    return opaque({ ...moved, messageKeys: { ...moved.messageKeys, senders } });
  }
});

describe("messages that only a member could make are refused", () => {
  test("one that the sender's device key did not sign", () => {
    const { aliceState, bobState } = pair();
    const forger = { ...transparent(aliceState), signaturePrivateKey: carol.signaturePrivateKey };
    const { message } = ok(mls.encrypt(forger, { data: text("hi") }, env));
    const outcome = crypto.receive(bobState, message);
    expect(outcome).toMatchObject({ kind: "refused", reason: expect.stringContaining("ignature") });
  });

  test("one of another epoch, which is told apart by its clear header", () => {
    const { aliceState, bobState } = pair();
    const decoded = mls.decodeMessage(crypto.encrypt(aliceState, text("hi")).message);
    if (decoded.wireFormat !== "private_message") throw new Error(decoded.wireFormat);
    const withEpoch = (epoch: bigint) =>
      mls.encodeMessage({ ...decoded, privateMessage: { ...decoded.privateMessage, epoch } });
    expect(crypto.receive(bobState, withEpoch(2n))).toEqual({ kind: "future-epoch", epoch: 2n });
    expect(crypto.receive(bobState, withEpoch(0n))).toEqual({ kind: "stale-epoch", epoch: 0n });
    expect(crypto.header(withEpoch(2n ** 64n - 1n))?.epoch).toBe(2n ** 64n - 1n);
  });

  test("one whose lengths take more bytes than they need", () => {
    const { aliceState, bobState } = pair();
    const { message } = crypto.encrypt(aliceState, text("hi"));
    // Version and wire format take 4 bytes; then the group id's length, here 32 in two bytes instead of one.
    const longer = Uint8Array.from([...message.subarray(0, 4), 0x40, 32, ...message.subarray(5)]);
    expect(crypto.receive(bobState, longer).kind).toBe("refused");
  });
});

function pair(joiners = crypto) {
  return createdPair(crypto, { alice, bob, groupId }, joiners);
}

function addPair(store: EngineStore, groups: Groups, room: RoomId, state: GroupState): void {
  store.rooms.insert({ id: room, kind: "pair", peer: null, createdAt: 1 });
  groups.add(room, groupId, state);
}

const transparent = (state: GroupState) => state as unknown as mls.GroupState;
const opaque = (state: mls.GroupState) => state as unknown as GroupState;

function storedIn(state: GroupState): ReadonlyMap<string, Uint8Array> {
  return crypto.changes(undefined, state).put;
}

/** The application ratchets' secrets among the records, and the nodes of the secret tree. */
function secretsIn(records: ReadonlyMap<string, Uint8Array>): Buffer[] {
  const found: Buffer[] = [];
  for (const [name, value] of records) {
    if (!/\/(sender|node)\/\d+$/.test(name)) continue;
    // Each ends in a secret of 32 bytes.
    found.push(Buffer.from(value.subarray(value.length - 32)));
  }
  return found;
}

function foreign(
  { signaturePrivateKey, credential: certificate }: MemberIdentity,
  change: { cipherSuite?: number; credential?: mls.Credential; lifetime?: mls.Lifetime } = {},
): mls.OwnKeyPackage {
  const now = BigInt(Math.floor(clock.now() / 1000));
  const credential = change.credential ?? { type: "basic", identity: certificate };
  const { cipherSuite = mls.SUITE_MLKEM768_X25519_AES128GCM } = change;
  const lifetime = change.lifetime ?? {
    notBefore: now - 60n,
    notAfter: now + BigInt(keyPackageLifetimeMs / 1000),
  };
  const basic = { type: "basic", identity: certificate } as const;
  const capabilities = mls.ownCapabilities(nodeRandom, basic);
  const withX509 = { ...capabilities, credentials: [1, 2] };
  const extensions = [mls.supportedComponents([])];
  const who = { credential, capabilities: withX509, extensions, signaturePrivateKey };
  return ok(mls.createKeyPackage({ cipherSuite, identity: who, lifetime }, env));
}

function wire(keyPackage: mls.KeyPackage): Uint8Array {
  return mls.encodeMessage({ wireFormat: "key_package", keyPackage });
}

/** The outcome that is expected here. */
function ok<O extends { kind: string }>(outcome: O): Exclude<O, { kind: "refused" }> {
  if (outcome.kind === "refused") throw new Error(JSON.stringify(outcome));
  return outcome as Exclude<O, { kind: "refused" }>;
}

const sodiumOnce = () => mls.sodiumPrimitives();

function text(content: string): Uint8Array {
  return new TextEncoder().encode(content);
}
