/** The newest signed record of every account that we have to do with; only a verified, newer one replaces a kept one. */
import type { AccountId, Clock, OpenedAccountRecord, Primitives } from "@fedchat/protocol";
import { accountRecordReplaces, limits, openAccountRecord, ProtocolError } from "@fedchat/protocol";
import type { EngineStore } from "../store/engine-store.ts";
import type { Changes } from "./changes.ts";
import { isEqual } from "./credentials.ts";

export class KnownAccounts {
  readonly #store: Pick<EngineStore, "accounts" | "rooms">;
  readonly #primitives: Primitives;
  readonly #clock: Pick<Clock, "now">;
  readonly #changes: Changes;

  constructor(ports: {
    store: Pick<EngineStore, "accounts" | "rooms">;
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
    }
    return opened;
  }

  /** As `learn`, only for accounts that are kept already. */
  update(opened: OpenedAccountRecord): void {
    const kept = this.#store.accounts.get(opened.record.account);
    if (kept !== undefined && kept.sequence <= opened.record.sequence) this.learn(opened);
  }
}
