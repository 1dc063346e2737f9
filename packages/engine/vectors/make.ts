/** Writes safety-number.json: `npm run vectors`. */
import { writeFileSync } from "node:fs";
import { createHash } from "node:crypto";
import { accountId } from "@fedchat/protocol";
import { nodePrimitives } from "@fedchat/protocol/primitives/node";
import { safetyNumber } from "../src/core/safety-number.ts";

const keys = ["Alice", "Bob", "Carol"].map((name) =>
  nodePrimitives.ed25519.publicKey(
    new Uint8Array(
      createHash("shake256", { outputLength: 32 }).update(`fedchat vectors: account key of ${name}`).digest(),
    ),
  ),
);

export function makeSafetyNumbers(): string {
  const pairs = [keys.slice(0, 2), keys.slice(1, 3), [keys[2]!, keys[0]!]] as [Uint8Array, Uint8Array][];
  const cases = pairs.map(([one, other]) => {
    const { digits, emoji } = safetyNumber(
      nodePrimitives,
      accountId.fromBytes(one),
      accountId.fromBytes(other),
    );
    return {
      one: Buffer.from(one).toString("hex"),
      other: Buffer.from(other).toString("hex"),
      digits,
      emoji: emoji.map(({ symbol }) => symbol).join(""),
      emojiNames: emoji.map(({ name }) => name),
    };
  });
  const about = [
    "The safety number of two account keys (Ed25519 public keys, hex), in either order: rules [N6] and [N8] of docs/protocol.md.",
  ];
  return `${JSON.stringify({ about, cases }, null, 1)}\n`;
}

if (import.meta.main) {
  writeFileSync(new URL("safety-number.json", import.meta.url), makeSafetyNumbers());
}
