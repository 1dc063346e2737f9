/** The forms in which a secret could lie in a file or on a wire, for searching. */

/** Raw, hex, base64 (every alignment, both alphabets), base32, and for text UTF-16 of both orders. */
export function formsOf(secret: string | Uint8Array): { form: string; bytes: Buffer }[] {
  const raw = Buffer.from(secret as string);
  const forms = [
    { form: "raw", bytes: raw },
    { form: "hex", bytes: Buffer.from(raw.toString("hex")) },
    { form: "HEX", bytes: Buffer.from(raw.toString("hex").toUpperCase()) },
    { form: "base32", bytes: Buffer.from(base32(raw)) },
  ];
  for (const offset of [0, 1, 2]) {
    const text = alignedBase64(raw, offset);
    forms.push({ form: `base64 at ${offset}`, bytes: Buffer.from(text) });
    const urlSafe = text.replaceAll("+", "-").replaceAll("/", "_");
    if (urlSafe !== text) forms.push({ form: `base64url at ${offset}`, bytes: Buffer.from(urlSafe) });
  }
  if (typeof secret === "string") {
    const wide = Buffer.from(secret, "utf16le");
    forms.push({ form: "UTF-16LE", bytes: wide }, { form: "UTF-16BE", bytes: Buffer.from(wide).swap16() });
  }
  return forms;
}

/** The characters of base64 that depend on the secret alone when it begins `offset` bytes into a group of three. */
function alignedBase64(raw: Buffer, offset: number): string {
  const text = Buffer.concat([Buffer.alloc(offset), raw])
    .toString("base64")
    .replace(/=+$/, "");
  const whole = Math.floor(((offset + raw.length) * 8) / 6);
  return text.slice(Math.ceil((offset * 8) / 6), whole);
}

function base32(raw: Buffer): string {
  let bits = "";
  for (const byte of raw) bits += byte.toString(2).padStart(8, "0");
  const groups = bits.match(/.{5}/g) ?? [];
  return groups.map((group) => "abcdefghijklmnopqrstuvwxyz234567"[Number.parseInt(group, 2)]).join("");
}
