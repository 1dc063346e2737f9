/**
 * The form in which a history is kept outside of a store: one JSON object a line, in exported files and, sealed, in the
 * archive at the homeserver. docs/history-format.md is its specification. Keys that a reader does not know are let go;
 * a kind that it does not know is passed over, so that a later version can add some. [F1] [F2]
 */
import { z } from "zod";
import {
  AccountText,
  Cause,
  MessageIdText,
  MessageState,
  Role,
  RoomIdText,
  RoomInviting,
  RoomJoining,
  ServerIdText,
} from "../interface/index.ts";
import { fromBase64 } from "./base64.ts";

export const historyVersion = 1;

/** ISO 8601 in UTC, so that people can read it; milliseconds in the program. */
const time = z.iso.datetime().transform((text) => Date.parse(text));
const bytes = z.base64().transform(fromBase64);
const oneLine = z.string().max(256);

const header = z.object({
  kind: z.literal("history"),
  version: z.literal(historyVersion),
  account: AccountText,
  displayName: oneLine,
  address: z.string().max(320),
  exportedAt: time,
  /** How many lines of kind `message` follow. */
  messages: z.int().nonnegative(),
});

const person = z.object({
  kind: z.literal("person"),
  account: AccountText,
  server: ServerIdText,
  handle: z.string().max(32),
  displayName: oneLine,
  /** Signed account record. Archives have it, files do not. */
  record: bytes.optional(),
});

const contact = z.object({
  kind: z.literal("contact"),
  account: AccountText,
  room: RoomIdText,
  since: time,
  nickname: oneLine.nullable(),
  /** By which their key packages are fetched; in archives alone. */
  capability: bytes.optional(),
});

const room = z.object({
  kind: z.literal("room"),
  room: RoomIdText,
  type: z.enum(["notes", "pair", "group"]),
  title: z.string().max(4_096),
  name: oneLine,
  peer: AccountText.nullable(),
  people: z
    .array(
      z.object({
        account: AccountText,
        server: ServerIdText,
        handle: z.string().max(32),
        displayName: oneLine,
        role: Role,
      }),
    )
    .max(1_000),
  joining: RoomJoining,
  inviting: RoomInviting,
  createdAt: time,
  state: z.enum(["invited", "open", "closed", "broken"]),
  cause: Cause.nullable(),
  /** The newest message that was read. */
  read: MessageIdText.nullable(),
  /** Where the room's log is, to come in again; in archives alone. */
  log: z
    .object({
      hub: ServerIdText,
      term: z.int().nonnegative(),
      position: z.int().nonnegative(),
      head: bytes,
    })
    .optional(),
});

const message = z.object({
  kind: z.literal("message"),
  id: MessageIdText,
  room: RoomIdText,
  type: z.enum(["text", "notice"]),
  sender: AccountText,
  /** For people who read the line. */
  senderName: oneLine,
  mine: z.boolean(),
  sentAt: time,
  receivedAt: time,
  text: z.string().max(262_144),
  inReplyTo: MessageIdText.nullable(),
  /** MIMI content as it was sent; null for notices. */
  content: bytes.nullable(),
  state: MessageState.nullable(),
  submittedAt: time.nullable(),
  forwardedAt: time.nullable(),
  deliveredAt: time.nullable(),
  readAt: time.nullable(),
});

const blocked = z.object({ kind: z.literal("blocked"), account: AccountText, since: time });

const line = z.discriminatedUnion("kind", [header, person, contact, blocked, room, message]);
/** A line as the program uses it. */
export type HistoryLine = z.output<typeof line>;
/** A line as it stands in a file. */
export type WrittenLine = z.input<typeof line>;
export type Header = z.output<typeof header>;
export type RoomLine = z.output<typeof room>;
export type MessageLine = z.output<typeof message>;
export type PersonLine = z.output<typeof person>;
export type ContactLine = z.output<typeof contact>;
export type BlockedLine = z.output<typeof blocked>;

const kinds = new Set(["history", "person", "contact", "blocked", "room", "message"]);

/** Undefined for a kind of a later version. Throws `ZodError` for what is no line. */
export function parseLine(parsed: unknown): HistoryLine | undefined {
  const { kind } = z.object({ kind: z.string() }).parse(parsed);
  return kinds.has(kind) ? line.parse(parsed) : undefined;
}

/** A line's time in milliseconds. */
export const timeOf = (text: string): number => Date.parse(text);

/** A time as lines have it. */
export const written = (ms: number): string => new Date(ms).toISOString();
