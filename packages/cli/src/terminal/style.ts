/** Colours and columns for people; plain text where the output is no terminal or NO_COLOR is set (no-color.org). */
import { stripVTControlCharacters } from "node:util";

export interface Style {
  bold(text: string): string;
  dim(text: string): string;
  good(text: string): string;
  bad(text: string): string;
  warn(text: string): string;
  accent(text: string): string;
}

export function styleFor(
  stream: { isTTY?: boolean },
  variables: Readonly<Record<string, string | undefined>>,
): Style {
  const on = stream.isTTY === true && !variables["NO_COLOR"] && variables["TERM"] !== "dumb";
  const sgr = (code: number, end: number) => (text: string) =>
    on ? `\u001b[${code}m${text}\u001b[${end}m` : text;
  return {
    bold: sgr(1, 22),
    dim: sgr(2, 22),
    good: sgr(32, 39),
    bad: sgr(31, 39),
    warn: sgr(33, 39),
    accent: sgr(36, 39),
  };
}

/** Columns as wide as their widest cell, two spaces apart. Cells are clean text, perhaps styled. */
export function columns(rows: readonly (readonly string[])[], indent = ""): string {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, index) => (widths[index] = Math.max(widths[index] ?? 0, width(cell))));
  }
  return rows
    .map((row) => {
      const cells = row.map((cell, index) => cell + " ".repeat(widths[index]! - width(cell)));
      return (indent + cells.join("  ")).trimEnd();
    })
    .join("\n");
}

const segments = new Intl.Segmenter();

/** Terminal cells, near enough: wide scripts and emoji count two. */
function width(text: string): number {
  let cells = 0;
  for (const { segment } of segments.segment(stripVTControlCharacters(text))) {
    cells +=
      /\p{Emoji_Presentation}|\p{Script=Han}|\p{Script=Hiragana}|\p{Script=Katakana}|\p{Script=Hangul}/u.test(
        segment,
      )
        ? 2
        : 1;
  }
  return cells;
}
