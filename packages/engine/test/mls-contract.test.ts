/** What the engine relies on, held against the real groups and the simulation's stub alike. */
import { sodiumPrimitives } from "@fedchat/mls";
import { nodePrimitives, nodeRandom } from "@fedchat/protocol/primitives/node";
import { beforeAll, describe, expect, test } from "vitest";
import { KeyUseLedger, StubGroupCrypto } from "../../../test/simulation/stub-group.ts";
import type { DecryptOutcome, GroupCrypto, GroupState, MemberIdentity } from "../src/mls/group-crypto.ts";
import {
  authenticatedDataBytesMax,
  clockSkewMs,
  credentialBytesMax,
  keyPackageLifetimeMs,
  plaintextBytesMax,
  skippedKeysMax,
} from "../src/mls/limits.ts";
import { MlsGroupCrypto } from "../src/mls/mls-group.ts";
import { realGroups } from "./real-groups.ts";

const clock = { at: 1_800_000_000_000, now: () => clock.at };
const anybody = () => true;

const implementations: [string, () => Promise<GroupCrypto>][] = [
  ["MLS on node:crypto", () => realGroups(clock, anybody)],
  ["MLS on libsodium", async () => new MlsGroupCrypto({ ...real, primitives: await sodiumPrimitives() })],
  ["stub", async () => new StubGroupCrypto({ ledger: new KeyUseLedger(), random: nodeRandom, clock })],
];
const real = { random: nodeRandom, clock, vouches: anybody };

const groupId = nodeRandom.bytes(32);
const alice = identity("alice");
const bob = identity("bob");

