/** Text lines from a byte stream, with a bound on each. */
import type { Readable } from "node:stream";
import { StringDecoder } from "node:string_decoder";

/** Calls `onLine` for each whole line; `onTooLong` once, after which nothing more is read. */
export function readLines(
  source: Readable,
  charactersMax: number,
  onLine: (line: string) => void,
  onTooLong: () => void,
): void {
  const decoder = new StringDecoder("utf8");
  let rest = "";
  let ended = false;
  source.on("data", (chunk: Buffer) => {
    if (ended) return;
    const text = decoder.write(chunk);
    const parts = text.split("\n");
    parts[0] = rest + parts[0]!;
    rest = parts.pop()!;
    for (const line of parts) {
      if (line.length > charactersMax) return end();
      if (line.trim() !== "") onLine(line);
    }
    if (rest.length > charactersMax) end();
  });

  function end() {
    ended = true;
    rest = "";
    onTooLong();
  }
}
