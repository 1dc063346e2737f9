/** What the engine relies on of its groups, told of a room of two. */
import { sodiumPrimitives } from "@fedchat/mls";
import { nodePrimitives, nodeRandom } from "@fedchat/protocol/primitives/node";
import { beforeAll, describe, expect, test } from "vitest";
import { vouchesFor } from "../src/core/credentials.ts";
import type { GroupState } from "../src/mls/group-records.ts";
import { MlsRoomCrypto } from "../src/mls/mls-room.ts";
import type { RoomCrypto, RoomReceived } from "../src/mls/room-crypto.ts";
import {
  authenticatedDataBytesMax,
  clockSkewMs,
  keyPackageLifetimeMs,
  plaintextBytesMax,
  skippedKeysMax,
} from "../src/mls/limits.ts";
import type { PairPerson } from "./pair-scene.ts";
import { createdPair, pairPerson, pairTerms, takenIn } from "./pair-scene.ts";
import { realGroups } from "./real-groups.ts";

const clock = { at: 1_800_000_000_000, now: () => clock.at };

const implementations: [string, () => Promise<RoomCrypto>][] = [
  ["MLS on node:crypto", async () => realGroups(clock)],
  ["MLS on libsodium", async () => new MlsRoomCrypto({ ...ports, primitives: await sodiumPrimitives() })],
];
const vouches = vouchesFor(nodePrimitives);
const ports = { random: nodeRandom, clock, vouches, protocolPrimitives: nodePrimitives };

const groupId = nodeRandom.bytes(32);
const alice = pairPerson("alice");
const bob = pairPerson("bob");

