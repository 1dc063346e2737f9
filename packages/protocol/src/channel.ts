/**
 * How a link or a client session begins inside its WebSocket: a hello in the clear, then a Noise handshake whose
 * prologue is those very hello bytes, so that neither version nor features can be stripped. [L1] to [L6]
 *
 * dialler → hello ‖ Noise message 1 · answerer → Noise message 2 · XX: dialler → Noise message 3; IK: dialler → an
 * empty sealed frame. Instead of Noise message 2 the answerer may send a refusal in the clear.
 */
import type { TypeOf } from "./cbor/codec.ts";
import {
  array,
  bytes,
  DecodeError,
  decode,
  encode,
  literals,
  optional,
  struct,
  text,
  uint,
} from "./cbor/codec.ts";
import { wireError } from "./errors.ts";
import {
  handshakeFrameBytesMax,
  helloBytesMax,
  openingFrameBytesMax,
  recordBytesMax,
  signedOverheadBytesMax,
} from "./limits.ts";
import { serverId } from "./names.ts";

export const linkPath = "/fedchat/v1/link";
export const clientPath = "/fedchat/v1/client";
export const wellKnownPath = "/.well-known/fedchat";

export const protocolVersion = 1;

/** The dialler's first frame. */
export const hello = struct({
  protocol: literals("fedchat-link", "fedchat-client"),
  versions: array(uint({ max: 65_535 }), { min: 1, max: 8 }),
  features: array(text({ max: 40 }), { max: 32 }),
  /** XX where the answerer's Noise key is unknown, IK where it is known. */
  pattern: literals("XX", "IK"),
  /** Whom the dialler expects, so that one port may serve several homeservers and a wrong one says so at once. */
  expects: serverId.codec,
});
export type Hello = TypeOf<typeof hello>;

/** Frames until the handshake is complete. */
export const openingFrame = struct({
  hello: optional(bytes({ min: 1, max: helloBytesMax })),
  noise: optional(bytes({ min: 1, max: handshakeFrameBytesMax })),
  refused: optional(wireError),
});
export type OpeningFrame = TypeOf<typeof openingFrame>;

/** Encrypted payload of the Noise message that carries a homeserver's static key: binds it to the server's identity. */
export const serverProof = struct({
  record: bytes({ min: 1, max: recordBytesMax + signedOverheadBytesMax }),
  version: uint({ max: 65_535 }),
  features: array(text({ max: 40 }), { max: 32 }),
});
export type ServerProof = TypeOf<typeof serverProof>;

/** The Noise prologue of a channel. */
export function channelPrologue(helloBytes: Uint8Array): Uint8Array {
  const label = new TextEncoder().encode("fedchat/v1/channel\0");
  const prologue = new Uint8Array(label.length + helloBytes.length);
  prologue.set(label);
  prologue.set(helloBytes, label.length);
  return prologue;
}

export const encodeOpening = (frame: OpeningFrame): Uint8Array => encode(openingFrame, frame);

/** Strangers send these: far less structure is looked at than elsewhere. */
const openingLimits = { depthMax: 4, itemsMax: 128 };

/** Throws `DecodeError`. */
export function decodeOpening(source: Uint8Array): OpeningFrame {
  if (source.length > openingFrameBytesMax) throw new DecodeError("opening", "is too long");
  return decode(openingFrame, source, openingLimits);
}

/** Throws `DecodeError`. */
export const decodeHello = (source: Uint8Array): Hello => decode(hello, source, openingLimits);
