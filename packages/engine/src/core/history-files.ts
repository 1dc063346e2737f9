/**
 * A history as files for the person: `history.jsonl`, which programs read and this engine takes back, and pages that
 * people read. Files are asked for piece by piece, so that the longest history needs no memory. [F1] [F5]
 */
import type { Clock, RoomId } from "@fedchat/protocol";
import type { ListedChat, PageMessage, Times } from "../history/pages.ts";
import { chatFoot, chatHead, chatMessages, indexPage, timesIn } from "../history/pages.ts";
import type { HistoryFile, HistoryFiles as Listed } from "../interface/index.ts";
import type { WrittenLine } from "../history/lines.ts";
import type { EngineStore } from "../store/engine-store.ts";
import type { MessageRow } from "../store/messages-table.ts";
import type { RoomRow } from "../store/rooms-table.ts";
import { engineError } from "./causes.ts";
import type { HistoryLines } from "./history-lines.ts";
import { passesAway } from "./history-lines.ts";
import type { Identity } from "./identity.ts";
import { historyPageMessages, historyPieceBytes, historyPieceMessages } from "./limits.ts";
import type { Names } from "./names.ts";

export interface HistoryFilesPorts {
  store: EngineStore;
  identity: Identity;
  names: Names;
  lines: HistoryLines;
  title: (room: RoomRow) => string;
  clock: Pick<Clock, "now">;
}

export interface Piece {
  text: string;
  /** Where the next piece begins; null: this was the last. */
  next: number | null;
}

export class HistoryFiles {
  readonly #ports: HistoryFilesPorts;

  constructor(ports: HistoryFilesPorts) {
    this.#ports = ports;
  }

  /** What there is, as it is now. What comes later is in none of the files. */
  list(): Listed {
    const { store } = this.#ports;
    const below = store.messages.newestPosition() + 1;
    const pages = store.rooms.list().flatMap((room) => this.#pagesOf(room, below));
    return {
      messages: store.history.count(below),
      files: [
        { name: "history.jsonl", kind: "lines", below },
        { name: "index.html", kind: "index", below },
        ...pages,
      ],
    };
  }

  /** @param at `next` of the piece before; undefined: from the file's beginning */
  piece(file: HistoryFile, at: number | undefined, timeZone: string): Piece {
    if (file.kind === "lines") return this.#lines(file.below, at);
    const times = timesOf(timeZone);
    if (file.kind === "index") return { text: this.#index(file.below, times), next: null };
    return this.#chat(file, at, times);
  }

  #pagesOf(room: RoomRow, below: number): Extract<HistoryFile, { kind: "chat" }>[] {
    const { store, title } = this.#ports;
    const starts = store.history.pageStarts(room.id, historyPageMessages).filter((start) => start < below);
    const name = (page: number) => chatName(title(room), room.id, page);
    return starts.map((from, page) => ({
      ...{ name: name(page), kind: "chat", roomId: room.id, from, below: starts[page + 1] ?? below },
      ...(page === 0 ? {} : { earlier: name(page - 1) }),
      ...(page + 1 === starts.length ? {} : { later: name(page + 1) }),
    }));
  }

  #lines(below: number, at: number | undefined): Piece {
    const { store, lines, clock } = this.#ports;
    const text = (some: (WrittenLine | undefined)[]) =>
      some.map((line) => (line === undefined ? "" : `${JSON.stringify(line)}\n`)).join("");
    if (at === undefined) {
      const header = lines.header(clock.now(), store.history.count(below));
      const contacts = store.accounts.contacts().map((row) => lines.contact(row, "anybody"));
      const people = this.#accounts().map((account) => lines.person(account, "anybody"));
      const rooms = store.rooms.list().map((row) => lines.room(row, "anybody"));
      return { text: text([header, ...people, ...contacts, ...rooms]), next: store.history.lowest() - 1 };
    }
    const rows = store.messages.since(at, historyPieceMessages).filter(({ position }) => position < below);
    const taken = withinBytes(rows);
    const written = taken.map((row) => lines.message(row));
    return { text: text(written), next: taken.at(-1)?.position ?? null };
  }

