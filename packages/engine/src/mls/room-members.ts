/** The members of a room's group by account and device, and the room's state in its context. [W1] [W4] */
import type { DeviceCertificate } from "@fedchat/protocol";
import { deviceCertificate, ProtocolError } from "@fedchat/protocol";
import * as mls from "@fedchat/mls";
import type { RoomLeaf } from "../room-state/leaves.ts";
import { decodeRoomState, roomStateComponent, type RoomState } from "../room-state/room-state.ts";
import { identityOf } from "./mls-key-package.ts";
import type { RoomMember } from "./room-crypto.ts";

/** Leaves and lists of extensions never change, and are shared by the states of an epoch: each is read once. */
const certificates = new WeakMap<mls.LeafNode, DeviceCertificate>();
const rooms = new WeakMap<readonly mls.Extension[], RoomState>();

/** Of a leaf whose credential the policy accepted, or is about to judge: undefined where it is no certificate. */
export function leafOf(leaf: mls.LeafNode): RoomLeaf | undefined {
  const certificate = certificates.get(leaf) ?? readCertificate(leaf);
  if (certificate === undefined) return undefined;
  certificates.set(leaf, certificate);
  const { account, device } = certificate;
  return { account, device, signatureKey: leaf.signatureKey };
}

export function isSameDevice(a: mls.LeafNode, b: mls.LeafNode): boolean {
  const [one, other] = [leafOf(a), leafOf(b)];
  return one !== undefined && one.account === other?.account && one.device === other.device;
}

const utf8 = new TextEncoder();

/** What a leaf stands for: a device of an account. */
export function clientOf(leaf: mls.LeafNode): Uint8Array {
  const own = leafOf(leaf);
  return own === undefined ? leaf.signatureKey : utf8.encode(`${own.account} ${own.device}`);
}

export function memberAt(leaf: mls.LeafNode, index: number, own: boolean): RoomMember {
  const found = leafOf(leaf);
  if (found === undefined) throw new Error("assertion: a member's credential is a certificate");
  return { index, ...found, credential: identityOf(leaf), own };
}

export function membersOf({
  tree,
  ownLeaf,
}: Pick<mls.GroupState, "tree" | "ownLeaf">): readonly RoomMember[] {
  return [...mls.members(tree)].map(({ index, leaf }) => memberAt(leaf, index, index === ownLeaf));
}

/** Of a group that was checked when it was made or joined. */
export function roomOf({ context }: Pick<mls.GroupState, "context">): RoomState {
  const known = rooms.get(context.extensions);
  if (known !== undefined) return known;
  const data = mls.componentData(context.extensions, roomStateComponent);
  if (data === undefined) throw new Error("assertion: a room's group holds its state");
  const room = decodeRoomState(data);
  rooms.set(context.extensions, room);
  return room;
}

function readCertificate({ credential }: mls.LeafNode): DeviceCertificate | undefined {
  if (credential.type !== "basic") return undefined;
  try {
    return deviceCertificate.read(credential.identity).value;
  } catch (error) {
    if (error instanceof ProtocolError) return undefined;
    throw error;
  }
}
