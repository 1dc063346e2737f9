/** What the engine relies on, held against the real groups and the simulation's stub alike. */
import { noblePrimitives } from "@fedchat/protocol/primitives/noble";
import { nodePrimitives, nodeRandom } from "@fedchat/protocol/primitives/node";
import { beforeAll, describe, expect, test } from "vitest";
import { KeyUseLedger, StubGroupCrypto } from "../../../test/simulation/stub-group.ts";
import {
  storedGroupState,
  type DecryptOutcome,
  type GroupCrypto,
  type GroupState,
  type MemberIdentity,
} from "../src/mls/group-crypto.ts";
import {
  authenticatedDataBytesMax,
  clockSkewMs,
  credentialBytesMax,
  keyPackageLifetimeMs,
  plaintextBytesMax,
  skippedKeysMax,
} from "../src/mls/limits.ts";
import { loadTsMlsGroupCrypto } from "../src/mls/ts-mls-group.ts";

const implementations: [string, () => Promise<GroupCrypto>][] = [
  ["ts-mls on node:crypto", () => loadTsMlsGroupCrypto(nodePrimitives)],
  ["ts-mls on noble", () => loadTsMlsGroupCrypto(noblePrimitives)],
  ["stub", async () => new StubGroupCrypto({ ledger: new KeyUseLedger(), random: nodeRandom })],
];

// ts-mls holds lifetimes against the machine's clock too, so "now" has to be now.
const nowMs = Date.now();
const groupId = nodeRandom.bytes(32);
const alice = identity("alice");
const bob = identity("bob");

