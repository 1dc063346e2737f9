/**
 * Lets devices of those who take part in a room come in: whoever asks brings their account's newer record with the asking,
 * which the room is told, and as soon as the room's state lists the device it is told the room's key. It opens what every
 * listed device may open, and nobody else learns it. [U7]
 */
import type {
  AccountId,
  DeviceId,
  OpenedAccountRecord,
  RandomSource,
  RequestId,
  RoomId,
} from "@fedchat/protocol";
import { ProtocolError, requestId } from "@fedchat/protocol";
import type { RoomCrypto } from "../mls/room-crypto.ts";
import { participantOf, type RoomState } from "../room-state/room-state.ts";
import type { EngineStore } from "../store/engine-store.ts";
import type { RoomLogRow } from "../store/group-rooms-table.ts";
import { isEqual } from "./credentials.ts";
import type { Groups } from "./groups.ts";
import type { Commit } from "./inbox.ts";
import type { KnownAccounts } from "./known-accounts.ts";
import { enteringRememberedMax } from "./limits.ts";
import type { NotesSender } from "./notes-sender.ts";
import type { Outgoing } from "./outgoing.ts";
import type { OpenedNote } from "./sealed-notes.ts";

export interface DeviceAdmissionPorts {
  store: EngineStore;
  known: KnownAccounts;
  groups: Groups;
  roomCrypto: Pick<RoomCrypto, "room" | "members">;
  notes: NotesSender;
  outgoing: Outgoing;
  random: RandomSource;
  /** Within the transaction: rooms are to know this account's newer record. */
  bring: (account: AccountId) => void;
}

/** Who asked, and waits until the room's state lists it. Who is forgotten asks again. */
interface Asking {
  room: RoomId;
  account: AccountId;
  request: RequestId;
  device: DeviceId;
  signatureKey: Uint8Array;
}

export class DeviceAdmission {
  readonly #ports: DeviceAdmissionPorts;
  /** The one that asked longest ago first. */
  readonly #asking = new Map<string, Asking>();

  constructor(ports: DeviceAdmissionPorts) {
    this.#ports = ports;
  }

  /** A device asks for the way into a room. Throws `ProtocolError("malformed")` where it is none of ours. */
  prepare(note: OpenedNote, { room }: { room: RoomId }): Commit {
    const { store, known, groups, roomCrypto, notes, outgoing, bring } = this.#ports;
    const { account } = note.sender.record;
    const { device, signatureKey } = note.certificate;
    const state = groups.of(room);
    const log = store.groupRooms.log(room);
    if (store.rooms.get(room)?.state !== "open") throw passedOver("of a room that we are not in");
    const isIn = store.groupRooms.person(room, account) !== undefined;
    // Whose own group is lost, too, knows nothing better.
    if (!isIn && state === undefined) throw passedOver("of somebody who was in no room with us");
    return () => {
      known.learn(note.sender);
      if (!isIn) {
        const answer = notes.envelopeIfUsable(note.sender, note.request, { kind: "gone", room });
        if (answer !== undefined) outgoing.enqueue(answer);
      } else {
        bring(account);
        this.#remember({ room, account, request: note.request, device, signatureKey });
        if (state !== undefined && log !== undefined) this.settle(log, roomCrypto.room(state));
      }
      store.afterwards((committed) => committed && outgoing.pump());
    };
  }

  /**
   * Tells a participant unasked, who has devices that are not in the group and may know nothing of the room. False where
   * there are none.
   */
  letBackIn(room: RoomId, account: AccountId): boolean {
    const { store, known, groups, roomCrypto, random, bring } = this.#ports;
    const state = groups.of(room);
    const log = store.groupRooms.log(room);
    const isIn = store.groupRooms.person(room, account) !== undefined;
    if (!isIn || state === undefined || log === undefined) return false;
    const inside = roomCrypto.members(state).filter((one) => one.account === account);
    // One note is for all of them.
    const outside = known
      .get(account)
      ?.certificates.find(({ device }) => !inside.some((one) => one.device === device));
    if (outside === undefined) return false;
    const { device, signatureKey } = outside;
    store.transaction(() => {
      bring(account);
      const request = requestId.fromBytes(random.bytes(16));
      this.#remember({ room, account, request, device, signatureKey });
      this.settle(log, roomCrypto.room(state));
    });
    return true;
  }

  /** Within the transaction that takes the room's new state: who is on its lists now is told how to come in. */
  settle({ room, hub, term, position, head: hash }: RoomLogRow, state: RoomState): void {
    const { known, notes, outgoing, store } = this.#ports;
    for (const [name, one] of this.#asking) {
      const recipient = known.get(one.account);
      if (one.room !== room || recipient === undefined || !isListed(state, one)) continue;
      // The room is to commit what is newer, and has another key with it.
      if (isBehind(state, recipient)) continue;
      const content = { kind: "key", room, hub, term, position, hash, key: state.infoKey } as const;
      const answer = notes.envelopeIfUsable(recipient, one.request, content);
      if (answer !== undefined) outgoing.enqueue(answer);
      store.afterwards((committed) => {
        if (!committed) return;
        this.#asking.delete(name);
        outgoing.pump();
      });
    }
  }

  #remember(one: Asking): void {
    const name = `${one.room} ${one.device}`;
    this.#asking.delete(name);
    this.#asking.set(name, one);
    for (const oldest of this.#asking.keys()) {
      if (this.#asking.size <= enteringRememberedMax) return;
      this.#asking.delete(oldest);
    }
  }
}

function isListed(state: RoomState, { account, device, signatureKey }: Asking): boolean {
  const listed = participantOf(state, account)?.devices.find((one) => one.device === device);
  return listed !== undefined && isEqual(listed.key, signatureKey);
}

function isBehind(state: RoomState, { record }: OpenedAccountRecord): boolean {
  const listed = participantOf(state, record.account);
  return listed !== undefined && listed.sequence < record.sequence;
}

function passedOver(what: string): ProtocolError {
  return new ProtocolError("malformed", `enter: ${what}`);
}
