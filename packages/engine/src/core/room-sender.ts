/**
 * Encrypts an item for a room and commits it: the group's new state, the outgoing envelopes and whatever belongs to
 * them are one transaction, so that a crash neither uses a key twice nor loses what was written.
 */
import type { AccountId, Clock, RandomSource, RoomItem, ServerId } from "@fedchat/protocol";
import { encode, envelopeId, roomItem } from "@fedchat/protocol";
import type { RoomCrypto } from "../mls/room-crypto.ts";
import type { EngineStore } from "../store/engine-store.ts";
import type { RoomRow } from "../store/rooms-table.ts";
import type { OutgoingRow } from "../store/transport-table.ts";
import { engineError } from "./causes.ts";
import type { Groups } from "./groups.ts";
import type { Identity } from "./identity.ts";
import type { Outgoing } from "./outgoing.ts";

export interface RoomSenderPorts {
  store: EngineStore;
  identity: Pick<Identity, "account">;
  roomCrypto: Pick<RoomCrypto, "encrypt">;
  groups: Groups;
  outgoing: Outgoing;
  clock: Pick<Clock, "now">;
  random: RandomSource;
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

  /** @param alongside further changes of the same transaction */
  send(
    room: RoomRow,
    item: RoomItem,
    as: Pick<OutgoingRow, "purpose" | "subject">,
    alongside: () => void,
  ): void {
    const { store, groups, roomCrypto, outgoing, clock, random } = this.#ports;
    const state = groups.of(room.id);
    const destinations = this.#destinations(room);
    if (state === undefined || destinations === undefined) throw engineError("room-broken");
    const sealed = roomCrypto.encrypt(state, encode(roomItem, item));
    store.transaction(() => {
      groups.advance(room.id, sealed.state);
      for (const destination of destinations) {
        outgoing.enqueue({
          envelope: envelopeId.fromBytes(random.bytes(16)),
          kind: "room",
          created: clock.now(),
          payload: sealed.message,
          grantFirst: 0,
          ...destination,
          ...as,
        });
      }
      alongside();
    });
    outgoing.pump();
  }

  /** Undefined where the peer is not known any more. */
  #destinations({ id, kind, peer }: RoomRow): Destination[] | undefined {
    const { store, identity } = this.#ports;
    if (kind === "pair") {
      const known = peer === null ? undefined : store.accounts.get(peer);
      return known && [{ server: known.server, accounts: [known.account], lane: known.account }];
    }
    const byServer = new Map<ServerId, AccountId[]>();
    for (const { account, server } of store.groupRooms.people(id)) {
      if (account !== identity.account) byServer.set(server, [...(byServer.get(server) ?? []), account]);
    }
    return [...byServer].map(([server, accounts]) => ({ server, accounts, lane: `${id} ${server}` }));
  }
}
