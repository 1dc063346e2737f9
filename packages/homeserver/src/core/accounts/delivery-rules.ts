/**
 * What may be put into whose inbox: blocks first, then the recipient's own grants, then the trust between the servers.
 * Invariant: from a server that was not linked from here nothing but requests comes in, slowly, what its people were
 * granted one by one, and messages of rooms in which the recipient is with it. [H9] [H13] [O7]
 */
import type { AccountId, ClientParams, Clock, ServerId } from "@fedchat/protocol";
import { ProtocolError, readMlsHead } from "@fedchat/protocol";
import type { StoredState } from "../../store/store.ts";
import type { GroupCommit } from "../group-commit.ts";
import {
  blocksPerAccountMax,
  grantsPerAccountMax,
  roomUnlistedRate,
  strangerRequestsLimit,
  strangersRequestsLimit,
} from "../limits.ts";
import type { LocalAccounts, RoomStanding } from "../seams.ts";
import type { Account, AccountBook } from "./account-book.ts";
import type { AskingServers } from "./asking-servers.ts";
import { RateLimits } from "../rate-limits.ts";

type Admits = LocalAccounts["admits"];

export interface DeliveryRulesOptions {
  self: ServerId;
  accounts: AccountBook;
  commit: GroupCommit;
  clock: Pick<Clock, "now">;
  state: Pick<StoredState, "grants" | "blocks">;
  asking: Pick<AskingServers, "of">;
  /** What a recipient's rooms say of a server. */
  standing: (account: AccountId, group: Uint8Array, server: ServerId) => RoomStanding;
}

export class DeliveryRules {
  readonly #options: DeliveryRulesOptions;
  /** Whom each account lets in, whatever the trust: peer → the server that the peer was granted at. */
  readonly #grants = new Map<AccountId, Map<AccountId, ServerId>>();
  /** How many grants of all accounts there are at each server. */
  readonly #grantsAt = new Map<ServerId, number>();
  readonly #blocks = new Map<AccountId, Set<AccountId>>();
  readonly #perServer: RateLimits<ServerId>;
  readonly #overall: RateLimits<"all">;
  readonly #unlisted: RateLimits<ServerId>;

  constructor(options: DeliveryRulesOptions) {
    this.#options = options;
    this.#perServer = new RateLimits(strangerRequestsLimit, options.clock);
    this.#overall = new RateLimits(strangersRequestsLimit, options.clock);
    this.#unlisted = new RateLimits(roomUnlistedRate, options.clock);
    for (const { account, peer, server } of options.state.grants) this.#hold(account, peer, server);
    for (const { account, peer } of options.state.blocks) this.#blocksOf(account).add(peer);
  }

  /** [H9] Each answer of `admitted` to a stranger's request is counted against the stranger's server. */
  readonly admits: Admits = ({ server, from, kind, to, trust, payload }) => {
    if (this.#options.accounts.get(to) === undefined) return "unknown-account";
    if (trust === "blocked") return "blocked";
    if (this.#blocks.get(to)?.has(from) === true) return "ignored";
    if (server === this.#options.self || trust === "mutual" || trust === "outgoing") return "admitted";
    if (this.#grants.get(to)?.get(from) === server) return "admitted";
    if (kind === "room" && payload !== undefined) return this.#admitsToRoom(to, payload, server);
    if (kind !== "request") return "not-allowed";
    if (this.#perServer.take(server) > 0 || this.#overall.take("all") > 0) return "rate-limited";
    return "admitted";
  };

  /** [O7] */
  #admitsToRoom(
    to: AccountId,
    message: Uint8Array,
    server: ServerId,
  ): "admitted" | "not-allowed" | "rate-limited" {
    const head = readMlsHead(message);
    switch (head && this.#options.standing(to, head.group, server)) {
      case "listed":
        return "admitted";
      case "unlisted":
        // The entry that lists it may be under way.
        return this.#unlisted.take(server) > 0 ? "rate-limited" : "admitted";
      case "former":
      case "no room":
      case undefined:
        return "not-allowed";
    }
  }

  hasGrantAt(server: ServerId): boolean {
    return this.#grantsAt.has(server);
  }

  /** Servers at which this account lets somebody in, and those whence it was asked. */
  metServers(account: Account): Set<ServerId> {
    return new Set([...this.#grantsOf(account.id).values(), ...this.#options.asking.of(account.id)]);
  }

  async grant(account: Account, { server, account: peer }: ClientParams<"delivery.grant">): Promise<void> {
    const grants = this.#grantsOf(account.id);
    if (grants.get(peer) === server) return;
    if (!grants.has(peer) && grants.size >= grantsPerAccountMax) throw new ProtocolError("quota-exceeded");
    await this.#options.commit.add([{ op: "grant.put", account: account.id, peer, server }]);
    this.#hold(account.id, peer, server);
  }

  async revoke(account: Account, { account: peer }: ClientParams<"delivery.revoke">): Promise<void> {
    await this.#options.commit.add([{ op: "grant.delete", account: account.id, peer }]);
    this.#hold(account.id, peer, undefined);
  }

  async block(account: Account, { account: peer }: ClientParams<"delivery.block">): Promise<void> {
    const blocks = this.#blocksOf(account.id);
    if (!blocks.has(peer) && blocks.size >= blocksPerAccountMax) throw new ProtocolError("quota-exceeded");
    await this.#options.commit.add([{ op: "block.put", account: account.id, peer }]);
    blocks.add(peer);
  }

  async unblock(account: Account, { account: peer }: ClientParams<"delivery.unblock">): Promise<void> {
    await this.#options.commit.add([{ op: "block.delete", account: account.id, peer }]);
    this.#blocksOf(account.id).delete(peer);
  }

  /** An account's grant to this peer is at this server now, or is none. */
  #hold(account: AccountId, peer: AccountId, server: ServerId | undefined): void {
    const grants = this.#grantsOf(account);
    const before = grants.get(peer);
    if (before !== undefined) this.#count(before, -1);
    if (server === undefined) grants.delete(peer);
    else {
      grants.set(peer, server);
      this.#count(server, 1);
    }
  }

  #count(server: ServerId, change: number): void {
    const count = (this.#grantsAt.get(server) ?? 0) + change;
    if (count === 0) this.#grantsAt.delete(server);
    else this.#grantsAt.set(server, count);
  }

  #grantsOf(account: AccountId): Map<AccountId, ServerId> {
    const grants = this.#grants.get(account) ?? new Map<AccountId, ServerId>();
    this.#grants.set(account, grants);
    return grants;
  }

  #blocksOf(account: AccountId): Set<AccountId> {
    const blocks = this.#blocks.get(account) ?? new Set<AccountId>();
    this.#blocks.set(account, blocks);
    return blocks;
  }
}
