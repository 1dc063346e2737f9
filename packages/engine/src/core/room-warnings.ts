/**
 * Lines in rooms that say who did what nobody should: the same one in the same room once in a while, however often they
 * do it, so that nobody fills a room with them.
 */
import type { AccountId, Clock, RoomId } from "@fedchat/protocol";
import { roomWarningAgainMs, roomWarningsMax } from "./limits.ts";
import type { Rooms } from "./rooms.ts";

export class RoomWarnings {
  readonly #rooms: Pick<Rooms, "addNotice">;
  readonly #clock: Pick<Clock, "now">;
  /** When each was told last; those of longest ago first. */
  readonly #told = new Map<string, number>();

  constructor({ rooms, clock }: { rooms: Pick<Rooms, "addNotice">; clock: Pick<Clock, "now"> }) {
    this.#rooms = rooms;
    this.#clock = clock;
  }

  /** Within a transaction. */
  tell(room: RoomId, about: AccountId, line: string): void {
    const key = `${room} ${line}`;
    const now = this.#clock.now();
    if (now - (this.#told.get(key) ?? -Infinity) < roomWarningAgainMs) return;
    this.#told.delete(key);
    this.#told.set(key, now);
    const [oldest] = this.#told.keys();
    if (this.#told.size > roomWarningsMax && oldest !== undefined) this.#told.delete(oldest);
    this.#rooms.addNotice(room, about, line);
  }
}
