/** Asks for a secret without showing it. A secret never stands in a command line, where other users could read it. */
import { createInterface } from "node:readline";
import { Writable } from "node:stream";
import type { Streams } from "../commands/io.ts";

/** On a terminal the question is asked and nothing is echoed; else the first line of standard input is taken. */
export function askSecret(
  { input, errors }: Pick<Streams, "input" | "errors">,
  question: string,
): Promise<string> {
  const terminal = input.isTTY === true;
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  if (terminal) errors.write(question);
  const lines = createInterface({ input, output: silent, terminal });
  return new Promise((resolve) => {
    let answer = "";
    lines.once("line", (line) => {
      answer = line;
      lines.close();
    });
    lines.once("close", () => {
      if (terminal) errors.write("\n");
      resolve(answer);
    });
  });
}
