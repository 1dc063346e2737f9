/** The simulation's key-reuse checker has to notice what it is there for, and nothing else. */
import { nodeRandom } from "@fedchat/protocol/primitives/node";
import { afterEach, expect, test, vi } from "vitest";
import { KeyUseLedger, StubGroupCrypto } from "../../../test/simulation/stub-group.ts";
import type { GroupState, MemberIdentity } from "../src/mls/group-crypto.ts";

const nowMs = 1_800_000_000_000;
const alice = identity(1);
const bob = identity(2);

afterEach(() => {
  vi.unstubAllEnvs();
});

test("two contents from one state that both leave are one key used twice, and caught where they leave", async () => {
  const { stub, ledger, aliceState } = await pair();
  const first = await stub.encrypt(aliceState, text("first"));
  const second = await stub.encrypt(aliceState, text("second"));
  ledger.left(first.message);
  expect(() => ledger.left(second.message)).toThrow("one key sealed two contents");
});

test("the receiver of the second content catches it, also where nobody watches the wire", async () => {
  const { stub, aliceState, bobState } = await pair();
  const first = await stub.encrypt(aliceState, text("first"));
  const second = await stub.encrypt(aliceState, text("second"));
  await stub.decrypt(bobState, first.message);
  await expect(stub.decrypt(bobState, second.message)).rejects.toThrow("one key sealed two contents");
});

test("a state that went back to before a message that left cannot encrypt something else", async () => {
  const { stub, ledger, aliceState } = await pair();
  ledger.left((await stub.encrypt(aliceState, text("first"))).message);
  await expect(stub.encrypt(aliceState, text("second"))).rejects.toThrow("one key sealed two contents");
  await expect(stub.encrypt(aliceState, text("first"), text("other clear data"))).rejects.toThrow();
});

test("a message that a crash kept from leaving, and one that leaves twice, are no reuse", async () => {
  const { stub, ledger, aliceState, bobState } = await pair();
  await stub.encrypt(aliceState, text("lost in a crash before the commit"));
  const { message } = await stub.encrypt(aliceState, text("sent after it"));
  ledger.left(message);
  ledger.left(message);
  const received = await stub.decrypt(bobState, message);
  expect(received.kind).toBe("message");
  expect(ledger.size).toBe(1);
});

test("a group made again under one id has other keys", async () => {
  const { stub, ledger, aliceState } = await pair();
  ledger.left((await stub.encrypt(aliceState, text("before"))).message);
  const again = await pair(stub);
  ledger.left((await stub.encrypt(again.aliceState, text("after"))).message);
  expect(ledger.size).toBe(2);
});

test("one seed gives the same bytes", async () => {
  const run = async () => {
    const { stub, aliceState } = await pair();
    return (await stub.encrypt(aliceState, text("hi"))).message;
  };
  expect(await run()).toEqual(await run());
});

test("it refuses to work outside tests", () => {
  vi.stubEnv("VITEST", undefined);
  expect(() => new StubGroupCrypto({ ledger: new KeyUseLedger(), random: nodeRandom })).toThrow("tests only");
});

async function pair(existing?: StubGroupCrypto) {
  const ledger = new KeyUseLedger();
  const stub = existing ?? new StubGroupCrypto({ ledger, random: counting() });
  const { keyPackage, privatePart } = await stub.createKeyPackage(bob, nowMs);
  const groupId = new Uint8Array(32);
  const created = await stub.createPair({ groupId, identity: alice, peerKeyPackage: keyPackage, nowMs });
  if (created.kind !== "created") throw new Error(created.reason);
  const joined = await stub.join({ welcome: created.welcome, identity: bob, keyPackage, privatePart });
  if (joined.kind !== "joined") throw new Error(joined.reason);
  const states: { aliceState: GroupState; bobState: GroupState } = {
    aliceState: created.state,
    bobState: joined.state,
  };
  return { stub, ledger, ...states };
}

/** A random source for which a seed is the start of a count. */
function counting() {
  let next = 0;
  return { bytes: (length: number) => new Uint8Array(length).fill(++next) };
}

function identity(seed: number): MemberIdentity {
  const key = new Uint8Array(32).fill(seed);
  return { signaturePrivateKey: key, signaturePublicKey: key, credential: key };
}

function text(content: string): Uint8Array {
  return new TextEncoder().encode(content);
}
