/** `fedchat export` and `import`: the whole history as files of the person's own, and back. docs/history-format.md */
import type { Command } from "commander";
import { createReadStream } from "node:fs";
import { chmod, mkdir, open, readdir, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { createInterface } from "node:readline";
import type { ControlClient } from "../control/client.ts";
import { CommandError, exitCodes } from "../exit-codes.ts";
import { importBatchCharacters, importBatchLines } from "../limits.ts";
import { cleanLine } from "../terminal/clean.ts";
import { commandName } from "../terminal/command-name.ts";
import type { CommonOptions } from "./define.ts";
import { define } from "./define.ts";
import type { Io } from "./io.ts";

const linesFile = "history.jsonl";

export function addHistory(program: Command, io: Io): void {
  define(program, {
    usage: "export <folder>",
    summary: "write the whole history into a folder: pages to read, and history.jsonl for programs",
    example: "fedchat export ~/fedchat-history",
  }).action(async (folder: string, flags: CommonOptions) => {
    using control = await io.control(flags);
    await makeFolder(folder);
    const { messages, files } = await control.call("history.files", {});
    const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
    for (const file of files) {
      const path = join(folder, file.name);
      await mkdir(dirname(path), { recursive: true, mode: 0o700 });
      await using target = await open(path, "w", 0o600);
      for (let at: number | null | undefined; at !== null;) {
        const piece = await control.call("history.piece", {
          ...{ file, timeZone },
          ...(at === undefined ? {} : { at }),
        });
        await target.write(piece.text);
        at = piece.next;
      }
    }
    if (flags.json) return io.printJson({ folder, messages, files: files.map(({ name }) => name) });
    io.print(
      `${messages} messages are in ${cleanLine(folder)}. Open ${join(folder, "index.html")} to read them.`,
    );
    io.note("They are not encrypted there: keep the folder where nobody else reads it.");
  });

  define(program, {
    usage: "import <file>",
    summary: "take an exported history in, from its folder or its history.jsonl; nothing comes in twice",
    example: "fedchat import ~/fedchat-history",
  }).action(async (from: string, flags: CommonOptions) => {
    const path = (await isFolder(from)) ? join(from, linesFile) : from;
    using control = await io.control(flags);
    const taken = await take(control, path);
    if (flags.json) return io.printJson(taken);
    const { added, known, passedOver } = taken;
    io.print(`${added} messages came in; ${known} were here already.`);
    if (passedOver > 0) io.note(`${passedOver} were left out: they expired, or are not what they say.`);
  });
}

interface Taken {
  added: number;
  known: number;
  passedOver: number;
}

async function take(control: ControlClient, path: string): Promise<Taken> {
  const all: Taken = { added: 0, known: 0, passedOver: 0 };
  let next: number | undefined;
  for await (const lines of batches(path)) {
    next ??= (await control.call("history.importBegin", { header: lines[0] })).next;
    const taken = await control.call("history.import", { lines, next });
    next = taken.next;
    all.added += taken.added;
    all.known += taken.known;
    all.passedOver += taken.passedOver;
  }
  if (next === undefined) throw damaged(path);
  await control.call("history.importEnd", {});
  return all;
}

/** Lines as they stand in the file, parsed, as many as one call takes. */
async function* batches(path: string): AsyncGenerator<unknown[]> {
  let lines: unknown[] = [];
  let characters = 0;
  try {
    for await (const text of createInterface({
      input: createReadStream(path, "utf8"),
      crlfDelay: Infinity,
    })) {
      if (text.trim() === "") continue;
      if (lines.length > 0 && characters + text.length > importBatchCharacters) {
        yield lines;
        [lines, characters] = [[], 0];
      }
      lines.push(parse(text, path));
      characters += text.length;
      if (lines.length < importBatchLines) continue;
      yield lines;
      [lines, characters] = [[], 0];
    }
  } catch (error) {
    if (error instanceof CommandError || !isSystemError(error)) throw error;
    throw new CommandError(exitCodes.usage, `${cleanLine(path)} cannot be read.`, "Name an exported folder.");
  }
  if (lines.length > 0) yield lines;
}

function parse(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw damaged(path);
  }
}

function damaged(path: string): CommandError {
  return new CommandError(
    exitCodes.refused,
    `${cleanLine(basename(path))} is not a FedChat history, or a part of it is damaged.`,
    `Name a folder that '${commandName} export' wrote.`,
  );
}

/** Refuses a folder that holds other things: its files would lie among them. */
async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const held = await readdir(folder);
    if (held.length === 0 || held.includes(linesFile)) return await chmod(folder, 0o700);
  } catch (error) {
    if (!isSystemError(error)) throw error;
    throw new CommandError(
      exitCodes.failed,
      `${cleanLine(folder)} cannot be written to.`,
      "Name another folder.",
    );
  }
  throw new CommandError(exitCodes.usage, `${cleanLine(folder)} holds other things.`, "Name a new folder.");
}

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}

const isSystemError = (error: unknown): boolean => error instanceof Error && "syscall" in error;
