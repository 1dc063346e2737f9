/**
 * The recovery kit's words: sixteen random bytes from which an account's keys are made, written as twelve words of
 * BIP-39's English list, the last of which holds a checksum. The account key does not lead back to them, so that whoever
 * steals it has not the recovery key. Thirty-two bytes, twenty-four words, are an account key by itself. [F12]
 */
import type { Primitives } from "@fedchat/protocol";
import { entropyToMnemonic, mnemonicToEntropy } from "@scure/bip39";
import { wordlist } from "@scure/bip39/wordlists/english.js";
import { engineError } from "./causes.ts";

export const kitBytes = 16;
const accountSeedBytes = 32;

/** Seeds of Ed25519 keys. */
export interface KitKeys {
  accountSeed: Uint8Array;
  /** Undefined where the words are those of an account key by itself. */
  recoverySeed: Uint8Array | undefined;
}

const utf8 = new TextEncoder();

export function keysOfKit(p: Primitives, kit: Uint8Array): KitKeys {
  if (kit.length === accountSeedBytes) return { accountSeed: kit, recoverySeed: undefined };
  return {
    accountSeed: p.hmacSha256(kit, utf8.encode("fedchat/v1/account-seed\0")),
    recoverySeed: p.hmacSha256(kit, utf8.encode("fedchat/v1/recovery-seed\0")),
  };
}

/** Of the key that may say that a homeserver has another key: of words of its own, which are nobody's account. [R7] */
export function serverRecoverySeed(p: Primitives, kit: Uint8Array): Uint8Array {
  return p.hmacSha256(kit, utf8.encode("fedchat/v1/server-recovery-seed\0"));
}

export function wordsOfKit(kit: Uint8Array): string[] {
  return entropyToMnemonic(kit, wordlist).split(" ");
}

/**
 * As a person typed them, copied them from a page or scanned them: in any case, with numbers between, or by the first four
 * letters, which no two words share. Throws `EngineError("bad-words")` that says what is wrong.
 */
export function kitFromWords(text: string): Uint8Array {
  const typed =
    text
      .slice(text.lastIndexOf("#") + 1)
      .toLowerCase()
      .match(/[a-z]+/g) ?? [];
  const words = typed.map((word, index) => {
    const found = wordlist.includes(word)
      ? word
      : wordlist.find((one) => word.length >= lettersTold && one.startsWith(word));
    if (found === undefined)
      throw engineError("bad-words", `Word ${index + 1}, '${word.slice(0, 40)}', is none of the list.`);
    return found;
  });
  if (words.length !== 12 && words.length !== 24)
    throw engineError("bad-words", `A recovery kit has 12 words, or 24; these are ${words.length}.`);
  try {
    return mnemonicToEntropy(words.join(" "), wordlist);
  } catch {
    throw engineError("bad-words");
  }
}

const lettersTold = 4;
