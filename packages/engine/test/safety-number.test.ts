import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { accountId, type AccountId } from "@fedchat/protocol";
import { noblePrimitives } from "@fedchat/protocol/primitives/noble";
import { nodePrimitives } from "@fedchat/protocol/primitives/node";
import { describe, expect, test } from "vitest";
import { emojiTable } from "../src/core/emoji-table.ts";
import { safetyNumber } from "../src/core/safety-number.ts";
import { makeSafetyNumbers } from "../vectors/make.ts";

interface Case {
  one: string;
  other: string;
  digits: string;
  emoji: string;
  emojiNames: string[];
}

const file = readFileSync(new URL("../vectors/safety-number.json", import.meta.url), "utf8");
const { cases } = JSON.parse(file) as { cases: Case[] };
const idOf = (hex: string): AccountId => accountId.fromBytes(Uint8Array.from(Buffer.from(hex, "hex")));

describe("the safety number", () => {
  test.each(cases)(
    "[N6] $digits, from either side and on either backend",
    ({ one, other, digits, emoji, emojiNames }) => {
      for (const p of [nodePrimitives, noblePrimitives]) {
        for (const [mine, theirs] of [
          [one, other],
          [other, one],
        ] as const) {
          const number = safetyNumber(p, idOf(mine), idOf(theirs));
          expect(number.digits).toBe(digits);
          expect(number.emoji.map(({ symbol }) => symbol).join("")).toBe(emoji);
          expect(number.emoji.map(({ name }) => name)).toEqual(emojiNames);
        }
      }
    },
  );

  test.each(cases)("[N6] $digits as the specification says it, step by step", ({ one, other, digits }) => {
    const label = Buffer.from("fedchat/v1/safety-number\0");
    const sha256 = (...parts: Uint8Array[]) => {
      const hash = createHash("sha256");
      for (const part of parts) hash.update(part);
      return hash.digest();
    };
    const half = (key: Buffer): string => {
      let hash = sha256(label, key);
      for (let round = 2; round <= 2_000; round++) hash = sha256(label, key, hash);
      const group = (index: number) =>
        Number(BigInt(`0x${hash.subarray(index * 5, index * 5 + 5).toString("hex")}`) % 100_000n);
      return [0, 1, 2, 3, 4, 5].map((index) => String(group(index)).padStart(5, "0")).join(" ");
    };
    // Ids are ordered as their texts, in which 2 to 7 come before a to z. [N3]
    const ordered = [one, other].sort((a, b) => (idOf(a) < idOf(b) ? -1 : 1));
    const keys = ordered.map((key) => Buffer.from(key, "hex"));
    expect(keys.map(half).join(" ")).toBe(digits);
  });

  test("[N6] is sixty digits in twelve groups, and seven emoji", () => {
    for (const { digits, emojiNames } of cases) {
      expect(digits).toMatch(/^\d{5}( \d{5}){11}$/);
      expect(emojiNames).toHaveLength(7);
    }
    expect(new Set(cases.map(({ digits }) => digits)).size).toBe(cases.length);
  });

  test("[N8] every emoji has one place and one name", () => {
    expect(new Set(emojiTable.map(({ symbol }) => symbol)).size).toBe(emojiTable.length);
    expect(new Set(emojiTable.map(({ name }) => name)).size).toBe(emojiTable.length);
    expect(256 % emojiTable.length).toBe(0);
  });

  test("making the vectors again gives the same file", () => {
    expect(makeSafetyNumbers()).toBe(file);
  });
});
