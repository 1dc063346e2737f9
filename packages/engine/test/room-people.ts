/** People with real keys and records, and the states of rooms that they are in. */
import type { AccountId, ServerId } from "@fedchat/protocol";
import { openAccountRecord, roomId, serverId } from "@fedchat/protocol";
import { nodePrimitives as primitives, nodeRandom } from "@fedchat/protocol/primitives/node";
import type { TestAccount } from "../../homeserver/test/test-account.ts";
import { makeAccount } from "../../homeserver/test/test-account.ts";
import { participantBy } from "../src/room-state/apply-update.ts";
import type { Role, RoomState } from "../src/room-state/room-state.ts";
import { compareIds } from "../src/room-state/room-state.ts";

export const someServer = (): ServerId => serverId.fromBytes(nodeRandom.bytes(32));

export function person(
  handle: string,
  { devices = 1, random = nodeRandom, server = someServer() } = {},
): TestAccount {
  return makeAccount({ primitives, random }, { server, handle, nowMs: 1_000, devices });
}

/** A room with these people in it. */
export function roomOf(people: [TestAccount, Role][], more: Partial<RoomState> = {}): RoomState {
  const participants = people
    .map(([{ signed }, role]) => participantBy(openAccountRecord(primitives, signed), role))
    .toSorted((a, b) => compareIds(a.account, b.account));
  return {
    room: roomId.fromBytes(nodeRandom.bytes(16)),
    name: "a room",
    join: "invited",
    invite: "moderators",
    hubs: [people[0]![0].record.server],
    infoKey: nodeRandom.bytes(32),
    participants,
    banned: [],
    ...more,
  };
}

export const rolesOf = ({ participants }: RoomState): Map<AccountId, Role> =>
  new Map(participants.map(({ account, role }) => [account, role]));
