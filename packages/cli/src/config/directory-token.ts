/** What directories want to see that are not open. */
import type { Config } from "./schema.ts";

/** Undefined where nothing is wanted. */
export function directoryToken({ directory_token: text }: Config): Uint8Array | undefined {
  return text === undefined ? undefined : new TextEncoder().encode(text);
}
