import { describe, expect, test } from "vitest";
import type { AnswerOptions, DialOptions, ProvedServer, SecureChannel, ServerRecord } from "../src/index.ts";
import {
  answerChannel,
  decodeHello,
  decodeOpening,
  dialChannel,
  encode,
  encodeOpening,
  hello,
  limits,
  openingTimeoutMs,
  ProtocolError,
  sentenceOf,
  serverRecord,
} from "../src/index.ts";
import { alice, made, now, p, serverA, serverB, serverC } from "../vectors/make/cast.ts";
import { fromHex, toHex } from "../vectors/make/json.ts";
import { flipped, givenRandom, seededRandom } from "./backends.ts";
import { carrier, type Carrier, type OnTheWay, type SeenFrame } from "./carrier.ts";
import { ManualClock } from "./manual-clock.ts";
import { vectorFile } from "./vector-files.ts";

type Dialled = SecureChannel & { server: ProvedServer };
type Answered = SecureChannel & { server: ProvedServer | undefined };

interface Attempt {
  dialler: Dialled | ProtocolError;
  answerer: Answered | ProtocolError;
  seen: SeenFrame[];
  clock: ManualClock;
}

type Known = "XX" | "IK";
const both: Known[] = ["XX", "IK"];

function dialling(
  channel: Carrier,
  known: Known,
  clock: ManualClock,
  more: Partial<DialOptions> = {},
): Promise<Dialled> {
  return dialChannel({
    channel: channel.dialler,
    protocol: "fedchat-link",
    expects: serverB.id,
    noiseKey: known === "IK" ? serverB.record.noiseKey : undefined,
    staticKey: serverA.noisePrivateKey,
    record: serverA.signed,
    features: ["a-feature"],
    primitives: p,
    random: seededRandom("dialler"),
    clock,
    ...more,
  });
}

function answering(
  channel: Carrier,
  clock: ManualClock,
  more: Partial<AnswerOptions> = {},
): Promise<Answered> {
  return answerChannel({
    channel: channel.answerer,
    protocol: "fedchat-link",
    self: serverB.id,
    staticKey: serverB.noisePrivateKey,
    record: () => serverB.signed,
    features: ["another"],
    primitives: p,
    random: seededRandom("answerer"),
    clock,
    ...more,
  });
}

interface Differences {
  known?: Known;
  dial?: Partial<DialOptions>;
  answer?: Partial<AnswerOptions>;
  onTheWay?: OnTheWay;
}

/** Both ends at once; whoever is left waiting runs into the time-out. */
async function attempt({ known = "XX", dial, answer, onTheWay }: Differences = {}): Promise<Attempt> {
  const wire = carrier(onTheWay);
  const clock = new ManualClock(now);
  const ends = Promise.all([
    settled(dialling(wire, known, clock, dial)),
    settled(answering(wire, clock, answer)),
  ]);
  await turns();
  clock.advance(openingTimeoutMs);
  const [dialler, answerer] = await ends;
  expect(clock.pending).toBe(0);
  return { dialler, answerer, seen: wire.seen, clock };
}

async function opened(
  differences: Differences = {},
): Promise<{ a: Dialled; b: Answered; seen: SeenFrame[] }> {
  const { dialler, answerer, seen } = await attempt(differences);
  if (dialler instanceof Error) throw dialler;
  if (answerer instanceof Error) throw answerer;
  return { a: dialler, b: answerer, seen };
}

async function settled<T>(opening: Promise<T>): Promise<T | ProtocolError> {
  try {
    return await opening;
  } catch (error) {
    if (error instanceof ProtocolError) return error;
    throw error;
  }
}

/** Lets everything run that waits for nothing but its turn. */
async function turns(): Promise<void> {
  for (let i = 0; i < 50; i++) await Promise.resolve();
}

function codesOf({ dialler, answerer }: Attempt): (string | undefined)[] {
  return [dialler, answerer].map((end) => (end instanceof ProtocolError ? end.code : undefined));
}