  /** Everybody who stands in a line. */
  #accounts() {
    const { store, identity } = this.#ports;
    const contacts = store.accounts.contacts().map(({ account }) => account);
    return [...new Set([identity.account, ...contacts, ...store.history.senders()])];
  }

  #index(below: number, times: Times): string {
    const { store, identity, names, title, clock } = this.#ports;
    const chats = store.rooms.list().flatMap((room): ListedChat[] => {
      const messages = store.history.count(below, room.id);
      if (messages === 0) return [];
      const last = times.day(room.lastActivityAt);
      const about = `${messages} ${messages === 1 ? "message" : "messages"}, the last on ${last}`;
      const newest = this.#pagesOf(room, below).at(-1)!;
      return [{ name: newest.name, title: title(room), about }];
    });
    const { displayName } = identity.record.record;
    const now = clock.now();
    const about = [
      `Everything that the FedChat of ${displayName} (${names.address(identity.record.record)}) kept on ${times.day(now)}, ${times.clock(now)}. Times are those of ${times.timeZone}.`,
      "The same stands in history.jsonl, for programs: one message a line. FedChat can take that file back.",
    ];
    return indexPage({ title: `Chats of ${displayName}`, about, chats });
  }

  #chat(file: Extract<HistoryFile, { kind: "chat" }>, at: number | undefined, times: Times): Piece {
    const { store, names, title } = this.#ports;
    const room = store.rooms.get(file.roomId as RoomId);
    if (room === undefined) throw engineError("unknown-room");
    const around = { earlier: beside(file.earlier), later: beside(file.later) };
    const rows = store.history.between(room.id, at ?? file.from, file.below, historyPieceMessages);
    const taken = withinBytes(rows);
    const last = taken.at(-1)?.position;
    const isEnd = last === undefined || store.history.between(room.id, last + 1, file.below, 1).length === 0;
    const shown = taken
      .filter(({ content }) => content === null || !passesAway(content))
      .map((row) => this.#pageMessage(row));
    const people = store.groupRooms.people(room.id).map(({ account }) => names.shown(account));
    const about = people.length === 0 ? [] : [`With ${people.join(", ")}`];
    const above = at === undefined ? undefined : store.messages.before(room.id, at, 1)[0];
    const before = above && this.#pageMessage(above);
    const text = chatMessages(shown, before, times);
    return {
      text: `${at === undefined ? chatHead(title(room), about, around) : ""}${text}${isEnd ? chatFoot(around) : ""}`,
      next: isEnd ? null : last + 1,
    };
  }

  #pageMessage({ kind, sender, mine, sentAt, text, inReplyTo }: MessageRow): PageMessage {
    const { store, names } = this.#ports;
    const answered = inReplyTo === null ? undefined : store.messages.get(inReplyTo);
    const answers =
      answered && `${answered.mine === 1 ? "You" : names.shown(answered.sender)}: ${short(answered.text)}`;
    return { kind, senderName: names.shown(sender), sender, mine: mine === 1, sentAt, text, answers };
  }
}

/** As many as fit a piece, and one at least. */
function withinBytes(rows: MessageRow[]): MessageRow[] {
  let bytes = 0;
  const end = rows.findIndex(({ text, content }) => {
    bytes += text.length + (content?.length ?? 0) * 2 + 500;
    return bytes > historyPieceBytes;
  });
  return end === -1 ? rows : rows.slice(0, Math.max(1, end));
}

function timesOf(timeZone: string): Times {
  try {
    return timesIn(timeZone);
  } catch (error) {
    if (error instanceof RangeError) return timesIn("UTC");
    throw error;
  }
}

const shortCharacters = 120;
const short = (text: string): string =>
  text.length <= shortCharacters ? text : `${text.slice(0, shortCharacters).toWellFormed()}…`;

/** Told apart by the room's id, whatever people are called; letters that every disk takes. */
function chatName(title: string, room: RoomId, page: number): string {
  const words = title
    .normalize("NFKD")
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-");
  const name = words.replaceAll(/^-+|-+$/g, "").slice(0, 40) || "chat";
  return `chats/${name}-${room.slice(0, 8)}${page === 0 ? "" : `-${page + 1}`}.html`;
}

/** As a page of the same folder names it. */
const beside = (path: string | undefined): string | undefined => path?.slice(path.lastIndexOf("/") + 1);
