/**
 * Takes lines of a history into the store, from a file or from the archive. What is here already stays as it is; a room
 * that is not here comes back without its keys: from an archive as one to be come into again, else to be read only.
 * Invariant: a message stands here once, whatever it comes from. [F3]
 */
import type { AccountId, Clock, MessageId, Primitives, RoomId, ServerId } from "@fedchat/protocol";
import {
  accountUri,
  computeMessageId,
  DecodeError,
  messageId,
  openAccountRecord,
  roomUri,
} from "@fedchat/protocol";
import type {
  BlockedLine,
  ContactLine,
  HistoryLine,
  MessageLine,
  PersonLine,
  RoomLine,
} from "../history/lines.ts";
import type { EngineStore } from "../store/engine-store.ts";
import type { RoomPersonRow } from "../store/group-rooms-table.ts";
import type { MessageRow } from "../store/messages-table.ts";
import { messageRanks } from "../store/messages-table.ts";
import { causeOfCode, encodeCause } from "./causes.ts";
import type { Changes } from "./changes.ts";
import { passesAway } from "./history-lines.ts";
import type { Identity } from "./identity.ts";
import type { KnownAccounts } from "./known-accounts.ts";
import type { Rooms } from "./rooms.ts";
import { want } from "./wanted-changes.ts";

/** A file may come from anywhere; the archive was sealed by a device of this account. */
export type Source = "file" | "archive";
export type Taken = "added" | "known" | "passed over";

export interface HistoryTakerPorts {
  store: EngineStore;
  identity: Identity;
  known: KnownAccounts;
  rooms: Rooms;
  primitives: Primitives;
  clock: Pick<Clock, "now">;
  changes: Changes;
  /** Whether this account has no other device. */
  isAlone: () => boolean;
}

export class HistoryTaker {
  readonly #ports: HistoryTakerPorts;

  constructor(ports: HistoryTakerPorts) {
    this.#ports = ports;
  }

  /**
   * Within a transaction.
   * @param position of a message: where it stands until its room is put in order
   */
  take(line: HistoryLine, source: Source, position: number): Taken {
    switch (line.kind) {
      case "history":
        return "passed over";
      case "person":
        return this.#person(line, source);
      case "contact":
        return source === "archive" ? this.#contact(line) : "passed over";
      case "blocked":
        return source === "archive" ? this.#blocked(line) : "passed over";
      case "room":
        return this.#room(line, source);
      case "message":
        return this.#message(line, source, position);
    }
  }

  /** Puts the rooms in order into which messages of before came; also those of a run that was cut off. */
  putInOrder(): void {
    const { store, changes } = this.#ports;
    for (const room of store.history.roomsToOrder()) {
      store.transaction(() => store.history.order(room));
      changes.mark("history", room);
      changes.mark("room", room);
    }
    changes.status();
  }

