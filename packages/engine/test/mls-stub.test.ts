/** The simulation's key-reuse checker has to notice what it is there for, and nothing else. */
import { nodeRandom } from "@fedchat/protocol/primitives/node";
import { afterEach, expect, test, vi } from "vitest";
import { KeyUseLedger, StubGroupCrypto } from "../../../test/simulation/stub-group.ts";
import type { GroupState, MemberIdentity } from "../src/mls/group-crypto.ts";

const clock = { now: () => 1_800_000_000_000 };
const alice = identity(1);
const bob = identity(2);

afterEach(() => {
  vi.unstubAllEnvs();
});

test("two contents from one state that both leave are one key used twice, and caught where they leave", () => {
  const { stub, ledger, aliceState } = pair();
  const first = stub.encrypt(aliceState, text("first"));
  const second = stub.encrypt(aliceState, text("second"));
  ledger.left(first.message);
  expect(() => ledger.left(second.message)).toThrow("one key sealed two contents");
});

test("the receiver of the second content catches it, also where nobody watches the wire", () => {
  const { stub, aliceState, bobState } = pair();
  const first = stub.encrypt(aliceState, text("first"));
  const second = stub.encrypt(aliceState, text("second"));
  stub.decrypt(bobState, first.message);
  expect(() => stub.decrypt(bobState, second.message)).toThrow("one key sealed two contents");
});

test("a state that went back to before a message that left cannot encrypt something else", () => {
  const { stub, ledger, aliceState } = pair();
  ledger.left(stub.encrypt(aliceState, text("first")).message);
  expect(() => stub.encrypt(aliceState, text("second"))).toThrow("one key sealed two contents");
  expect(() => stub.encrypt(aliceState, text("first"), text("other clear data"))).toThrow();
});

test("a message that a crash kept from leaving, and one that leaves twice, are no reuse", () => {
  const { stub, ledger, aliceState, bobState } = pair();
  stub.encrypt(aliceState, text("lost in a crash before the commit"));
  const { message } = stub.encrypt(aliceState, text("sent after it"));
  ledger.left(message);
  ledger.left(message);
  const received = stub.decrypt(bobState, message);
  expect(received.kind).toBe("message");
  expect(ledger.size).toBe(1);
});

test("a group made again under one id has other keys", () => {
  const { stub, ledger, aliceState } = pair();
  ledger.left(stub.encrypt(aliceState, text("before")).message);
  const again = pair(stub);
  ledger.left(stub.encrypt(again.aliceState, text("after")).message);
  expect(ledger.size).toBe(2);
});

test("one seed gives the same bytes", () => {
  const run = () => {
    const { stub, aliceState } = pair();
    return stub.encrypt(aliceState, text("hi")).message;
  };
  expect(run()).toEqual(run());
});

test("it refuses to work outside tests", () => {
  vi.stubEnv("VITEST", undefined);
  expect(() => new StubGroupCrypto({ ledger: new KeyUseLedger(), random: nodeRandom, clock })).toThrow(
    "tests only",
  );
});

function pair(existing?: StubGroupCrypto) {
  const ledger = new KeyUseLedger();
  const stub = existing ?? new StubGroupCrypto({ ledger, random: counting(), clock });
  const { keyPackage, privatePart } = stub.createKeyPackage(bob);
  const groupId = new Uint8Array(32);
  const created = stub.createPair({ groupId, identity: alice, peerKeyPackage: keyPackage });
  if (created.kind !== "created") throw new Error(created.reason);
  const joined = stub.join({ welcome: created.welcome, identity: bob, keyPackage, privatePart });
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
