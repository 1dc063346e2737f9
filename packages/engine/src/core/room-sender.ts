/**
 * Encrypts an item for a room and commits it: the group's new state, the outgoing envelope and whatever belongs to
 * them are one transaction, so that a crash neither uses a key twice nor loses what was written.
 */
import type { Clock, RandomSource, RoomItem } from "@fedchat/protocol";
import { encode, envelopeId, roomItem } from "@fedchat/protocol";
import type { GroupCrypto } from "../mls/group-crypto.ts";
import type { EngineStore } from "../store/engine-store.ts";
import type { RoomRow } from "../store/rooms-table.ts";
import type { OutgoingRow } from "../store/transport-table.ts";
import { engineError } from "./causes.ts";
import type { Groups } from "./groups.ts";
import type { Outgoing } from "./outgoing.ts";

export class RoomSender {
  readonly #store: EngineStore;
  readonly #crypto: GroupCrypto;
  readonly #groups: Groups;
  readonly #outgoing: Outgoing;
  readonly #clock: Pick<Clock, "now">;
  readonly #random: RandomSource;

  constructor(ports: {
    store: EngineStore;
    crypto: GroupCrypto;
    groups: Groups;
    outgoing: Outgoing;
    clock: Pick<Clock, "now">;
    random: RandomSource;
  }) {
    this.#store = ports.store;
    this.#crypto = ports.crypto;
    this.#groups = ports.groups;
    this.#outgoing = ports.outgoing;
    this.#clock = ports.clock;
    this.#random = ports.random;
  }

  /** @param alongside further changes of the same transaction */
  send(
    room: RoomRow,
    item: RoomItem,
    as: Pick<OutgoingRow, "purpose" | "subject">,
    alongside: () => void,
  ): void {
    const state = this.#groups.of(room.id);
    const peer = room.peer === null ? undefined : this.#store.accounts.get(room.peer);
    if (state === undefined || peer === undefined) throw engineError("room-broken");
    const sealed = this.#crypto.encrypt(state, encode(roomItem, item));
    this.#store.transaction(() => {
      this.#groups.advance(room.id, sealed.state);
      this.#outgoing.enqueue({
        envelope: envelopeId.fromBytes(this.#random.bytes(16)),
        kind: "room",
        created: this.#clock.now(),
        server: peer.server,
        account: peer.account,
        payload: sealed.message,
        grantFirst: 0,
        ...as,
      });
      alongside();
    });
    this.#outgoing.pump();
  }
}