  #person({ account, server, handle, displayName, record }: PersonLine, source: Source): Taken {
    const { store, known, identity, primitives } = this.#ports;
    const who = account as AccountId;
    if (who === identity.account) return "known";
    if (source === "archive" && record !== undefined) {
      const opened = openAccountRecord(primitives, record);
      if (opened.record.account === who) known.learn(opened);
    }
    if (store.accounts.get(who) !== undefined || store.groupRooms.named(who) !== undefined) return "known";
    store.groupRooms.putName({ account: who, server: server as ServerId, handle, displayName });
    return "added";
  }

  #contact({ account, room, since, nickname, capability }: ContactLine): Taken {
    const { store, changes } = this.#ports;
    const who = account as AccountId;
    if (store.accounts.contact(who) !== undefined) return "known";
    if (store.accounts.get(who) === undefined) return "passed over";
    store.accounts.putContact({
      ...{ account: who, nickname, room: room as RoomId, since },
      ...{ capability: capability ?? null, capabilityTold: 0 },
    });
    changes.mark("contact", who);
    return "added";
  }

  #blocked({ account, since }: BlockedLine): Taken {
    const { accounts } = this.#ports.store;
    const who = account as AccountId;
    if (accounts.isBlocked(who)) return "known";
    accounts.putBlocked({ account: who, at: since, wanted: 1, told: 0 });
    return "added";
  }

  #room(line: RoomLine, source: Source): Taken {
    const { store, identity, rooms, changes } = this.#ports;
    const id = line.room as RoomId;
    const isOwnNotes = line.type === "notes" && line.peer === identity.account;
    if (isOwnNotes) {
      const { id: kept } = rooms.notes();
      if (kept !== id) store.history.putAlias(id, kept);
      return "known";
    }
    if (store.rooms.get(id) !== undefined) {
      // One that this device is not in yet: who may be asked to let it in.
      const isIn = store.rooms.hasGroup(id) || store.groupRooms.people(id).length > 0;
      if (!isIn && source === "archive") store.groupRooms.putPeople(id, line.people as RoomPersonRow[]);
      return "known";
    }
    const isOver = line.state === "closed" || line.state === "broken";
    const isToEnter = source === "archive" && !isOver && line.log !== undefined;
    const cause = isOver && line.cause !== null ? line.cause : causeOfCode(becauseFrom[source]);
    const standing = source === "archive" && !isOver ? "broken" : "closed";
    store.rooms.insert({
      // Another account's notes are a talk with that account.
      ...{ id, kind: line.type === "group" ? "group" : "pair", peer: line.peer as AccountId | null },
      ...{ name: line.name, joining: line.joining, inviting: line.inviting, createdAt: line.createdAt },
      ...(isToEnter ? { state: line.state, cause: null } : { state: standing, cause: encodeCause(cause) }),
    });
    if (isToEnter) this.#enter(id, line.log!);
    store.groupRooms.putPeople(id, line.people as RoomPersonRow[]);
    if (line.read !== null) store.history.putMarker(id, line.read as MessageId);
    changes.mark("room", id);
    return "added";
  }

  /** Nothing but the archive knows of it: members tell the way in. [U7] */
  #enter(room: RoomId, { hub, term, position, head }: NonNullable<RoomLine["log"]>): void {
    const { store, clock, isAlone } = this.#ports;
    const now = clock.now();
    const log = {
      room,
      hub: hub as ServerId,
      term,
      position,
      head,
      following: "wanted",
      renewedAt: now,
    } as const;
    store.groupRooms.putLog(log);
    const why = isAlone() ? ({ why: "recovered" } as const) : {};
    want(store, room, { kind: "enter", ...why }, now);
  }

  #message(line: MessageLine, source: Source, position: number): Taken {
    const { store, identity } = this.#ports;
    const id = line.id as MessageId;
    if (line.content !== null && passesAway(line.content)) return "passed over";
    const held = store.messages.get(id);
    if (held !== undefined) return this.#fillIn(held, line);
    if (source === "file" && !this.#isWhatItSays(line)) return "passed over";
    const named = line.room as RoomId;
    const room = store.history.alias(named) ?? named;
    if (store.rooms.get(room) === undefined) return "passed over";
    const mine = line.sender === identity.account && line.type === "text";
    store.history.insert({
      ...{ id, room, kind: line.type, sender: line.sender as AccountId, mine: mine ? 1 : 0, position },
      ...{ sentAt: line.sentAt, receivedAt: line.receivedAt, text: line.text.toWellFormed() },
      ...{ inReplyTo: line.inReplyTo as MessageId | null, content: line.content },
      ...(mine ? standing(line) : {}),
    });
    store.rooms.active(room, Math.min(line.sentAt, line.receivedAt));
    store.history.reachMarker(room, id, position);
    return "added";
  }

  /** Another device may know more of what became of our message. */
  #fillIn(held: MessageRow, line: MessageLine): Taken {
    const { state } = held;
    if (state === null || line.state === null || line.sender !== held.sender) return "known";
    const { forwardedAt, deliveredAt, readAt } = line;
    const higher = messageRanks[line.state] > messageRanks[state] ? line.state : state;
    this.#ports.store.history.fillIn(held.id, { state: higher, forwardedAt, deliveredAt, readAt });
    return "known";
  }

  /**
   * A file could name the id of a message that is still to come, and so keep it away. Ids of texts are computed from what
   * they say [M5]; those of notices are random, and do not begin as those do.
   */
  #isWhatItSays(line: MessageLine): boolean {
    const id = line.id as MessageId;
    if (line.type === "notice") return messageId.toBytes(id)[0] !== 1;
    const isNotes = this.#ports.store.history.alias(line.room as RoomId) !== undefined;
    if (line.content === null) return false;
    if (isNotes) return line.sender === this.#ports.identity.account;
    try {
      const origin = { sender: accountUri(line.sender as AccountId), room: roomUri(line.room as RoomId) };
      return computeMessageId(this.#ports.primitives, origin, line.content) === id;
    } catch (error) {
      if (error instanceof DecodeError) return false;
      throw error;
    }
  }
}

const becauseFrom = { file: "room-from-file", archive: "room-restored" } as const;

/** How one of our messages stands. What waited when its device was lost was never sent. */
function standing(line: MessageLine): Partial<MessageRow> {
  const { submittedAt, forwardedAt, deliveredAt, readAt } = line;
  const times = { submittedAt, forwardedAt, deliveredAt, readAt };
  if (line.state === null || line.state === "waiting" || line.state === "failed")
    return { ...times, state: "failed", cause: encodeCause(causeOfCode("never-sent")) };
  return { ...times, state: line.state };
}
