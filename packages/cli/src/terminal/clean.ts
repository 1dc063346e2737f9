/**
 * What others wrote, made safe for a terminal. Invariant: the result holds no character that moves the cursor, changes
 * colours, titles or the clipboard, or turns the direction of what follows.
 */

/** C0 and C1 controls and DEL; separators that terminals treat as line ends; bidirectional controls; invisible ones. */
const unsafe =
  /[\u0000-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u2028\u2029\u202a-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb\ud800-\udfff\u{e0001}\u{e0020}-\u{e007f}]/gu;

/** On one line: line ends are shown as ⏎, tabs as spaces, other controls by their picture (␛ for escape). */
export function cleanLine(text: string): string {
  return text
    .replace(/\r\n|\r|\n/g, "⏎")
    .replaceAll("\t", "  ")
    .replace(unsafe, picture);
}

/** Keeps line ends; what follows the first line is indented by `indent`, so that no line can pass for another's. */
export function cleanText(text: string, indent = ""): string {
  return text
    .split(/\r\n|\r|\n/)
    .map(cleanLine)
    .join(`\n${indent}`);
}

function picture(character: string): string {
  const code = character.codePointAt(0)!;
  if (code < 0x20) return String.fromCodePoint(0x2400 + code);
  return code === 0x7f ? "␡" : "�";
}
