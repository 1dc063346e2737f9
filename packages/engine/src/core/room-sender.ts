/**
 * Encrypts an item for a room and commits it: the group's new state, the outgoing envelopes and whatever belongs to
 * them are one transaction, so that a crash neither uses a key twice nor loses what was written.
 */
import type { AccountId, Clock, RandomSource, RoomItem, ServerId } from "@fedchat/protocol";
import { encode, envelopeId, roomItem } from "@fedchat/protocol";
import type { MessageProof, RoomCrypto } from "../mls/room-crypto.ts";
import type { EngineStore } from "../store/engine-store.ts";
import type { RoomRow } from "../store/rooms-table.ts";
import type { OutgoingRow } from "../store/transport-table.ts";
import { engineError } from "./causes.ts";
import type { Groups } from "./groups.ts";
import type { Identity } from "./identity.ts";
import type { Outgoing } from "./outgoing.ts";

export interface RoomSenderPorts {
  store: EngineStore;
  identity: Pick<Identity, "account" | "record">;
  roomCrypto: Pick<RoomCrypto, "encrypt">;
  groups: Groups;
  outgoing: Outgoing;
  clock: Pick<Clock, "now">;
  random: RandomSource;
}

export interface Sent {
  plaintext: Uint8Array;
  proof: MessageProof;
}

/** Recipients at one server, and the lane in which all goes to them. */
interface Destination {
  server: ServerId;
  accounts: AccountId[];
  lane: string;
}

export class RoomSender {
  readonly #ports: RoomSenderPorts;

  constructor(ports: RoomSenderPorts) {
    this.#ports = ports;
  }

  /**
   * @param alongside further changes of the same transaction; `sent`: what the message can be handed on by
   * @param to only to this account; to everybody else in the room where it is absent
   */
  send(
    room: RoomRow,
    item: RoomItem,
    as: Pick<OutgoingRow, "purpose" | "subject">,
    alongside: (sent: Sent) => void,
    to?: AccountId,
  ): void {
    const { store, groups, roomCrypto, outgoing, clock, random } = this.#ports;
    const state = groups.of(room.id);
    const destinations = this.#destinations(room, to);
    if (state === undefined) throw engineError("room-entering");
    if (destinations === undefined) throw engineError("room-broken");
    const plaintext = encode(roomItem, item);
    const sealed = roomCrypto.encrypt(state, plaintext);
    const own = this.#ownDevices(room, to);
    store.transaction(() => {
      groups.advance(room.id, sealed.state);
      for (const destination of [...destinations, ...own]) {
        outgoing.enqueue({
          envelope: envelopeId.fromBytes(random.bytes(16)),
          kind: "room",
          created: clock.now(),
          payload: sealed.message,
          grantFirst: 0,
          ...destination,
          ...(own.includes(destination) ? { purpose: "status", subject: "" } : as),
        });
      }
      alongside({ plaintext, proof: sealed.proof });
    });
    outgoing.pump();
  }

  /** Our other devices read what this one writes from the account's inbox. How far it gets is of no interest. */
  #ownDevices({ id }: RoomRow, to: AccountId | undefined): Destination[] {
    const { identity } = this.#ports;
    const { record } = identity.record;
    const isForOthers = to !== undefined && to !== identity.account;
    if (record.devices.length < 2 || isForOthers) return [];
    return [{ server: record.server, accounts: [identity.account], lane: `${id} own` }];
  }

  /** Undefined where the peer is not known any more. */
  #destinations({ id, kind, peer }: RoomRow, to: AccountId | undefined): Destination[] | undefined {
    const { store, identity } = this.#ports;
    if (kind === "pair") {
      const known = peer === null ? undefined : store.accounts.get(peer);
      return known && [{ server: known.server, accounts: [known.account], lane: known.account }];
    }
    const byServer = new Map<ServerId, AccountId[]>();
    for (const { account, server } of store.groupRooms.people(id)) {
      if (to === undefined ? account !== identity.account : account === to)
        byServer.set(server, [...(byServer.get(server) ?? []), account]);
    }
    return [...byServer].map(([server, accounts]) => ({ server, accounts, lane: `${id} ${server}` }));
  }
}
