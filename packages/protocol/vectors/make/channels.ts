import type { Hello, SecureChannel } from "../../src/index.ts";
import {
  answerChannel,
  channelPrologue,
  dialChannel,
  encode,
  encodeOpening,
  hello,
  ProtocolError,
  serverProof,
  toWireError,
} from "../../src/index.ts";
import { encodeBatch } from "../../src/noise/index.ts";
import { carrier } from "../../test/carrier.ts";
import { ManualClock } from "../../test/manual-clock.ts";
import { alice, given, made, now, p, serverA, serverB } from "./cast.ts";
import { invalid, joined, valid, withField, withoutField } from "./cases.ts";
import { toHex, type Json } from "./json.ts";

const linkHello: Hello = {
  protocol: "fedchat-link",
  versions: [1],
  features: ["a-feature"],
  pattern: "XX",
  expects: serverB.id,
};
const proof = { record: serverA.signed, version: 1, features: ["a-feature"] };

export async function channels(): Promise<Json> {
  const helloBytes = encode(hello, linkHello);
  const opening = encodeOpening({ hello: helloBytes, noise: made("e") });
  const proofBytes = encode(serverProof, proof);
  const batch = encodeBatch([Uint8Array.of(1), made("a message", 5)]);
  return {
    about: [
      "valid, invalid: the structures of an opening, and batches before they are sealed.",
      "prologue: of a Noise handshake behind this hello.",
      "transcripts: whole openings. `frames` are the bytes on the carrier, in order; with these static and ephemeral keys (X25519 private keys) every byte is determined. `messages` are then sent each in a batch of its own. Noise_XX_25519_AESGCM_SHA256 or Noise_IK_25519_AESGCM_SHA256.",
    ],
    valid: [
      valid("hello", "a link", linkHello),
      valid("hello", "a device that knows the server", {
        protocol: "fedchat-client",
        versions: [1, 2],
        features: [],
        pattern: "IK",
        expects: serverB.id,
      }),
      valid("opening frame", "the first", { hello: helloBytes, noise: made("e") }),
      valid("opening frame", "a later one", { noise: made("noise message", 96) }),
      valid("opening frame", "a refusal", { refused: toWireError(new ProtocolError("wrong-server-key")) }),
      valid("server proof", "a server's", proof),
      valid("batch", "two messages", [Uint8Array.of(1), made("a message", 5)]),
    ],
    invalid: [
      invalid("hello", "another protocol", withField(helloBytes, "protocol", "fedchat-mail")),
      invalid("hello", "no version", withField(helloBytes, "versions", [])),
      invalid("hello", "nine versions", withField(helloBytes, "versions", [1, 2, 3, 4, 5, 6, 7, 8, 9])),
      invalid("hello", "an unknown pattern", withField(helloBytes, "pattern", "NN")),
      invalid("hello", "33 features", withField(helloBytes, "features", Array(33).fill("x"))),
      invalid("hello", "nobody expected", withoutField(helloBytes, "expects")),
      invalid("opening frame", "no CBOR", Uint8Array.of(0xff)),
      invalid("opening frame", "a hello of 2,049 bytes", withField(opening, "hello", new Uint8Array(2_049))),
      invalid("opening frame", "an empty Noise message", withField(opening, "noise", new Uint8Array(0))),
      invalid("opening frame", "129 items", withField(opening, "x", Array(129).fill(0))),
      invalid("server proof", "no record", withoutField(proofBytes, "record")),
      invalid("server proof", "version 65536", withField(proofBytes, "version", 65_536)),
      invalid("batch", "empty", new Uint8Array(0)),
      invalid("batch", "an empty message", new Uint8Array(4)),
      invalid("batch", "cut off", batch.subarray(0, -1)),
      invalid("batch", "a length cut off", joined(batch, [0, 0, 0])),
      invalid("batch", "a message beyond the batch", joined([0xff, 0xff, 0xff, 0xff], batch)),
    ],
    prologue: { hello: toHex(helloBytes), prologue: toHex(channelPrologue(helloBytes)) },
    transcripts: [
      await transcript("a link, first meeting", "fedchat-link", false),
      await transcript("a link, key known", "fedchat-link", true),
      await transcript("a device, server known", "fedchat-client", true),
    ],
  };
}

async function transcript(name: string, protocol: Hello["protocol"], known: boolean): Promise<Json> {
  const { dialler, answerer, seen } = carrier();
  const clock = new ManualClock(now);
  const link = protocol === "fedchat-link";
  const diallerEphemeral = made(`dialler's ephemeral key, ${name}`);
  const answererEphemeral = made(`answerer's ephemeral key, ${name}`);
  const staticKey = link ? serverA.noisePrivateKey : alice.devices[0]!.noisePrivateKey;
  const [a, b] = await Promise.all([
    dialChannel({
      channel: dialler,
      protocol,
      expects: serverB.id,
      noiseKey: known ? serverB.record.noiseKey : undefined,
      staticKey,
      record: link ? serverA.signed : undefined,
      features: ["a-feature"],
      primitives: p,
      clock,
      random: given(diallerEphemeral),
    }),
    answerChannel({
      channel: answerer,
      protocol,
      self: serverB.id,
      staticKey: serverB.noisePrivateKey,
      record: () => serverB.signed,
      features: [],
      primitives: p,
      clock,
      random: given(answererEphemeral),
    }),
  ]);
  const messages: [SecureChannel, string, Uint8Array][] = [
    [a, "dialler", made("first message", 20)],
    [b, "answerer", made("second message", 30)],
    [a, "dialler", made("third message", 10)],
  ];
  for (const [channel, , message] of messages) {
    channel.send(message);
    await Promise.resolve();
  }
  return {
    name,
    protocol,
    pattern: known ? "IK" : "XX",
    diallerStaticKey: toHex(staticKey),
    diallerRecord: link ? toHex(serverA.signed) : null,
    diallerEphemeralKey: toHex(diallerEphemeral),
    answerer: serverB.id,
    answererStaticKey: toHex(serverB.noisePrivateKey),
    answererRecord: toHex(serverB.signed),
    answererEphemeralKey: toHex(answererEphemeral),
    now,
    messages: messages.map(([, from, message]) => ({ from, message: toHex(message) })),
    handshakeHash: toHex(a.handshakeHash),
    frames: seen.map(({ from, frame }) => ({ from, frame: toHex(frame) })),
  };
}
