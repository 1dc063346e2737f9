/**
 * Who may know of whom: a homeserver of the people who live there, of the people of homeservers that its own person and
 * theirs have linked mutually, and of those who deal with one of its people. Everybody else is a stranger, and nothing
 * that names one may reach it. The decisions are those of the simulation's people, not what servers say of them.
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
  readonly #strangers = new Map<string, Stranger[]>();

  livesAt(homeserver: string, account: AccountId): void {
    this.#people.set(homeserver, account);
    this.#strangers.clear();
  }

  /** The homeservers are linked mutually, or their people deal with each other. */
  acquaint(one: string, other: string): void {
    this.#acquainted.add(pairKey(one, other));
    this.#strangers.clear();
  }

  mayKnow(homeserver: string, personOf: string): boolean {
    return homeserver === personOf || this.#acquainted.has(pairKey(homeserver, personOf));
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