/** Everything that arrives, as numbers of its first bytes. */
function listen(channel: SecureChannel): { batches: number[][]; reasons: string[] } {
  const heard = { batches: [] as number[][], reasons: [] as string[] };
  channel.onMessages = (messages) => heard.batches.push(messages.map(([first]) => first!));
  channel.onClose = (reason) => heard.reasons.push(reason);
  return heard;
}

/** Changes the frame of one side at one place, all others pass. */
const at =
  (side: "dialler" | "answerer", place: number, change: (frame: Uint8Array) => Uint8Array[]): OnTheWay =>
  (frame, from, index) =>
    from === side && index === place ? change(frame) : [frame];

const record = (server: typeof serverA, more: Partial<ServerRecord>) =>
  serverRecord.sign(p, server.seed, { ...server.record, ...more });

describe.each(both)("an opening (%s)", (known) => {
  test("[L2] each proves to the other who it is, over one handshake", async () => {
    const { a, b } = await opened({ known });
    expect(a.server.record).toEqual(serverB.record);
    expect(a.server.features).toEqual(["another"]);
    expect(b.server?.record).toEqual(serverA.record);
    expect(b.server?.signed).toEqual(serverA.signed);
    expect(b.server?.features).toEqual(["a-feature"]);
    expect(a.handshakeHash).toEqual(b.handshakeHash);
    expect(b.remoteStaticKey).toEqual(serverA.record.noiseKey);
  });

  test("[L2] no two openings share a handshake hash", async () => {
    const one = await opened({ known });
    const other = await opened({ known, dial: { random: seededRandom("again") } });
    expect(one.a.handshakeHash).not.toEqual(other.a.handshakeHash);
  });

  test("[L3] a device is known by its key and shows no record", async () => {
    const device = alice.devices[0]!;
    const { b, seen } = await opened({
      known,
      dial: { protocol: "fedchat-client", staticKey: device.noisePrivateKey, record: undefined },
      answer: { protocol: "fedchat-client" },
    });
    expect(b.server).toBeUndefined();
    expect(b.remoteStaticKey).toEqual(device.certificate.noiseKey);
    const key = toHex(device.certificate.noiseKey);
    expect(seen.some(({ frame }) => toHex(frame).includes(key))).toBe(false);
  });

  test("[L1] another server than the expected one refuses by itself", async () => {
    const outcome = await attempt({ known, dial: { expects: serverC.id } });
    expect(codesOf(outcome)).toEqual(["wrong-server-key", "wrong-server-key"]);
  });

  test("[L1] another protocol is refused", async () => {
    const outcome = await attempt({ known, dial: { protocol: "fedchat-client" } });
    expect(codesOf(outcome)).toEqual(["malformed", "malformed"]);
  });

  test("[L3] a server that claims to be the expected one without its record is found out", async () => {
    const outcome = await attempt({ known, answer: { record: () => serverC.signed } });
    expect(codesOf(outcome)).toEqual(["wrong-server-key", "unreachable"]);
  });

  test("[L3] another server's record does not fit the dialler's Noise key", async () => {
    const outcome = await attempt({ known, dial: { record: serverC.signed } });
    expect(outcome.answerer).toMatchObject({ code: "wrong-server-key" });
  });

  test("[L3] a record whose signature is wrong is refused", async () => {
    const forged = serverRecord.sign(p, serverC.seed, serverA.record);
    expect((await attempt({ known, dial: { record: forged } })).answerer).toMatchObject({
      code: "malformed",
    });
    expect((await attempt({ known, answer: { record: () => forged } })).dialler).toMatchObject({
      code: "malformed",
    });
  });

  test.each([
    ["expired", { sequence: now - 2, issued: now - 2, expires: now - 1 }],
    ["a week ahead", { sequence: now + 7 * 86_400_000 }],
  ])("[L3] [R3] a record that is %s opens nothing", async (_, change) => {
    const old = { known, dial: { record: record(serverA, change) } };
    expect((await attempt(old)).answerer).toMatchObject({ code: "handshake-failed" });
    const theirs = { known, answer: { record: () => record(serverB, change) } };
    expect((await attempt(theirs)).dialler).toMatchObject({ code: "handshake-failed" });
  });

  test("[L1] a dialler without a record opens no link", async () => {
    expect((await attempt({ known, dial: { record: undefined } })).answerer).toMatchObject({
      code: "malformed",
    });
  });

  test.each([
    ["features", { features: [] }],
    ["versions", { versions: [1, 2] }],
    ["the pattern", { pattern: known === "XX" ? ("IK" as const) : ("XX" as const) }],
  ])("[L2] %s changed on the way: no handshake", async (_, change) => {
    const outcome = await attempt({
      known,
      onTheWay: at("dialler", 0, (frame) => {
        const { hello: said, noise } = decodeOpening(frame);
        return [encodeOpening({ hello: encode(hello, { ...decodeHello(said!), ...change }), noise: noise! })];
      }),
    });
    expect(outcome.dialler).toMatchObject({ code: "handshake-failed" });
    expect(outcome.answerer).toBeInstanceOf(ProtocolError);
  });

  test("[L1] a version that is not offered is refused with its code", async () => {
    const outcome = await attempt({
      known,
      onTheWay: at("dialler", 0, (frame) => {
        const { hello: said, noise } = decodeOpening(frame);
        return [
          encodeOpening({ hello: encode(hello, { ...decodeHello(said!), versions: [7] }), noise: noise! }),
        ];
      }),
    });
    expect(codesOf(outcome)).toEqual(["unsupported-version", "unsupported-version"]);
  });

  test("[L2] a flipped bit anywhere in any frame: no channel at either end that the other does not have", async () => {
    const { seen } = await opened({ known });
    for (const [place, { from, frame }] of seen.entries()) {
      const index = seen.slice(0, place).filter((other) => other.from === from).length;
      const step = Math.max(1, Math.floor(frame.length / 12));
      for (let byte = 0; byte < frame.length; byte += step) {
        const outcome = await attempt({ known, onTheWay: at(from, index, (sent) => [flipped(sent, byte)]) });
        expect(outcome.answerer, `${from} frame ${index} byte ${byte}`).toBeInstanceOf(ProtocolError);
      }
    }
  });

  test.each([
    ["garbage", () => made("garbage", 100)],
    ["nothing", () => new Uint8Array(0)],
    ["half of it", (frame: Uint8Array) => frame.subarray(0, frame.length / 2)],
    ["text", () => new TextEncoder().encode("HTTP/1.1 400 Bad Request")],
    ["far too much", () => new Uint8Array(limits.frameBytesMax)],
    ["an empty opening", () => encodeOpening({})],
  ])("[L6] %s instead of a frame ends the opening, at every stage", async (_, instead) => {
    const { seen } = await opened({ known });
    for (const [place, { from }] of seen.entries()) {
      const index = seen.slice(0, place).filter((other) => other.from === from).length;
      const outcome = await attempt({ known, onTheWay: at(from, index, (frame) => [instead(frame)]) });
      expect(outcome.answerer, `${from} frame ${index}`).toBeInstanceOf(ProtocolError);
    }
  });

  test("[L6] a peer that stays silent is given up after ten seconds, at every stage", async () => {
    const { seen } = await opened({ known });
    for (const [place, { from }] of seen.entries()) {
      const index = seen.slice(0, place).filter((other) => other.from === from).length;
      const outcome = await attempt({ known, onTheWay: at(from, index, () => []) });
      expect(outcome.answerer).toBeInstanceOf(ProtocolError);
      if (from === "dialler" && index === 0) expect(codesOf(outcome)).toEqual(["not-fedchat", "not-fedchat"]);
    }
  });

  test("[L6] a carrier that closes early ends the opening", async () => {
    const wire = carrier();
    const dialler = settled(dialling(wire, known, new ManualClock(now)));
    await turns();
    wire.answerer.close("going away");
    expect(await dialler).toMatchObject({
      code: "unreachable",
      message: "The connection closed: going away",
    });
  });

  test("[L6] a flood before the opening is complete is not kept", async () => {
    for (const [count, size] of [
      [limits.earlyFramesMax + 2, 10],
      [4, limits.frameBytesMax],
    ] as const) {
      const outcome = await attempt({
        known,
        onTheWay: at("dialler", 0, (frame) => [
          frame,
          ...Array.from({ length: count }, () => new Uint8Array(size)),
        ]),
      });
      expect(outcome.answerer).toMatchObject({ code: "malformed" });
    }
  });

  test("[L5] what follows the last frame of the opening in the same breath is not lost", async () => {
    const wire = carrier();
    const clock = new ManualClock(now);
    const answered = answering(wire, clock);
    const dialled = dialling(wire, known, clock).then((channel) => {
      for (let i = 1; i <= 3; i++) {
        channel.send(Uint8Array.of(i));
        void Promise.resolve().then(() => channel.send(Uint8Array.of(10 + i)));
      }
      return channel;
    });
    const [, b] = await Promise.all([dialled, answered]);
    const heard = listen(b);
    await turns();
    expect(heard.batches.flat()).toEqual([1, 2, 3, 11, 12, 13]);
  });
});

