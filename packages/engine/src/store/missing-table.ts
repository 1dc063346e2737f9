/**
 * How far each device's messages of a room are counted, which of them are missing, and who is being asked for them.
 * [M2] [Z1] [Z2]
 */
import type { DeviceId, MessageId, RoomId } from "@fedchat/protocol";
import type { Database } from "./database.ts";
import { insertRow, putRow, upTo } from "./database.ts";

export interface CounterRow {
  device: DeviceId;
  /** That there is one, by whomever's word. */
  highest: number;
  /** That is here. */
  received: number;
  /** Id of the newest one that is here. */
  previous: MessageId | null;
}

export interface GapRow {
  first: number;
  last: number;
  /** Whether they are surely missing; else it is for the sender to say whether there were any for us. */
  sure: 0 | 1;
  /** They stand before this position, and before the message with that counter. */
  before: number;
  follower: number;
}

/** Who is asked for one device's messages, and when somebody is next. */
export interface AskRow {
  room: RoomId;
  device: DeviceId;
  /** Of the question that is under way; null: none is. */
  id: Uint8Array | null;
  whom: DeviceId | null;
  /** X-Wing seed that opens the answer. */
  seed: Uint8Array | null;
  /** JSON: devices that were asked in this round. */
  asked: string;
  rounds: number;
  at: number;
}

export class MissingTable {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  counter(room: RoomId, device: DeviceId): CounterRow | undefined {
    const sql = "SELECT device, highest, received, previous FROM counters WHERE room = ? AND device = ?";
    return this.#db.get<CounterRow>(sql, room, device);
  }

  putCounter(room: RoomId, { device, highest, received, previous }: CounterRow): void {
    this.#db.run(
      `INSERT INTO counters (room, device, highest, received, previous) VALUES (?, ?, ?, ?, ?)
       ON CONFLICT (room, device) DO UPDATE SET highest = excluded.highest, received = excluded.received, previous = excluded.previous`,
      room,
      device,
      highest,
      received,
      previous,
    );
  }

  /** What is here of each device, and was not said yet: in messages and receipts (`told`), or in a beat (`beaten`). */
  unsaid(room: RoomId, where: "told" | "beaten", limit: number): { device: DeviceId; counter: number }[] {
    const sql = `SELECT device, received AS counter FROM counters WHERE room = ? AND received > ${where} ORDER BY device ${upTo}`;
    return this.#db.all(sql, room, limit);
  }

  said(
    room: RoomId,
    where: "told" | "beaten",
    { device, counter }: { device: DeviceId; counter: number },
  ): void {
    const sql = `UPDATE counters SET ${where} = max(${where}, ?) WHERE room = ? AND device = ?`;
    this.#db.run(sql, counter, room, device);
  }

  addGap(room: RoomId, device: DeviceId, gap: GapRow): void {
    const { first, last, sure, before, follower } = gap;
    insertRow(this.#db, "gaps", { room, device, first, last, sure, before, follower });
  }

  gaps(room: RoomId, device: DeviceId): GapRow[] {
    const sql = `SELECT first, last, sure, before, follower FROM gaps WHERE room = ? AND device = ? ORDER BY first`;
    return this.#db.all<GapRow>(sql, room, device);
  }

  gapOf(room: RoomId, device: DeviceId, counter: number): GapRow | undefined {
    const sql = `SELECT first, last, sure, before, follower FROM gaps
      WHERE room = ? AND device = ? AND first <= ? AND last >= ?`;
    return this.#db.get<GapRow>(sql, room, device, counter, counter);
  }

  /** These are missing no more. False where none of them was. */
  close(room: RoomId, device: DeviceId, first: number, last: number): boolean {
    const touched = this.gaps(room, device).filter((gap) => gap.first <= last && first <= gap.last);
    for (const gap of touched) {
      this.#db.run("DELETE FROM gaps WHERE room = ? AND device = ? AND first = ?", room, device, gap.first);
      if (gap.first < first) this.addGap(room, device, { ...gap, last: first - 1 });
      if (last < gap.last) this.addGap(room, device, { ...gap, first: last + 1 });
    }
    return touched.length > 0;
  }

  /** There were some: they are told to the person from now on. */
  makeSure(room: RoomId, device: DeviceId): void {
    this.#db.run("UPDATE gaps SET sure = 1 WHERE room = ? AND device = ?", room, device);
  }

  /** How many messages are known to be missing. */
  missing(room: RoomId): number {
    const sql = "SELECT coalesce(sum(last - first + 1), 0) AS n FROM gaps WHERE room = ? AND sure = 1";
    return this.#db.get<{ n: number }>(sql, room)!.n;
  }

  missingByDevice(room: RoomId): { device: DeviceId; count: number }[] {
    const sql = `SELECT device, sum(last - first + 1) AS count FROM gaps WHERE room = ? AND sure = 1
      GROUP BY device ORDER BY device ${upTo}`;
    return this.#db.all(sql, room, 1_000);
  }

  /** Devices of which something is missing that nobody is asked for. */
  unasked(): { room: RoomId; device: DeviceId }[] {
    return this.#db.all(
      `SELECT DISTINCT room, device FROM gaps WHERE NOT EXISTS
        (SELECT 1 FROM asks WHERE asks.room = gaps.room AND asks.device = gaps.device)`,
    );
  }

  ask(room: RoomId, device: DeviceId): AskRow | undefined {
    return this.#db.get<AskRow>("SELECT * FROM asks WHERE room = ? AND device = ?", room, device);
  }

  askById(id: Uint8Array): AskRow | undefined {
    return this.#db.get<AskRow>("SELECT * FROM asks WHERE id = ?", id);
  }

  putAsk(row: AskRow): void {
    putRow(this.#db, "asks", row);
  }

  deleteAsk(room: RoomId, device: DeviceId): void {
    this.#db.run("DELETE FROM asks WHERE room = ? AND device = ?", room, device);
  }

  /** Those whose time has come, the longest due first. */
  asksDue(now: number, limit: number): AskRow[] {
    return this.#db.all<AskRow>(`SELECT * FROM asks WHERE at <= ? ORDER BY at ${upTo}`, now, limit);
  }

  nextAskAt(): number | null {
    return this.#db.get<{ at: number | null }>("SELECT min(at) AS at FROM asks")!.at;
  }

  beat(room: RoomId): { at: number; times: number } | undefined {
    return this.#db.get("SELECT at, times FROM beats WHERE room = ?", room);
  }

  putBeat(room: RoomId, at: number, times: number): void {
    putRow(this.#db, "beats", { room, at, times });
  }

  deleteBeat(room: RoomId): void {
    this.#db.run("DELETE FROM beats WHERE room = ?", room);
  }

  beatsDue(now: number, limit: number): { room: RoomId; times: number }[] {
    return this.#db.all(`SELECT room, times FROM beats WHERE at <= ? ORDER BY at ${upTo}`, now, limit);
  }

  nextBeatAt(): number | null {
    return this.#db.get<{ at: number | null }>("SELECT min(at) AS at FROM beats")!.at;
  }

  /** The room is over: nobody is asked any more. What is missing stays told. */
  end(room: RoomId): void {
    for (const table of ["asks", "beats"]) this.#db.run(`DELETE FROM ${table} WHERE room = ?`, room);
  }
}
