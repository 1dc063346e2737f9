/** A room of many for stories that tell of one thing: who opens it, who is in it, and what they see of it. */
import type { RoomId } from "@fedchat/protocol";
import { becomeContacts } from "./meeting.ts";
import { stateOf } from "./room-deeds.ts";
import type { Simulation } from "./simulate.ts";

const lookEveryMs = 100;

/** The founder's contacts are in, and have joined. Their homeservers are linked with the founder's. */
export async function roomOf(
  simulation: Simulation,
  founder: string,
  others: readonly string[],
): Promise<RoomId> {
  const { acquaintance, clock } = simulation;
  for (const one of others) for (const other of others) acquaintance.acquaint(one, other);
  for (const other of others) await becomeContacts(simulation, [founder, other]);
  const owner = simulation.device(founder);
  const unready = "SELECT 1 AS found FROM contacts WHERE capability IS NULL";
  while (owner.database.get(unready) !== undefined) await clock.sleep(lookEveryMs);
  const people = others.map((name) => simulation.device(name));
  const asked = { name: "the room", people: people.map(({ account }) => account) };
  const roomId = (await owner.call("rooms.create", asked)).roomId as RoomId;
  for (const one of people) {
    while (stateOf(one, roomId) !== "invited") await clock.sleep(lookEveryMs);
    await one.call("rooms.join", { roomId });
  }
  await clock.sleep(20_000);
  return roomId;
}

export function linesOf(
  simulation: Simulation,
  name: string,
  room: RoomId,
  kind: "text" | "notice",
): string[] {
  const sql = "SELECT text FROM messages WHERE room = ? AND kind = ? ORDER BY position";
  const { database } = simulation.device(name);
  return database.all<{ text: string }>(sql, room, kind).map(({ text }) => text);
}