describe("a changed key", () => {
  test("[L4] IK to a server with a new Noise key fails; XX then finds the new record", async () => {
    const fresh = made("new noise key of bob");
    const answer = {
      staticKey: fresh,
      record: () => record(serverB, { noiseKey: p.x25519.publicKey(fresh), sequence: now + 1 }),
    };
    expect(codesOf(await attempt({ known: "IK", answer }))).toEqual(["handshake-failed", "handshake-failed"]);
    const { a } = await opened({ known: "XX", answer });
    expect(a.server.record.sequence).toBe(now + 1);
  });

  test("[L3] who holds an old Noise key but not the server key is refused", async () => {
    const stolen = made("key of a thief");
    const outcome = await attempt({ answer: { staticKey: stolen } });
    expect(outcome.dialler).toMatchObject({ code: "wrong-server-key" });
  });

  test("a weak key that is known for a server leads nowhere", async () => {
    const outcome = await attempt({ dial: { noiseKey: new Uint8Array(32) } });
    expect(outcome.dialler).toMatchObject({ code: "handshake-failed" });
  });
});

describe("replay", () => {
  test.each(both)("[L4] the frames of an old opening (%s) open nothing", async (known) => {
    const { seen } = await opened({ known });
    const wire = carrier();
    const answered = settled(answering(wire, new ManualClock(now), { random: seededRandom("another day") }));
    for (const { from, frame } of seen) if (from === "dialler") wire.dialler.send(frame);
    await turns();
    expect(await answered).toMatchObject({ code: "handshake-failed" });
  });
});

