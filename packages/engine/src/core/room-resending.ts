/**
 * What this device wrote in epochs that a room's log lost is written again, as it was: whoever did not follow the lost
 * branch could not read it. Ids and counters stay, so that those who have it see it once. [W12]
 */
import type { Clock, RoomId, RoomItem } from "@fedchat/protocol";
import type { Resend } from "../store/branches-table.ts";
import type { EngineStore } from "../store/engine-store.ts";
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
    const { store, identity, sender, clock } = this.#ports;
    const { device } = identity.self;
    const room = store.rooms.get(roomId);
    const content = store.messages.get(id)?.content;
    // It expired meanwhile, or nobody is written to here any more.
    if (room?.state !== "open" || content === undefined || content === null)
      return store.branches.resent(roomId, id);
    const item: RoomMessage = { kind: "message", counter, previous, seen: [], content };
    sender.send(room, item, { purpose: "status", subject: "" }, (sent) => {
      keepProof(store, { room: roomId, device, created: clock.now() }, { id, item, ...sent });
      store.branches.resent(roomId, id);
    });
  }
}
