/**
 * Who may know of whom: a homeserver of the people who live there, of the people of homeservers that its own person and
 * theirs have linked mutually, of those who deal with one of its people, and, one hop further, of those who let
 * themselves be shown there. Everybody else is a stranger, and nothing that names one may reach it. The decisions are
 * those of the simulation's people, not what servers say of them.
 */
import type { AccountId } from "@fedchat/protocol";
import { accountId } from "@fedchat/protocol";

interface Stranger {
  name: string;
  /** How an account can be named: by its key, and by the key's text. */
  forms: Buffer[];
}

export class Acquaintance {
  readonly #people = new Map<string, { account: AccountId; home: string }>();
  /** A homeserver and somebody whom one of its people deals with. */
  readonly #acquainted = new Set<string>();
  /** By homeserver: those that it is linked with mutually. */
  readonly #linked = new Map<string, Set<string>>();
  readonly #beyond = new Set<string>();
  readonly #strangers = new Map<string, Stranger[]>();

  /** @param person as the homeserver is called, unless it has several people */
  livesAt(home: string, account: AccountId, person = home): void {
    this.#people.set(person, { account, home });
    this.#strangers.clear();
  }

  /** These people deal with each other. */
  acquaint(one: string, other: string): void {
    this.#acquainted.add(`${this.#homeOf(one)} ${other}`).add(`${this.#homeOf(other)} ${one}`);
    this.#strangers.clear();
  }

  /** The homeservers are linked mutually. */
  link(one: string, other: string): void {
    this.#linked.set(one, (this.#linked.get(one) ?? new Set()).add(other));
    this.#linked.set(other, (this.#linked.get(other) ?? new Set()).add(one));
    this.#strangers.clear();
  }

  /** This person is shown one hop beyond the linked homeservers. [L23] */
  showBeyond(person: string): void {
    this.#beyond.add(person);
    this.#strangers.clear();
  }

  isShownBeyond(person: string): boolean {
    return this.#beyond.has(person);
  }

  /** Whether a homeserver is linked with both. */
  areOneHopApart(one: string, other: string): boolean {
    const near = this.#linked.get(other);
    return near !== undefined && [...(this.#linked.get(one) ?? [])].some((name) => near.has(name));
  }

  areLinked(one: string, other: string): boolean {
    return this.#linked.get(one)?.has(other) === true;
  }

  mayKnow(homeserver: string, person: string): boolean {
    const home = this.#homeOf(person);
    if (homeserver === home || this.areLinked(homeserver, home)) return true;
    if (this.#acquainted.has(`${homeserver} ${person}`)) return true;
    return this.#beyond.has(person) && this.areOneHopApart(homeserver, home);
  }

  #homeOf(person: string): string {
    return this.#people.get(person)?.home ?? person;
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
      .map(([name, { account }]) => ({
        name,
        forms: [Buffer.from(accountId.toBytes(account)), Buffer.from(account)],
      }));
    this.#strangers.set(homeserver, strangers);
    return strangers;
  }
}
