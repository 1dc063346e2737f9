/**
 * What text may cross the wire. Names and other single lines end up beside other people's words on a screen, so
 * they may not hold what rearranges or breaks a line, and one name has one spelling (NFC).
 */
export interface TextRules {
  /** Longest, in UTF-8 bytes. */
  max: number;
  /** Shortest, in UTF-8 bytes; default 0. */
  min?: number;
  pattern?: RegExp;
  /** What a person wrote rather than a name: tab and newline are allowed and NFC is not required. */
  multiline?: boolean;
}

/** What is wrong with `value`, as a clause (`is longer than 64 bytes`); undefined where nothing is. */
export function textFault(value: string, rules: TextRules): string | undefined {
  const { pattern, multiline = false } = rules;
  const length = lengthFault(value, rules);
  if (length !== undefined) return length;
  if (plain.test(value)) return formFault(value, pattern);
  if ((multiline ? controlsInText : controlsInLine).test(value)) return "holds control characters";
  if (bidiControls.test(value)) return "holds characters that reorder text";
  if (!multiline && value.normalize("NFC") !== value) return "is not in Unicode normal form C";
  return formFault(value, pattern);
}

function formFault(value: string, pattern: RegExp | undefined): string | undefined {
  if (pattern === undefined || value.search(pattern) !== -1) return undefined;
  return "does not have the expected form";
}

/** The rule of length alone, in UTF-8 bytes. */
export function lengthFault(
  value: string,
  { max, min = 0 }: { max: number; min?: number },
): string | undefined {
  // A UTF-16 unit takes a UTF-8 byte at least, so the first test spares encoding what is far too long.
  const length = value.length > max || plain.test(value) ? value.length : utf8.encode(value).length;
  if (length > max) return `is longer than ${max} bytes`;
  return length < min ? `is shorter than ${min} bytes` : undefined;
}

const utf8 = new TextEncoder();

/** Printable ASCII, as most text is: a byte a character, in normal form, and nothing that controls anything. */
const plain = /^[\x20-\x7e]*$/;

// C0, C1 and DEL; for a single line also the Unicode line and paragraph separators.
const controlsInLine = /[\p{Cc}\u2028\u2029]/u;
const controlsInText = /[^\P{Cc}\n\t]/u;

// Embeddings, overrides and isolates (UAX #9 §2): they reach beyond the text that holds them.
const bidiControls = /[\u202a-\u202e\u2066-\u2069]/;
