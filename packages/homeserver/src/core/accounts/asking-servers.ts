/**
 * Whence each account was asked. A request waits for a person for days, while its server goes, or ours starts again:
 * what is known of that server stays, or else the acceptance could not go there. Bounded, since keys are free to make;
 * of one account the server goes that asked longest ago. [C11] [G1]
 */
import type { AccountId, ServerId } from "@fedchat/protocol";
import { serverId } from "@fedchat/protocol";
import type { Delivery, StoredState, WriteOp } from "../../store/store.ts";
import { askingServersMax, askingServersTotalMax } from "../limits.ts";

const prefix = "asked.";
const idBytes = 32;

export class AskingServers {
  /** The latest last. */
  readonly #askedFrom = new Map<AccountId, Set<ServerId>>();
  /** How many accounts each server asked. */
  readonly #counts = new Map<ServerId, number>();
  /** Accounts whose servers are not on disk as they are here. */
  readonly #unwritten = new Set<AccountId>();
  #total = 0;

  constructor(meta: StoredState["meta"]) {
    for (const [key, stored] of meta) {
      if (!key.startsWith(prefix)) continue;
      const account = key.slice(prefix.length) as AccountId;
      for (let at = 0; at + idBytes <= stored.length; at += idBytes)
        this.#add(account, serverId.fromBytes(stored.slice(at, at + idBytes)));
    }
  }

  has(server: ServerId): boolean {
    return this.#counts.has(server);
  }

  of(account: AccountId): Iterable<ServerId> {
    return this.#askedFrom.get(account) ?? [];
  }

  /** Requests among these are about to be delivered. Gives what stores whence they came, in the same transaction. */
  delivering(deliveries: readonly Delivery[]): WriteOp[] {
    for (const { kind, server, to } of deliveries)
      if (kind === "request") for (const account of to) this.#asked(account, server);
    const ops = [...this.#unwritten].map((account) => this.#storing(account));
    this.#unwritten.clear();
    return ops;
  }

  /** That transaction failed: what these were to store goes with the next one. */
  failed(ops: readonly WriteOp[]): void {
    for (const op of ops)
      if (op.op === "meta.put") this.#unwritten.add(op.key.slice(prefix.length) as AccountId);
  }

  #asked(account: AccountId, server: ServerId): void {
    if ([...this.of(account)].at(-1) === server) return;
    this.#delete(account, server);
    this.#add(account, server);
    this.#unwritten.add(account);
    if (this.#askedFrom.get(account)!.size > askingServersMax) this.#dropOldest(account);
    if (this.#total > askingServersTotalMax) this.#dropOldest(this.#mostAsked());
  }

  #dropOldest(account: AccountId): void {
    for (const oldest of this.of(account)) {
      this.#delete(account, oldest);
      this.#unwritten.add(account);
      return;
    }
  }

  /** A flood at one account costs the others nothing. */
  #mostAsked(): AccountId {
    return [...this.#askedFrom].reduce((most, one) => (one[1].size > most[1].size ? one : most))[0];
  }

  #add(account: AccountId, server: ServerId): void {
    this.#askedFrom.set(account, (this.#askedFrom.get(account) ?? new Set()).add(server));
    this.#counts.set(server, (this.#counts.get(server) ?? 0) + 1);
    this.#total += 1;
  }

  #delete(account: AccountId, server: ServerId): void {
    if (this.#askedFrom.get(account)?.delete(server) !== true) return;
    const count = this.#counts.get(server)! - 1;
    if (count === 0) this.#counts.delete(server);
    else this.#counts.set(server, count);
    this.#total -= 1;
  }

  #storing(account: AccountId): WriteOp {
    const servers = [...this.of(account)];
    const value = new Uint8Array(servers.length * idBytes);
    servers.forEach((server, index) => value.set(serverId.toBytes(server), index * idBytes));
    return { op: "meta.put", key: prefix + account, value };
  }
}
