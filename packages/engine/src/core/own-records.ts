/**
 * Brings newer records of accounts into the rooms in which they take part, so that these know their devices and where
 * they live: one's own, and those of contacts whose own devices may all be gone. It is an update like any other, and
 * whoever is second finds it done. [U3] [W2]
 */
import type { AccountId, Clock, OpenedAccountRecord } from "@fedchat/protocol";
import type { RoomCrypto } from "../mls/room-crypto.ts";
import { participantBy } from "../room-state/apply-update.ts";
import { participantOf, type Participant } from "../room-state/room-state.ts";
import type { EngineStore } from "../store/engine-store.ts";
import type { Groups } from "./groups.ts";
import type { Identity } from "./identity.ts";
import type { KnownAccounts } from "./known-accounts.ts";
import { want } from "./wanted-changes.ts";
import type { RoomRow } from "../store/rooms-table.ts";

export interface OwnRecordsPorts {
  store: EngineStore;
  identity: Identity;
  known: KnownAccounts;
  groups: Groups;
  roomCrypto: Pick<RoomCrypto, "room">;
  clock: Pick<Clock, "now" | "soon">;
  /** Something is to be changed in this room. */
  onWanted: (room: RoomRow["id"]) => void;
}

export class OwnRecords {
  readonly #ports: OwnRecordsPorts;

  constructor(ports: OwnRecordsPorts) {
    this.#ports = ports;
  }

  /** Our own record may be newer than what rooms have of it. */
  bringOwn(): void {
    const { store, identity } = this.#ports;
    const { record } = identity;
    for (const room of store.rooms.list()) if (room.state === "open") this.#bring(room, record);
  }

  /** Within a transaction: this contact's record was renewed. */
  bring(account: AccountId): void {
    const { store, known } = this.#ports;
    const record = known.get(account);
    if (record === undefined) return;
    for (const id of store.groupRooms.roomsWith(account)) {
      const room = store.rooms.get(id);
      if (room?.state === "open") this.#bring(room, record);
    }
  }

  #bring(room: RoomRow, record: OpenedAccountRecord): void {
    const { store, groups, roomCrypto, clock, onWanted } = this.#ports;
    const state = groups.of(room.id);
    if (state === undefined) return;
    const held = participantOf(roomCrypto.room(state), record.record.account);
    if (held === undefined || !says(held, participantBy(record, held.role))) return;
    want(store, room.id, { kind: "record", account: held.account }, clock.now());
    clock.soon(() => onWanted(room.id));
  }
}

/** Whether the newer one says anything that rooms have to know. */
function says(held: Participant, newer: Participant): boolean {
  if (newer.sequence <= held.sequence) return false;
  const devices = (one: Participant) =>
    one.devices.map(({ device, key }) => `${device} ${String(key)}`).join();
  return (
    held.server !== newer.server ||
    held.handle !== newer.handle ||
    held.displayName !== newer.displayName ||
    devices(held) !== devices(newer)
  );
}