describe.each(implementations)("%s", (_name, load) => {
  let crypto: GroupCrypto;
  beforeAll(async () => {
    crypto = await load();
  });

  test("[X2] a creator and the one who joins hold the same group and know each other", async () => {
    const { aliceState, bobState, joined } = await createdPair(crypto);
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

  test("credentials come back byte for byte, up to the longest", async () => {
    const longest = { ...bob, credential: nodeRandom.bytes(credentialBytesMax) };
    const zeros = { ...alice, credential: new Uint8Array(300) };
    const { keyPackage } = await crypto.createKeyPackage(longest, nowMs);
    expect((await crypto.inspectKeyPackage(keyPackage, nowMs))?.credential).toEqual(longest.credential);
    const { joined } = await createdPair(crypto, zeros, longest);
    expect(joined.members.map((one) => one.credential)).toEqual([zeros.credential, longest.credential]);
  });

  test("200 messages go both ways, each from a state that was stored in between", async () => {
    const [a, b] = await sides(crypto);
    for (let i = 0; i < 200; i++) {
      const [from, to] = i % 3 === 0 ? [b, a] : [a, b];
      const outcome = await to.receive(await from.send(`message ${i}`));
      expect(textOf(outcome)).toBe(`message ${i}`);
    }
    expect([a.received, b.received]).toEqual([67, 133]);
  });

  test("a message names its sender, and its sender's messages are numbered without gaps", async () => {
    const [a, b] = await sides(crypto);
    for (let generation = 0; generation < 3; generation++) {
      const outcome = await b.receive(await a.send("hi"));
      expect(outcome).toMatchObject({ generation, sender: { index: 0, credential: alice.credential } });
    }
    expect(await a.receive(await b.send("hi"))).toMatchObject({ generation: 0, sender: { index: 1 } });
  });

  test("messages out of order are all decrypted", async () => {
    const [a, b] = await sides(crypto);
    const sent = await a.sendAll(["0", "1", "2", "3", "4", "5"]);
    for (const i of [4, 0, 3, 5, 1, 2]) expect(textOf(await b.receive(sent[i]!))).toBe(String(i));
  });

  test("[X6] the keys of skipped messages are kept up to their bound, the oldest dropped", async () => {
    const [a, b] = await sides(crypto);
    const sent = await a.sendAll(Array.from({ length: skippedKeysMax + 2 }, (_, i) => `${i}`));
    expect(textOf(await b.receive(sent.at(-1)!))).toBe(`${skippedKeysMax + 1}`);
    expect(await b.receive(sent[0]!)).toEqual({ kind: "duplicate" });
    expect(textOf(await b.receive(sent[1]!))).toBe("1");
    expect(textOf(await b.receive(sent[skippedKeysMax]!))).toBe(`${skippedKeysMax}`);
  });

  test("a second delivery is a duplicate, in order or out of order", async () => {
    const [a, b] = await sides(crypto);
    const [first, second, third] = await a.sendAll(["1", "2", "3"]);
    await b.receive(first!);
    expect(await b.receive(first!)).toEqual({ kind: "duplicate" });
    await b.receive(third!);
    await b.receive(second!);
    expect(await b.receive(second!)).toEqual({ kind: "duplicate" });
    expect(await b.receive(third!)).toEqual({ kind: "duplicate" });
  });

  test("a device's own message is told apart", async () => {
    const [a] = await sides(crypto);
    expect(await a.receive(await a.send("to myself"))).toEqual({ kind: "own" });
  });

  test("another group's message is told apart, also where the members are the same", async () => {
    const [a] = await sides(crypto);
    const other = await createdPair(crypto, alice, bob, nodeRandom.bytes(32));
    const outsider = new Side(crypto, other.bobState);
    expect(await outsider.receive(await a.send("hi"))).toEqual({ kind: "wrong-group" });
  });

  test("the header says group and epoch before anything is decrypted", async () => {
    const [a] = await sides(crypto);
    expect(crypto.header(await a.send("hi"))).toEqual({ groupId, epoch: 1n });
    expect(crypto.header(new Uint8Array())).toBeUndefined();
    expect(crypto.header(nodeRandom.bytes(300))).toBeUndefined();
  });

  test("a message damaged anywhere is never taken, and the right one still is", async () => {
    const [a, b] = await sides(crypto);
    const message = await a.send("the right one");
    for (let i = 0; i < message.length; i += 3) {
      expect((await b.receive(flipped(message, i))).kind, `byte ${i}`).not.toBe("message");
    }
    expect((await b.receive(flipped(message, message.length - 1))).kind).toBe("corrupt");
    for (const bytes of [message.subarray(0, -1), withByte(message), new Uint8Array()]) {
      expect((await b.receive(bytes)).kind).toBe("corrupt");
    }
    expect(textOf(await b.receive(message))).toBe("the right one");
  });

  test("clear data arrives as it was written, or the message is not taken", async () => {
    const [a, b] = await sides(crypto);
    const clear = new TextEncoder().encode("clear data beside it");
    const { message } = await crypto.encrypt(a.state, text("hi"), clear);
    const at = Buffer.from(message).indexOf(clear);
    expect(at).toBeGreaterThan(0);
    expect((await b.receive(flipped(message, at))).kind).toBe("corrupt");
    expect(await b.receive(message)).toMatchObject({ kind: "message", authenticatedData: clear });
  });

  test("a message may be empty and as long as the bound, and one byte more is our mistake", async () => {
    const [a, b] = await sides(crypto);
    for (const length of [0, 1, plaintextBytesMax]) {
      const { state, message } = await crypto.encrypt(a.state, new Uint8Array(length).fill(7));
      a.state = state;
      const outcome = await b.receive(message);
      expect(outcome.kind === "message" && outcome.plaintext.length).toBe(length);
    }
    await expect(crypto.encrypt(a.state, new Uint8Array(plaintextBytesMax + 1))).rejects.toThrow();
    const clear = new Uint8Array(authenticatedDataBytesMax + 1);
    await expect(crypto.encrypt(a.state, text("hi"), clear)).rejects.toThrow();
  });

  test("no operation changes the bytes it is given", async () => {
    const { aliceState, bobState } = await createdPair(crypto);
    const before = [Uint8Array.from(aliceState), Uint8Array.from(bobState)];
    const { message } = await crypto.encrypt(aliceState, text("hi"));
    const messageBefore = Uint8Array.from(message);
    expect((await crypto.decrypt(bobState, message)).kind).toBe("message");
    expect([aliceState, bobState]).toEqual(before);
    expect(message).toEqual(messageBefore);
    expect(alice).toEqual(identity("alice"));
    // So a transaction that failed can be tried again from the state that is still stored.
    expect((await crypto.decrypt(bobState, message)).kind).toBe("message");
  });

  test("a damaged stored state is an error of ours, not an outcome", async () => {
    const [a, b] = await sides(crypto);
    const message = await a.send("hi");
    for (const bytes of [new Uint8Array(), withByte(b.state), b.state.subarray(1), b.state.subarray(0, 40)]) {
      await expect(crypto.decrypt(storedGroupState(bytes), message)).rejects.toThrow();
    }
  });

  test("a Welcome names the key package it is for, and no other joins by it", async () => {
    const wanted = await crypto.createKeyPackage(bob, nowMs);
    const other = await crypto.createKeyPackage(bob, nowMs);
    expect(other.reference).not.toEqual(wanted.reference);
    const created = await crypto.createPair({
      groupId,
      identity: alice,
      peerKeyPackage: wanted.keyPackage,
      nowMs,
    });
    if (created.kind !== "created") throw new Error(created.reason);
    const { welcome } = created;
    expect(crypto.welcomeReferences(welcome)).toEqual([wanted.reference]);
    expect(crypto.welcomeReferences(wanted.keyPackage)).toBeUndefined();
    const join = (keys: { keyPackage: Uint8Array; privatePart: Uint8Array }, bytes = welcome) =>
      crypto.join({ welcome: bytes, identity: bob, ...keys });
    expect((await join(other)).kind).toBe("refused");
    expect((await join({ ...wanted, privatePart: other.privatePart })).kind).toBe("refused");
    expect((await join(wanted, withByte(welcome))).kind).toBe("refused");
    for (let i = 0; i < welcome.length; i += 11) {
      expect((await join(wanted, flipped(welcome, i))).kind, `byte ${i}`).toBe("refused");
    }
    await expect(crypto.join({ welcome, identity: alice, ...wanted })).rejects.toThrow();
    expect((await join(wanted)).kind).toBe("joined");
  });

  test("a key package says whose it is and until when", async () => {
    const { keyPackage, reference } = await crypto.createKeyPackage(bob, nowMs);
    const info = await crypto.inspectKeyPackage(keyPackage, nowMs);
    expect(info).toMatchObject({
      credential: bob.credential,
      signatureKey: bob.signaturePublicKey,
      reference,
    });
    expect(Math.abs(info!.expiresMs - nowMs - keyPackageLifetimeMs)).toBeLessThan(1000);
  });

  test("[X7] a key package outside its lifetime is refused, by a slow clock within a day it is not", async () => {
    const { keyPackage } = await crypto.createKeyPackage(bob, nowMs);
    const validAt = async (timeMs: number) =>
      (await crypto.inspectKeyPackage(keyPackage, timeMs)) !== undefined;
    expect(await validAt(nowMs - clockSkewMs + 1000)).toBe(true);
    expect(await validAt(nowMs - clockSkewMs - 1000)).toBe(false);
    expect(await validAt(nowMs + keyPackageLifetimeMs - 1000)).toBe(true);
    expect(await validAt(nowMs + keyPackageLifetimeMs + 1000)).toBe(false);
    const expired = await crypto.createKeyPackage(bob, nowMs - keyPackageLifetimeMs - 1000);
    expect(await refusal(crypto, expired.keyPackage)).toBe("the key package is not valid");
  });

  test("a key package with a broken signature, or damaged anywhere, is refused", async () => {
    const { keyPackage } = await crypto.createKeyPackage(bob, nowMs);
    for (let i = 0; i < keyPackage.length; i += 5) {
      expect(await crypto.inspectKeyPackage(flipped(keyPackage, i), nowMs), `byte ${i}`).toBeUndefined();
    }
    // Its last byte is the signature's.
    const broken = flipped(keyPackage, keyPackage.length - 1);
    for (const bytes of [broken, withByte(keyPackage), keyPackage.subarray(1), new Uint8Array()]) {
      expect(await crypto.inspectKeyPackage(bytes, nowMs)).toBeUndefined();
      expect(await refusal(crypto, bytes)).toBe("the key package is not valid");
    }
  });

  test("nobody makes a pair with their own device", async () => {
    const { keyPackage } = await crypto.createKeyPackage(alice, nowMs);
    expect(await refusal(crypto, keyPackage)).toBe("the key package is this device's own");
  });
});

/** One device's view of a group; its state is read back from a copy each time, as from a store. */
class Side {
  readonly #crypto: GroupCrypto;
  state: GroupState;
  received = 0;

  constructor(crypto: GroupCrypto, state: GroupState) {
    this.#crypto = crypto;
    this.state = state;
  }

  async send(content: string): Promise<Uint8Array> {
    const { state, message } = await this.#crypto.encrypt(this.state, text(content));
    this.state = storedGroupState(Uint8Array.from(state));
    return message;
  }

  async sendAll(contents: string[]): Promise<Uint8Array[]> {
    const messages: Uint8Array[] = [];
    for (const content of contents) messages.push(await this.send(content));
    return messages;
  }

  async receive(message: Uint8Array): Promise<DecryptOutcome> {
    const outcome = await this.#crypto.decrypt(this.state, message);
    if (outcome.kind === "message") {
      this.state = storedGroupState(Uint8Array.from(outcome.state));
      this.received++;
    }
    return outcome;
  }
}

async function sides(crypto: GroupCrypto): Promise<[Side, Side]> {
  const { aliceState, bobState } = await createdPair(crypto);
  return [new Side(crypto, aliceState), new Side(crypto, bobState)];
}

async function createdPair(crypto: GroupCrypto, creator = alice, joiner = bob, id = groupId) {
  const { keyPackage, privatePart } = await crypto.createKeyPackage(joiner, nowMs);
  const created = await crypto.createPair({
    groupId: id,
    identity: creator,
    peerKeyPackage: keyPackage,
    nowMs,
  });
  if (created.kind !== "created") throw new Error(created.reason);
  const joined = await crypto.join({ welcome: created.welcome, identity: joiner, keyPackage, privatePart });
  if (joined.kind !== "joined") throw new Error(joined.reason);
  return { aliceState: created.state, bobState: joined.state, joined };
}

async function refusal(crypto: GroupCrypto, peerKeyPackage: Uint8Array): Promise<string> {
  const outcome = await crypto.createPair({ groupId, identity: alice, peerKeyPackage, nowMs });
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

function textOf(outcome: DecryptOutcome): string {
  return outcome.kind === "message" ? new TextDecoder().decode(outcome.plaintext) : outcome.kind;
}

function flipped(bytes: Uint8Array, index: number): Uint8Array {
  return bytes.map((byte, i) => (i === index ? byte ^ 1 : byte));
}

function withByte(bytes: Uint8Array): Uint8Array {
  return Uint8Array.from([...bytes, 0]);
}
