/**
 * Who is in a group: a credential is a device certificate, and a pair's two members must be this device and a device
 * of exactly the account that was asked or asked. Checked before anything is shown or sent. [A5]
 */
import type { DeviceCertificate, OpenedAccountRecord, Primitives } from "@fedchat/protocol";
import { deviceCertificate, ProtocolError } from "@fedchat/protocol";
import type { MemberIdentity, RoomMember } from "../mls/room-crypto.ts";
import { rememberedCertificatesMax } from "./limits.ts";

/** The certificate in a credential, on the record of its account; undefined where anything does not hold. */
export function certificateOf(
  p: Primitives,
  { credential, signatureKey }: { credential: Uint8Array; signatureKey: Uint8Array },
  owner: OpenedAccountRecord,
): DeviceCertificate | undefined {
  const certificate = openCertificate(p, credential);
  if (certificate?.account !== owner.record.account) return undefined;
  if (!isEqual(certificate.signatureKey, signatureKey)) return undefined;
  const listed = owner.certificates.find(({ device }) => device === certificate.device);
  return listed !== undefined && isEqual(listed.signatureKey, signatureKey) ? certificate : undefined;
}

/** What of a member is checked here. */
export type PairMember = Pick<RoomMember, "credential" | "signatureKey" | "own">;

/** What is wrong with a pair's members; undefined where they are this device and one of the peer's. */
export function pairFault(
  p: Primitives,
  members: readonly PairMember[],
  own: MemberIdentity,
  peer: OpenedAccountRecord,
): string | undefined {
  const mine = members.filter((member) => member.own);
  const theirs = members.filter((member) => !member.own);
  if (mine.length !== 1 || theirs.length !== 1) return "not a pair";
  if (!isEqual(mine[0]!.credential, own.credential))
    return "this device stands there under another credential";
  if (certificateOf(p, theirs[0]!, peer) === undefined)
    return "the other member is not a device of the expected account";
  return undefined;
}

/**
 * Whether a credential is a certificate of some account's device with this signature key (RFC 9420 §5.3.1). The same
 * members' certificates come again with every key package, Commit and Welcome: those that were found right last are
 * remembered, for nothing but their octets says so.
 */
export function vouchesFor(p: Primitives): (credential: Uint8Array, signatureKey: Uint8Array) => boolean {
  const keysOf = new Map<string, Uint8Array>();
  return (credential, signatureKey) => {
    const octets = String.fromCharCode(...credential);
    const known = keysOf.get(octets) ?? openCertificate(p, credential)?.signatureKey;
    if (known === undefined) return false;
    keysOf.delete(octets);
    keysOf.set(octets, known);
    if (keysOf.size > rememberedCertificatesMax) keysOf.delete(keysOf.keys().next().value!);
    return isEqual(known, signatureKey);
  };
}

export function openCertificate(p: Primitives, credential: Uint8Array): DeviceCertificate | undefined {
  try {
    return deviceCertificate.open(p, credential);
  } catch (error) {
    if (error instanceof ProtocolError) return undefined;
    throw error;
  }
}

export function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let index = 0; index < a.length; index++) if (a[index] !== b[index]) return false;
  return true;
}
