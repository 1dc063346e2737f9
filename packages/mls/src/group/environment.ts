/** What a step needs from outside: nothing here reads a clock or a random source by itself. */
import type { Primitives, RandomSource } from "../crypto/primitives.ts";
import { type CipherSuite, cipherSuite } from "../crypto/suite.ts";
import type { Retention } from "../limits.ts";
import { check, type Rule } from "../rules.ts";
import type { PskSource } from "../wire/psk-id.ts";
import type { Policy } from "./policy.ts";

export interface Environment {
  readonly primitives: Primitives;
  readonly random: RandomSource;
  /** Unix milliseconds. */
  readonly now: number;
  readonly policy: Policy;
  readonly retention?: Retention;
  /** Pre-shared keys that the group's own state does not hold: external ones, and those of other groups. */
  readonly psk?: (source: PskSource) => Uint8Array | undefined;
}

/** The suite with this number, or a refusal by `rule`. */
export function requireSuite(env: Environment, id: number, rule: Rule): CipherSuite {
  const suite = cipherSuite(env.primitives, id);
  check(suite !== undefined, rule, `cipher suite ${id}`);
  return suite;
}

/** Bound by whoever validates: the same checks serve senders and receivers (RFC 9420 §7.3, `lifetime`). */
export interface Scope {
  readonly suite: CipherSuite;
  readonly policy: Policy;
  readonly now: number;
  readonly sending: boolean;
}
