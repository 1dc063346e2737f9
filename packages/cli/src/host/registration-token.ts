/** The token that opens the first account here and, where registration says so, further ones: 256 bits in an owner-only file. */
import { randomBytes } from "node:crypto";
import { readIfThere, writeOwnerFile } from "../owner-files.ts";

/** As written in the file: base64url. Made where there is none. */
export function registrationToken(path: string): string {
  const known = readIfThere(path)?.trim();
  if (known !== undefined && /^[A-Za-z0-9_-]{43}$/.test(known)) return known;
  const fresh = randomBytes(32).toString("base64url");
  writeOwnerFile(path, `${fresh}\n`);
  return fresh;
}

export const registrationTokenBytes = (token: string): Uint8Array =>
  new Uint8Array(Buffer.from(token, "base64url"));
