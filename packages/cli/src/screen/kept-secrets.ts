/** Cookies and secrets as the files of screens keep them: hashes, which open nothing. */
import { createHash, timingSafeEqual } from "node:crypto";
import { z } from "zod";

/** A kept secret in a file. */
export const keptSecret = z.string().regex(/^[0-9a-f]{64}$/);

export function keptForm(secret: string): string {
  return createHash("sha256").update(secret).digest("hex");
}

/** Compares kept forms in constant time. */
export function isSameSecret(a: string, b: string): boolean {
  return timingSafeEqual(Buffer.from(a), Buffer.from(b));
}

/** Undefined where it is no JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
