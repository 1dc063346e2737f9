/**
 * Messages of rooms: opened on the room's present state, or on that of an epoch that is still kept; those of an epoch
 * that is not here yet wait for its Commit. One whose keys are gone is asked for. [O5] [W5] [Z2]
 */
import type { AccountId, Clock, InboxItem, RoomId, ServerId } from "@fedchat/protocol";
import { ProtocolError } from "@fedchat/protocol";
import type { GroupState } from "../mls/group-records.ts";
import type { MessageHeader, RoomCrypto, RoomReceived } from "../mls/room-crypto.ts";
import { StoreFullError } from "../store/database.ts";
import type { EngineStore } from "../store/engine-store.ts";
import type { RoomRow } from "../store/rooms-table.ts";
import { guessOneMore } from "./counters.ts";
import type { GapAsking } from "./gap-asking.ts";
import type { Groups } from "./groups.ts";
import type { Commit } from "./inbox.ts";
import { epochsAheadMax, strandedMessagesMax, waitingMessagesMax } from "./limits.ts";
import type { Log } from "./log.ts";
import type { RoomItems } from "./room-items.ts";

export interface GroupMessagesPorts {
  store: EngineStore;
  groups: Groups;
  roomCrypto: RoomCrypto;
  items: RoomItems;
  asking: Pick<GapAsking, "lookSoon">;
  clock: Pick<Clock, "now">;
  log: Log;
  /** A message came of an epoch that is not here: the log knows more. */
  behind: (room: RoomId) => void;
  /** A message does not open, or is of an epoch that is not here. */
  unopened: (room: RoomId, from: { account: AccountId; server: ServerId }) => void;
}

/** What of an inbox item a message of a room is made of. */
type Arrived = Pick<InboxItem, "from" | "server" | "id" | "created" | "payload">;

export class GroupMessages {
  readonly #ports: GroupMessagesPorts;

  constructor(ports: GroupMessagesPorts) {
    this.#ports = ports;
  }

  /** Throws `ProtocolError("malformed")` for what is passed over. */
  prepare(room: RoomRow, item: Arrived, { epoch }: Pick<MessageHeader, "epoch">): Commit {
    const { store, groups, roomCrypto, items, behind, unopened } = this.#ports;
    const state = groups.of(room.id);
    // In a pair whose place a newer one took, what was on its way still counts.
    const isLeft = room.kind === "group" && room.state === "closed";
    const isLost = state === undefined && room.state !== "closed" && room.state !== "broken";
    if ((state === undefined && !isLost) || isLeft) throw passedOver("of a room that is over");
    // Where the group is lost here, too, it waits: it can be asked for when this device is in again. [U8]
    if (state === undefined || epoch > roomCrypto.epoch(state)) {
      if (state !== undefined && epoch > roomCrypto.epoch(state) + BigInt(epochsAheadMax))
        throw passedOver("of an epoch too far ahead");
      // What is nearer will be read sooner, and a member who makes up epochs keeps nobody's early messages out.
      const isFull = store.groupRooms.waitingCount(room.id) >= waitingMessagesMax;
      const farther = isFull ? store.groupRooms.waitingFarther(room.id, Number(epoch)) : undefined;
      if (isFull && farther === undefined) throw passedOver("too much waits");
      return () => {
        const { from: sender, server, id: envelope, created, payload } = item;
        if (farther !== undefined) store.groupRooms.deleteWaiting(farther);
        const row = { room: room.id, epoch: Number(epoch), envelope, sender, server, created, payload };
        store.groupRooms.addWaiting(row);
        behind(room.id);
        unopened(room.id, { account: sender, server });
      };
    }
    const outcome = roomCrypto.receive(state, item.payload);
    if (outcome.kind !== "application")
      return this.#elsewhere(room, item, { epoch: Number(epoch), current: state }, outcome);
    const { account, device } = outcome.sender;
    if (account !== item.from) throw passedOver("by another account than sent it");
    return () => {
      groups.advance(room.id, outcome.state);
      items.take(room, { account, device, created: item.created }, outcome.plaintext, outcome.proof);
    };
  }

  /** Its keys are gone. Its sender says whether it was a message, and sends it again. [Z2] */
  #tooOld(room: RoomId, from: AccountId, state: GroupState): void {
    const { store, roomCrypto, asking } = this.#ports;
    for (const device of store.proofs.devicesOf(roomCrypto.groupId(state), from))
      guessOneMore(store, room, device);
    asking.lookSoon();
  }

  /** Written on another branch of the log: on one that was lost, or on one that is not here yet. [W12] */
  #elsewhere(
    room: RoomRow,
    item: Arrived,
    at: { epoch: number; current: GroupState },
    missed: RoomReceived,
  ): Commit {
    const { epoch, current } = at;
    const { store, roomCrypto, items } = this.#ports;
    for (const branch of store.branches.lost(room.id)) {
      const state = roomCrypto.restore(store.branches.lostRecords(room.id, branch));
      const outcome = roomCrypto.receive(state, item.payload);
      if (outcome.kind !== "application") {
        roomCrypto.erase(state, undefined);
        continue;
      }
      const { account, device } = outcome.sender;
      if (account !== item.from) throw passedOver("by another account than sent it");
      return () => {
        store.branches.changeLost(room.id, branch, roomCrypto.changes(state, outcome.state));
        items.take(room, { account, device, created: item.created }, outcome.plaintext, outcome.proof);
      };
    }
    const { from: sender, server, id: envelope, created, payload } = item;
    const row = { room: room.id, epoch, envelope, sender, server, created, payload };
    // Where the log goes on otherwise, from before the epochs that passed here, its keys are there again.
    if (missed.kind === "stale-epoch")
      return () => {
        store.groupRooms.strand(row, strandedMessagesMax);
        this.#tooOld(room.id, sender, current);
      };
    if (missed.kind !== "refused" || !unopened.has(missed.rule)) throw passedOver(missed.kind);
    return () => {
      store.groupRooms.strand(row, strandedMessagesMax);
      this.#ports.unopened(room.id, { account: sender, server });
    };
  }

  /** Takes what waited for the epoch that is here now. Throws `StoreFullError`. */
  takeWaiting(id: RoomId): void {
    const { store, groups, roomCrypto, log } = this.#ports;
    const room = store.rooms.get(id);
    const state = groups.of(id);
    if (room === undefined || state === undefined) return;
    for (const row of store.groupRooms.waiting(id, Number(roomCrypto.epoch(state)))) {
      const { sender, server, envelope, created, payload, epoch } = row;
      const item = { from: sender, server, id: envelope, created, payload };
      try {
        const commit = this.prepare(room, item, { epoch: BigInt(epoch) });
        store.transaction(() => {
          commit();
          store.groupRooms.deleteWaiting(row.seq);
        });
      } catch (error) {
        if (error instanceof StoreFullError) throw error;
        log.info("a message that waited was passed over", { reason: String(error) });
        store.groupRooms.deleteWaiting(row.seq);
      }
    }
  }
}

/** By which MLS says that other keys closed it. */
const unopened = new Set(["message.sender-data", "message.ciphertext"]);

function passedOver(what: string): ProtocolError {
  return new ProtocolError("malformed", `room message: ${what}`);
}
