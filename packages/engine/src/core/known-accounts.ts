/**
 * The newest signed record of every account that we have to do with; only a verified, newer one replaces a kept one. An
 * account is its key: another key at a contact's address is another account, of which the person is warned. [N11]
 */
import type { AccountId, Clock, OpenedAccountRecord, Primitives, ServerId } from "@fedchat/protocol";
import { accountRecordReplaces, limits, openAccountRecord, ProtocolError } from "@fedchat/protocol";
import type { EngineStore } from "../store/engine-store.ts";
import type { Changes } from "./changes.ts";
import { isEqual } from "./credentials.ts";

export class KnownAccounts {
  readonly #store: Pick<EngineStore, "accounts" | "rooms" | "verified">;
  readonly #primitives: Primitives;
  readonly #clock: Pick<Clock, "now">;
  readonly #changes: Changes;
  /** A contact lives elsewhere now. */
  onMoved: (account: AccountId, from: ServerId, to: ServerId) => void = () => undefined;

  /** A contact's account changes by the recovery key alone from now on: it says that its key may have been stolen, or came back elsewhere. [A18] [A20] */
  onGuarded: (account: AccountId, why: "stolen" | "elsewhere") => void = () => undefined;

  constructor(ports: {
    store: Pick<EngineStore, "accounts" | "rooms" | "verified">;
    primitives: Primitives;
    clock: Pick<Clock, "now">;
    changes: Changes;
  }) {
    this.#store = ports.store;
    this.#primitives = ports.primitives;
    this.#clock = ports.clock;
    this.#changes = ports.changes;
  }

  get(account: AccountId): OpenedAccountRecord | undefined {
    const row = this.#store.accounts.get(account);
    return row && openAccountRecord(this.#primitives, row.record);
  }

  /** Throws `ProtocolError("malformed")` for a record from too far in the future to be kept. [R2] */
  check({ record }: OpenedAccountRecord): void {
    if (record.sequence <= this.#clock.now() + limits.sequenceAheadMsMax) return;
    throw new ProtocolError("malformed", "account-record: sequence too far ahead of the clock");
  }

  /** Keeps a record where it is newer than the kept one, and returns the one that counts. */
  learn(opened: OpenedAccountRecord): OpenedAccountRecord {
    const kept = this.#store.accounts.get(opened.record.account);
    // People are listed again with every change of presence, nearly always with the record that is kept.
    if (kept !== undefined && isEqual(kept.record, opened.signed)) return opened;
    const held = kept && openAccountRecord(this.#primitives, kept.record);
    if (!accountRecordReplaces(this.#primitives, opened, held, this.#clock.now())) return held ?? opened;
    const { account, server, handle, displayName, sequence } = opened.record;
    this.#store.accounts.put({ account, server, handle, displayName, sequence, record: opened.signed });
    if (this.#store.accounts.contact(account) !== undefined) {
      this.#changes.mark("contact", account);
      for (const room of this.#store.rooms.withPeer(account)) this.#changes.mark("room", room.id);
      if (held !== undefined && held.record.guard === undefined && opened.record.guard !== undefined)
        this.onGuarded(account, held.record.server === server ? "stolen" : "elsewhere");
      if (kept !== undefined && kept.server !== server) this.onMoved(account, kept.server, server);
    }
    return opened;
  }

  /**
   * Its own homeserver says that this account lives there. Where a contact was said to live at that very address, the
   * person is warned; nothing of the contact's goes to this key. [N11]
   */
  answers(opened: OpenedAccountRecord): void {
    const { account: other, server, handle } = opened.record;
    const contact = this.#store.verified.contactAt(server, handle, other);
    if (contact === undefined || this.#store.verified.changeOf(contact)?.other === other) return;
    this.learn(opened);
    this.#store.verified.putChange({
      ...{ contact, other, server, handle },
      ...{ at: this.#clock.now(), decided: 0 },
    });
    this.#changes.mark("contact", contact);
    for (const room of this.#store.rooms.withPeer(contact)) this.#changes.mark("room", room.id);
  }

  /** As `learn`, only for accounts that are kept already. */
  update(opened: OpenedAccountRecord): void {
    const kept = this.#store.accounts.get(opened.record.account);
    if (kept !== undefined && kept.sequence <= opened.record.sequence) this.learn(opened);
  }
}
