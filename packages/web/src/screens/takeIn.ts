/** Taking contacts into a room, where the engine may refuse one of them and not the others. */
import type { Cause, Room } from "@fedchat/engine/interface";
import { causeOf, type App } from "../state/app.ts";

type Caller = Pick<App, "call">;

export interface TakenIn {
  room: Room;
  /** Why somebody could not be taken in, by account. */
  refusals: Record<string, Cause>;
}

/** Opens a room with these people. Throws where no room was opened. */
export async function openRoomWith(
  app: Caller,
  terms: { name: string; size: "usual" | "large" },
  people: string[],
): Promise<TakenIn> {
  try {
    return { room: await app.call("rooms.create", { ...terms, people }), refusals: {} };
  } catch (error) {
    const { code } = causeOf(error);
    if (!aboutOnePerson.has(code) || people.length < 2) throw error;
  }
  // One of several cannot be taken in, and the refusal names nobody: the others need not wait for them.
  return takeInto(app, await app.call("rooms.create", { ...terms, people: [] }), people);
}

/** One after the other, as each changes the room. */
export async function takeInto(app: Caller, room: Room, people: string[]): Promise<TakenIn> {
  const refusals: Record<string, Cause> = {};
  let now = room;
  for (const account of people) {
    try {
      now = await app.call("rooms.invite", { roomId: room.roomId, who: account });
    } catch (error) {
      refusals[account] = causeOf(error);
    }
  }
  return { room: now, refusals };
}

export const aboutOnePerson: ReadonlySet<string> = new Set([
  "no-keys-yet",
  "not-a-contact",
  "you-blocked",
  "unknown-person",
]);
