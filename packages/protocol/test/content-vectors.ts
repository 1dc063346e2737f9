/** Reads vectors/content.json and turns its hex into the types of the code. */
import { readFileSync } from "node:fs";
import type { Expiration, MimiContent, NestedPart, StatusEntry } from "../src/content/index.ts";
import { messageId } from "../src/names.ts";
import { unhex } from "./cbor-cases.ts";

interface ContentVectors {
  valid: {
    name: string;
    sender: string;
    room: string;
    content: JsonContent;
    encoded: string;
    messageId: string;
  }[];
  invalid: Refusal[];
  statusReports: { valid: { name: string; report: JsonStatus[]; encoded: string }[]; invalid: Refusal[] };
}

interface Refusal {
  name: string;
  encoded: string;
  reason: string;
}

interface JsonContent {
  salt: string;
  replaces: string | null;
  topicId: string;
  expires: Expiration | null;
  inReplyTo: string | null;
  extensions: { key: number | string; value: string }[];
  body: JsonPart;
}

type JsonPart = Record<string, unknown> & { parts?: JsonPart[] };
type JsonStatus = { messageId: string; status: number };

export function readContentVectors(): ContentVectors {
  return JSON.parse(
    readFileSync(new URL("../vectors/content.json", import.meta.url), "utf8"),
  ) as ContentVectors;
}

export function contentFromJson(json: JsonContent): MimiContent {
  return {
    salt: unhex(json.salt),
    replaces: reference(json.replaces),
    topicId: unhex(json.topicId),
    expires: json.expires,
    inReplyTo: reference(json.inReplyTo),
    extensions: new Map(json.extensions.map(({ key, value }) => [key, unhex(value)])),
    body: partFromJson(json.body),
  };
}

export function reportFromJson(report: JsonStatus[]): StatusEntry[] {
  return report.map(({ messageId: id, status }) => ({ messageId: messageId.fromBytes(unhex(id)), status }));
}

const reference = (text: string | null) => (text === null ? null : messageId.fromBytes(unhex(text)));

const bytesFields = new Set(["content", "key", "nonce", "aad", "contentHash"]);

function partFromJson(json: JsonPart): NestedPart {
  const fields = Object.entries(json).map(([name, value]) => {
    if (name === "parts") return [name, json.parts!.map(partFromJson)];
    return [name, bytesFields.has(name) ? unhex(value as string) : value];
  });
  return Object.fromEntries(fields) as NestedPart;
}