describe("refusals", () => {
  const refusing = (refused: {
    code: string;
    retry: "never" | "later" | "now";
    detail?: string;
    retryAfterMs?: number;
  }) => attempt({ onTheWay: at("answerer", 0, () => [encodeOpening({ refused })]) });

  test("[L6] arrive with their code and time to wait", async () => {
    const { dialler } = await refusing({ code: "rate-limited", retry: "later", retryAfterMs: 9_000 });
    expect(dialler).toMatchObject({ code: "rate-limited", retryAfterMs: 9_000 });
  });

  test("[L6] come in the clear, so that their words are not shown", async () => {
    const { dialler } = await refusing({
      code: "blocked",
      retry: "never",
      detail: "Send your password to...",
    });
    expect((dialler as ProtocolError).message).toBe(sentenceOf("blocked"));
  });

  test("[E3] with a code of a newer version keep its retry", async () => {
    const { dialler } = await refusing({ code: "too-early", retry: "now" });
    expect(dialler).toMatchObject({ code: "internal", retry: "now" });
  });

  test.each(["superseded", "blocked", "unsupported-version", "malformed", "too-early"])(
    "[L6] of the code %s are not for good, whatever they say",
    async (code) => {
      const { dialler } = await refusing({ code, retry: "never" });
      expect(dialler).toMatchObject({ retry: "later" });
      expect(codesOf(await refusing({ code, retry: "never" }))[0]).toBe(
        code === "too-early" ? "internal" : code,
      );
    },
  );

  test("[L6] once it has answered, the answerer sends nothing more in the clear", async () => {
    const { seen } = await attempt({ dial: { record: serverC.signed } });
    expect(seen.filter(({ from }) => from === "answerer")).toHaveLength(1);
  });

  test("a fault of our own is told as internal, without its words", async () => {
    const outcome = await attempt({
      answer: {
        record: () => {
          throw new Error("the key file is /home/bob/key");
        },
      },
    });
    expect(codesOf(outcome)).toEqual(["internal", "internal"]);
    expect((outcome.dialler as ProtocolError).message).toBe(sentenceOf("internal"));
  });
});

