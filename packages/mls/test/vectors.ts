/** Where the published test vectors are found, and what to say when they are not. */
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe } from "vitest";

const folder = fileURLToPath(new URL("../../../../shared/vectors/mls/", import.meta.url));

/** Runs `suite` on the cases of one vector file; skips with a message where the file is not here. */
export function withVectors<T>(name: string, suite: (cases: T[]) => void): void {
  const path = `${folder}${name}.json`;
  if (existsSync(path)) {
    describe(`vectors: ${name}`, () => suite(JSON.parse(readFileSync(path, "utf8")) as T[]));
    return;
  }
  console.warn(`${name}: skipped, the MLS working group's vectors are not at ../shared/vectors/mls`);
  describe.skip(`vectors: ${name} (not at ../shared/vectors/mls)`, () => suite([]));
}

export const unhex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, "hex"));
export const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
