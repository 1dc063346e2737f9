/** Full-text search over this engine's messages: all words, the last one as a prefix, newest first. */
import type { RoomId } from "@fedchat/protocol";
import type { SearchHit } from "../interface/index.ts";
import type { MessageRow, MessagesTable } from "../store/messages-table.ts";

/** Noncharacters: no text that people write holds them. */
const marks = { open: "\ufdd0", close: "\ufdd1" };

export interface Found {
  message: MessageRow;
  snippet: SearchHit["snippet"];
}

export function searchMessages(
  messages: MessagesTable,
  text: string,
  filter: { room: RoomId | undefined; before: number | undefined; limit: number },
): Found[] {
  const match = matchOf(text);
  if (match === undefined) return [];
  const { room, before = Number.MAX_SAFE_INTEGER, limit } = filter;
  return messages.search(match, { room, before, limit }, marks).map(({ snippet, ...message }) => ({
    message,
    snippet: snippetParts(snippet),
  }));
}

/** An FTS5 query from what a person typed: every word quoted, so that none of FTS5's own signs has a meaning. */
export function matchOf(text: string): string | undefined {
  const words = text.match(/[\p{L}\p{N}\p{M}]+/gu);
  if (words === null) return undefined;
  return words.map((word, index) => (index === words.length - 1 ? `"${word}"*` : `"${word}"`)).join(" ");
}

function snippetParts(snippet: string): SearchHit["snippet"] {
  const parts: SearchHit["snippet"] = [];
  for (const [index, piece] of snippet.split(marks.open).entries()) {
    const [hit, rest] = index === 0 ? ["", piece] : splitAt(piece, marks.close);
    if (hit !== "") parts.push({ text: hit, hit: true });
    if (rest !== "") parts.push({ text: rest, hit: false });
  }
  return parts;
}

function splitAt(text: string, mark: string): [string, string] {
  const at = text.indexOf(mark);
  return at === -1 ? [text, ""] : [text.slice(0, at), text.slice(at + mark.length)];
}
