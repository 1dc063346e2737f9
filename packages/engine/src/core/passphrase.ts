/**
 * Passwords: offered as five random words, refused when easy to guess. The words are BIP-39's English list (2,048
 * words, told apart by their first four letters): five of them are 55 bits, behind Argon2id and a rate limit.
 */
import type { RandomSource } from "@fedchat/protocol";
import { wordlist } from "@scure/bip39/wordlists/english.js";
import { ZxcvbnFactory } from "@zxcvbn-ts/core";
import { adjacencyGraphs, dictionary } from "@zxcvbn-ts/language-common";

const words = 5;
/** zxcvbn's scale is 0 to 4; 3 resists 10^8 guesses, an offline attack slowed by Argon2id. */
const scoreMin = 3;

export function generatePassphrase(random: RandomSource): string {
  return Array.from({ length: words }, () => {
    const [high, low] = random.bytes(2) as unknown as [number, number];
    return wordlist[(high * 256 + low) % wordlist.length]!;
  }).join(" ");
}

const guesser = new ZxcvbnFactory({ dictionary, graphs: adjacencyGraphs });

/** What is wrong with a password, as a sentence; undefined when it will do. */
export function passwordWeakness(password: string, ownNames: string[]): string | undefined {
  if (guesser.check(password.slice(0, 256), ownNames).score >= scoreMin) return undefined;
  return "This password is easy to guess. Five random words are hard to guess and easy to keep.";
}
