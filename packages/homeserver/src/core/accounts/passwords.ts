/**
 * Signing in by password without the homeserver ever seeing one: OPAQUE (RFC 9807). Invariant: who has no account, no
 * password, or a wrong one gets answers of the same shape, made with the same work, and the same error in the end; and
 * every attempt is counted, because each lets its maker test one guess. [A10] [A11]
 */
import type { ClientParams, ClientResult, Clock, RandomSource } from "@fedchat/protocol";
import { ProtocolError } from "@fedchat/protocol";
import type { GroupCommit } from "../group-commit.ts";
import { loginAttemptMs, loginAttemptsMax, loginPerHandleLimit, loginPerRemoteLimit } from "../limits.ts";
import type { Account, AccountBook } from "./account-book.ts";
import { RateLimits } from "../rate-limits.ts";
import type { Session } from "./session.ts";
import { sameBytes } from "../same-bytes.ts";

/** The server's side of OPAQUE. Its randomness is its own, which is why it comes in from outside. */
export interface OpaqueServer {
  /** Whether these bytes are a registration record. */
  isRecord(upload: Uint8Array): boolean;
  /** Throws `ProtocolError("malformed")`. `credential` must be the same at registration and at each login. */
  registrationResponse(credential: string, request: Uint8Array): Uint8Array;
  /** Throws `ProtocolError("malformed")`. Without a record the answer is one that nobody can tell from a real one. */
  startLogin(
    credential: string,
    record: Uint8Array | undefined,
    request: Uint8Array,
  ): { state: string; response: Uint8Array };
  /** Whether the client knew the password. */
  finishLogin(state: string, finish: Uint8Array): boolean;
}

/** Makes an `OpaqueServer`, whose setup (its long-term secret) is kept in the store. */
export interface OpaqueSuite {
  createSetup(): Uint8Array;
  open(setup: Uint8Array): OpaqueServer;
}

interface Attempt {
  id: Uint8Array;
  startedAt: number;
  state: string;
  account: Account | undefined;
}

export class Passwords {
  readonly #accounts: AccountBook;
  readonly #commit: GroupCommit;
  readonly #opaque: OpaqueServer;
  readonly #random: RandomSource;
  readonly #clock: Pick<Clock, "now">;
  readonly #perHandle: RateLimits<string>;
  readonly #perRemote: RateLimits<string>;
  readonly #attempts = new WeakMap<Session, Attempt[]>();
  readonly #loggedIn = new WeakMap<Session, Account>();

  constructor(options: {
    accounts: AccountBook;
    commit: GroupCommit;
    opaque: OpaqueServer;
    random: RandomSource;
    clock: Pick<Clock, "now">;
  }) {
    this.#accounts = options.accounts;
    this.#commit = options.commit;
    this.#opaque = options.opaque;
    this.#random = options.random;
    this.#clock = options.clock;
    this.#perHandle = new RateLimits(loginPerHandleLimit, options.clock);
    this.#perRemote = new RateLimits(loginPerRemoteLimit, options.clock);
  }

  registerStart(
    account: Account,
    { request }: ClientParams<"password.registerStart">,
  ): ClientResult<"password.registerStart"> {
    return { response: this.#opaque.registrationResponse(credentialOf(account), request) };
  }

  async registerFinish(
    account: Account,
    { upload, wrappedKey }: ClientParams<"password.registerFinish">,
  ): Promise<Record<never, never>> {
    if (!this.#opaque.isRecord(upload))
      throw new ProtocolError("malformed", "not an OPAQUE registration record");
    const password = { opaque: upload, wrappedKey };
    await this.#commit.add([{ op: "account.password", account: account.id, password }]);
    account.password = password;
    return {};
  }

  /** Rejects with `rate-limited`, for unknown handles alike. [A11] */
  loginStart(
    session: Session,
    { handle, request }: ClientParams<"password.loginStart">,
  ): ClientResult<"password.loginStart"> {
    const retryAfterMs = this.#perRemote.take(session.remote) || this.#perHandle.take(handle);
    if (retryAfterMs > 0) throw new ProtocolError("rate-limited", undefined, { retryAfterMs });
    const account = this.#accounts.byHandle(handle);
    // A made-up credential that is always the same for a handle: asking twice does not tell it from a real one.
    const credential = account === undefined ? `nobody ${handle}` : credentialOf(account);
    const { state, response } = this.#opaque.startLogin(credential, account?.password?.opaque, request);
    const attempt = { id: this.#random.bytes(16), startedAt: this.#clock.now(), state, account };
    const open = this.#attempts.get(session) ?? [];
    this.#attempts.set(session, [...open, attempt].slice(-loginAttemptsMax));
    return { attempt: attempt.id, response };
  }

  /** Rejects with `wrong-credentials`, whatever was wrong. [A10] */
  loginFinish(
    session: Session,
    { attempt: id, finish }: ClientParams<"password.loginFinish">,
  ): ClientResult<"password.loginFinish"> {
    const attempt = this.#takeAttempt(session, id);
    const knew = attempt !== undefined && this.#opaque.finishLogin(attempt.state, finish);
    const account = attempt?.account;
    if (!knew || account?.password === undefined) throw new ProtocolError("wrong-credentials");
    this.#loggedIn.set(session, account);
    return { wrappedKey: account.password.wrappedKey, record: account.signed };
  }

  /** The account whose password was proved on this very channel. */
  loggedIn(session: Session): Account | undefined {
    return this.#loggedIn.get(session);
  }

  /** Each attempt ends with its first answer. */
  #takeAttempt(session: Session, id: Uint8Array): Attempt | undefined {
    const open = this.#attempts.get(session) ?? [];
    const attempt = open.find((candidate) => sameBytes(candidate.id, id));
    if (attempt === undefined) return undefined;
    this.#attempts.set(
      session,
      open.filter((other) => other !== attempt),
    );
    return this.#clock.now() - attempt.startedAt > loginAttemptMs ? undefined : attempt;
  }
}

/** The account key, so that a changed handle changes nothing. */
const credentialOf = (account: Account): string => account.id;
