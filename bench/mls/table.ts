/** The figures as a table to read: what, by whom, how fast, and how many times as fast as the first one. */
import type { SuiteFigures } from "./measure.ts";

export function table(suites: readonly SuiteFigures[]): string {
  const lines = [
    row("suite", "what", "library", "operation", "a second", "µs", "ratio", "processor µs", "ratio"),
  ];
  lines.push(rule(9, 5));
  for (const { suite, speed } of suites) {
    for (const [what, comparison] of Object.entries(speed)) {
      for (const [library, operations] of Object.entries(comparison)) {
        for (const [operation, { us, perSecond, ratio, cpuUs, cpuRatio }] of Object.entries(operations)) {
          const figures = [`${perSecond}`, `${us}`, times(ratio), known(cpuUs), times(cpuRatio)];
          lines.push(row(name(suite), what, library, operation, ...figures));
        }
      }
    }
  }
  lines.push("", row("suite", "members", "library", "encrypt, first", "next", "decrypt, first", "next"));
  lines.push(rule(7, 4));
  for (const { suite, written } of suites) {
    for (const [members, byLibrary] of Object.entries(written)) {
      for (const [library, bytes] of Object.entries(byLibrary)) {
        const { encryptFirst, encrypt, decryptFirst, decrypt } = bytes;
        const cells = [encryptFirst, encrypt, decryptFirst, decrypt].map(String);
        lines.push(row(name(suite), members, library, ...cells));
      }
    }
  }
  return lines.join("\n");
}

function times(ratio: number | undefined): string {
  return ratio === undefined || Number.isNaN(ratio) ? "" : `${ratio}×`;
}

function known(figure: number): string {
  return Number.isNaN(figure) ? "" : `${figure}`;
}

function name(suite: number): string {
  return `0x${suite.toString(16).padStart(4, "0")}`;
}

function row(...cells: string[]): string {
  return `| ${cells.join(" | ")} |`;
}

/** The last `numbers` columns stand to the right. */
function rule(columns: number, numbers: number): string {
  return row(...Array.from({ length: columns }, (_, at) => (at < columns - numbers ? "---" : "---:")));
}
