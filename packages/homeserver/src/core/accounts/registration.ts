/**
 * Who may open an account. The local token, which only this machine's owner can read, opens the first account and makes
 * it an administrator; beyond that the policy decides, and administrators' invitations. [A6] [J2] [J3]
 */
import type { Clock, RegistrationPolicy } from "@fedchat/protocol";
import { ProtocolError } from "@fedchat/protocol";
import { registrationLimit } from "../limits.ts";
import type { AccountBook } from "./account-book.ts";
import type { AccountInvitations, InvitationUse } from "./account-invitations.ts";
import { RateLimits } from "../rate-limits.ts";

/** On what terms an account is opened. */
export interface Admission {
  administrator: boolean;
  /** What it uses up. */
  use?: InvitationUse;
}

export class Registration {
  readonly policy: RegistrationPolicy;
  readonly #localToken: Uint8Array;
  readonly #accounts: AccountBook;
  readonly #invitations: AccountInvitations;
  readonly #attempts: RateLimits<string>;

  constructor(options: {
    policy: RegistrationPolicy;
    localToken: Uint8Array;
    accounts: AccountBook;
    invitations: AccountInvitations;
    clock: Pick<Clock, "now">;
  }) {
    this.policy = options.policy;
    this.#localToken = options.localToken;
    this.#accounts = options.accounts;
    this.#invitations = options.invitations;
    this.#attempts = new RateLimits(registrationLimit, options.clock);
  }

  /** On what terms this token opens an account. Throws `registration-closed` or `rate-limited`. */
  admit(token: Uint8Array, remote: string): Admission {
    if (this.#isOwners(token)) return { administrator: this.#first };
    const use = this.#invitations.take(token);
    if (use !== undefined) return { administrator: false, use };
    this.#count(remote);
    if (this.policy === "open") return { administrator: false };
    throw new ProtocolError("registration-closed");
  }

  /** Whether this token would be admitted; nothing is used up. A wrong one counts as an attempt. Throws `rate-limited`. */
  wouldAdmit(token: Uint8Array, remote: string): boolean {
    if (this.#isOwners(token)) return true;
    if (this.policy === "open" || this.#invitations.admits(token)) return true;
    if (token.length > 0) this.#count(remote);
    return false;
  }

  get #first(): boolean {
    return this.#accounts.owner() === undefined;
  }

  #isOwners(token: Uint8Array): boolean {
    const local = this.#localToken.length > 0 && sameSecret(token, this.#localToken);
    return local && (this.#first || this.policy !== "closed");
  }

  #count(remote: string): void {
    const retryAfterMs = this.#attempts.take(remote);
    if (retryAfterMs > 0) throw new ProtocolError("rate-limited", undefined, { retryAfterMs });
  }
}

/** Takes the same time wherever the two differ. */
function sameSecret(given: Uint8Array, secret: Uint8Array): boolean {
  let difference = given.length ^ secret.length;
  for (let i = 0; i < secret.length; i++) difference |= (given[i] ?? 0) ^ secret[i]!;
  return difference === 0;
}
