/**
 * The way into a room's group for a device that its account's record lists and that is not in it: by an external commit,
 * on the info that the hub has. Where that is not possible yet (the room does not know the newer record, or its key was
 * renewed) members are asked, a few at a time and less and less often, to see to it and to tell the key. What they tell
 * opens an info or does not; it is taken from participants, of a room that is not known here from whom we asked or a
 * contact. [U7]
 */
import type {
  AccountId,
  AccountNote,
  Clock,
  OpenedAccountRecord,
  RandomSource,
  RoomId,
} from "@fedchat/protocol";
import { ProtocolError, requestId } from "@fedchat/protocol";
import type { Cause } from "../interface/index.ts";
import type { LogPlace } from "../store/branches-table.ts";
import type { EngineStore } from "../store/engine-store.ts";
import type { RoomRow } from "../store/rooms-table.ts";
import { causeOfCode } from "./causes.ts";
import type { Changes } from "./changes.ts";
import type { Groups } from "./groups.ts";
import type { Identity } from "./identity.ts";
import type { Commit } from "./inbox.ts";
import type { KnownAccounts } from "./known-accounts.ts";
import { enterAloneAfterMs, enterAskAgainBaseMs, enterAskAgainMaxMs, enterAskedAtOnce } from "./limits.ts";
import type { Names } from "./names.ts";
import type { NotesSender } from "./notes-sender.ts";
import type { Outgoing } from "./outgoing.ts";
import type { People } from "./people.ts";
import type { Rooms } from "./rooms.ts";
import type { OpenedNote } from "./sealed-notes.ts";
import { addTold, wordOn } from "./told-rooms.ts";
import { isRejoining } from "./wanted-changes.ts";

export interface RoomEnteringPorts {
  store: EngineStore;
  identity: Identity;
  known: KnownAccounts;
  people: Pick<People, "get">;
  names: Pick<Names, "shown">;
  rooms: Rooms;
  groups: Groups;
  notes: NotesSender;
  outgoing: Outgoing;
  clock: Pick<Clock, "now">;
  random: RandomSource;
  changes: Changes;
  /** Whether no other device of this account could see to it. */
  isAlone: () => boolean;
  /** The room's `infoKey`, as this account's devices share it. */
  sharedKey: (room: RoomId) => Uint8Array | undefined;
  /** There is news of the way in. */
  onTold: (room: RoomId) => void;
}

type Told = Extract<AccountNote["content"], { kind: "key" }>;

export class RoomEntering {
  readonly #ports: RoomEnteringPorts;
  /** Since when a room was not entered that others of our devices may open. */
  readonly #since = new Map<RoomId, number>();

  constructor(ports: RoomEnteringPorts) {
    this.#ports = ports;
  }

  /** What may open the room's info, the likeliest first. */
  keys(room: RoomId): Uint8Array[] {
    const { store, sharedKey } = this.#ports;
    return [store.entering.told(room)?.key, sharedKey(room)].filter((key) => key !== undefined);
  }

  /** Where the log is, for a homeserver that does not follow it. */
  place(room: RoomId): LogPlace | undefined {
    return this.#ports.store.entering.told(room)?.place;
  }

