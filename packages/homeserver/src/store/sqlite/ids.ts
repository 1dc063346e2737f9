/** Identifiers are text in the program and bytes in the store. */
// Not from the package's whole: the store's thread starts in half the time without it.
import { decodeBase32, encodeBase32 } from "@fedchat/protocol/base32";
import type { AccountId, Brand, ServerId } from "@fedchat/protocol";

export function idBytes(id: Brand<string, string>): Uint8Array {
  return decodeBase32(id);
}

export function idText<Id extends Brand<string, string>>(bytes: Uint8Array): Id {
  return encodeBase32(bytes) as Id;
}

const serverIdBytes = 32;

/** Servers, one behind the other. */
export function idsBytes(servers: readonly ServerId[]): Uint8Array {
  const bytes = new Uint8Array(servers.length * serverIdBytes);
  servers.forEach((server, index) => bytes.set(idBytes(server), index * serverIdBytes));
  return bytes;
}

export function idsText(bytes: Uint8Array): ServerId[] {
  return Array.from({ length: bytes.length / serverIdBytes }, (_, index) =>
    idText(bytes.subarray(index * serverIdBytes, (index + 1) * serverIdBytes)),
  );
}

/** A few hundred kilobytes; whoever is talking now fits. */
const recentMax = 2_048;

/** For ids that come again with every message: decoding is a good part of storing one. The result is not to be changed. */
export function recentIdBytes(): (id: ServerId | AccountId) => Uint8Array {
  const recent = new Map<ServerId | AccountId, Uint8Array>();
  return (id) => {
    const known = recent.get(id);
    if (known !== undefined) return known;
    const bytes = idBytes(id);
    if (recent.size >= recentMax) recent.clear();
    recent.set(id, bytes);
    return bytes;
  };
}
