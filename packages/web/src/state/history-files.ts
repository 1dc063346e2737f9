/** A whole history, fetched from the engine as one download, and given back to it from a file, piece by piece. */
import type { Result } from "@fedchat/engine/interface";
import { importBatchCharacters, importBatchLines } from "../limits.ts";
import type { Rpc } from "../rpc.ts";
import { zip, type ZipFile } from "../zip.ts";

type Ask = Pick<Rpc, "call">;

/** Rejects with `CallFailed`. */
export async function exportedHistory(rpc: Ask, told: (done: number, of: number) => void): Promise<Blob> {
  const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
  const { files } = await rpc.call("history.files", {});
  const zipped: ZipFile[] = [];
  for (const file of files) {
    told(zipped.length, files.length);
    const parts: string[] = [];
    for (let at: number | null | undefined; at !== null;) {
      const piece: Result<"history.piece"> = await rpc.call("history.piece", {
        ...{ file, timeZone },
        ...(at === undefined ? {} : { at }),
      });
      parts.push(piece.text);
      at = piece.next;
    }
    zipped.push({ name: file.name, parts });
  }
  return zip(zipped);
}

export interface Imported {
  added: number;
  known: number;
}

/** Undefined for a file that holds no JSON lines. Rejects with `CallFailed` where the engine refuses it. */
export async function importHistory(rpc: Ask, file: Blob): Promise<Imported | undefined> {
  const all: Imported = { added: 0, known: 0 };
  let next: number | undefined;
  for await (const lines of batches(file)) {
    if (lines === undefined) return undefined;
    next ??= (await rpc.call("history.importBegin", { header: lines[0] })).next;
    const taken = await rpc.call("history.import", { lines, next });
    next = taken.next;
    all.added += taken.added;
    all.known += taken.known;
  }
  if (next === undefined) return undefined;
  await rpc.call("history.importEnd", {});
  return all;
}

/** Undefined in place of what is no JSON. */
async function* batches(file: Blob): AsyncGenerator<unknown[] | undefined> {
  let lines: unknown[] = [];
  let characters = 0;
  for (const text of (await file.text()).split("\n")) {
    if (text.trim() === "") continue;
    if (
      lines.length > 0 &&
      (characters + text.length > importBatchCharacters || lines.length === importBatchLines)
    ) {
      yield lines;
      [lines, characters] = [[], 0];
    }
    try {
      lines.push(JSON.parse(text));
    } catch {
      return yield undefined;
    }
    characters += text.length;
  }
  if (lines.length > 0) yield lines;
}
