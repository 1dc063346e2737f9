/**
 * Questions between linked homeservers: the record of an account, a key package for a holder of its capability. Asked
 * with a time-out and a bound on those unanswered; answered within a rate, which is lower for strangers. [L11]
 */
import type {
  AccountId,
  Clock,
  DeviceId,
  LinkControl,
  LinkQuery,
  Primitives,
  ServerId,
  Timer,
} from "@fedchat/protocol";
import { fromWireError, openAccountRecord, ProtocolError, toWireError } from "@fedchat/protocol";
import { RateLimits } from "../rate-limits.ts";
import { linkedQueryRate, queriesInFlightMax, queryTimeoutMs, strangerQueryRate } from "../limits.ts";
import type { LocalAccounts } from "../seams.ts";
import type { Link } from "./link.ts";

interface Pending {
  server: ServerId;
  timer: Timer;
  resolve: (result: Uint8Array | undefined) => void;
  reject: (error: ProtocolError) => void;
}

export class Queries {
  readonly #clock: Clock;
  readonly #accounts: LocalAccounts;
  readonly #primitives: Primitives;
  readonly #pending = new Map<number, Pending>();
  readonly #strangers: RateLimits<ServerId>;
  readonly #linked: RateLimits<ServerId>;
  #lastId = 0;

  constructor(options: { clock: Clock; accounts: LocalAccounts; primitives: Primitives }) {
    this.#clock = options.clock;
    this.#accounts = options.accounts;
    this.#primitives = options.primitives;
    this.#strangers = new RateLimits(strangerQueryRate, options.clock);
    this.#linked = new RateLimits(linkedQueryRate, options.clock);
  }

  /** A verified record, undefined where the server knows no such account. */
  async lookup(link: Link, account: AccountId): Promise<Uint8Array | undefined> {
    const signed = await this.#ask(link, { ask: "account", account });
    if (signed === undefined) return undefined;
    const { record } = openAccountRecord(this.#primitives, signed);
    if (record.account !== account || record.server !== link.server) {
      throw new ProtocolError("malformed", "The other server answered with another account.");
    }
    return signed;
  }

  keyPackage(
    link: Link,
    account: AccountId,
    device: DeviceId,
    capability: Uint8Array,
  ): Promise<Uint8Array | undefined> {
    return this.#ask(link, { ask: "keyPackage", account, device, capability });
  }

  /** The peer's answer; one that nobody waits for is let go. */
  answered(link: Link, answer: Extract<LinkControl, { kind: "answer" }>): void {
    const pending = this.#pending.get(answer.id);
    if (pending?.server !== link.server) return;
    this.#forget(answer.id, pending);
    if (answer.error !== undefined) pending.reject(fromWireError(answer.error));
    else pending.resolve(answer.result?.slice());
  }

  /** Answers the peer's question. */
  async answer(link: Link, id: number, query: LinkQuery): Promise<void> {
    const { connection } = link;
    try {
      const rate = link.row.linkedByUs ? this.#linked : this.#strangers;
      const retryAfterMs = rate.take(link.server);
      if (retryAfterMs > 0) throw new ProtocolError("rate-limited", undefined, { retryAfterMs });
      const result = (await this.#find(query)) ?? null;
      connection?.send({ kind: "answer", id, result });
    } catch (error) {
      const failure = error instanceof ProtocolError ? error : new ProtocolError("internal");
      connection?.send({ kind: "answer", id, error: toWireError(failure) });
    }
  }

  /** The connection is gone, and with it what was asked over it. */
  closed(link: Link): void {
    for (const [id, pending] of this.#pending) {
      if (pending.server !== link.server) continue;
      this.#forget(id, pending);
      pending.reject(new ProtocolError("unreachable"));
    }
  }

  async #find(query: LinkQuery): Promise<Uint8Array | undefined> {
    if (query.ask === "account") return this.#accounts.record(query.account);
    if (query.ask !== "keyPackage") throw new ProtocolError("unknown-method");
    return this.#accounts.takeKeyPackage(query.account, query.device, query.capability.slice());
  }

  #ask(link: Link, query: LinkQuery): Promise<Uint8Array | undefined> {
    const { connection, server } = link;
    if (!link.connected || connection === undefined) {
      return Promise.reject(new ProtocolError("unreachable", "There is no connection to this server."));
    }
    const inFlight = [...this.#pending.values()].filter((pending) => pending.server === server).length;
    if (inFlight >= queriesInFlightMax) return Promise.reject(new ProtocolError("rate-limited"));
    return new Promise((resolve, reject) => {
      this.#lastId = (this.#lastId + 1) % 0xffff_ffff;
      const id = this.#lastId;
      const timer = this.#clock.after(queryTimeoutMs, () => {
        this.#pending.delete(id);
        reject(new ProtocolError("unreachable", "The other server did not answer in time."));
      });
      this.#pending.set(id, { server, timer, resolve, reject });
      connection.send({ kind: "query", id, query });
    });
  }

  #forget(id: number, pending: Pending): void {
    pending.timer.cancel();
    this.#pending.delete(id);
  }
}
