/** How this person types the command, so that what is printed can be typed again. */
import { basename, relative } from "node:path";

export interface Started {
  /** The script that Node runs, as it was named. */
  script: string | undefined;
  /** Set by npm for its scripts, and by npx. */
  npmScript: string | undefined;
  workingFolder: string;
}

/** `fedchat` where it is installed; in a checkout npm's script of that name, or Node with the file. */
export function commandNameOf({ script, npmScript, workingFolder }: Started): string {
  // -s: without npm's own lines, so that what a script reads is the command's alone.
  if (npmScript === "start" || npmScript === "fedchat") return "npm run -s fedchat --";
  if (npmScript === "npx") return "npx fedchat";
  if (script === undefined || basename(script) !== "main.ts") return "fedchat";
  const near = relative(workingFolder, script);
  return `node ${quoted(near.startsWith("..") ? script : near)}`;
}

/** One word of a command line, as shells read it. */
export const quoted = (word: string): string =>
  /^[\w@%+=:,./~-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;

export const commandName = commandNameOf({
  script: process.argv[1],
  npmScript: process.env["npm_lifecycle_event"],
  workingFolder: process.cwd(),
});
