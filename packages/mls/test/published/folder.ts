/** Where the working group's vectors are found: they lie beside the repository, not in it. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const folder = fileURLToPath(new URL("../../../../../shared/vectors/mls/", import.meta.url));

export const ABSENT = "skipped, the MLS working group's vectors are not at ../shared/vectors/mls";

/** The names of all files that are there, without their `.json`. */
export function publishedNames(): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder).flatMap((name) => (name.endsWith(".json") ? [name.slice(0, -5)] : []));
}

/** The text of one file; undefined where it is not here. */
export function publishedText(name: string): string | undefined {
  const path = `${folder}${name}.json`;
  return existsSync(path) ? readFileSync(path, "utf8") : undefined;
}
