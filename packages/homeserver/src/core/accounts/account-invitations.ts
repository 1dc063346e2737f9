/**
 * Invitations to open an account here: made by administrators, used by whoever has the token. Invariants: of a token its
 * hash alone is kept; a use is gone in the very transaction that opens the account, and only then; what is listed here
 * is on disk. Bounded: a new one beyond the bound is refused. [J1] [J2]
 */
import type {
  AccountInvitationView,
  AccountInvitationWish,
  Clock,
  Primitives,
  RandomSource,
  RegistrationPolicy,
} from "@fedchat/protocol";
import {
  accountInvitationTokenBytes,
  array,
  bytes,
  decode,
  encode,
  limits,
  ProtocolError,
  struct,
  text,
  uint,
} from "@fedchat/protocol";
import type { WriteOp } from "../../store/store.ts";
import type { GroupCommit } from "../group-commit.ts";
import { sameBytes } from "../same-bytes.ts";

const row = struct({
  hash: bytes(32),
  label: text({ max: limits.invitationLabelBytesMax }),
  createdAt: uint(),
  expiresAt: uint(),
  usesMax: uint(),
  usesLeft: uint(),
});
const rows = array(row, { max: limits.accountInvitationsMax });
type Row = ReturnType<typeof decodeRows>[number];
const decodeRows = (source: Uint8Array) => decode(rows, source);

const metaKey = "accounts.invitations";

/** One use of an invitation: taken at once, so that two cannot take the last one; its `op` makes that last. */
export interface InvitationUse {
  op: WriteOp;
  /** The account was not opened. */
  giveBack(): void;
}

export class AccountInvitations {
  readonly #policy: RegistrationPolicy;
  readonly #primitives: Pick<Primitives, "sha256">;
  readonly #random: RandomSource;
  readonly #clock: Pick<Clock, "now">;
  readonly #commit: GroupCommit;
  #rows: Row[];

  constructor(options: {
    /** `closed`: those that there are admit nobody, and none is made. */
    policy: RegistrationPolicy;
    meta: ReadonlyMap<string, Uint8Array>;
    commit: GroupCommit;
    primitives: Pick<Primitives, "sha256">;
    random: RandomSource;
    clock: Pick<Clock, "now">;
  }) {
    this.#policy = options.policy;
    this.#primitives = options.primitives;
    this.#random = options.random;
    this.#clock = options.clock;
    this.#commit = options.commit;
    const kept = options.meta.get(metaKey);
    this.#rows = kept === undefined ? [] : decodeRows(kept);
  }

  /** Those that can still be used, oldest first. */
  list(): AccountInvitationView[] {
    return this.#open().map(viewOf);
  }

  /** Rejects with `registration-closed`, `malformed`, `quota-exceeded`, `storage-full`. The token is told this once. */
  async make(wish: AccountInvitationWish): Promise<{ token: Uint8Array; invitation: AccountInvitationView }> {
    if (this.#policy === "closed")
      throw new ProtocolError("registration-closed", "This server is closed: its settings let nobody in.");
    if (wish.uses < 1 || wish.lifetimeMs < 1)
      throw new ProtocolError("malformed", "An invitation serves once at least, and for some time.");
    if (this.#open().length >= limits.accountInvitationsMax)
      throw new ProtocolError("quota-exceeded", "There are as many account invitations as there can be.");
    const token = this.#random.bytes(accountInvitationTokenBytes);
    const createdAt = this.#clock.now();
    const made: Row = {
      hash: this.#primitives.sha256(token),
      label: wish.label,
      createdAt,
      expiresAt: createdAt + wish.lifetimeMs,
      usesMax: wish.uses,
      usesLeft: wish.uses,
    };
    await this.#replace([...this.#open(), made]);
    return { token, invitation: viewOf(made) };
  }

  /** Rejects with `not-found`. */
  async revoke(id: Uint8Array): Promise<void> {
    const left = this.#open().filter(({ hash }) => !sameBytes(hash.subarray(0, id.length), id));
    if (left.length === this.#open().length) throw new ProtocolError("not-found");
    await this.#replace(left);
  }

  /** Whether this token would open an account now. */
  admits(token: Uint8Array): boolean {
    return this.#find(token) !== undefined;
  }

  /** Undefined where the token is of no open invitation. */
  take(token: Uint8Array): InvitationUse | undefined {
    const found = this.#find(token);
    if (found === undefined) return undefined;
    found.usesLeft -= 1;
    return {
      op: putOp(this.#rows),
      giveBack: () => {
        found.usesLeft += 1;
      },
    };
  }

  #find(token: Uint8Array): Row | undefined {
    if (this.#policy === "closed" || token.length !== accountInvitationTokenBytes) return undefined;
    const hash = this.#primitives.sha256(token);
    return this.#open().find((one) => sameBytes(one.hash, hash));
  }

  #open(): Row[] {
    const now = this.#clock.now();
    return this.#rows.filter(({ usesLeft, expiresAt }) => usesLeft > 0 && expiresAt > now);
  }

  /** At once, so that what is added next counts it; taken back where it could not be kept. */
  async #replace(next: Row[]): Promise<void> {
    const before = this.#rows;
    this.#rows = next;
    try {
      await this.#commit.add([putOp(next)]);
    } catch (error) {
      this.#rows = before;
      throw error;
    }
  }
}

const putOp = (value: Row[]): WriteOp => ({ op: "meta.put", key: metaKey, value: encode(rows, value) });

function viewOf({ hash, label, createdAt, expiresAt, usesMax, usesLeft }: Row): AccountInvitationView {
  return { id: hash.slice(0, 8), label, createdAt, expiresAt, usesMax, usesLeft };
}
