/** MLS under a policy that allows everything: what a member with a program of its own could commit. */
import * as mls from "@fedchat/mls";
import { nodeRandom as random } from "@fedchat/protocol/primitives/node";
import { MlsRoomCrypto } from "../src/mls/mls-room.ts";
import { encodeRoomState, roomStateComponent, type RoomState } from "../src/room-state/room-state.ts";
import { encodeRoomUpdate, type RoomUpdate } from "../src/room-state/room-update.ts";
import type { MemberIdentity, RoomSuite } from "../src/mls/room-crypto.ts";
import { mlsPrimitives, roomPorts } from "./room-world.ts";

/** @param after what the room's state becomes, whatever the updates come to */
export const careless = (after: RoomState, now: number): mls.Environment => ({
  primitives: mlsPrimitives,
  random,
  now,
  policy: mls.policy({
    acceptsCredential: () => true,
    acceptsSuccessor: () => true,
    clientOf: (leaf) => leaf.signatureKey,
    acceptsCommit: () => true,
    acceptsExternalCommit: () => true,
    acceptsExternalSender: () => true,
    applyAppData: () => encodeRoomState(after),
    acceptsAppDataRemoval: () => true,
    acceptsAppEphemeral: () => true,
    lifetimeSecondsMax: 1n << 60n,
    checksLifetimeOnReceipt: false,
  }),
});

export const updateProposal = (one: RoomUpdate): mls.Proposal => ({
  type: "app_data_update",
  componentId: roomStateComponent,
  update: encodeRoomUpdate(one),
});

/** With a key package of any credential. */
export function addProposal(identity: MemberIdentity, suite: RoomSuite, now: number): mls.Proposal {
  const maker = new MlsRoomCrypto({ ...roomPorts(), clock: { now: () => now }, vouches: () => true });
  const message = mls.decodeMessage(maker.createKeyPackage(identity, suite).keyPackage);
  if (message.wireFormat !== "key_package") throw new Error("assertion: a key package");
  return { type: "add", keyPackage: message.keyPackage };
}
