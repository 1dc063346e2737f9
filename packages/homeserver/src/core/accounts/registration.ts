/**
 * Who may open an account. The local token, which only this machine's owner can read, opens the first account and makes
 * it an administrator; beyond that the policy decides. [A6]
 */
import type { Clock } from "@fedchat/protocol";
import { ProtocolError } from "@fedchat/protocol";
import { registrationLimit } from "../limits.ts";
import type { AccountBook } from "./account-book.ts";
import { RateLimits } from "../rate-limits.ts";

/** closed: the owner only · token: whoever has the local token · open: anybody, rate-limited */
export type RegistrationPolicy = "closed" | "token" | "open";

export class Registration {
  readonly #policy: RegistrationPolicy;
  readonly #localToken: Uint8Array;
  readonly #accounts: AccountBook;
  readonly #attempts: RateLimits<string>;

  constructor(options: {
    policy: RegistrationPolicy;
    localToken: Uint8Array;
    accounts: AccountBook;
    clock: Pick<Clock, "now">;
  }) {
    this.#policy = options.policy;
    this.#localToken = options.localToken;
    this.#accounts = options.accounts;
    this.#attempts = new RateLimits(registrationLimit, options.clock);
  }

  /** On what terms this token opens an account. Throws `registration-closed` or `rate-limited`. */
  admit(token: Uint8Array, remote: string): { administrator: boolean } {
    const local = this.#localToken.length > 0 && sameSecret(token, this.#localToken);
    const first = this.#accounts.owner() === undefined;
    if (local && (first || this.#policy !== "closed")) return { administrator: first };
    const retryAfterMs = this.#attempts.take(remote);
    if (retryAfterMs > 0) throw new ProtocolError("rate-limited", undefined, { retryAfterMs });
    if (this.#policy === "open") return { administrator: false };
    throw new ProtocolError("registration-closed");
  }
}

/** Takes the same time wherever the two differ. */
function sameSecret(given: Uint8Array, secret: Uint8Array): boolean {
  let difference = given.length ^ secret.length;
  for (let i = 0; i < secret.length; i++) difference |= (given[i] ?? 0) ^ secret[i]!;
  return difference === 0;
}
