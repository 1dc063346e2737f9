/**
 * An envelope that a device hands over: put into inboxes here, into the outbox of each other destination, and accepted
 * once all of that is on disk. Invariant: what one session submits is committed in its order. [H10] [H11]
 */
import type { AccountId, Clock, ErrorCode, ServerId, Submission } from "@fedchat/protocol";
import { ProtocolError, toWireError } from "@fedchat/protocol";
import type { WriteOp } from "../../store/store.ts";
import type { Federation } from "../seams.ts";
import type { Account } from "./account-book.ts";
import type { DeliveryRules } from "./delivery-rules.ts";
import type { FullDisk } from "./full-disk.ts";
import type { GroupCommit } from "../group-commit.ts";
import type { Inboxes } from "./inboxes.ts";
import type { LiveSessions } from "./live-sessions.ts";

export interface SubmissionsOptions {
  self: ServerId;
  inboxes: Inboxes;
  rules: DeliveryRules;
  federation: Pick<Federation, "submit" | "heir">;
  commit: GroupCommit;
  live: LiveSessions;
  disk: FullDisk;
  clock: Pick<Clock, "now">;
}

export class Submissions {
  readonly #options: SubmissionsOptions;
  /** Envelopes accepted since start. */
  accepted = 0;

  constructor(options: SubmissionsOptions) {
    this.#options = options;
  }

  /**
   * Resolves when the envelope is committed for every destination. A destination that will never take it is refused by
   * itself, durably, unless it is the only one. Rejects with `ProtocolError`.
   */
  async submit(from: Account, submission: Submission): Promise<void> {
    this.#options.disk.admitNewWork();
    const [only, ...others] = submission.destinations;
    if (only !== undefined && others.length === 0) await this.#commit(from.id, submission, only);
    else await this.#commitAll(from.id, submission);
    this.accepted += 1;
  }

  #commit(
    from: AccountId,
    submission: Submission,
    { server, accounts }: Submission["destinations"][number],
  ): Promise<void> {
    const { self, federation } = this.#options;
    if (federation.heir(server) === self) return this.#deliverHere(from, submission, accounts);
    const { id, kind, created, payload } = submission;
    return federation.submit(server, { id, kind, created, from, to: accounts, payload });
  }

  /** Several destinations: one that never takes it does not hold up the others. */
  async #commitAll(from: AccountId, submission: Submission): Promise<void> {
    // All of them are handed over within this turn: that is what keeps a session's order.
    const commits = submission.destinations.map((destination) => this.#commit(from, submission, destination));
    const outcomes = await Promise.allSettled(commits);
    const failures = outcomes.flatMap((outcome, index) =>
      outcome.status === "rejected"
        ? [{ error: outcome.reason as unknown, server: submission.destinations[index]!.server }]
        : [],
    );
    const passing = failures.find(
      ({ error }) => !(error instanceof ProtocolError && error.retry === "never"),
    );
    if (passing !== undefined) throw passing.error;
    if (failures.length === commits.length) throw failures[0]!.error;
    const refused = failures.map(({ error, server }) => ({ server, code: (error as ProtocolError).code }));
    if (refused.length === 0) return;
    await this.#write(refused.map(({ server, code }) => this.#refusal(from, submission, server, code)));
    for (const { server, code } of refused) this.#tellRefused(from, submission, server, code);
  }

  async #deliverHere(from: AccountId, submission: Submission, accounts: AccountId[]): Promise<void> {
    const { self, rules, inboxes, clock } = this.#options;
    const { id, kind, created, payload } = submission;
    const to: AccountId[] = [];
    let refused: ErrorCode | undefined;
    for (const account of accounts) {
      const verdict = rules.admits({ server: self, from, kind, to: account, trust: "mutual" });
      if (verdict === "admitted") to.push(account);
      else if (verdict !== "ignored") refused ??= verdict;
    }
    const alongside = refused === undefined ? [] : [this.#refusal(from, submission, self, refused)];
    if (to.length === 0) {
      if (alongside.length > 0) await this.#write(alongside);
    } else {
      const delivery = { server: self, from, id, kind, created, received: clock.now(), payload, to };
      await inboxes.deliver([delivery], alongside);
    }
    if (refused !== undefined) this.#tellRefused(from, submission, self, refused);
  }

  async #write(ops: WriteOp[]): Promise<void> {
    try {
      await this.#options.commit.add(ops);
    } catch (error) {
      this.#options.disk.saw(error);
      throw error;
    }
  }

  #refusal(account: AccountId, { id }: Submission, server: ServerId, code: ErrorCode): WriteOp {
    return { op: "refusal.put", row: { account, envelope: id, server, code, at: this.#options.clock.now() } };
  }

  #tellRefused(account: AccountId, { id }: Submission, server: ServerId, code: ErrorCode): void {
    const error = toWireError(new ProtocolError(code));
    this.#options.live.notify(
      { account },
      { kind: "progress", envelope: id, server, state: "refused", error },
    );
  }
}
