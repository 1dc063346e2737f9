/**
 * What arrives in rooms: decrypts an MLS message on the room's present state, checks who wrote it, and says what to
 * commit: new state, message, counters and the receipt that is owed, together. [M1] to [M6]
 */
import type { InboxItem, Primitives } from "@fedchat/protocol";
import { ProtocolError } from "@fedchat/protocol";
import type { GroupCrypto, MessageHeader } from "../mls/group-crypto.ts";
import type { RoomCrypto } from "../mls/room-crypto.ts";
import type { EngineStore } from "../store/engine-store.ts";
import type { RoomRow } from "../store/rooms-table.ts";
import { openCertificate } from "./credentials.ts";
import type { GroupMessages } from "./group-messages.ts";
import type { Groups } from "./groups.ts";
import type { Commit, ItemHandler } from "./inbox.ts";
import { strayMessagesMax } from "./limits.ts";
import type { RoomItems } from "./room-items.ts";

export class RoomReceiver implements ItemHandler {
  readonly #store: EngineStore;
  readonly #crypto: GroupCrypto;
  readonly #roomCrypto: Pick<RoomCrypto, "header">;
  readonly #groups: Groups;
  readonly #primitives: Primitives;
  readonly #items: RoomItems;
  readonly #many: Pick<GroupMessages, "prepare">;

  constructor(ports: {
    store: EngineStore;
    crypto: GroupCrypto;
    roomCrypto: Pick<RoomCrypto, "header">;
    groups: Groups;
    primitives: Primitives;
    items: RoomItems;
    many: Pick<GroupMessages, "prepare">;
  }) {
    this.#store = ports.store;
    this.#crypto = ports.crypto;
    this.#roomCrypto = ports.roomCrypto;
    this.#groups = ports.groups;
    this.#primitives = ports.primitives;
    this.#items = ports.items;
    this.#many = ports.many;
  }

  prepare(item: InboxItem): Commit {
    const header = this.#crypto.header(item.payload) ?? this.#roomCrypto.header(item.payload);
    const id = header && this.#store.rooms.roomOfGroup(header.groupId);
    const room = id && this.#store.rooms.get(id);
    if (header === undefined) throw refused("no message of a group");
    // Nothing of a blocked account is decrypted or shown; its keys stay, should it be unblocked.
    if (this.#store.accounts.isBlocked(item.from)) throw refused("from a blocked account");
    if (room === undefined) return () => this.#keepStray(item, header);
    return room.kind === "group" ? this.#many.prepare(room, item, header) : this.#ofPair(room, item);
  }

  /** Others may speak in a room before the Welcome into it is here. */
  #keepStray({ id, from, server, created, payload }: InboxItem, { groupId, epoch }: MessageHeader): void {
    const row = { epoch: Number(epoch), envelope: id, sender: from, server, created, payload };
    this.#store.groupRooms.addStray(row, groupId, strayMessagesMax);
  }

  #ofPair(room: RoomRow, item: InboxItem): Commit {
    if (item.from !== room.peer) throw refused("from somebody who is no participant");
    const state = this.#groups.of(room.id);
    if (state === undefined) throw refused("of a group that is not known here");
    const outcome = this.#crypto.decrypt(state, item.payload);
    if (outcome.kind !== "message") throw refused(outcome.kind);
    const certificate = openCertificate(this.#primitives, outcome.sender.credential);
    if (certificate?.account !== room.peer) throw refused("by another member than the room's peer");
    const { account, device } = certificate;
    return () => {
      this.#groups.advance(room.id, outcome.state);
      this.#items.take(room, { account, device, created: item.created }, outcome.plaintext);
    };
  }
}

function refused(what: string): ProtocolError {
  return new ProtocolError("malformed", `room message: ${what}`);
}