  /** It cannot come in now: whoever is in the room is asked, unless they were already and need time. */
  ask(room: RoomId): void {
    const { store, notes, outgoing, random, clock, changes } = this.#ports;
    const row = store.rooms.get(room);
    const { asks, askedAt } = store.entering.asks(room);
    const afterMs = Math.min(enterAskAgainMaxMs, enterAskAgainBaseMs * 4 ** Math.max(0, asks - 1));
    if (row === undefined || !this.#isOurs(row) || (asks > 0 && clock.now() - askedAt < afterMs)) return;
    const people = this.#askable(row);
    if (people.length === 0) return;
    const at = (asks * enterAskedAtOnce) % people.length;
    const chosen = [...people.slice(at), ...people.slice(0, at)].slice(0, enterAskedAtOnce);
    store.transaction(() => {
      store.entering.asked(room, clock.now());
      for (const recipient of chosen) {
        const id = requestId.fromBytes(random.bytes(16));
        const envelope = notes.envelopeIfUsable(recipient, id, { kind: "enter", room });
        if (envelope !== undefined) outgoing.enqueue(envelope);
      }
    });
    outgoing.pump();
    changes.mark("room", room);
  }

  /** A member tells the way in, or of a room of which nothing was known here. */
  told({ sender }: OpenedNote, { room, key, hash, hub, term, position }: Told): Commit {
    const { store, known, changes, onTold } = this.#ports;
    const isInside = this.#isFromInside(room, sender);
    const word = isInside ? undefined : wordOn(this.#ports, room, sender.record.account);
    if (!isInside && word === undefined) throw passedOver("a key of no room that we want to come into");
    return () => {
      known.learn(sender);
      const place = { hub, term, position, head: hash.slice() };
      if (word !== undefined) addTold(this.#ports, word, sender, room, place);
      store.entering.tell(room, key.slice(), place);
      const asked = store.roomAsks.pending("outgoing", room);
      if (asked !== undefined && word?.kind !== "contact") {
        store.roomAsks.settle(asked.id, "admitted");
        store.requests.deleteKeyPackagesOf(asked.id);
        changes.mark("roomAsk", asked.id);
      }
      store.afterwards((committed) => committed && onTold(room));
    };
  }

  /** A member says that we are not in the room any more. Undefined where that is said of something else. */
  out({ sender }: OpenedNote, room: RoomId): Commit | undefined {
    const { store, known, names, rooms, groups } = this.#ports;
    if (!this.#isFromInside(room, sender)) return undefined;
    return () => {
      known.learn(sender);
      const who = names.shown(sender.record.account);
      rooms.close(room, "closed", "room-removed", `${who} says that you are not in this room any more.`);
      groups.end(room);
      store.groupRooms.end(room);
      store.entering.end(room);
    };
  }

  /** Why nothing can be written in a room that is open, and what is being done; null where this device is in it. */
  cause(row: RoomRow, holdUp: Cause | null): Cause | null {
    const { store, names, isAlone } = this.#ports;
    const { id, kind, peer, state } = row;
    if (state !== "open" || kind === "notes" || store.rooms.hasGroup(id)) return null;
    if (!isRejoining(store, id)) return null;
    const cause = causeOfCode("room-entering");
    if (store.entering.asks(id).asks === 0) {
      if (holdUp?.code === "unreachable") return { ...holdUp, code: cause.code };
      if (holdUp === null || !isAlone() || this.#askable(row).length > 0) return cause;
      const sentence = `${cause.sentence} Your FedChat knows nobody in it well enough to ask.`;
      return { ...cause, sentence, fix: "Ask somebody in it, over another way, for a link into it." };
    }
    const who = peer === null ? "Somebody in it" : names.shown(peer);
    const lastWay = peer === null ? "ask somebody in it to take you in anew" : "ask for a new chat";
    return {
      ...cause,
      sentence: `${cause.sentence} ${who} has to let it in, and was asked.`,
      fix: `It comes in by itself as soon as ${peer === null ? "one of them" : who} is online. If that is never again, ${lastWay}.`,
    };
  }

  /** A device of an account that has others comes in by those, mostly; and where it is about a pair, whose other side is known. */
  #isOurs({ id, kind }: RoomRow): boolean {
    const { store, clock, isAlone } = this.#ports;
    if (!isRejoining(store, id)) return false;
    if (kind === "pair" || isAlone()) return true;
    const since = this.#since.get(id) ?? clock.now();
    this.#since.set(id, since);
    return clock.now() - since >= enterAloneAfterMs;
  }

  /** Contacts first: their servers surely let our notes in. */
  #askable({ id, peer }: RoomRow): OpenedAccountRecord[] {
    const { store, identity, known, people } = this.#ports;
    const accounts = peer === null ? store.groupRooms.people(id).map(({ account }) => account) : [peer];
    const others = accounts.filter((one) => one !== identity.account && !store.accounts.isBlocked(one));
    const isContact = (account: AccountId) => Number(store.accounts.contact(account) !== undefined);
    return others
      .toSorted((a, b) => isContact(b) - isContact(a))
      .flatMap((account) => known.get(account) ?? people.get(account)?.opened ?? []);
  }

  #isFromInside(room: RoomId, { record }: OpenedAccountRecord): boolean {
    const { store } = this.#ports;
    const row = store.rooms.get(room);
    if (row === undefined || !isRejoining(store, room)) return false;
    return row.peer === record.account || store.groupRooms.person(room, record.account) !== undefined;
  }
}

function passedOver(what: string): ProtocolError {
  return new ProtocolError("malformed", `account note: ${what}`);
}
