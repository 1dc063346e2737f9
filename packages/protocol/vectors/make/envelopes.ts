import type { Envelope } from "../../src/index.ts";
import { encodeEnvelope, envelopeId } from "../../src/index.ts";
import { alice, bob, made, now } from "./cast.ts";
import { invalid, joined, patched, valid } from "./cases.ts";
import type { Json } from "./json.ts";

export const roomEnvelope: Envelope = {
  id: envelopeId.fromBytes(made("an envelope", 16)),
  kind: "room",
  created: now,
  from: alice.account,
  to: [bob.account],
  payload: made("a payload", 40),
};

/** Offsets of the fixed layout. */
const kindAt = 16;
const createdAt = 17;
const countAt = 57;

export function envelopes(): Json {
  const one = encodeEnvelope(roomEnvelope);
  const lengthAt = countAt + 2 + 32;
  const two = encodeEnvelope({ ...roomEnvelope, to: [alice.account, bob.account] });
  return {
    about: [
      "Layout: id 16 · kind 1 · created 8 · from 32 · n 2 · n × recipient 32 · payload length 4 · payload; big-endian.",
    ],
    valid: [
      valid("envelope", "a room's message", roomEnvelope),
      valid("envelope", "a request", { ...roomEnvelope, kind: "request" }),
      valid("envelope", "an answer to two accounts", {
        ...roomEnvelope,
        kind: "answer",
        to: [alice.account, bob.account],
      }),
      valid("envelope", "no payload, the latest time", {
        ...roomEnvelope,
        created: Number.MAX_SAFE_INTEGER,
        payload: new Uint8Array(0),
      }),
    ],
    invalid: [
      invalid("envelope", "nothing", new Uint8Array(0)),
      invalid("envelope", "cut off", one.subarray(0, -1)),
      invalid("envelope", "a byte too many", joined(one, [0])),
      invalid("envelope", "kind 0", patched(one, kindAt, 0)),
      invalid("envelope", "kind 4", patched(one, kindAt, 4)),
      invalid("envelope", "a time of 2^53", patched(one, createdAt, 0, 0x20, 0, 0, 0, 0, 0, 0)),
      invalid("envelope", "no recipient", joined(one.subarray(0, countAt), [0, 0], one.subarray(lengthAt))),
      invalid("envelope", "1,001 recipients", patched(one, countAt, 0x03, 0xe9)),
      invalid(
        "envelope",
        "a recipient twice",
        patched(two, countAt + 2, ...two.subarray(countAt + 34, countAt + 66)),
      ),
      invalid("envelope", "a payload of 262,145 bytes claimed", patched(one, lengthAt, 0, 4, 0, 1)),
    ],
  };
}
