/**
 * What this device wrote in epochs that a room's log lost is written again, as it was: whoever did not follow the lost
 * branch could not read it. Ids and counters stay, so that those who have it see it once. [W12]
 */
import type { Clock, RoomId, RoomItem } from "@fedchat/protocol";
import type { Resend } from "../store/branches-table.ts";
import type { EngineStore } from "../store/engine-store.ts";
import { causeOfCode, encodeCause } from "./causes.ts";
import type { Changes } from "./changes.ts";
import type { Identity } from "./identity.ts";
import { keepProof } from "./kept-proofs.ts";
import type { Log } from "./log.ts";
import type { RoomSender } from "./room-sender.ts";
import { isRejoining } from "./wanted-changes.ts";

export interface RoomResendingPorts {
  store: EngineStore;
  identity: Pick<Identity, "self">;
  sender: RoomSender;
  clock: Pick<Clock, "now">;
  changes: Pick<Changes, "messageChanged">;
  log: Log;
}

type RoomMessage = Extract<RoomItem, { kind: "message" }>;

export class RoomResending {
  readonly #ports: RoomResendingPorts;

  constructor(ports: RoomResendingPorts) {
    this.#ports = ports;
  }

  /** The room's log was read to its end. */
  run(room: RoomId): void {
    const { store, log } = this.#ports;
    if (store.branches.holding(room) !== undefined || isRejoining(store, room)) return;
    // Where this person is not, it waits until they are in again.
    if (store.rooms.get(room)?.state !== "open" || !store.rooms.hasGroup(room)) return;
    for (const one of store.branches.resends(room)) {
      try {
        this.#send(room, one);
      } catch (error) {
        // It is tried with the next entry.
        return log.warn("a message of a lost branch was not sent again", { error: String(error) });
      }
    }
  }

  #send(roomId: RoomId, { message: id, counter, previous }: Resend): void {
    const { store, identity, sender, clock, changes } = this.#ports;
    const { device } = identity.self;
    const room = store.rooms.get(roomId);
    const content = store.messages.get(id)?.content;
    // It expired meanwhile, or was removed.
    if (room === undefined || content === undefined || content === null)
      return store.branches.resent(roomId, id);
    const item: RoomMessage = { kind: "message", counter, previous, seen: [], content };
    sender.send(room, item, { purpose: "status", subject: "" }, (sent) => {
      keepProof(store, { room: roomId, device, created: clock.now() }, { id, item, ...sent });
      store.branches.resent(roomId, id);
      if (store.messages.redeliver(id, encodeCause(causeOfCode("written-apart")))) changes.messageChanged(id);
    });
  }
}
