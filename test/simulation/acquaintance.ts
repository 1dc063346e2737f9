/**
 * Who may know of whom: a homeserver of the people who live there, of the people of homeservers that its own person and
 * theirs have linked mutually, of those who deal with one of its people, and, one hop further, of those who let
 * themselves be shown there. Everybody else is a stranger, and nothing that names one may reach it. The decisions are
 * those of the simulation's people, not what servers say of them.
 */
import type { AccountId } from "@fedchat/protocol";
import { accountId } from "@fedchat/protocol";
import { pairKey } from "./topology.ts";

interface Stranger {
  name: string;
  /** How an account can be named: by its key, and by the key's text. */
  forms: Buffer[];
}

export class Acquaintance {
  /** By the name of the homeserver where they live. */
  readonly #people = new Map<string, AccountId>();
  readonly #acquainted = new Set<string>();
  /** By homeserver: those that it is linked with mutually. */
  readonly #linked = new Map<string, Set<string>>();
  readonly #beyond = new Set<string>();
  readonly #strangers = new Map<string, Stranger[]>();

  livesAt(homeserver: string, account: AccountId): void {
    this.#people.set(homeserver, account);
    this.#strangers.clear();
  }

  /** Their people deal with each other. */
  acquaint(one: string, other: string): void {
    this.#acquainted.add(pairKey(one, other));
    this.#strangers.clear();
  }

  /** The homeservers are linked mutually. */
  link(one: string, other: string): void {
    this.#linked.set(one, (this.#linked.get(one) ?? new Set()).add(other));
    this.#linked.set(other, (this.#linked.get(other) ?? new Set()).add(one));
    this.acquaint(one, other);
  }

  /** The person of this homeserver is shown one hop beyond the linked ones. [L23] */
  showBeyond(personOf: string): void {
    this.#beyond.add(personOf);
    this.#strangers.clear();
  }

  isShownBeyond(personOf: string): boolean {
    return this.#beyond.has(personOf);
  }

  /** Whether a homeserver is linked with both. */
  areOneHopApart(one: string, other: string): boolean {
    const near = this.#linked.get(other);
    return near !== undefined && [...(this.#linked.get(one) ?? [])].some((name) => near.has(name));
  }

  mayKnow(homeserver: string, personOf: string): boolean {
    if (homeserver === personOf || this.#acquainted.has(pairKey(homeserver, personOf))) return true;
    return this.#beyond.has(personOf) && this.areOneHopApart(homeserver, personOf);
  }

  /** Whose names stand in these bytes though this homeserver may not know them. */
  strangersIn(bytes: Uint8Array, homeserver: string): string[] {
    const strangers = this.#strangersTo(homeserver);
    if (strangers.length === 0) return [];
    const searched = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return strangers
      .filter(({ forms }) => forms.some((form) => searched.includes(form)))
      .map(({ name }) => name);
  }

  #strangersTo(homeserver: string): Stranger[] {
    const known = this.#strangers.get(homeserver);
    if (known !== undefined) return known;
    const strangers = [...this.#people]
      .filter(([name]) => !this.mayKnow(homeserver, name))
      .map(([name, account]) => ({
        name,
        forms: [Buffer.from(accountId.toBytes(account)), Buffer.from(account)],
      }));
    this.#strangers.set(homeserver, strangers);
    return strangers;
  }
}
