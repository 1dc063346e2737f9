/** What people and servers are called on a screen, and what the person may call them when typing. */
import type { AccountId, ServerId } from "@fedchat/protocol";
import { accountId } from "@fedchat/protocol";
import type { EngineStore } from "../store/engine-store.ts";
import { engineError } from "./causes.ts";
import type { Identity } from "./identity.ts";
import type { People } from "./people.ts";
import type { Servers } from "./servers.ts";

/** Where an account lives and what it calls itself. */
export interface NamedAccount {
  account: AccountId;
  server: ServerId;
  handle: string;
  displayName: string;
}

const idCharacters = 8;

export class Names {
  readonly #store: Pick<EngineStore, "accounts" | "groupRooms" | "verified">;
  readonly #servers: Servers;
  readonly #people: People;
  readonly #identity: Identity;

  constructor(ports: {
    store: Pick<EngineStore, "accounts" | "groupRooms" | "verified">;
    servers: Servers;
    people: People;
    identity: Identity;
  }) {
    this.#store = ports.store;
    this.#servers = ports.servers;
    this.#people = ports.people;
    this.#identity = ports.identity;
  }

  /**
   * Local name, else claimed name, with eight characters of its id where we never linked it, or where a directory did and
   * another server has that name. [D4]
   */
  server(server: ServerId): string {
    if (server === this.#servers.own.id) return this.#servers.own.record?.name ?? short(server);
    const link = this.#servers.get(server);
    if (link?.localName) return link.localName;
    if (link === undefined || link.name === "") {
      const claimed = this.#people.claimedName(server) ?? this.#servers.claimedName(server);
      return claimed === undefined ? short(server) : `${claimed}·${short(server)}`;
    }
    // A name that looks like a domain is one only after the domain has confirmed the key. [N4]
    const isSure = link.nameProved === true || !link.name.includes(".");
    const isOurs = this.#servers.linkedByUs(server) && !this.#servers.cameLater(link);
    return isOurs && isSure ? link.name : `${link.name}·${short(server)}`;
  }

  /** `@handle` for the owner of a one-person server, else `handle@server`. */
  address({ server, handle }: Pick<NamedAccount, "server" | "handle">): string {
    return this.#isOnePersonServer(server) ? `@${handle}` : `${handle}@${this.server(server)}`;
  }

  account(account: AccountId): NamedAccount | undefined {
    if (this.#identity.opened?.account === account) return this.#identity.record.record;
    const listed = this.#people.get(account)?.opened.record;
    const kept = this.#store.accounts.get(account);
    // A server that is away lists for ever who has moved away from it.
    const isOutdated = listed !== undefined && kept !== undefined && kept.sequence > listed.sequence;
    return (isOutdated ? kept : listed) ?? kept ?? this.#store.groupRooms.named(account);
  }

  /** The person's own nickname for them, else what they call themselves. */
  shown(account: AccountId): string {
    return (
      this.#store.accounts.contact(account)?.nickname ??
      this.account(account)?.displayName ??
      account.slice(0, idCharacters)
    );
  }

  /**
   * Who is meant: an account key, `@bob`, `bob@server`, `bob`, or a nickname.
   * Throws `EngineError`: `ambiguous` with the addresses that it could mean, `unknown-person`.
   */
  resolve(who: string): NamedAccount {
    const text = who.trim();
    const byKey = accountId.parse(text);
    const known = byKey && this.account(byKey);
    if (known !== undefined) return known;
    const found = this.#candidates(text.toLowerCase());
    if (found.length === 1) return found[0]!;
    const meant = this.#withoutReplaced(found);
    if (meant.length === 1) return meant[0]!;
    if (found.length === 0) throw engineError("unknown-person", `Nobody called '${text}' is known here.`);
    const addresses = found.slice(0, 5).map((one) => `${one.handle}@${this.server(one.server)}`);
    throw engineError("ambiguous", `'${text}' could be ${addresses.join(" or ")}.`);
  }

  #candidates(text: string): NamedAccount[] {
    const everybody = this.#everybody();
    const at = text.lastIndexOf("@");
    if (at > 0) {
      const [handle, server] = [text.slice(0, at), text.slice(at + 1)];
      return everybody.filter((one) => one.handle === handle && this.#isCalled(one.server, server));
    }
    const name = at === 0 ? text.slice(1) : text;
    const tests: ((one: NamedAccount) => boolean)[] = [
      (one) =>
        this.#isOnePersonServer(one.server) && (one.handle === name || this.#isCalled(one.server, name)),
      (one) => one.handle === name,
      (one) => this.shown(one.account).toLowerCase() === name,
    ];
    // The first way of naming that names anybody is meant.
    for (const test of tests) {
      const found = everybody.filter(test);
      if (found.length > 0) return found;
    }
    return [];
  }

  /**
   * Of a contact and another key at the same address the name means nobody, until the person decided for that key: by
   * verifying it, or by a chat with it. [N11]
   */
  #withoutReplaced(found: NamedAccount[]): NamedAccount[] {
    const { verified, accounts } = this.#store;
    return found.filter(({ account, handle, server }) => {
      const change = verified.changeOf(account);
      if (change === undefined || found.every((one) => one.account !== change.other)) return true;
      const isDecided =
        verified.get(change.other) !== undefined || accounts.contact(change.other) !== undefined;
      if (isDecided) return false;
      const address = `${handle}@${this.server(server)}`;
      throw engineError(
        "key-changed",
        `At ${address} another key answers than your contact ${this.shown(account)}'s. It may be somebody else.`,
        `Compare the new key before you write to it: ${change.other}`,
      );
    });
  }

  #everybody(): NamedAccount[] {
    const everybody = new Map<AccountId, NamedAccount>();
    for (const { opened } of this.#people.all()) {
      const { account } = opened.record;
      everybody.set(account, this.account(account) ?? opened.record);
    }
    for (const { account } of this.#store.accounts.contacts()) {
      const kept = this.#store.accounts.get(account);
      if (kept !== undefined && !everybody.has(account)) everybody.set(account, kept);
    }
    if (this.#identity.opened !== undefined)
      everybody.set(this.#identity.account, this.#identity.record.record);
    return [...everybody.values()];
  }

  #isCalled(server: ServerId, name: string): boolean {
    const own = server === this.#servers.own.id ? this.#servers.own.record?.name : undefined;
    const link = this.#servers.get(server);
    const claimed = link?.name ?? this.#people.claimedName(server) ?? this.#servers.claimedName(server);
    const names = [own, link?.localName?.toLowerCase(), claimed, this.server(server).toLowerCase()];
    return server === name || names.includes(name);
  }

  #isOnePersonServer(server: ServerId): boolean {
    if (server === this.#servers.own.id) return this.#servers.own.accounts <= 1;
    // Of servers that are not linked only some people are known, and `@bob` must not be one of those.
    return this.#servers.linkedByUs(server) && this.#people.countOf(server) === 1;
  }
}

function short(server: ServerId): string {
  return server.slice(0, idCharacters);
}
