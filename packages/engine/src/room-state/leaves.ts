/** Which devices may be members of a room's group, and when its key must be renewed. [W4] */
import type { AccountId, DeviceId } from "@fedchat/protocol";
import type { Participant, RoomState } from "./room-state.ts";
import type { RoomRule } from "./rules.ts";

/** A member by its credential, whose certificate was checked. */
export interface RoomLeaf {
  readonly account: AccountId;
  readonly device: DeviceId;
  readonly signatureKey: Uint8Array;
}

/** The rule that the members of a group break, as those of a room in this state; undefined where they may be. */
export function checkLeaves(state: RoomState, leaves: Iterable<RoomLeaf>): RoomRule | undefined {
  const faultOf = leafCheck(state);
  const seen = new Set<string>();
  for (const leaf of leaves) {
    const fault = faultOf(leaf);
    if (fault !== undefined) return fault;
    const device = `${leaf.account}/${leaf.device}`;
    if (seen.has(device)) return "leaf.twice";
    seen.add(device);
  }
  return undefined;
}

/** Says of single leaves what keeps them from being members in this state. */
export function leafCheck(state: RoomState): (leaf: RoomLeaf) => RoomRule | undefined {
  const devices = devicesOf(state);
  return ({ account, device, signatureKey }) => {
    const listed = devices.get(account);
    if (listed === undefined) return "leaf.participant";
    const key = listed.get(device);
    if (key === undefined) return "leaf.device";
    return isEqual(key, signatureKey) ? undefined : "leaf.key";
  };
}

/**
 * Whether somebody who could open what is sealed for members may not any more: a participant is gone, or one of its
 * devices is, or has another key.
 */
export function losesDevice(before: RoomState, after: RoomState): boolean {
  const left = new Map(after.participants.map((one) => [one.account, one]));
  return before.participants.some((one) => {
    const now = left.get(one.account);
    return now === undefined || goneDevices(one, now).length > 0;
  });
}

/** The devices of an account that may not stay as they were: taken off its list, or standing there with another key. */
export function goneDevices(
  before: Pick<Participant, "devices">,
  after: Pick<Participant, "devices">,
): DeviceId[] {
  const left = new Map(after.devices.map(({ device, key }) => [device, key]));
  return before.devices.flatMap(({ device, key }) => {
    const now = left.get(device);
    return now === undefined || !isEqual(now, key) ? [device] : [];
  });
}

function devicesOf({ participants }: RoomState): ReadonlyMap<AccountId, ReadonlyMap<DeviceId, Uint8Array>> {
  return new Map(
    participants.map(({ account, devices }) => [
      account,
      new Map(devices.map(({ device, key }) => [device, key])),
    ]),
  );
}

function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, at) => byte === b[at]);
}
