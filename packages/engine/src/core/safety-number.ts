/**
 * The safety number of two accounts: the same on both sides, different for every pair, made from nothing but their
 * account keys. 60 digits to read aloud, 7 emoji to compare at a glance. [N6]
 *
 * Each account's 30 digits are twelve five-digit groups' half: SHA-256 iterated over label, key and the previous hash,
 * as slow as is still unnoticed, so that near-collisions are costly to search; the lower key's half comes first.
 */
import type { AccountId, Primitives } from "@fedchat/protocol";
import { accountId } from "@fedchat/protocol";
import { emojiTable } from "./emoji-table.ts";

const iterations = 2_000;
const label = new TextEncoder().encode("fedchat/v1/safety-number\0");

export function safetyNumber(
  p: Primitives,
  one: AccountId,
  other: AccountId,
): { digits: string; emoji: { symbol: string; name: string }[] } {
  const [first, second] = one < other ? [one, other] : [other, one];
  const halves = [keyHash(p, first), keyHash(p, second)];
  const digits = halves.map((hash) => groups(hash).join(" ")).join(" ");
  const both = p.sha256(label, ...halves);
  const emoji = Array.from({ length: 7 }, (_, index) => emojiTable[both[index]! % emojiTable.length]!);
  return { digits, emoji };
}

function keyHash(p: Primitives, account: AccountId): Uint8Array {
  const key = accountId.toBytes(account);
  let hash = p.sha256(label, key);
  for (let round = 1; round < iterations; round++) hash = p.sha256(label, key, hash);
  return hash;
}

/** Six groups of five digits from 30 bytes: 40 bits each, modulo 100,000. */
function groups(hash: Uint8Array): string[] {
  return Array.from({ length: 6 }, (_, index) => {
    let value = 0;
    for (const byte of hash.subarray(index * 5, index * 5 + 5)) value = value * 256 + byte;
    return String(value % 100_000).padStart(5, "0");
  });
}