describe.each(implementations)("%s", (_name, load) => {
  let crypto: RoomCrypto;
  beforeAll(async () => {
    crypto = await load();
  });

  test("[X2] a creator and the one who joins hold the same group and know each other", () => {
    const { aliceState, bobState, joined, room } = pair(crypto);
    expect(joined.groupId).toEqual(groupId);
    expect(crypto.epochAuthenticator(bobState)).toEqual(crypto.epochAuthenticator(aliceState));
    expect([crypto.epoch(aliceState), crypto.epoch(bobState)]).toEqual([1n, 1n]);
    const creator = { index: 0, credential: alice.credential, signatureKey: alice.signaturePublicKey };
    const joiner = { index: 1, credential: bob.credential, signatureKey: bob.signaturePublicKey };
    expect(crypto.members(aliceState)).toMatchObject([
      { ...creator, own: true },
      { ...joiner, own: false },
    ]);
    expect(crypto.members(bobState)).toMatchObject([
      { ...creator, own: false },
      { ...joiner, own: true },
    ]);
    expect(joined.adder).toMatchObject({ ...creator, account: alice.account.id });
    expect(crypto.room(bobState)).toEqual(crypto.room(aliceState));
    expect(joined.room).toMatchObject({ room, name: "", join: "nobody", banned: [] });
    expect(joined.room.participants.map(({ account, role }) => [account, role])).toEqual(
      expect.arrayContaining([
        [alice.account.id, "owner"],
        [bob.account.id, "owner"],
      ]),
    );
  });

  test("[W1] nobody comes into a room of two, and it has neither a name nor roles", () => {
    const carol = pairPerson("carol");
    const { aliceState } = pair(crypto);
    const refused = { kind: "refused", rule: "pair.change" };
    const updates = [
      { kind: "admit", record: carol.account.signed, role: "owner" },
      { kind: "rename", name: "ours" },
      { kind: "rules", join: "invited", invite: "members" },
      { kind: "role", account: bob.account.id, role: "member" },
      { kind: "remove", account: bob.account.id },
      { kind: "ban", account: carol.account.id },
    ] as const;
    for (const update of updates)
      expect(crypto.commit(aliceState, { updates: [update] })).toMatchObject(refused);
    expect(crypto.leave(aliceState)).toMatchObject(refused);
    expect(crypto.commit(aliceState, { renewKey: true }).kind).toBe("committed");
  });

  test("200 messages go both ways, each from a state that was stored in between", () => {
    const [a, b] = sides(crypto);
    for (let i = 0; i < 200; i++) {
      const [from, to] = i % 3 === 0 ? [b, a] : [a, b];
      const outcome = to.receive(from.send(`message ${i}`));
      expect(textOf(outcome)).toBe(`message ${i}`);
    }
    expect([a.received, b.received]).toEqual([67, 133]);
  });

  test("a message names its sender, and its sender's messages are numbered without gaps", () => {
    const [a, b] = sides(crypto);
    for (let generation = 0; generation < 3; generation++) {
      const outcome = b.receive(a.send("hi"));
      expect(outcome).toMatchObject({ generation, sender: { index: 0, credential: alice.credential } });
    }
    expect(a.receive(b.send("hi"))).toMatchObject({ generation: 0, sender: { index: 1 } });
  });

  test("messages out of order are all decrypted", () => {
    const [a, b] = sides(crypto);
    const sent = a.sendAll(["0", "1", "2", "3", "4", "5"]);
    for (const i of [4, 0, 3, 5, 1, 2]) expect(textOf(b.receive(sent[i]!))).toBe(String(i));
  });

  test("[X6] the keys of skipped messages are kept up to their bound, the oldest dropped", () => {
    const [a, b] = sides(crypto);
    const sent = a.sendAll(Array.from({ length: skippedKeysMax + 2 }, (_, i) => `${i}`));
    expect(textOf(b.receive(sent.at(-1)!))).toBe(`${skippedKeysMax + 1}`);
    expect(b.receive(sent[0]!)).toEqual({ kind: "duplicate" });
    expect(textOf(b.receive(sent[1]!))).toBe("1");
    expect(textOf(b.receive(sent[skippedKeysMax]!))).toBe(`${skippedKeysMax}`);
  });

  test("a second delivery is a duplicate, in order or out of order", () => {
    const [a, b] = sides(crypto);
    const [first, second, third] = a.sendAll(["1", "2", "3"]);
    b.receive(first!);
    expect(b.receive(first!)).toEqual({ kind: "duplicate" });
    b.receive(third!);
    b.receive(second!);
    expect(b.receive(second!)).toEqual({ kind: "duplicate" });
    expect(b.receive(third!)).toEqual({ kind: "duplicate" });
  });

  test("a device's own message is told apart", () => {
    const [a] = sides(crypto);
    expect(a.receive(a.send("to myself"))).toEqual({ kind: "own" });
  });

  test("another group's message is told apart, also where the members are the same", () => {
    const [a] = sides(crypto);
    const other = pair(crypto, nodeRandom.bytes(32));
    const outsider = new Side(crypto, other.bobState);
    expect(outsider.receive(a.send("hi"))).toEqual({ kind: "wrong-group" });
  });

  test("the header says group and epoch before anything is decrypted", () => {
    const [a] = sides(crypto);
    expect(crypto.header(a.send("hi"))).toEqual({ groupId, epoch: 1n });
    expect(crypto.header(new Uint8Array())).toBeUndefined();
    expect(crypto.header(nodeRandom.bytes(300))).toBeUndefined();
  });

  test("a message damaged anywhere is never taken, and the right one still is", () => {
    const [a, b] = sides(crypto);
    const message = a.send("the right one");
    for (let i = 0; i < message.length; i += 3) {
      expect(b.receive(flipped(message, i)).kind, `byte ${i}`).not.toBe("application");
    }
    expect(b.receive(flipped(message, message.length - 1)).kind).toBe("refused");
    for (const bytes of [message.subarray(0, -1), withByte(message), new Uint8Array()]) {
      expect(b.receive(bytes).kind).toBe("refused");
    }
    expect(textOf(b.receive(message))).toBe("the right one");
  });

  test("clear data arrives as it was written, or the message is not taken", () => {
    const [a, b] = sides(crypto);
    const clear = new TextEncoder().encode("clear data beside it");
    const { message } = crypto.encrypt(a.state, text("hi"), clear);
    const at = Buffer.from(message).indexOf(clear);
    expect(at).toBeGreaterThan(0);
    expect(b.receive(flipped(message, at)).kind).toBe("refused");
    expect(b.receive(message)).toMatchObject({ kind: "application", authenticatedData: clear });
  });

  test("a message may be empty and as long as the bound, and one byte more is our mistake", () => {
    const [a, b] = sides(crypto);
    for (const length of [0, 1, plaintextBytesMax]) {
      const { state, message } = crypto.encrypt(a.state, new Uint8Array(length).fill(7));
      a.state = state;
      const outcome = b.receive(message);
      expect(outcome.kind === "application" && outcome.plaintext.length).toBe(length);
    }
    expect(() => crypto.encrypt(a.state, new Uint8Array(plaintextBytesMax + 1))).toThrow();
    const clear = new Uint8Array(authenticatedDataBytesMax + 1);
    expect(() => crypto.encrypt(a.state, text("hi"), clear)).toThrow();
  });

  test("no step changes the state it begins at, or the bytes it is given", () => {
    const { aliceState, bobState } = pair(crypto);
    const recordsOf = (state: GroupState) => new Map(crypto.changes(undefined, state).put);
    const before = [recordsOf(aliceState), recordsOf(bobState)];
    const { message } = crypto.encrypt(aliceState, text("hi"));
    const [messageBefore, aliceBefore] = [Uint8Array.from(message), structuredClone(alice)];
    expect(crypto.receive(bobState, message).kind).toBe("application");
    expect([recordsOf(aliceState), recordsOf(bobState)]).toEqual(before);
    expect(message).toEqual(messageBefore);
    expect(alice).toEqual(aliceBefore);
    // So a transaction that failed can be tried again from the state that still stands.
    expect(crypto.receive(bobState, message).kind).toBe("application");
  });

  test("the changes of all steps add up to the state that stands", () => {
    const [a, b] = sides(crypto);
    for (const content of ["1", "2", "3"]) b.receive(a.send(content));
    for (const side of [a, b]) {
      const whole = crypto.changes(undefined, side.state).put;
      expect(new Map([...side.records].toSorted())).toEqual(new Map([...whole].toSorted()));
    }
  });

  test("records that lack something, or are damaged, are an error of ours, not an outcome", () => {
    const [a] = sides(crypto);
    expect(() => crypto.restore([])).toThrow();
    for (const [name, value] of a.records) {
      const damaged = new Map(a.records).set(name, value.subarray(0, value.length / 2));
      expect(() => crypto.restore(damaged), name).toThrow();
    }
  });

  test("[X4] an erased state opens and seals nothing any more, and the one after it is untouched", () => {
    const { aliceState, bobState } = pair(crypto);
    const { message, state } = crypto.encrypt(aliceState, text("hi"));
    crypto.erase(aliceState, state);
    expect(mayOpen(() => crypto.receive(bobState, crypto.encrypt(aliceState, text("again")).message))).toBe(
      false,
    );
    expect(crypto.receive(bobState, message).kind).toBe("application");
    const next = crypto.encrypt(state, text("and on"));
    expect(crypto.receive(bobState, next.message).kind).toBe("application");
  });

  test("a Welcome names the key package it is for, and no other joins by it", () => {
    const wanted = crypto.createKeyPackage(bob, "hybrid");
    const other = crypto.createKeyPackage(bob, "hybrid");
    expect(other.reference).not.toEqual(wanted.reference);
    const terms = pairTerms(alice, bob, groupId);
    const made = takenIn(crypto, terms, wanted.keyPackage);
    if (made.kind === "refused") throw new Error(made.reason);
    const { room } = terms;
    const welcome = made.welcome!;
    expect(crypto.welcomeReferences(welcome)).toEqual([wanted.reference]);
    expect(crypto.welcomeReferences(wanted.keyPackage)).toBeUndefined();
    const join = (keys: { keyPackage: Uint8Array; privatePart: Uint8Array }, bytes = welcome) =>
      crypto.join({ room, welcome: bytes, identity: bob, ...keys });
    expect(join(other).kind).toBe("refused");
    expect(join({ ...wanted, privatePart: other.privatePart }).kind).toBe("refused");
    expect(join(wanted, withByte(welcome)).kind).toBe("refused");
    for (let i = 0; i < welcome.length; i += 11) {
      expect(join(wanted, flipped(welcome, i)).kind, `byte ${i}`).toBe("refused");
    }
    expect(() => crypto.join({ room, welcome, identity: alice, ...wanted })).toThrow();
    expect(join(wanted).kind).toBe("joined");
  });

  test("a key package says whose it is and until when", () => {
    const { keyPackage, reference } = crypto.createKeyPackage(bob, "hybrid");
    const info = crypto.inspectKeyPackage(keyPackage, "hybrid");
    expect(info).toMatchObject({
      credential: bob.credential,
      signatureKey: bob.signaturePublicKey,
      reference,
    });
    expect(Math.abs(info!.expiresMs - clock.at - keyPackageLifetimeMs)).toBeLessThan(1000);
  });

  test("[X7] a key package outside its lifetime is refused, by a slow clock within a day it is not", () => {
    const { keyPackage } = crypto.createKeyPackage(bob, "hybrid");
    const start = clock.at;
    const validAt = (timeMs: number) => {
      clock.at = timeMs;
      return crypto.inspectKeyPackage(keyPackage, "hybrid") !== undefined;
    };
    expect(validAt(start - clockSkewMs + 1000)).toBe(true);
    expect(validAt(start - clockSkewMs - 1000)).toBe(false);
    expect(validAt(start + keyPackageLifetimeMs - 1000)).toBe(true);
    expect(validAt(start + keyPackageLifetimeMs + 1000)).toBe(false);
    expect(refusal(crypto, keyPackage)).toBe("key-package.invalid");
    clock.at = start;
  });

  test("a key package with a broken signature, or damaged anywhere, is refused", () => {
    const { keyPackage } = crypto.createKeyPackage(bob, "hybrid");
    for (let i = 0; i < keyPackage.length; i += 5) {
      expect(crypto.inspectKeyPackage(flipped(keyPackage, i), "hybrid"), `byte ${i}`).toBeUndefined();
    }
    // Its last byte is the signature's.
    const broken = flipped(keyPackage, keyPackage.length - 1);
    for (const bytes of [broken, withByte(keyPackage), keyPackage.subarray(1), new Uint8Array()]) {
      expect(crypto.inspectKeyPackage(bytes, "hybrid")).toBeUndefined();
      expect(refusal(crypto, bytes)).toBe("key-package.invalid");
    }
  });

  test("nobody makes a pair with their own device", () => {
    const { keyPackage } = crypto.createKeyPackage(alice, "hybrid");
    expect(refusal(crypto, keyPackage)).not.toBe("committed");
  });
});

