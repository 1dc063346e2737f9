/**
 * Who this engine is: its account and device keys, its certificate and its account record, as the store keeps them.
 * On the owner's own box the account key may stay; it is used only to sign records and certificates.
 */
import type { AccountId, OpenedAccountRecord, Primitives, ServerId } from "@fedchat/protocol";
import { accountRecord, guardedRecord, nextSequence, openAccountRecord } from "@fedchat/protocol";
import type { AccountRecord, Clock } from "@fedchat/protocol";
import type { MemberIdentity } from "../mls/room-crypto.ts";
import type { EngineStore } from "../store/engine-store.ts";
import type { IdentityRow } from "../store/identity-table.ts";
import { engineError } from "./causes.ts";
import type { SessionIdentity } from "./homeserver-client.ts";

export class Identity {
  readonly #store: Pick<EngineStore, "identity" | "transaction">;
  readonly #primitives: Primitives;
  readonly #clock: Pick<Clock, "now">;
  #row: IdentityRow | undefined;
  #record: OpenedAccountRecord | undefined;

  constructor({
    store,
    primitives,
    clock,
  }: {
    store: Pick<EngineStore, "identity" | "transaction">;
    primitives: Primitives;
    clock: Pick<Clock, "now">;
  }) {
    this.#store = store;
    this.#primitives = primitives;
    this.#clock = clock;
    this.#take(store.identity.read());
  }

  /** Undefined until the homeserver has opened the account. */
  get opened(): IdentityRow | undefined {
    return this.#row?.state === "open" ? this.#row : undefined;
  }

  /** Keys of a registration whose outcome is not known: it may have succeeded. */
  get registering(): IdentityRow | undefined {
    return this.#row?.state === "registering" ? this.#row : undefined;
  }

  /** The account key's seed, on the device that opened the account; further devices sign by a password only. [U1] */
  get accountKey(): Uint8Array | undefined {
    const { accountSeed } = this.self;
    return accountSeed.length === 0 ? undefined : accountSeed;
  }

  /** The open identity. Throws `EngineError("no-account")`. */
  get self(): IdentityRow {
    if (this.opened === undefined) throw engineError("no-account");
    return this.opened;
  }

  get account(): AccountId {
    return this.self.account;
  }

  /** Our own record, opened. */
  get record(): OpenedAccountRecord {
    if (this.#record === undefined) throw engineError("no-account");
    return this.#record;
  }

  /** This device as a member of groups. */
  get member(): MemberIdentity {
    const { signatureSeed, certificate } = this.self;
    return {
      signaturePrivateKey: signatureSeed,
      signaturePublicKey: this.#primitives.ed25519.publicKey(signatureSeed),
      credential: certificate,
    };
  }

  get session(): SessionIdentity {
    return sessionIdentity(this.self);
  }

  /** Which key our homeserver has now in the place of a former one: the next record that named that will say so. [R10] */
  renewedHome: { former: ServerId; server: ServerId } | undefined;

  /** One transaction in which the identity changes; where it fails, memory is again as the store is. */
  transaction(work: () => void): void {
    try {
      this.#store.transaction(work);
    } catch (error) {
      this.#take(this.#store.identity.read());
      throw error;
    }
  }

  /** Stores what changed. */
  update(changes: Partial<IdentityRow>): void {
    if (this.#row === undefined) throw new Error("assertion: an identity is kept before it changes");
    this.keep({ ...this.#row, ...changes });
  }

  keep(row: IdentityRow): void {
    this.#store.identity.put(row);
    this.#take(row);
  }

  /** A registration that was refused for good. */
  forget(): void {
    this.#store.identity.forget();
    this.#take(undefined);
  }

  /** Signs a newer account record with these changes; the caller stores and publishes it. */
  signNext(keys: AccountKeys, changes: Partial<AccountRecord>): Uint8Array {
    const { record } = this.record;
    const isFormer = record.server === this.renewedHome?.former;
    const all = { ...(isFormer ? { server: this.renewedHome!.server } : {}), ...changes };
    return signNextRecord(this.#primitives, keys, record, all, this.#clock.now());
  }

  #take(row: IdentityRow | undefined): void {
    this.#row = row;
    this.#record = row && openAccountRecord(this.#primitives, row.record);
  }
}

/** The account key in hand, and the recovery key where its words were given. */
export interface AccountKeys {
  accountSeed: Uint8Array;
  recoverySeed?: Uint8Array | undefined;
  /** From now on nothing of the account changes without the recovery key. */
  guard?: boolean;
}

/** Throws `EngineError("account-key-needed")` where the account is guarded and the recovery key is not at hand. [A20] */
export function signNextRecord(
  primitives: Primitives,
  { accountSeed, recoverySeed, guard = false }: AccountKeys,
  { guard: former, ...previous }: AccountRecord,
  changes: Partial<AccountRecord>,
  nowMs: number,
): Uint8Array {
  const sequence = nextSequence(previous.sequence, nowMs);
  const record: AccountRecord = { ...previous, ...changes, sequence, issued: nowMs };
  if (former === undefined && !guard) return accountRecord.sign(primitives, accountSeed, record);
  if (recoverySeed === undefined) throw wordsNeeded();
  return accountRecord.sign(primitives, accountSeed, guardedRecord(primitives, recoverySeed, record));
}

export const wordsNeeded = () =>
  engineError(
    "account-key-needed",
    "This account changes by the recovery kit's words alone, since its key was said to be stolen.",
    "Give the words of the recovery kit in the place of the password.",
  );

export function sessionIdentity(row: IdentityRow): SessionIdentity {
  const { account, device, signatureSeed, noisePrivateKey, fencing } = row;
  return { account, device, signatureSeed, noisePrivateKey, fencing };
}
