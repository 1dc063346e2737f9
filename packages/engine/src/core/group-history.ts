/**
 * Who was in a room's group in which epoch, and what its members signed under, as this device saw it: by that it judges
 * what it is handed, and decides what it hands on to whom. Written with every step of a group. [Z4] [Z5]
 */
import type { AccountId, DeviceId } from "@fedchat/protocol";
import type { GroupState } from "../mls/group-records.ts";
import { roomPastEpochs } from "../mls/limits.ts";
import type { RoomCrypto } from "../mls/room-crypto.ts";
import type { EngineStore } from "../store/engine-store.ts";
import type { Identity } from "./identity.ts";

export interface GroupHistoryPorts {
  store: Pick<EngineStore, "proofs" | "missing">;
  roomCrypto: Pick<RoomCrypto, "groupId" | "epoch" | "context" | "members">;
  identity: Pick<Identity, "self">;
}

export class GroupHistory {
  readonly #ports: GroupHistoryPorts;

  constructor(ports: GroupHistoryPorts) {
    this.#ports = ports;
  }

  /** Within the transaction that keeps this state. */
  stepped(state: GroupState): void {
    const { store, roomCrypto } = this.#ports;
    const groupId = roomCrypto.groupId(state);
    const epoch = Number(roomCrypto.epoch(state));
    const former = store.proofs.newestEpoch(groupId);
    if (former !== undefined && former >= epoch) return;
    store.proofs.putEpoch(groupId, epoch, roomCrypto.context(state), true);
    store.proofs.forgetEpochs(groupId, epoch - roomPastEpochs);
    // Epochs that we missed: whoever came may have come with the first of them, whoever went with the last.
    this.#members(groupId, state, { first: former === undefined ? epoch : former + 1, last: epoch - 1 });
  }

  #members(groupId: Uint8Array, state: GroupState, { first, last }: { first: number; last: number }): void {
    const { proofs } = this.#ports.store;
    const known = new Map(proofs.presentMembers(groupId).map((row) => [row.device, row]));
    for (const { account, device, signatureKey: key } of this.#ports.roomCrypto.members(state)) {
      const row = known.get(device);
      known.delete(device);
      if (row === undefined) proofs.addMember({ groupId, device, account, key, first, last: null });
    }
    for (const row of known.values()) proofs.endMember(row, last);
  }

  /** Whether what this device is missing of that one's was for it: it was here all the while that one wrote. */
  isOurs(groupId: Uint8Array, device: DeviceId, isKnown: boolean): boolean {
    const { proofs } = this.#ports.store;
    const [own, ...again] = proofs.memberships(groupId, this.#ports.identity.self.device);
    if (own === undefined || again.length > 0) return false;
    const [theirs] = proofs.memberships(groupId, device);
    return isKnown || (theirs !== undefined && theirs.first > own.first);
  }

  /** Whether this device is or was in the group. */
  knows(groupId: Uint8Array, device: DeviceId): boolean {
    return this.#ports.store.proofs.memberships(groupId, device).length > 0;
  }

  /** Whether this device may be handed a message of that epoch: only who was there itself can tell. */
  wasThere(groupId: Uint8Array, device: DeviceId, epoch: number): boolean {
    const { proofs } = this.#ports.store;
    return proofs.epoch(groupId, epoch)?.own === 1 && proofs.memberIn(groupId, device, epoch) !== undefined;
  }

  /** One device of everybody else who is there now, the wanted one where it is there. */
  others(groupId: Uint8Array, own: AccountId, wanted: DeviceId): { device: DeviceId; account: AccountId }[] {
    const byAccount = new Map<AccountId, DeviceId>();
    for (const { account, device } of this.#ports.store.proofs.presentMembers(groupId)) {
      if (account !== own && (device === wanted || !byAccount.has(account))) byAccount.set(account, device);
    }
    return [...byAccount].map(([account, device]) => ({ account, device }));
  }
}