describe.each(implementations)("%s", (_name, load) => {
  let crypto: GroupCrypto;
  beforeAll(async () => {
    crypto = await load();
  });

  test("[X2] a creator and the one who joins hold the same group and know each other", () => {
    const { aliceState, bobState, joined } = createdPair(crypto);
    expect(joined.groupId).toEqual(groupId);
    expect(crypto.epochAuthenticator(bobState)).toEqual(crypto.epochAuthenticator(aliceState));
    const creator = { index: 0, credential: alice.credential, signatureKey: alice.signaturePublicKey };
    const joiner = { index: 1, credential: bob.credential, signatureKey: bob.signaturePublicKey };
    expect(crypto.members(aliceState)).toEqual([
      { ...creator, own: true },
      { ...joiner, own: false },
    ]);
    expect(joined.members).toEqual([
      { ...creator, own: false },
      { ...joiner, own: true },
    ]);
    expect(crypto.members(bobState)).toEqual(joined.members);
  });

  test("credentials come back byte for byte, up to the longest", () => {
    const longest = { ...bob, credential: nodeRandom.bytes(credentialBytesMax) };
    const zeros = { ...alice, credential: new Uint8Array(300) };
    const { keyPackage } = crypto.createKeyPackage(longest);
    expect(crypto.inspectKeyPackage(keyPackage)?.credential).toEqual(longest.credential);
    const { joined } = createdPair(crypto, zeros, longest);
    expect(joined.members.map((one) => one.credential)).toEqual([zeros.credential, longest.credential]);
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
    const other = createdPair(crypto, alice, bob, nodeRandom.bytes(32));
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
      expect(b.receive(flipped(message, i)).kind, `byte ${i}`).not.toBe("message");
    }
    expect(b.receive(flipped(message, message.length - 1)).kind).toBe("corrupt");
    for (const bytes of [message.subarray(0, -1), withByte(message), new Uint8Array()]) {
      expect(b.receive(bytes).kind).toBe("corrupt");
    }
    expect(textOf(b.receive(message))).toBe("the right one");
  });

  test("clear data arrives as it was written, or the message is not taken", () => {
    const [a, b] = sides(crypto);
    const clear = new TextEncoder().encode("clear data beside it");
    const { message } = crypto.encrypt(a.state, text("hi"), clear);
    const at = Buffer.from(message).indexOf(clear);
    expect(at).toBeGreaterThan(0);
    expect(b.receive(flipped(message, at)).kind).toBe("corrupt");
    expect(b.receive(message)).toMatchObject({ kind: "message", authenticatedData: clear });
  });

  test("a message may be empty and as long as the bound, and one byte more is our mistake", () => {
    const [a, b] = sides(crypto);
    for (const length of [0, 1, plaintextBytesMax]) {
      const { state, message } = crypto.encrypt(a.state, new Uint8Array(length).fill(7));
      a.state = state;
      const outcome = b.receive(message);
      expect(outcome.kind === "message" && outcome.plaintext.length).toBe(length);
    }
    expect(() => crypto.encrypt(a.state, new Uint8Array(plaintextBytesMax + 1))).toThrow();
    const clear = new Uint8Array(authenticatedDataBytesMax + 1);
    expect(() => crypto.encrypt(a.state, text("hi"), clear)).toThrow();
  });

  test("no step changes the state it begins at, or the bytes it is given", () => {
    const { aliceState, bobState } = createdPair(crypto);
    const recordsOf = (state: GroupState) => new Map(crypto.changes(undefined, state).put);
    const before = [recordsOf(aliceState), recordsOf(bobState)];
    const { message } = crypto.encrypt(aliceState, text("hi"));
    const messageBefore = Uint8Array.from(message);
    expect(crypto.decrypt(bobState, message).kind).toBe("message");
    expect([recordsOf(aliceState), recordsOf(bobState)]).toEqual(before);
    expect(message).toEqual(messageBefore);
    expect(alice).toEqual(identity("alice"));
    // So a transaction that failed can be tried again from the state that still stands.
    expect(crypto.decrypt(bobState, message).kind).toBe("message");
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
    const { aliceState, bobState } = createdPair(crypto);
    const { message, state } = crypto.encrypt(aliceState, text("hi"));
    crypto.erase(aliceState, state);
    expect(mayOpen(() => crypto.decrypt(bobState, crypto.encrypt(aliceState, text("again")).message))).toBe(
      false,
    );
    expect(crypto.decrypt(bobState, message).kind).toBe("message");
    const next = crypto.encrypt(state, text("and on"));
    expect(crypto.decrypt(bobState, next.message).kind).toBe("message");
  });

  test("a Welcome names the key package it is for, and no other joins by it", () => {
    const wanted = crypto.createKeyPackage(bob);
    const other = crypto.createKeyPackage(bob);
    expect(other.reference).not.toEqual(wanted.reference);
    const created = crypto.createPair({
      groupId,
      identity: alice,
      peerKeyPackage: wanted.keyPackage,
    });
    if (created.kind !== "created") throw new Error(created.reason);
    const { welcome } = created;
    expect(crypto.welcomeReferences(welcome)).toEqual([wanted.reference]);
    expect(crypto.welcomeReferences(wanted.keyPackage)).toBeUndefined();
    const join = (keys: { keyPackage: Uint8Array; privatePart: Uint8Array }, bytes = welcome) =>
      crypto.join({ welcome: bytes, identity: bob, ...keys });
    expect(join(other).kind).toBe("refused");
    expect(join({ ...wanted, privatePart: other.privatePart }).kind).toBe("refused");
    expect(join(wanted, withByte(welcome)).kind).toBe("refused");
    for (let i = 0; i < welcome.length; i += 11) {
      expect(join(wanted, flipped(welcome, i)).kind, `byte ${i}`).toBe("refused");
    }
    expect(() => crypto.join({ welcome, identity: alice, ...wanted })).toThrow();
    expect(join(wanted).kind).toBe("joined");
  });

  test("a key package says whose it is and until when", () => {
    const { keyPackage, reference } = crypto.createKeyPackage(bob);
    const info = crypto.inspectKeyPackage(keyPackage);
    expect(info).toMatchObject({
      credential: bob.credential,
      signatureKey: bob.signaturePublicKey,
      reference,
    });
    expect(Math.abs(info!.expiresMs - clock.at - keyPackageLifetimeMs)).toBeLessThan(1000);
  });

  test("[X7] a key package outside its lifetime is refused, by a slow clock within a day it is not", () => {
    const { keyPackage } = crypto.createKeyPackage(bob);
    const start = clock.at;
    const validAt = (timeMs: number) => {
      clock.at = timeMs;
      return crypto.inspectKeyPackage(keyPackage) !== undefined;
    };
    expect(validAt(start - clockSkewMs + 1000)).toBe(true);
    expect(validAt(start - clockSkewMs - 1000)).toBe(false);
    expect(validAt(start + keyPackageLifetimeMs - 1000)).toBe(true);
    expect(validAt(start + keyPackageLifetimeMs + 1000)).toBe(false);
    expect(refusal(crypto, keyPackage)).toBe("the key package is not valid");
    clock.at = start;
  });

  test("a key package with a broken signature, or damaged anywhere, is refused", () => {
    const { keyPackage } = crypto.createKeyPackage(bob);
    for (let i = 0; i < keyPackage.length; i += 5) {
      expect(crypto.inspectKeyPackage(flipped(keyPackage, i)), `byte ${i}`).toBeUndefined();
    }
    // Its last byte is the signature's.
    const broken = flipped(keyPackage, keyPackage.length - 1);
    for (const bytes of [broken, withByte(keyPackage), keyPackage.subarray(1), new Uint8Array()]) {
      expect(crypto.inspectKeyPackage(bytes)).toBeUndefined();
      expect(refusal(crypto, bytes)).toBe("the key package is not valid");
    }
  });

  test("nobody makes a pair with their own device", () => {
    const { keyPackage } = crypto.createKeyPackage(alice);
    expect(refusal(crypto, keyPackage)).toBe("the key package is this device's own");
  });
});

