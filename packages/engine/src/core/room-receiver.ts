/**
 * What arrives in rooms: finds the room of an MLS message's group, and keeps what is of none for the Welcome that may
 * still come. [M1] to [M6]
 */
import type { InboxItem } from "@fedchat/protocol";
import { ProtocolError } from "@fedchat/protocol";
import type { MessageHeader, RoomCrypto } from "../mls/room-crypto.ts";
import type { EngineStore } from "../store/engine-store.ts";
import type { GroupMessages } from "./group-messages.ts";
import type { Commit, ItemHandler } from "./inbox.ts";
import { strayMessagesMax } from "./limits.ts";

export interface RoomReceiverPorts {
  store: EngineStore;
  roomCrypto: Pick<RoomCrypto, "header">;
  messages: Pick<GroupMessages, "prepare">;
}

export class RoomReceiver implements ItemHandler {
  readonly #ports: RoomReceiverPorts;

  constructor(ports: RoomReceiverPorts) {
    this.#ports = ports;
  }

  prepare(item: InboxItem): Commit {
    const { store, roomCrypto, messages } = this.#ports;
    const header = roomCrypto.header(item.payload);
    const id = header && store.rooms.roomOfGroup(header.groupId);
    const room = id && store.rooms.get(id);
    if (header === undefined) throw refused("no message of a group");
    // The head is in the clear: whoever sends it can write anything there, also what no store takes as a number.
    if (header.epoch > Number.MAX_SAFE_INTEGER) throw refused("an epoch that no group comes to");
    // Nothing of a blocked account is decrypted or shown; its keys stay, should it be unblocked.
    if (store.accounts.isBlocked(item.from)) throw refused("from a blocked account");
    return room === undefined ? () => this.#keepStray(item, header) : messages.prepare(room, item, header);
  }

  /** Others may speak in a room before the Welcome into it is here. */
  #keepStray({ id, from, server, created, payload }: InboxItem, { groupId, epoch }: MessageHeader): void {
    const row = { epoch: Number(epoch), envelope: id, sender: from, server, created, payload };
    this.#ports.store.groupRooms.addStray(row, groupId, strayMessagesMax);
  }
}

function refused(what: string): ProtocolError {
  return new ProtocolError("malformed", `room message: ${what}`);
}
