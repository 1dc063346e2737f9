/**
 * Bytes from and to the structures of ts-mls. What comes from outside is read strictly: bounded, complete, and only
 * the one encoding that the structure has. Whatever is read is a copy, because ts-mls returns views of its input
 * and wipes secrets in place.
 */
import {
  decodeGroupState,
  decodeMlsMessage,
  encodeGroupState,
  encodeMlsMessage,
  type ClientConfig,
  type ClientState,
  type KeyPackage,
  type MLSMessage,
  type PrivateMessage,
  type Welcome,
} from "ts-mls";
import type { GroupState } from "./group-crypto.ts";
import { keyPackageBytesMax, messageBytesMax, welcomeBytesMax } from "./limits.ts";

export function readKeyPackage(bytes: Uint8Array): KeyPackage | undefined {
  const message = readMlsMessage(bytes, keyPackageBytesMax);
  return message?.wireformat === "mls_key_package" ? message.keyPackage : undefined;
}

export function readWelcome(bytes: Uint8Array): Welcome | undefined {
  const message = readMlsMessage(bytes, welcomeBytesMax);
  return message?.wireformat === "mls_welcome" ? message.welcome : undefined;
}

export function readPrivateMessage(bytes: Uint8Array): PrivateMessage | undefined {
  const message = readMlsMessage(bytes, messageBytesMax);
  return message?.wireformat === "mls_private_message" ? message.privateMessage : undefined;
}

export function writeKeyPackage(keyPackage: KeyPackage): Uint8Array {
  return encodeMlsMessage({ version: "mls10", wireformat: "mls_key_package", keyPackage });
}

export function writeWelcome(welcome: Welcome): Uint8Array {
  return encodeMlsMessage({ version: "mls10", wireformat: "mls_welcome", welcome });
}

export function writePrivateMessage(privateMessage: PrivateMessage): Uint8Array {
  return encodeMlsMessage({ version: "mls10", wireformat: "mls_private_message", privateMessage });
}

/** Stored forms begin with their version, so that whatever replaces ts-mls knows what it finds. */
const stateVersion = 1;
const privatePartVersion = 1;
const x25519KeyBytes = 32;

export function writeState(state: ClientState): GroupState {
  return withVersion(stateVersion, encodeGroupState(state)) as GroupState;
}

/** Throws where the bytes are no state: the store is damaged, and going on would lose the group for good. */
export function readState(bytes: GroupState, clientConfig: ClientConfig): ClientState {
  const body = withoutVersion(stateVersion, bytes, "MLS state");
  const decoded = decodeGroupState(body, 0);
  if (decoded === undefined || decoded[1] !== body.length) throw new Error("a stored MLS state is damaged");
  return { ...decoded[0], clientConfig };
}

export interface PrivateKeys {
  readonly initPrivateKey: Uint8Array;
  readonly hpkePrivateKey: Uint8Array;
}

export function writePrivatePart(keys: PrivateKeys): Uint8Array {
  const body = new Uint8Array(2 * x25519KeyBytes);
  body.set(keys.initPrivateKey);
  body.set(keys.hpkePrivateKey, x25519KeyBytes);
  return withVersion(privatePartVersion, body);
}

/** Throws where the bytes are no private part: they come from our own store. */
export function readPrivatePart(bytes: Uint8Array): PrivateKeys {
  const body = withoutVersion(privatePartVersion, bytes, "private part of a key package");
  if (body.length !== 2 * x25519KeyBytes) throw new Error("a stored private part is damaged");
  return {
    initPrivateKey: body.slice(0, x25519KeyBytes),
    hpkePrivateKey: body.slice(x25519KeyBytes),
  };
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

function readMlsMessage(bytes: Uint8Array, bytesMax: number): MLSMessage | undefined {
  if (bytes.length > bytesMax) return undefined;
  const copy = Uint8Array.from(bytes);
  try {
    const decoded = decodeMlsMessage(copy, 0);
    if (decoded === undefined) return undefined;
    // ts-mls takes lengths in more bytes than they need (RFC 9420 §2.1.2 forbids them) and bytes that follow.
    return equalBytes(encodeMlsMessage(decoded[0]), copy) ? decoded[0] : undefined;
  } catch {
    // The decoders of ts-mls are pure: whatever they throw, the bytes were not what they should be.
    return undefined;
  }
}

function withVersion(version: number, body: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(1 + body.length);
  bytes[0] = version;
  bytes.set(body, 1);
  return bytes;
}

function withoutVersion(version: number, bytes: Uint8Array, what: string): Uint8Array {
  if (bytes[0] !== version) throw new Error(`a stored ${what} has the unknown version ${bytes[0]}`);
  return Uint8Array.from(bytes.subarray(1));
}
