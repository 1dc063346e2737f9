/**
 * What two homeservers say over an open link, inside encrypted batches. The first byte tells a bundle from a control
 * message; control messages are CBOR. [L7] to [L12]
 */
import type { TypeOf } from "./cbor/codec.ts";
import {
  array,
  bool,
  bytes,
  DecodeError,
  decode,
  encode,
  literals,
  nullable,
  optional,
  struct,
  tagged,
  text,
  uint,
} from "./cbor/codec.ts";
import { ProtocolError, wireError } from "./errors.ts";
import { keyPackageBytesMax, recordBytesMax } from "./limits.ts";
import { accountId, deviceId } from "./names.ts";

/** A person as their homeserver lists them to a mutually linked one. */
export const listedPerson = struct({
  record: bytes({ min: 1, max: recordBytesMax * 4 }),
  presence: literals("online", "offline"),
});
export type ListedPerson = TypeOf<typeof listedPerson>;

export const linkQuery = tagged("ask", {
  /** The signed record of an account whose key the asker already knows. */
  account: struct({ account: accountId.codec }),
  /** A single-use key package, for a holder of the account's capability. */
  keyPackage: struct({ account: accountId.codec, device: deviceId.codec, capability: bytes(16) }),
});
export type LinkQuery = TypeOf<typeof linkQuery>;

export const linkControl = tagged("kind", {
  /** Whether the sender has linked the receiver; sent first on every link and after every change. */
  trust: struct({ linked: bool }),
  /** A newer server record of the sender's own. */
  record: struct({ record: bytes({ min: 1, max: recordBytesMax }) }),
  /** Asks for the whole people list; answered by `people` with `whole`. Mutual links only. */
  askPeople: struct({}),
  people: struct({
    whole: bool,
    people: array(listedPerson, { max: 256 }),
    /** More of a whole list follows. */
    more: bool,
    gone: array(accountId.codec, { max: 256 }),
  }),
  query: struct({ id: uint({ max: 0xffff_ffff }), query: linkQuery }),
  answer: struct({
    id: uint({ max: 0xffff_ffff }),
    result: optional(nullable(bytes({ max: Math.max(recordBytesMax * 4, keyPackageBytesMax) }))),
    error: optional(wireError),
  }),
  ping: struct({ id: uint({ max: 0xffff_ffff }) }),
  pong: struct({ id: uint({ max: 0xffff_ffff }) }),
  /** The last message before an orderly close. */
  bye: struct({ code: text({ max: 40 }) }),
});
export type LinkControl = TypeOf<typeof linkControl>;

const bundleByte = 1;
const controlByte = 2;

export type LinkMessage = { kind: "bundle"; bundle: Uint8Array } | { kind: "control"; control: LinkControl };

export function encodeLinkBundle(bundle: Uint8Array): Uint8Array {
  return withByte(bundleByte, bundle);
}

export function encodeLinkControl(control: LinkControl): Uint8Array {
  return withByte(controlByte, encode(linkControl, control));
}

/** Throws `ProtocolError("malformed")`, for an unknown kind too: newer kinds are sent only where a feature offers them. */
export function decodeLinkMessage(source: Uint8Array): LinkMessage {
  const rest = source.subarray(1);
  if (source[0] === bundleByte) return { kind: "bundle", bundle: rest };
  if (source[0] !== controlByte) throw new ProtocolError("malformed", "link message: unknown type");
  try {
    return { kind: "control", control: decode(linkControl, rest) };
  } catch (cause) {
    if (cause instanceof DecodeError)
      throw new ProtocolError("malformed", `link message: ${cause.message}`, { cause });
    throw cause;
  }
}

function withByte(first: number, rest: Uint8Array): Uint8Array {
  const out = new Uint8Array(1 + rest.length);
  out[0] = first;
  out.set(rest, 1);
  return out;
}