/** One device's view of a group; its state is put together from its records each time, as from a store. */
class Side {
  readonly #crypto: RoomCrypto;
  readonly records = new Map<string, Uint8Array>();
  state: GroupState;
  received = 0;

  constructor(crypto: RoomCrypto, state: GroupState) {
    this.#crypto = crypto;
    this.state = this.#stored(undefined, state);
  }

  send(content: string): Uint8Array {
    const { state, message } = this.#crypto.encrypt(this.state, text(content));
    this.state = this.#stored(this.state, state);
    return message;
  }

  sendAll(contents: string[]): Uint8Array[] {
    return contents.map((content) => this.send(content));
  }

  receive(message: Uint8Array): RoomReceived {
    const outcome = this.#crypto.receive(this.state, message);
    if (outcome.kind === "application") {
      this.state = this.#stored(this.state, outcome.state);
      this.received++;
    }
    return outcome;
  }

  #stored(before: GroupState | undefined, after: GroupState): GroupState {
    const { put, remove } = this.#crypto.changes(before, after);
    for (const name of remove) this.records.delete(name);
    for (const [name, value] of put) this.records.set(name, Uint8Array.from(value));
    return this.#crypto.restore([...this.records].map(([name, value]) => [name, Uint8Array.from(value)]));
  }
}

