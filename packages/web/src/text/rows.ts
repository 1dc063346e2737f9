/**
 * The rows of a timeline, from its messages in order of position: day lines, the line of new messages, groups of one
 * sender. Pure, so that the same messages always look the same.
 */
import type { Message } from "@fedchat/engine/interface";
import { groupGapMs } from "../limits.ts";
import { dayNumber } from "./time.ts";

export type Row =
  | { key: string; type: "start" }
  | { key: string; type: "day"; at: number }
  | { key: string; type: "new" }
  | { key: string; type: "missing"; count: number }
  | { key: string; type: "notice"; id: string }
  | { key: string; type: "message"; id: string; head: boolean; tail: boolean; late: boolean };

export interface Lines {
  /** The beginning of the conversation is among the messages. */
  start: boolean;
  /** The line of new messages stands above this message. */
  newFrom: string | null;
  /** Messages known to be missing. */
  missing: number;
}

/** When a message was written, as far as it can be believed: a sender's clock that runs ahead is not. */
export const shownAt = (message: Pick<Message, "sentAt" | "receivedAt">): number =>
  Math.min(message.sentAt, message.receivedAt);

export function rowsOf(messages: readonly Message[], lines: Lines): Row[] {
  const rows: Row[] = [];
  if (lines.start) rows.push({ key: "start", type: "start" });
  let day = Number.NEGATIVE_INFINITY;
  let previous: Message | null = null;
  for (const message of messages) {
    const at = shownAt(message);
    const itsDay = dayNumber(at);
    if (itsDay > day) {
      rows.push({ key: `day ${itsDay}`, type: "day", at });
      day = itsDay;
      previous = null;
    }
    if (message.messageId === lines.newFrom) {
      rows.push({ key: "new", type: "new" });
      previous = null;
    }
    if (message.kind === "notice") {
      rows.push({ key: message.messageId, type: "notice", id: message.messageId });
      previous = null;
      continue;
    }
    const continues = previous !== null && sameGroup(previous, message);
    const last = rows.at(-1);
    if (continues && last?.type === "message") last.tail = false;
    rows.push({
      key: message.messageId,
      type: "message",
      id: message.messageId,
      head: !continues,
      tail: true,
      late: itsDay < day,
    });
    previous = message;
  }
  if (lines.missing > 0) rows.push({ key: "missing", type: "missing", count: lines.missing });
  return rows;
}

/** One group: the same sender, each message within five minutes of the one before. */
function sameGroup(before: Message, after: Message): boolean {
  return (
    before.kind === "text" &&
    after.kind === "text" &&
    before.sender === after.sender &&
    Math.abs(shownAt(after) - shownAt(before)) < groupGapMs
  );
}
