/** Writes the vectors beside this file: `npm run vectors`. */
import { writeFileSync } from "node:fs";
import { createHash } from "node:crypto";
import { accountId, deviceId } from "@fedchat/protocol";
import { nodePrimitives } from "@fedchat/protocol/primitives/node";
import { sealSegment } from "../src/archive/segment.ts";
import { keysOfKit, wordsOfKit } from "../src/core/recovery-words.ts";
import { safetyNumber } from "../src/core/safety-number.ts";

const made = (what: string, length = 32): Uint8Array =>
  new Uint8Array(
    createHash("shake256", { outputLength: length }).update(`fedchat vectors: ${what}`).digest(),
  );
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

const keys = ["Alice", "Bob", "Carol"].map((name) =>
  nodePrimitives.ed25519.publicKey(made(`account key of ${name}`)),
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

/** Recovery kits, and a segment of an archive. */
export function makeArchive(): string {
  const kits = ["Alice", "Bob"].map((name) => {
    const kit = made(`recovery kit of ${name}`, 16);
    const { accountSeed, recoverySeed } = keysOfKit(nodePrimitives, kit);
    return {
      ...{ kit: hex(kit), words: wordsOfKit(kit).join(" ") },
      ...{ accountSeed: hex(accountSeed), recoverySeed: hex(recoverySeed!) },
    };
  });
  const place = {
    account: accountId.fromBytes(keys[0]!),
    device: deviceId.fromBytes(made("device of Alice", 16)),
    number: 7,
  };
  const key = { generation: 2, key: made("archive key") };
  const nonce = made("nonce of a segment", 12);
  const lines = '{"kind":"blocked"}\n';
  const sealed = sealSegment(nodePrimitives, place, key, nonce, lines);
  const segment = {
    ...place,
    ...{ generation: key.generation, key: hex(key.key), nonce: hex(nonce), lines },
    ...{ sealed: hex(sealed), hash: hex(nodePrimitives.sha256(sealed)) },
  };
  const about = [
    "kits: 16 bytes as twelve words of BIP-39, and the seeds (Ed25519 private keys) made of them: rule [F12] of docs/protocol.md.",
    "segment: lines sealed for an archive, and the hash by which a head names them: [F7] and [F8].",
  ];
  return `${JSON.stringify({ about, kits, segment }, null, 1)}\n`;
}

if (import.meta.main) {
  writeFileSync(new URL("archive.json", import.meta.url), makeArchive());
  writeFileSync(new URL("safety-number.json", import.meta.url), makeSafetyNumbers());
}
