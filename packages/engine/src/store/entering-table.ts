/**
 * Rooms that this device is to come into by itself: what a member told of the way in, and how often members were asked;
 * and Welcomes that wait for the room's tree. A row goes when the device is in, or the room is over.
 */
import type { RoomId } from "@fedchat/protocol";
import type { LogPlace } from "./branches-table.ts";
import type { Database } from "./database.ts";
import { putRow } from "./database.ts";

export interface KeptWelcome {
  /** The signed record of who sent it. */
  sender: Uint8Array;
  note: Uint8Array;
}

interface Row {
  key: Uint8Array | null;
  hub: LogPlace["hub"] | null;
  term: number | null;
  position: number | null;
  head: Uint8Array | null;
  asks: number;
  askedAt: number;
}

export class EnteringTable {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /** How often members were asked, and when last. */
  asks(room: RoomId): { asks: number; askedAt: number } {
    return this.#row(room) ?? { asks: 0, askedAt: 0 };
  }

  asked(room: RoomId, at: number): void {
    this.#db.run(
      "INSERT INTO roomEntering (room, asks, askedAt) VALUES (?, 1, ?) " +
        "ON CONFLICT (room) DO UPDATE SET asks = asks + 1, askedAt = excluded.askedAt",
      room,
      at,
    );
  }

  /** What was answered, or still may be, is of no use any more: members may be asked at once. */
  askAnew(): void {
    this.#db.run("UPDATE roomEntering SET asks = 0, askedAt = 0");
  }

  /** The room's `infoKey`, and where its log was, as a member told. */
  told(room: RoomId): { key: Uint8Array; place: LogPlace } | undefined {
    const row = this.#row(room);
    if (row === undefined) return undefined;
    const { key, hub, term, position, head } = row;
    if (key === null || hub === null || term === null || position === null || head === null) return undefined;
    return { key, place: { hub, term, position, head } };
  }

  tell(room: RoomId, key: Uint8Array, { hub, term, position, head }: LogPlace): void {
    this.#db.run(
      "INSERT INTO roomEntering (room, key, hub, term, position, head, asks, askedAt) VALUES (?, ?, ?, ?, ?, ?, 0, 0) " +
        "ON CONFLICT (room) DO UPDATE SET key = excluded.key, hub = excluded.hub, term = excluded.term, " +
        "position = excluded.position, head = excluded.head",
      ...[room, key, hub, term, position, head],
    );
  }

  end(room: RoomId): void {
    this.#db.run("DELETE FROM roomEntering WHERE room = ?", room);
  }

  /** A Welcome that waits for the room's tree; a newer one takes its place. */
  keepWelcome(room: RoomId, welcome: KeptWelcome): void {
    putRow(this.#db, "treelessWelcomes", { room, ...welcome });
  }

  welcome(room: RoomId): KeptWelcome | undefined {
    return this.#db.get<KeptWelcome>("SELECT sender, note FROM treelessWelcomes WHERE room = ?", room);
  }

  welcomes(): RoomId[] {
    const rows = this.#db.all<{ room: RoomId }>("SELECT room FROM treelessWelcomes ORDER BY room");
    return rows.map(({ room }) => room);
  }

  dropWelcome(room: RoomId): void {
    this.#db.run("DELETE FROM treelessWelcomes WHERE room = ?", room);
  }

  #row(room: RoomId): Row | undefined {
    return this.#db.get<Row>("SELECT * FROM roomEntering WHERE room = ?", room);
  }
}