/** One device's view of a group; its state is put together from its records each time, as from a store. */
class Side {
  readonly #crypto: GroupCrypto;
  readonly records = new Map<string, Uint8Array>();
  state: GroupState;
  received = 0;

  constructor(crypto: GroupCrypto, state: GroupState) {
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

  receive(message: Uint8Array): DecryptOutcome {
    const outcome = this.#crypto.decrypt(this.state, message);
    if (outcome.kind === "message") {
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

function sides(crypto: GroupCrypto): [Side, Side] {
  const { aliceState, bobState } = createdPair(crypto);
  return [new Side(crypto, aliceState), new Side(crypto, bobState)];
}

function createdPair(crypto: GroupCrypto, creator = alice, joiner = bob, id = groupId) {
  const { keyPackage, privatePart } = crypto.createKeyPackage(joiner);
  const created = crypto.createPair({
    groupId: id,
    identity: creator,
    peerKeyPackage: keyPackage,
  });
  if (created.kind !== "created") throw new Error(created.reason);
  const joined = crypto.join({ welcome: created.welcome, identity: joiner, keyPackage, privatePart });
  if (joined.kind !== "joined") throw new Error(joined.reason);
  return { aliceState: created.state, bobState: joined.state, joined };
}

function refusal(crypto: GroupCrypto, peerKeyPackage: Uint8Array): string {
  const outcome = crypto.createPair({ groupId, identity: alice, peerKeyPackage });
  return outcome.kind === "refused" ? outcome.reason : outcome.kind;
}

function identity(name: string): MemberIdentity {
  const seed = nodePrimitives.sha256(text(name));
  return {
    signaturePrivateKey: seed,
    signaturePublicKey: nodePrimitives.ed25519.publicKey(seed),
    credential: text(`device certificate of ${name}`),
  };
}

function text(content: string): Uint8Array {
  return new TextEncoder().encode(content);
}

/** Whether a message came out of it; a state may also refuse by throwing. */
function mayOpen(step: () => DecryptOutcome): boolean {
  try {
    return step().kind === "message";
  } catch {
    return false;
  }
}

function textOf(outcome: DecryptOutcome): string {
  return outcome.kind === "message" ? new TextDecoder().decode(outcome.plaintext) : outcome.kind;
}

function flipped(bytes: Uint8Array, index: number): Uint8Array {
  return bytes.map((byte, i) => (i === index ? byte ^ 1 : byte));
}

function withByte(bytes: Uint8Array): Uint8Array {
  return Uint8Array.from([...bytes, 0]);
}
