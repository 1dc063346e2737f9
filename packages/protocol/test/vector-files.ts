/** Reads the files of ../vectors as a stranger would: JSON, hex, nothing else. */
import { readdirSync, readFileSync } from "node:fs";
import type { Json } from "../vectors/make/json.ts";
import { fromHex } from "../vectors/make/json.ts";

const folder = new URL("../vectors/", import.meta.url);

export const vectorFileNames = readdirSync(folder).filter((name) => name.endsWith(".json"));

export function vectorText(name: string): string {
  return readFileSync(new URL(name, folder), "utf8");
}

export function vectorFile<T>(name: string): T {
  return JSON.parse(vectorText(name)) as T;
}

export interface Cases {
  valid: { structure: string; name: string; value: Json; encoded: string }[];
  invalid: { structure: string; name: string; encoded: string; error: string }[];
}

/** An object of hex strings as one of byte arrays. */
export function bytesOf<T extends Record<string, string>>(strings: T): { [K in keyof T]: Uint8Array } {
  const entries = Object.entries(strings).map(([name, text]) => [name, fromHex(text)]);
  return Object.fromEntries(entries) as { [K in keyof T]: Uint8Array };
}
