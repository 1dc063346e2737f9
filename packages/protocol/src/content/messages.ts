/** The messages that people send, as MIMI content (draft-ietf-mimi-content-09, "Examples"). */
import type { MessageId } from "../names.ts";
import type { Extensions } from "./extensions.ts";
import { encodeStatusReport, messageStatusType, type StatusEntry } from "./message-status.ts";
import type { Expiration, MimiContent } from "./mimi-content.ts";
import { disposition, type NestedPart } from "./nested-part.ts";

/** What every message has, whatever it says. */
export interface MessageFrame {
  /** 16 random bytes, never used before. */
  salt: Uint8Array;
  topicId?: Uint8Array;
  expires?: Expiration;
  extensions?: Extensions;
}

/** `markdown` is GitHub flavoured Markdown without HTML: receivers show HTML tags as text. */
export function textMessage(frame: MessageFrame, markdown: string): MimiContent {
  return { ...emptyContent(frame), body: textPart(markdown) };
}

/** `to` is the version that was answered, the latest one as a rule. */
export function reply(frame: MessageFrame, to: MessageId, markdown: string): MimiContent {
  return { ...emptyContent(frame), inReplyTo: to, body: textPart(markdown) };
}

/** One reaction, such as an emoji; several are several messages. Taken back by `deletion` of this message. */
export function reaction(frame: MessageFrame, to: MessageId, emoji: string): MimiContent {
  const body = singlePart(disposition.reaction, plainTextType, utf8.encode(emoji));
  return { ...emptyContent(frame), inReplyTo: to, body };
}

/** A new text for the message whose *first* version is `original`; an edited reply stays a reply to `inReplyTo`. */
export function edit(
  frame: MessageFrame,
  original: MessageId,
  markdown: string,
  inReplyTo: MessageId | null = null,
): MimiContent {
  return { ...emptyContent(frame), replaces: original, inReplyTo, body: textPart(markdown) };
}

/** Retracts the message or reaction whose *first* version is `original`. */
export function deletion(
  frame: MessageFrame,
  original: MessageId,
  inReplyTo: MessageId | null = null,
): MimiContent {
  const body: NestedPart = { cardinality: "null", disposition: disposition.render, language: "" };
  return { ...emptyContent(frame), replaces: original, inReplyTo, body };
}

/** The state of others' messages at the sender of this one. */
export function statusMessage(frame: MessageFrame, report: StatusEntry[]): MimiContent {
  const body = singlePart(disposition.unspecified, messageStatusType, encodeStatusReport(report));
  return { ...emptyContent(frame), body };
}

/** For `MessageFrame.expires`: gone at a moment, given in Unix seconds. */
export function expiresAt(unixSeconds: number): Expiration {
  return { relative: false, seconds: unixSeconds };
}

/** For `MessageFrame.expires`: gone so many seconds after being read. */
export function expiresAfterReading(seconds: number): Expiration {
  return { relative: true, seconds };
}

export const markdownType = "text/markdown;variant=GFM-MIMI";
export const plainTextType = "text/plain;charset=utf-8";

const utf8 = new TextEncoder();

function emptyContent({ salt, topicId, expires, extensions }: MessageFrame): Omit<MimiContent, "body"> {
  return {
    salt,
    replaces: null,
    topicId: topicId ?? new Uint8Array(0),
    expires: expires ?? null,
    inReplyTo: null,
    extensions: extensions ?? new Map(),
  };
}

function textPart(markdown: string): NestedPart {
  return singlePart(disposition.render, markdownType, utf8.encode(markdown));
}

function singlePart(disposition: number, contentType: string, content: Uint8Array): NestedPart {
  return { cardinality: "single", disposition, language: "", contentType, content };
}
