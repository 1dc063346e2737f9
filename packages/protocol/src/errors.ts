/**
 * What a peer did wrong or could not do. Every error has a stable code, a sentence for people and says whether trying
 * again helps; the code travels, the sentence is made where it is shown. [E1] [E2]
 */
import { literals, optional, struct, text, uint } from "./cbor/codec.ts";
import type { TypeOf } from "./cbor/codec.ts";

export type Retry = "never" | "later" | "now";

/** Stable: a code is never reused for another meaning. */
const codes = {
  malformed: ["never", "The other side sent something that is not valid."],
  "unsupported-version": ["never", "The other side speaks another version of FedChat."],
  "not-fedchat": ["later", "Something answers there, but it is not FedChat."],
  "wrong-server-key": [
    "never",
    "The server that answered is not the one that was expected: its key is another.",
  ],
  "server-key-changed": ["never", "This server's key is not the one that was pinned."],
  "server-key-replaced": ["never", "This server's owner said that its former key was lost or stolen."],
  "name-taken": ["never", "Another server with another key already uses this name."],
  "handshake-failed": ["later", "The encrypted connection could not be set up."],
  unreachable: ["later", "Nothing answers at this address."],
  blocked: ["never", "The other side does not accept this."],
  "not-linked": ["later", "This server has not linked back yet."],
  "not-allowed": ["never", "This is not allowed for this account."],
  "unknown-account": ["never", "There is no such account on that server."],
  "unknown-server": ["never", "This server is not known here."],
  "unknown-room": ["never", "There is no such chat here."],
  "unknown-method": ["never", "The other side does not know this request."],
  "handle-taken": ["never", "This name is already taken on this server."],
  "registration-closed": ["never", "This server does not open new accounts without an invitation."],
  "wrong-credentials": ["never", "Name or password is wrong."],
  "weak-password": ["never", "This password is too easy to guess."],
  "rate-limited": ["later", "Too many attempts in a short time."],
  superseded: ["never", "The same device connected from somewhere else."],
  "restored-device": ["never", "This engine's store is older than what the server has seen of it."],
  resync: ["now", "The inbox position is not valid any more."],
  conflict: ["now", "Somebody else changed this at the same time."],
  "too-large": ["never", "This is larger than the server accepts."],
  "quota-exceeded": ["later", "The storage given to this account or server is used up."],
  "storage-full": ["later", "The server's disk is full; nothing was lost."],
  expired: ["never", "It could not be delivered in time and was given up."],
  withdrawn: ["never", "The request was taken back."],
  "not-found": ["never", "There is no such thing here."],
  internal: ["later", "The server had an unexpected problem."],
} as const satisfies Record<string, readonly [Retry, string]>;

export type ErrorCode = keyof typeof codes;
export const errorCodes = Object.keys(codes) as ErrorCode[];

const utf8 = new TextEncoder();

/** Longer waits are cut to this: a peer must not be able to ask for silence for ever. */
const retryAfterMsMax = 86_400_000;
/** Room for two fingerprints and a sentence. */
const detailBytesMax = 500;

/** A foreseen failure of a peer, on this side or told by it. Never thrown for our own mistakes: those are assertions. */
export class ProtocolError extends Error {
  readonly code: ErrorCode;
  readonly retry: Retry;
  readonly retryAfterMs: number | undefined;

  /** @param options.retry only for a code that this version does not know: what its sender said; and see `unproved` */
  constructor(
    code: ErrorCode,
    detail?: string,
    options?: { cause?: unknown; retryAfterMs?: number; retry?: Retry },
  ) {
    super(detail ?? codes[code][1], options?.cause === undefined ? undefined : { cause: options.cause });
    this.name = "ProtocolError";
    this.code = code;
    this.retry = options?.retry ?? codes[code][0];
    this.retryAfterMs = options?.retryAfterMs;
  }
}

/**
 * The same failure, of which nobody proved to be its author: a flipped bit, or anybody on the way, may have made it, so
 * trying again helps. Only what came authenticated from the other end is for good. [L6]
 */
export function unproved(error: ProtocolError): ProtocolError {
  if (error.retry !== "never") return error;
  const { code, message, cause, retryAfterMs } = error;
  return new ProtocolError(code, message, {
    retry: "later",
    cause,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  });
}

/** The sentence for people that belongs to a code. */
export function sentenceOf(code: ErrorCode): string {
  return codes[code][1];
}

export function retryOf(code: ErrorCode): Retry {
  return codes[code][0];
}

/** How an error crosses a wire. An unknown code of a newer version reads as `internal` with the sender's retry. [E3] */
export const wireError = struct({
  code: text({ max: 40 }),
  detail: optional(text({ max: detailBytesMax })),
  retry: literals("never", "later", "now"),
  retryAfterMs: optional(uint({ max: retryAfterMsMax })),
});
export type WireError = TypeOf<typeof wireError>;

export function toWireError(error: ProtocolError): WireError {
  return {
    code: error.code,
    retry: error.retry,
    ...(error.message === codes[error.code][1] ? {} : { detail: sendableDetail(error.message) }),
    ...(error.retryAfterMs === undefined
      ? {}
      : { retryAfterMs: Math.min(Math.max(0, Math.ceil(error.retryAfterMs)), retryAfterMsMax) }),
  };
}

/** A detail may quote what a peer sent: what no text of the wire may hold is replaced, and it is cut to its bound. [E4] */
function sendableDetail(detail: string): string {
  const visible = detail
    .slice(0, detailBytesMax)
    .toWellFormed()
    .replaceAll(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]/gu, "\ufffd")
    .normalize("NFC");
  let bytes = 0;
  let sendable = "";
  for (const character of visible) {
    bytes += utf8.encode(character).length;
    if (bytes > detailBytesMax) break;
    sendable += character;
  }
  return sendable;
}

export function fromWireError(wire: WireError): ProtocolError {
  const known = Object.hasOwn(codes, wire.code);
  return new ProtocolError(known ? (wire.code as ErrorCode) : "internal", wire.detail, {
    ...(known ? {} : { retry: wire.retry }),
    ...(wire.retryAfterMs === undefined ? {} : { retryAfterMs: wire.retryAfterMs }),
  });
}
