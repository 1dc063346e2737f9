import { existsSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { createHandshake } from "../src/noise/index.ts";
import type { Handshake, HandshakeOptions, PatternName, Role, Session } from "../src/noise/index.ts";
import { CipherState, nonceMax } from "../src/noise/index.ts";
import { AssertionError } from "../src/primitives/assert.ts";
import { nodePrimitives } from "../src/primitives/node.ts";
import type { Primitives } from "../src/primitives/primitives.ts";
import {
  ascii,
  backends,
  flipped,
  givenRandom,
  hex,
  lowOrderKeys,
  pairings,
  seededRandom,
  toHex,
} from "./backends.ts";

interface Vector {
  readonly protocol_name: string;
  readonly init_prologue: string;
  readonly init_static: string;
  readonly init_ephemeral: string;
  readonly init_remote_static?: string;
  readonly resp_prologue: string;
  readonly resp_static: string;
  readonly resp_ephemeral: string;
  readonly handshake_hash: string;
  readonly messages: readonly { readonly payload: string; readonly ciphertext: string }[];
}

const vectorFile = new URL("../../../../shared/vectors/noise/cacophony.json", import.meta.url);
const vectors: readonly Vector[] = existsSync(vectorFile)
  ? JSON.parse(readFileSync(vectorFile, "utf8")).vectors
  : [];
if (vectors.length === 0)
  console.warn(`The published Noise vectors are skipped: ${vectorFile.pathname} is not there.`);

describe.skipIf(vectors.length === 0).each(backends)("the published vectors on $name", ({ primitives }) => {
  test("cover both patterns", () => {
    expect(vectors.map((vector) => vector.protocol_name).toSorted()).toEqual([
      "Noise_IK_25519_AESGCM_SHA256",
      "Noise_XX_25519_AESGCM_SHA256",
    ]);
  });

  test.each(vectors)("$protocol_name", (vector) => {
    const pattern = vector.protocol_name.split("_")[1] as PatternName;
    const remote = vector.init_remote_static;
    const initiator = createHandshake({
      pattern,
      role: "initiator",
      prologue: hex(vector.init_prologue),
      staticKey: hex(vector.init_static),
      ...(remote === undefined ? {} : { remoteStaticKey: hex(remote) }),
      primitives,
      random: givenRandom(hex(vector.init_ephemeral)),
    });
    const responder = createHandshake({
      pattern,
      role: "responder",
      prologue: hex(vector.resp_prologue),
      staticKey: hex(vector.resp_static),
      primitives,
      random: givenRandom(hex(vector.resp_ephemeral)),
    });

    let sessions: [Session, Session] | undefined;
    for (const [turn, { payload, ciphertext }] of vector.messages.entries()) {
      const initiatorSpeaks = turn % 2 === 0;
      if (sessions === undefined) {
        const [writer, reader] = initiatorSpeaks ? [initiator, responder] : [responder, initiator];
        const written = mustSucceed(writer.writeMessage(hex(payload)));
        expect(toHex(written.message)).toBe(ciphertext);
        const read = mustSucceed(reader.readMessage(written.message));
        expect(toHex(read.payload)).toBe(payload);
        if (written.session !== undefined && read.session !== undefined) {
          sessions = initiatorSpeaks ? [written.session, read.session] : [read.session, written.session];
        }
      } else {
        const [writer, reader] = initiatorSpeaks ? sessions : [sessions[1], sessions[0]];
        const sealed = writer.send.seal(hex(payload));
        expect(toHex(sealed)).toBe(ciphertext);
        expect(toHex(reader.receive.open(sealed)!)).toBe(payload);
      }
    }

    for (const session of sessions!) expect(toHex(session.handshakeHash)).toBe(vector.handshake_hash);
    expect(sessions![0].remoteStaticKey).toEqual(primitives.x25519.publicKey(hex(vector.resp_static)));
    expect(sessions![1].remoteStaticKey).toEqual(primitives.x25519.publicKey(hex(vector.init_static)));
    expect(sessions![0].send.nonce + sessions![0].receive.nonce).toBe(pattern === "XX" ? 3 : 4);
  });
});

const aliceKey = new Uint8Array(32).fill(0xa1);
const bobKey = new Uint8Array(32).fill(0xb0);
const none = new Uint8Array(0);

describe.each(pairings)("Alice and Bob on $name", ({ ours, theirs }) => {
  test.each(["XX", "IK"] as const)(
    "%s: both end with the same hash, each other's key, and working ciphers",
    (pattern) => {
      const [alice, bob] = [start(pattern, "initiator", ours), start(pattern, "responder", theirs)];
      const [aliceSession, bobSession] = finish(alice, bob);

      expect(aliceSession.handshakeHash).toEqual(bobSession.handshakeHash);
      expect(aliceSession.remoteStaticKey).toEqual(ours.x25519.publicKey(bobKey));
      expect(bobSession.remoteStaticKey).toEqual(ours.x25519.publicKey(aliceKey));
      for (const text of ["one", "two", ""]) {
        expect(bobSession.receive.open(aliceSession.send.seal(ascii(text)))).toEqual(ascii(text));
        expect(
          aliceSession.receive.open(bobSession.send.seal(ascii(text), ascii("aad")), ascii("aad")),
        ).toEqual(ascii(text));
      }
    },
  );
});

describe("the order of a handshake", () => {
  test("XX: Alice knows Bob's key after his message, Bob knows hers after her second", () => {
    const [alice, bob] = [start("XX", "initiator"), start("XX", "responder")];
    bob.readMessage(mustSucceed(alice.writeMessage(none)).message);
    expect(bob.remoteStaticKey).toBeUndefined();
    mustSucceed(alice.readMessage(mustSucceed(bob.writeMessage(none)).message));
    expect(alice.remoteStaticKey).toEqual(nodePrimitives.x25519.publicKey(bobKey));
    mustSucceed(bob.readMessage(mustSucceed(alice.writeMessage(none)).message));
    expect(bob.remoteStaticKey).toEqual(nodePrimitives.x25519.publicKey(aliceKey));
  });

  test("IK: Bob knows who calls, and what she says, before he answers", () => {
    const [alice, bob] = [start("IK", "initiator"), start("IK", "responder")];
    const read = mustSucceed(bob.readMessage(mustSucceed(alice.writeMessage(ascii("it is me"))).message));
    expect(read.payload).toEqual(ascii("it is me"));
    expect(read.session).toBeUndefined();
    expect(bob.remoteStaticKey).toEqual(nodePrimitives.x25519.publicKey(aliceKey));
    expect(bob.ourTurn).toBe(true);
  });

  test("speaking out of turn or after the end is our own mistake", () => {
    const [alice, bob] = [start("IK", "initiator"), start("IK", "responder")];
    expect(() => bob.writeMessage(none)).toThrow(AssertionError);
    expect(() => alice.readMessage(new Uint8Array(100))).toThrow(AssertionError);
    finish(alice, bob);
    for (const end of [alice, bob]) {
      expect(end.ourTurn).toBe(false);
      expect(() => end.writeMessage(none)).toThrow(AssertionError);
      expect(() => end.readMessage(new Uint8Array(100))).toThrow(AssertionError);
    }
  });

  test("only the initiator of IK names the other's key", () => {
    const remoteStaticKey = nodePrimitives.x25519.publicKey(bobKey);
    expect(() => createHandshake({ ...options("IK", "initiator"), remoteStaticKey: none })).toThrow(
      AssertionError,
    );
    expect(() => createHandshake({ ...options("IK", "responder"), remoteStaticKey })).toThrow(AssertionError);
    expect(() => createHandshake({ ...options("XX", "initiator"), remoteStaticKey })).toThrow(AssertionError);
    const { remoteStaticKey: _, ...without } = options("IK", "initiator");
    expect(() => createHandshake(without)).toThrow(AssertionError);
  });

  test("each handshake takes a fresh ephemeral key, so that two of the same pair share nothing", () => {
    const random = seededRandom("one source");
    const first = createHandshake({ ...options("XX", "initiator"), random });
    const second = createHandshake({ ...options("XX", "initiator"), random });
    expect(mustSucceed(first.writeMessage(none)).message).not.toEqual(
      mustSucceed(second.writeMessage(none)).message,
    );
  });
});

describe.each(backends)("a handshake refuses what is wrong, on $name", ({ primitives: p }) => {
  test("a message of 65,535 bytes is read, one byte more is oversized", () => {
    const [alice, bob] = [start("XX", "initiator", p), start("XX", "responder", p)];
    const longest = mustSucceed(alice.writeMessage(new Uint8Array(65_535 - 32))).message;
    expect(longest).toHaveLength(65_535);
    expect(mustSucceed(bob.readMessage(longest)).payload).toHaveLength(65_535 - 32);
    const other = start("XX", "responder", p);
    expect(other.readMessage(new Uint8Array(65_536).fill(9))).toEqual({ ok: false, fault: "oversized" });
    expect(() => start("XX", "initiator", p).writeMessage(new Uint8Array(65_535 - 31))).toThrow(
      AssertionError,
    );
  });

  test.each(["XX", "IK"] as const)("%s: every truncation of every message ends it", (pattern) => {
    const messagesOfPattern = pattern === "XX" ? 3 : 2;
    for (let target = 0; target < messagesOfPattern; target++) {
      const whole = reach(pattern, target, p);
      for (const length of lengthsToCut(whole.message.length)) {
        const { reader } = reach(pattern, target, p);
        const result = reader.readMessage(whole.message.subarray(0, length));
        const readable = pattern === "XX" && target === 0 && length >= 32; // Its payload is in the clear.
        expect(result.ok).toBe(readable);
        if (!result.ok) expect(["truncated", "unauthentic"]).toContain(result.fault);
      }
    }
  });

  test.each(["XX", "IK"] as const)(
    "%s: a changed byte anywhere shows at the latest in the next message",
    (pattern) => {
      const length = reach(pattern, 1, p).message.length;
      for (const index of [0, 31, 32, 47, length - 17, length - 1]) {
        const { reader, message } = reach(pattern, 1, p);
        expect(reader.readMessage(flipped(message, index))).toEqual({ ok: false, fault: "unauthentic" });
        expect(() => reader.writeMessage(none)).toThrow(AssertionError);
      }
      const changedFirst = reach(pattern, 0, p);
      const first = changedFirst.reader.readMessage(
        flipped(changedFirst.message, changedFirst.message.length - 1),
      );
      if (pattern === "IK") expect(first).toEqual({ ok: false, fault: "unauthentic" });
      else {
        const answer = mustSucceed(changedFirst.reader.writeMessage(none)).message;
        expect(changedFirst.writer.readMessage(answer)).toEqual({ ok: false, fault: "unauthentic" });
      }
    },
  );

  test.each(["XX", "IK"] as const)("%s: another prologue is refused", (pattern) => {
    const alice = start(pattern, "initiator", p);
    const bob = createHandshake({ ...options(pattern, "responder", p), prologue: ascii("fedchat/v2") });
    const first = bob.readMessage(mustSucceed(alice.writeMessage(none)).message);
    if (pattern === "IK") expect(first).toEqual({ ok: false, fault: "unauthentic" });
    else {
      expect(alice.readMessage(mustSucceed(bob.writeMessage(none)).message)).toEqual({
        ok: false,
        fault: "unauthentic",
      });
    }
  });

  test("IK: whoever does not hold the expected key cannot read the first message", () => {
    const alice = start("IK", "initiator", p);
    const mallory = createHandshake({
      ...options("IK", "responder", p),
      staticKey: new Uint8Array(32).fill(0x66),
    });
    const result = mallory.readMessage(mustSucceed(alice.writeMessage(none)).message);
    expect(result).toEqual({ ok: false, fault: "unauthentic" });
  });

  test("XX and IK do not understand each other", () => {
    const bob = start("IK", "responder", p);
    const first = mustSucceed(start("XX", "initiator", p).writeMessage(new Uint8Array(64))).message;
    expect(bob.readMessage(first)).toEqual({ ok: false, fault: "unauthentic" });
  });

  test.each(lowOrderKeys.map((key) => ({ key, text: toHex(key) })))("the key $text is weak", ({ key }) => {
    const asked = start("XX", "responder", p);
    mustSucceed(asked.readMessage(key));
    expect(asked.writeMessage(none)).toEqual({ ok: false, fault: "weak-key" });

    const asking = start("XX", "initiator", p);
    asking.writeMessage(none);
    const answer = new Uint8Array(32 + 48 + 16);
    answer.set(key);
    expect(asking.readMessage(answer)).toEqual({ ok: false, fault: "weak-key" });

    const called = start("IK", "responder", p);
    const call = new Uint8Array(32 + 48 + 16);
    call.set(key);
    expect(called.readMessage(call)).toEqual({ ok: false, fault: "weak-key" });

    const calling = createHandshake({ ...options("IK", "initiator", p), remoteStaticKey: key });
    expect(calling.writeMessage(none)).toEqual({ ok: false, fault: "weak-key" });
  });
});

describe.each(backends)("a transport cipher on $name", ({ primitives: p }) => {
  const key = new Uint8Array(32).fill(0x42);
  const ends = (nonce = 0) => [new CipherState(p, key, nonce), new CipherState(p, key, nonce)] as const;

  test("a message opens once and in its place: replayed, reordered and lost ones do not", () => {
    const [send, receive] = ends();
    const [first, second, third] = ["1", "2", "3"].map((text) => send.seal(ascii(text)));
    expect(receive.open(second!)).toBeUndefined();
    expect(receive.open(first!)).toEqual(ascii("1"));
    expect(receive.open(first!)).toBeUndefined();
    expect(receive.open(third!)).toBeUndefined();
    expect(receive.open(second!)).toEqual(ascii("2"));
    expect(receive.nonce).toBe(2);
  });

  test("a changed, truncated or empty message, other additional data and one's own words are refused", () => {
    const [send, receive] = ends();
    const sealed = send.seal(ascii("hello"), ascii("aad"));
    for (const wrong of [flipped(sealed, 0), flipped(sealed, sealed.length - 1), sealed.subarray(1), none]) {
      expect(receive.open(wrong, ascii("aad"))).toBeUndefined();
    }
    expect(receive.open(sealed)).toBeUndefined();
    expect(receive.open(sealed, ascii("aad"))).toEqual(ascii("hello"));

    const [alice] = finish(start("XX", "initiator", p), start("XX", "responder", p));
    expect(alice.receive.open(alice.send.seal(ascii("an echo")))).toBeUndefined();
  });

  test("the nonce is four zero bytes and the counter, big-endian (Noise §12)", () => {
    const counter = 0x0012_3456_789a_bcde;
    const [send] = ends(counter);
    const nonce = hex("000000000012 3456789abcde");
    expect(send.seal(ascii("x"))).toEqual(p.aes256Gcm(key).seal(nonce, none, ascii("x")));
    expect(send.nonce).toBe(counter + 1);
  });

  test("the last nonce is used, then sealing asserts and opening refuses, and neither wraps", () => {
    const [send, receive] = ends(nonceMax - 1);
    expect(receive.open(send.seal(ascii("last")))).toEqual(ascii("last"));
    expect([send.exhausted, receive.exhausted]).toEqual([true, true]);
    expect(() => send.seal(ascii("one more"))).toThrow(AssertionError);
    expect(receive.open(new Uint8Array(40))).toBeUndefined();
    send.rekey();
    expect(send.exhausted).toBe(true);
  });

  test("rekeying follows Noise §4.2, keeps the counter, and must be done at both ends", () => {
    const [send, receive] = ends();
    receive.open(send.seal(ascii("before")));
    send.rekey();
    const sealed = send.seal(ascii("after"));
    expect(receive.open(sealed)).toBeUndefined();
    receive.rekey();
    expect(receive.open(sealed)).toEqual(ascii("after"));
    expect([send.nonce, receive.nonce]).toEqual([2, 2]);

    const block = p.aes256Gcm(key).seal(hex("00000000ffffffffffffffff"), none, new Uint8Array(32));
    const expected = new CipherState(p, block.subarray(0, 32), 1);
    expect(expected.seal(ascii("after"))).toEqual(sealed);
  });

  test("a frame of one mebibyte passes", () => {
    const [send, receive] = ends();
    const frame = new Uint8Array(1_048_576).fill(5);
    expect(toHex(p.sha256(receive.open(send.seal(frame))!))).toBe(toHex(p.sha256(frame)));
  });
});

function options(
  pattern: PatternName,
  role: Role,
  primitives: Primitives = nodePrimitives,
): HandshakeOptions {
  return {
    pattern,
    role,
    prologue: ascii("fedchat/v1"),
    staticKey: role === "initiator" ? aliceKey : bobKey,
    ...(pattern === "IK" && role === "initiator"
      ? { remoteStaticKey: primitives.x25519.publicKey(bobKey) }
      : {}),
    primitives,
    random: seededRandom(role),
  };
}

function start(pattern: PatternName, role: Role, primitives?: Primitives): Handshake {
  return createHandshake(options(pattern, role, primitives));
}

/** Runs a handshake to its end; the initiator's session first. */
function finish(initiator: Handshake, responder: Handshake): [Session, Session] {
  let [writer, reader] = [initiator, responder];
  for (let turn = 0; turn < 3; turn++) {
    const written = mustSucceed(writer.writeMessage(ascii(`turn ${turn}`)));
    const read = mustSucceed(reader.readMessage(written.message));
    expect(read.payload).toEqual(ascii(`turn ${turn}`));
    if (written.session !== undefined && read.session !== undefined) {
      return writer === initiator ? [written.session, read.session] : [read.session, written.session];
    }
    [writer, reader] = [reader, writer];
  }
  throw new Error("the handshake did not end");
}

/** A handshake just before message `target` is read. */
function reach(pattern: PatternName, target: number, primitives: Primitives) {
  let [writer, reader] = [start(pattern, "initiator", primitives), start(pattern, "responder", primitives)];
  for (let turn = 0; turn < target; turn++) {
    mustSucceed(reader.readMessage(mustSucceed(writer.writeMessage(ascii("payload"))).message));
    [writer, reader] = [reader, writer];
  }
  return { writer, reader, message: mustSucceed(writer.writeMessage(ascii("payload"))).message };
}

/** Around every boundary inside a handshake message, and some between. */
function lengthsToCut(length: number): number[] {
  const boundaries = [
    0,
    1,
    16,
    31,
    32,
    33,
    47,
    48,
    64,
    79,
    80,
    81,
    95,
    96,
    length - 17,
    length - 16,
    length - 1,
  ];
  return boundaries.filter((boundary) => boundary >= 0 && boundary < length);
}

function mustSucceed<T extends { readonly ok: boolean }>(result: T): Extract<T, { readonly ok: true }> {
  expect(result).toMatchObject({ ok: true });
  return result as Extract<T, { readonly ok: true }>;
}
