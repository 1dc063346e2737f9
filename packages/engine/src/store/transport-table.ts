/** What goes to and comes from the homeserver: outgoing envelopes, the inbox cursor, and which envelopes were seen. */
import type { AccountId, EnvelopeId, EnvelopeKind, ServerId } from "@fedchat/protocol";
import type { Database } from "./database.ts";
import { insertRow, putRow, upTo } from "./database.ts";

export interface OutgoingRow {
  /** Order of submission. */
  seq: number;
  envelope: EnvelopeId;
  kind: EnvelopeKind;
  created: number;
  server: ServerId;
  /** Recipients there. */
  accounts: AccountId[];
  /** What goes the same lane is submitted in order, and waits together. */
  lane: string;
  /** Sealed; sent again as it is, never made anew. */
  payload: Uint8Array;
  /** 1: the only recipient must be granted delivery first, so that the answer can come back. */
  grantFirst: 0 | 1;
  purpose: "message" | "status" | "request" | "note";
  /** A message's or a request's id; empty for a status. */
  subject: string;
  state: "queued" | "submitted" | "failed";
  attempts: number;
}

export type NewOutgoing = Omit<OutgoingRow, "seq" | "state" | "attempts">;
export type OutgoingHead = Omit<OutgoingRow, "payload">;

/** Accounts lie in one column, with spaces between. */
type Stored<Row extends { accounts: AccountId[] }> = Omit<Row, "accounts"> & { accounts: string };

const head =
  "seq, envelope, kind, created, server, accounts, lane, grantFirst, purpose, subject, state, attempts";

export class TransportTable {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  enqueue(row: NewOutgoing): void {
    insertRow(this.#db, "outgoing", { ...row, accounts: row.accounts.join(" "), state: "queued" });
  }

  /** Not yet accepted by the homeserver, in order, without their payloads. */
  queuedAfter(seq: number, limit: number): OutgoingHead[] {
    const sql = `SELECT ${head} FROM outgoing WHERE state = 'queued' AND seq > ? ORDER BY seq ${upTo}`;
    return this.#db.all<Stored<OutgoingHead>>(sql, seq, limit).map(opened);
  }

  /** Accepted, and not known to have reached the destination. */
  submittedAfter(seq: number, limit: number): OutgoingHead[] {
    const sql = `SELECT ${head} FROM outgoing WHERE state = 'submitted' AND seq > ? ORDER BY seq ${upTo}`;
    return this.#db.all<Stored<OutgoingHead>>(sql, seq, limit).map(opened);
  }

  payload(seq: number): Uint8Array | undefined {
    return this.#db.get<{ payload: Uint8Array }>("SELECT payload FROM outgoing WHERE seq = ?", seq)?.payload;
  }

  byEnvelope(envelope: EnvelopeId): OutgoingHead | undefined {
    const row = this.#db.get<Stored<OutgoingHead>>(
      `SELECT ${head} FROM outgoing WHERE envelope = ?`,
      envelope,
    );
    return row && opened(row);
  }

  /** One for each server that it goes to, as far as they are kept. */
  bySubject(subject: string): OutgoingRow[] {
    const sql = "SELECT * FROM outgoing WHERE subject = ? ORDER BY seq";
    return this.#db.all<Stored<OutgoingRow>>(sql, subject).map(opened);
  }

  /** How many of a subject's envelopes stand how, but for this one. */
  others(subject: string, seq: number): Record<OutgoingRow["state"], number> {
    const sql = "SELECT state, count(*) AS n FROM outgoing WHERE subject = ? AND seq <> ? GROUP BY state";
    const counted = this.#db.all<{ state: OutgoingRow["state"]; n: number }>(sql, subject, seq);
    return {
      queued: 0,
      submitted: 0,
      failed: 0,
      ...Object.fromEntries(counted.map(({ state, n }) => [state, n])),
    };
  }

  setState(seq: number, state: OutgoingRow["state"], attempts: number): void {
    this.#db.run("UPDATE outgoing SET state = ?, attempts = ? WHERE seq = ?", state, attempts, seq);
  }

  /** What has not left goes nowhere any more. */
  deleteUnsent(subject: string): void {
    this.#db.run("DELETE FROM outgoing WHERE subject = ? AND state <> 'submitted'", subject);
  }

  delete(seq: number): void {
    this.#db.run("DELETE FROM outgoing WHERE seq = ?", seq);
  }

  /**
   * Of what goes to this account and is not known to have arrived: it goes to where it lives now, again where it was
   * accepted already, since what lies in an outbox for the other server may lie there for ever.
   * @param lanes the lane that is meant, and what it is called from now on
   */
  redirect(
    account: AccountId,
    { from, to }: { from: ServerId; to: ServerId },
    [lane, next]: readonly [string, string],
    newId: () => EnvelopeId,
  ): void {
    const sql = "SELECT * FROM outgoing WHERE server = ? AND lane = ? ORDER BY seq";
    for (const stored of this.#db.all<Stored<OutgoingRow>>(sql, from, lane)) {
      const { seq, state, attempts: _, ...row } = opened(stored);
      if (!row.accounts.includes(account)) continue;
      const others = row.accounts.filter((one) => one !== account);
      if (others.length === 0) this.delete(seq);
      else this.#db.run("UPDATE outgoing SET accounts = ? WHERE seq = ?", others.join(" "), seq);
      const again = { ...row, envelope: newId(), server: to, accounts: account, lane: next };
      insertRow(this.#db, "outgoing", { ...again, state: state === "failed" ? "failed" : "queued" });
    }
  }

  /** This engine belongs to another homeserver now: what the former one accepted goes again, its inbox is another. */
  leaveHome(): void {
    this.#db.run("UPDATE outgoing SET state = 'queued' WHERE state = 'submitted'");
    this.#db.run("DELETE FROM inboxCursor");
  }

  cursor(): { incarnation: Uint8Array; position: number } | undefined {
    return this.#db.get("SELECT incarnation, position FROM inboxCursor");
  }

  putCursor(incarnation: Uint8Array, position: number): void {
    putRow(this.#db, "inboxCursor", { one: 1, incarnation, position });
  }

  advanceCursor(position: number): void {
    this.#db.run("UPDATE inboxCursor SET position = max(position, ?)", position);
  }

  wasSeen(envelope: EnvelopeId): boolean {
    return this.#db.get("SELECT 1 AS one FROM seenEnvelopes WHERE envelope = ?", envelope) !== undefined;
  }

  saw(envelope: EnvelopeId, at: number): void {
    putRow(this.#db, "seenEnvelopes", { envelope, at });
  }

  forgetSeenBefore(time: number): void {
    this.#db.run("DELETE FROM seenEnvelopes WHERE at < ?", time);
  }
}

function opened<Row extends { accounts: AccountId[] }>(row: Stored<Row>): Row {
  return { ...row, accounts: row.accounts.split(" ") } as unknown as Row;
}
