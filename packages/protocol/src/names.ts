/**
 * Identifiers. On the wire they are bytes; inside programs, in JSON and on screens they are lower-case base32 text
 * (RFC 4648, no padding), branded so that one kind cannot stand for another. [N1] to [N5]
 */
import { decodeBase32, encodeBase32 } from "./base32.ts";
import type { Codec } from "./cbor/codec.ts";
import { bytes } from "./cbor/codec.ts";

declare const brand: unique symbol;
export type Brand<T, Name extends string> = T & { readonly [brand]: Name };

/** A server's Ed25519 public key: the key *is* the server. [N1] */
export type ServerId = Brand<string, "ServerId">;
/** An account's Ed25519 public key: the account *is* the key. [N2] */
export type AccountId = Brand<string, "AccountId">;
/** 16 random bytes, unique within an account. */
export type DeviceId = Brand<string, "DeviceId">;
/** 16 random bytes, stable for a room's life. */
export type RoomId = Brand<string, "RoomId">;
/** 16 random bytes; the unit of duplicate suppression. */
export type EnvelopeId = Brand<string, "EnvelopeId">;
/** 16 random bytes. */
export type RequestId = Brand<string, "RequestId">;
/** 32 bytes, computed from a message's content (MIMI content §3.3). */
export type MessageId = Brand<string, "MessageId">;

function identifier<Id extends string>(length: number) {
  const raw = bytes(length);
  const textLength = Math.ceil((length * 8) / 5);
  const codec: Codec<Id> = {
    toCbor: (id) => raw.toCbor(decodeBase32(id)),
    fromCbor: (value, where) => encodeBase32(raw.fromCbor(value, where)) as Id,
  };
  return {
    /** For structures: bytes on the wire, text inside. */
    codec,
    /** From exactly the right number of bytes. */
    fromBytes(source: Uint8Array): Id {
      if (source.length !== length)
        throw new RangeError(`identifier of ${source.length} bytes, not ${length}`);
      return encodeBase32(source) as Id;
    },
    toBytes: (id: Id): Uint8Array => decodeBase32(id),
    /** From text that a person or a JSON document gave; undefined where it is none. */
    parse(text: string): Id | undefined {
      if (text.length !== textLength) return undefined;
      try {
        return decodeBase32(text).length === length ? (text as Id) : undefined;
      } catch {
        return undefined;
      }
    },
  };
}

export const serverId = identifier<ServerId>(32);
export const accountId = identifier<AccountId>(32);
export const deviceId = identifier<DeviceId>(16);
export const roomId = identifier<RoomId>(16);
export const envelopeId = identifier<EnvelopeId>(16);
export const requestId = identifier<RequestId>(16);
export const messageId = identifier<MessageId>(32);

/**
 * A label of up to 32 characters (`bob`) or a domain (`chat.example.com`); a domain is shown as one only after its
 * well-known check. [N4]
 */
export const serverNamePattern =
  /^(?:[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?|(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)+)$/;
/** The local part of an address: unique within a homeserver. [N5] */
export const handlePattern = /^[a-z0-9][a-z0-9._-]{0,31}$/;
/**
 * What a person calls themself: something to see, no white space around it, and none of the invisible characters that
 * no script needs (soft hyphen, zero-width space, word joiner, byte order mark). [N5]
 */
export const displayNamePattern =
  /^(?=.*[\p{L}\p{N}\p{P}\p{S}])(?!.*[\u00ad\u200b\u2060\ufeff])(?!\s)(?!.*\s$).+$/u;

/** Sender URI of MIMI content: survives moves because it names the key. */
export const accountUri = (account: AccountId): string => `fedchat:a/${account}`;
/** Room URI of MIMI content. */
export const roomUri = (room: RoomId): string => `fedchat:r/${room}`;

/** An id in groups of four, for people to compare. */
export function fingerprint(id: ServerId | AccountId): string {
  return id.match(/.{1,4}/g)!.join(" ");
}

/** The next sequence of a record: rises with every change and with restored copies too. [R2] */
export function nextSequence(previous: number, nowMs: number): number {
  return Math.max(previous + 1, nowMs);
}
