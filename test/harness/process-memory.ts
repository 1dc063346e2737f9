/** All that a process of ours holds in memory, for searching: what it may write to, read while it runs. Linux. */
import { closeSync, openSync, readFileSync, readSync } from "node:fs";

const chunkBytes = 1_048_576;
const untouched = Buffer.alloc(chunkBytes);
/** A homeserver in a test has a tenth of it. */
const bytesMax = 2_147_483_648;

/** @param pid a child of this process: others may not be read. Throws where there is more than could be searched. */
export function memoryOf(pid: number): Buffer {
  const memory = openSync(`/proc/${pid}/mem`, "r");
  const parts: Buffer[] = [];
  let total = 0;
  try {
    for (const { start, end } of writable(pid)) {
      for (let at = start; at < end; at += chunkBytes) {
        const part = Buffer.alloc(Math.min(chunkBytes, end - at));
        const got = readOr0(memory, part, at);
        if (got === 0) break;
        // Most of what is mapped was never touched.
        if (part.equals(untouched)) continue;
        parts.push(part.subarray(0, got));
        total += got;
        if (total > bytesMax) throw new Error(`process ${pid} has more memory than can be searched`);
      }
    }
    return Buffer.concat(parts);
  } finally {
    closeSync(memory);
  }
}

/** proc_pid_maps(5) */
function writable(pid: number): { start: number; end: number }[] {
  return readFileSync(`/proc/${pid}/maps`, "utf8")
    .split("\n")
    .flatMap((line) => {
      const found = /^([0-9a-f]+)-([0-9a-f]+) rw/.exec(line);
      return found === null ? [] : [{ start: parseInt(found[1]!, 16), end: parseInt(found[2]!, 16) }];
    });
}

/** A mapping may have gone since it was listed. */
function readOr0(memory: number, into: Buffer, at: number): number {
  try {
    return readSync(memory, into, 0, into.length, at);
  } catch {
    return 0;
  }
}
