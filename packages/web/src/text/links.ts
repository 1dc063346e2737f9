/**
 * Web addresses inside plain text. Only http and https become links, shown exactly as they were written: a link never
 * says one thing and goes to another.
 */
export type TextPart = { text: string; href: string | null };

const address = /https?:\/\/[^\s<>"'`\u0000-\u001f\u200b-\u200f\u202a-\u202e\u2066-\u2069]+/gi;

export function textParts(text: string): TextPart[] {
  const parts: TextPart[] = [];
  let from = 0;
  for (const match of text.matchAll(address)) {
    const shown = withoutTrailing(match[0]);
    if (!URL.canParse(shown)) continue;
    if (match.index > from) parts.push({ text: text.slice(from, match.index), href: null });
    parts.push({ text: shown, href: shown });
    from = match.index + shown.length;
  }
  if (from < text.length) parts.push({ text: text.slice(from), href: null });
  return parts;
}

/** A full stop or a closing bracket after an address belongs to the sentence, unless the address opened the bracket. */
function withoutTrailing(address: string): string {
  let end = address.length;
  while (end > 0) {
    const last = address.charAt(end - 1);
    const head = address.slice(0, end - 1);
    if (".,;:!?…*_~".includes(last)) end--;
    else if (last === ")" && !head.includes("(")) end--;
    else if (last === "]" && !head.includes("[")) end--;
    else break;
  }
  return address.slice(0, end);
}
