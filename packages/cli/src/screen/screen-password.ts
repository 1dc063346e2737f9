/**
 * The password that a new screen has to know beside its link. Kept as an Argon2id hash (RFC 9106 §4, the recommendation
 * for 64 MiB), so that the file opens nothing and guessing is slow.
 */
import { argon2, randomBytes, timingSafeEqual } from "node:crypto";
import { promisify } from "node:util";
import { z } from "zod";

const derive = promisify(argon2);
const cost = { memory: 65_536, passes: 3, parallelism: 4, tagLength: 32 } as const;
const base64 = z.string().regex(/^[A-Za-z0-9_-]{22,64}$/);

export const passwordHash = z.strictObject({
  algorithm: z.literal("argon2id"),
  /** KiB. */
  memory: z.int().min(8_192).max(1_048_576),
  passes: z.int().min(1).max(16),
  parallelism: z.int().min(1).max(16),
  salt: base64,
  hash: base64,
});
export type PasswordHash = z.infer<typeof passwordHash>;

export async function hashPassword(password: string): Promise<PasswordHash> {
  const nonce = randomBytes(16);
  const hash = await derive("argon2id", { ...cost, message: message(password), nonce });
  const { memory, passes, parallelism } = cost;
  const salt = nonce.toString("base64url");
  return { algorithm: "argon2id", memory, passes, parallelism, salt, hash: hash.toString("base64url") };
}

export async function isPassword(password: string, kept: PasswordHash): Promise<boolean> {
  const { memory, passes, parallelism } = kept;
  const known = Buffer.from(kept.hash, "base64url");
  const nonce = Buffer.from(kept.salt, "base64url");
  const tried = { memory, passes, parallelism, tagLength: known.length, message: message(password), nonce };
  return timingSafeEqual(await derive(kept.algorithm, tried), known);
}

/** The same password typed on another keyboard. RFC 8265 §4.2 */
const message = (password: string): Buffer => Buffer.from(password.normalize("NFC"), "utf8");
