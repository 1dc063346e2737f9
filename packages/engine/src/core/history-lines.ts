/**
 * A history as lines, read from the store. What expires is left out, wherever the lines go; what only this account's
 * devices may know goes into archives alone. [F1] [F4]
 */
import type { AccountId } from "@fedchat/protocol";
import { decodeContent, DecodeError } from "@fedchat/protocol";
import { toBase64 } from "../history/base64.ts";
import type { WrittenLine } from "../history/lines.ts";
import { historyVersion, written } from "../history/lines.ts";
import type { BlockedRow, ContactRow } from "../store/accounts-table.ts";
import type { EngineStore } from "../store/engine-store.ts";
import type { MessageRow } from "../store/messages-table.ts";
import type { RoomRow } from "../store/rooms-table.ts";
import { decodeCause } from "./causes.ts";
import type { Identity } from "./identity.ts";
import type { Names } from "./names.ts";

/** Who will read the lines: anybody whom the person gives the file, or the account's own devices. */
export type Readers = "anybody" | "devices";

export interface HistoryLinesPorts {
  store: EngineStore;
  identity: Identity;
  names: Names;
  /** What a screen calls a room. */
  title: (room: RoomRow) => string;
}

export class HistoryLines {
  readonly #ports: HistoryLinesPorts;

  constructor(ports: HistoryLinesPorts) {
    this.#ports = ports;
  }

  header(exportedAt: number, messages: number): WrittenLine {
    const { identity, names } = this.#ports;
    const { account, displayName } = identity.record.record;
    const address = names.address(identity.record.record);
    const line = { kind: "history", version: historyVersion, account, displayName, address } as const;
    return { ...line, exportedAt: written(exportedAt), messages };
  }

  /** Undefined where no more than the key is known. */
  person(account: AccountId, readers: Readers): WrittenLine | undefined {
    const { store, names } = this.#ports;
    const named = names.account(account);
    if (named === undefined) return undefined;
    const { server, handle, displayName } = named;
    const record = readers === "devices" ? store.accounts.get(account)?.record : undefined;
    const line = { kind: "person", account, server, handle, displayName } as const;
    return { ...line, ...(record === undefined ? {} : { record: toBase64(record) }) };
  }

  contact({ account, room, since, nickname, capability }: ContactRow, readers: Readers): WrittenLine {
    const line = { kind: "contact", account, room, since: written(since), nickname } as const;
    const isTold = readers === "devices" && capability !== null;
    return { ...line, ...(isTold ? { capability: toBase64(capability) } : {}) };
  }

  blocked({ account, at }: BlockedRow): WrittenLine {
    return { kind: "blocked", account, since: written(at) };
  }

  room(row: RoomRow, readers: Readers): WrittenLine {
    const { store, identity, title } = this.#ports;
    const log = readers === "devices" ? store.groupRooms.log(row.id) : undefined;
    return {
      kind: "room",
      room: row.id,
      type: row.kind,
      title: title(row),
      name: row.name,
      peer: row.kind === "notes" ? identity.account : row.peer,
      people: store.groupRooms.people(row.id),
      ...{ joining: row.joining, inviting: row.inviting },
      createdAt: written(row.createdAt),
      ...{ state: row.state, cause: decodeCause(row.cause) },
      read: store.history.readMessage(row.id, row.readPosition)?.id ?? null,
      ...(log === undefined
        ? {}
        : { log: { hub: log.hub, term: log.term, position: log.position, head: toBase64(log.head) } }),
    };
  }

  /** Undefined for a message that expires. */
  message(row: MessageRow): WrittenLine | undefined {
    if (row.content !== null && passesAway(row.content)) return undefined;
    const { id, room, sender, text, inReplyTo, state } = row;
    const time = (at: number | null) => (at === null ? null : written(at));
    return {
      ...{ kind: "message", id, room, type: row.kind, sender },
      ...{ senderName: this.#ports.names.shown(sender), mine: row.mine === 1 },
      ...{ sentAt: written(row.sentAt), receivedAt: written(row.receivedAt), text, inReplyTo },
      content: row.content === null ? null : toBase64(row.content),
      ...{ state, submittedAt: time(row.submittedAt), forwardedAt: time(row.forwardedAt) },
      ...{ deliveredAt: time(row.deliveredAt), readAt: time(row.readAt) },
    };
  }
}

/** Whether its sender gave it a time. No file and no archive can let it go when that is over. [M8] */
export function passesAway(content: Uint8Array): boolean {
  try {
    return decodeContent(content).expires !== null;
  } catch (error) {
    if (error instanceof DecodeError) return false;
    throw error;
  }
}
