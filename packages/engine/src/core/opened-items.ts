/** Decrypted items of rooms, decoded. What does not decode is let go: its key is spent all the same. [M1] */
import type { MimiContent, RoomItem } from "@fedchat/protocol";
import {
  decode,
  decodeContent,
  DecodeError,
  decodeStatusReport,
  messageStatusType,
  partsOf,
  roomItem,
} from "@fedchat/protocol";

type ItemOf<K extends RoomItem["kind"]> = Extract<RoomItem, { kind: K }>;

export interface OpenedMessage {
  kind: "message";
  item: ItemOf<"message">;
  content: MimiContent;
}

export type OpenedItem =
  | OpenedMessage
  | {
      kind: "status";
      seen: ItemOf<"status">["seen"];
      report: ReturnType<typeof decodeStatusReport>;
    }
  | ItemOf<"capability" | "seen" | "ask" | "refill" | "link" | "record">;

export function openItem(plaintext: Uint8Array): OpenedItem | undefined {
  try {
    const item: RoomItem = decode(roomItem, plaintext);
    if (item.kind === "capability") return { ...item, capability: item.capability.slice() };
    if (item.kind !== "message" && item.kind !== "status") return item;
    const content = decodeContent(item.content);
    if (item.kind === "message") return { kind: "message", item, content };
    const { body } = content;
    if (body.cardinality !== "single" || body.contentType !== messageStatusType) return undefined;
    return { kind: "status", seen: item.seen, report: decodeStatusReport(body.content) };
  } catch (error) {
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
}

/** The text of the parts that this version can show. */
export function shownText(content: MimiContent): string {
  const texts: string[] = [];
  for (const part of partsOf(content.body)) {
    if (part.cardinality === "single" && part.contentType.startsWith("text/"))
      texts.push(utf8.decode(part.content));
  }
  return texts.join("\n");
}

const utf8 = new TextDecoder();