describe("an open channel", () => {
  test("[L5] batches arrive whole and in order, in both directions", async () => {
    const { a, b, seen } = await opened();
    const [atA, atB] = [listen(a), listen(b)];
    const before = seen.length;
    for (let i = 0; i < 5; i++) a.send(Uint8Array.of(i));
    b.send(Uint8Array.of(100));
    await turns();
    a.send(Uint8Array.of(5));
    await turns();
    expect(atB.batches).toEqual([[0, 1, 2, 3, 4], [5]]);
    expect(atA.batches).toEqual([[100]]);
    expect(seen.length - before).toBe(3);
  });

  test("[L5] more than one batch's worth leaves in several", async () => {
    const { a, b } = await opened();
    const atB = listen(b);
    const large = new Uint8Array(limits.frameBytesMax / 2);
    for (let i = 1; i <= 4; i++) a.send(large.with(0, i));
    expect(a.bufferedBytes).toBeGreaterThan(0);
    await turns();
    expect(atB.batches.flat()).toEqual([1, 2, 3, 4]);
    expect(atB.batches.length).toBeGreaterThan(2);
  });

  test("[L5] closing sends what was queued, then tells the reason at both ends", async () => {
    const { a, b } = await opened();
    const [atA, atB] = [listen(a), listen(b)];
    a.send(Uint8Array.of(7));
    a.close("done");
    a.send(Uint8Array.of(8));
    expect(a.closed).toBe(true);
    await turns();
    expect(atB).toEqual({ batches: [[7]], reasons: ["done"] });
    expect(atA.reasons).toEqual(["done"]);
    expect(b.closed).toBe(true);
  });

  test("[L5] messages and a close that came before anybody listened are told, in order", async () => {
    const { a, b } = await opened();
    a.send(Uint8Array.of(1));
    await turns();
    a.send(Uint8Array.of(2));
    a.close("done");
    await turns();
    expect(b.closed).toBe(true);
    const order: (number | string)[] = [];
    b.onClose = (reason) => order.push(reason);
    b.onMessages = (messages) => order.push(...messages.map(([first]) => first!));
    await turns();
    expect(order).toEqual([1, 2, "done"]);
  });

  test("[L5] what arrives while the held messages are handled does not overtake them", async () => {
    const { a, b } = await opened();
    for (let i = 1; i <= 3; i++) {
      a.send(Uint8Array.of(i));
      await turns();
    }
    const order: number[] = [];
    b.onMessages = (messages) => {
      order.push(...messages.map(([first]) => first!));
      if (order.length === 1) a.send(Uint8Array.of(9));
    };
    await turns();
    expect(order).toEqual([1, 2, 3, 9]);
  });

  test("[L6] nobody listening is no reason to hold without end", async () => {
    const { a, b } = await opened();
    for (let i = 0; i <= limits.earlyFramesMax; i++) {
      a.send(Uint8Array.of(i));
      await turns();
    }
    expect(b.closed).toBe(true);
  });

  test.each([
    ["a flipped bit", (frame: Uint8Array) => [flipped(frame, 5)]],
    ["the same frame twice", (frame: Uint8Array) => [frame, frame]],
    ["a frame in between", (frame: Uint8Array) => [made("garbage", 40), frame]],
    ["nothing at all", () => [new Uint8Array(0)]],
    ["a frame beyond every bound", () => [new Uint8Array(limits.frameBytesMax + 17)]],
    ["half a frame", (frame: Uint8Array) => [frame.subarray(0, 10)]],
  ])("[L5] %s on the way closes the channel, and nothing after it is heard", async (_, change) => {
    // XX: the dialler's frames 0 and 1 are the opening.
    const { a, b } = await opened({ onTheWay: at("dialler", 3, change) });
    const [atA, atB] = [listen(a), listen(b)];
    for (let i = 1; i <= 3; i++) {
      a.send(Uint8Array.of(i));
      await turns();
    }
    expect(atB.batches.flat()).not.toContain(3);
    expect(atB.batches.flat()[0]).toBe(1);
    expect(atB.reasons).toEqual(["malformed"]);
    expect(atA.reasons).toEqual(["malformed"]);
  });

  test("[L5] a frame left out closes the channel with the next one", async () => {
    const { a, b } = await opened({ onTheWay: at("dialler", 2, () => []) });
    const atB = listen(b);
    a.send(Uint8Array.of(1));
    await turns();
    a.send(Uint8Array.of(2));
    await turns();
    expect(atB).toEqual({ batches: [], reasons: ["malformed"] });
  });

  test("[L4] the frame that completes an IK opening completes nothing a second time", async () => {
    const { seen } = await opened({ known: "IK" });
    const confirmation = seen.findLast(({ from }) => from === "dialler")!.frame;
    const { b } = await opened({ known: "IK", onTheWay: at("dialler", 1, (frame) => [frame, confirmation]) });
    const atB = listen(b);
    await turns();
    expect(atB.reasons).toEqual(["malformed"]);
  });

  test("nothing that was said stands on the wire", async () => {
    const { a, b, seen } = await opened();
    listen(b);
    const secret = made("a secret", 32);
    a.send(secret);
    await turns();
    const wire = seen.map(({ frame }) => toHex(frame)).join(" ");
    expect(wire).not.toContain(toHex(secret));
    expect(wire).not.toContain(toHex(serverA.signed.subarray(20, 60)));
  });
});

