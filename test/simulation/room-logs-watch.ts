/** Rooms' logs as homeservers keep them, hubs and others: wherever an entry lies, it is the same one, on the same one. [O1] */
import { createHash } from "node:crypto";
import type { WriteOp } from "../../packages/homeserver/src/store/store.ts";

export class RoomLogsWatch {
  /** By room, hub and position. */
  readonly #entries = new Map<string, string>();
  /** Entries that commits and proposals became, of all rooms. */
  get entries(): number {
    return this.#entries.size;
  }

  /** What is wrong with an operation that is on a disk; undefined: nothing. */
  fault(op: WriteOp): string | undefined {
    if (op.op !== "room.append") return undefined;
    for (const { position, signed } of op.entries) {
      const place = `${op.row.room} ${op.row.hub} ${position}`;
      const hash = createHash("sha256").update(signed).digest("base64");
      const known = this.#entries.get(place);
      if (known !== undefined && known !== hash)
        return `another entry ${position} of a room's log than others`;
      this.#entries.set(place, hash);
    }
    return undefined;
  }
}