function sides(crypto: RoomCrypto): [Side, Side] {
  const { aliceState, bobState } = pair(crypto);
  return [new Side(crypto, aliceState), new Side(crypto, bobState)];
}

function pair(crypto: RoomCrypto, id = groupId) {
  return createdPair(crypto, { alice, bob, groupId: id });
}

function refusal(crypto: RoomCrypto, keyPackage: Uint8Array, peer: PairPerson = bob): string {
  const outcome = takenIn(crypto, pairTerms(alice, peer, groupId), keyPackage);
  return outcome.kind === "refused" ? outcome.rule : outcome.kind;
}

function text(content: string): Uint8Array {
  return new TextEncoder().encode(content);
}

/** Whether a message came out of it; a state may also refuse by throwing. */
function mayOpen(step: () => RoomReceived): boolean {
  try {
    return step().kind === "application";
  } catch {
    return false;
  }
}

function textOf(outcome: RoomReceived): string {
  return outcome.kind === "application" ? new TextDecoder().decode(outcome.plaintext) : outcome.kind;
}

function flipped(bytes: Uint8Array, index: number): Uint8Array {
  return bytes.map((byte, i) => (i === index ? byte ^ 1 : byte));
}

function withByte(bytes: Uint8Array): Uint8Array {
  return Uint8Array.from([...bytes, 0]);
}