interface Transcript {
  name: string;
  protocol: "fedchat-link" | "fedchat-client";
  pattern: Known;
  diallerStaticKey: string;
  diallerRecord: string | null;
  diallerEphemeralKey: string;
  answererStaticKey: string;
  answererRecord: string;
  answererEphemeralKey: string;
  messages: { from: "dialler" | "answerer"; message: string }[];
  handshakeHash: string;
  frames: { from: string; frame: string }[];
}

describe("published openings", () => {
  const { transcripts } = vectorFile<{ transcripts: Transcript[] }>("channel.json");

  test.each(transcripts)("[L2] $name: every byte", async (one) => {
    const wire = carrier();
    const clock = new ManualClock(now);
    const [a, b] = await Promise.all([
      dialling(wire, one.pattern, clock, {
        protocol: one.protocol,
        staticKey: fromHex(one.diallerStaticKey),
        record: one.diallerRecord === null ? undefined : fromHex(one.diallerRecord),
        random: givenRandom(fromHex(one.diallerEphemeralKey)),
      }),
      answering(wire, clock, {
        protocol: one.protocol,
        staticKey: fromHex(one.answererStaticKey),
        record: () => fromHex(one.answererRecord),
        features: [],
        random: givenRandom(fromHex(one.answererEphemeralKey)),
      }),
    ]);
    for (const { from, message } of one.messages) {
      (from === "dialler" ? a : b).send(fromHex(message));
      await turns();
    }
    expect(toHex(b.handshakeHash)).toBe(one.handshakeHash);
    expect(wire.seen.map(({ from, frame }) => ({ from, frame: toHex(frame) }))).toEqual(one.frames);
  });
});
