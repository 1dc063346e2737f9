/**
 * Rooms that somebody claims because their owners are gone: an owner's engine says by itself that they are not, and a
 * claimant's takes the room over when the time has come. [W17]
 */
import type { Clock, RoomId, Timer } from "@fedchat/protocol";
import type { RoomCrypto } from "../mls/room-crypto.ts";
import { claimDueAt, heirsBy } from "../room-state/owners-gone.ts";
import { participantOf } from "../room-state/room-state.ts";
import type { EngineStore } from "../store/engine-store.ts";
import type { Groups } from "./groups.ts";
import type { Identity } from "./identity.ts";
import { claimLookAgainMs, claimMarginMs } from "./limits.ts";
import { want, type WantedChange } from "./wanted-changes.ts";

export interface OwnersGonePorts {
  store: EngineStore;
  identity: Identity;
  groups: Groups;
  roomCrypto: Pick<RoomCrypto, "room">;
  clock: Clock;
  /** Something is to be changed in this room. */
  onWanted: (room: RoomId) => void;
}

export class OwnersGone {
  readonly #ports: OwnersGonePorts;
  readonly #waits = new Map<RoomId, Timer>();

  constructor(ports: OwnersGonePorts) {
    this.#ports = ports;
  }

  /** The room's log was read to its end. */
  look(room: RoomId): void {
    const { store, identity, groups, roomCrypto, clock } = this.#ports;
    this.#waits.get(room)?.cancel();
    this.#waits.delete(room);
    const row = store.rooms.get(room);
    // Few rooms are claimed: the groups of the others need not be read for this.
    if (row === undefined || row.state !== "open" || row.succession === null) return;
    const state = groups.of(room);
    const about = state && roomCrypto.room(state);
    if (about?.claim === undefined) return;
    if (participantOf(about, identity.account)?.role === "owner")
      return this.#want(room, { kind: "unclaim" });
    const due = claimDueAt(about);
    if (due === undefined || !about.claim.by.includes(identity.account) || heirsBy(about) === undefined)
      return;
    const waitMs = due + claimMarginMs - clock.now();
    if (waitMs <= 0) return this.#want(room, { kind: "succeed" });
    this.#waits.set(
      room,
      clock.after(Math.min(waitMs, claimLookAgainMs), () => this.look(room)),
    );
  }

  stop(): void {
    for (const wait of this.#waits.values()) wait.cancel();
  }

  #want(room: RoomId, change: WantedChange): void {
    const { store, clock, onWanted } = this.#ports;
    want(store, room, change, clock.now());
    clock.soon(() => onWanted(room));
  }
}
