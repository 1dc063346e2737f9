/**
 * Counts a room's messages per sending device, so that a hole shows: a message names its place in its device's order
 * and the one before it. [M2] [M3]
 */
import type { DeviceId, MessageId, RoomId, RoomItem } from "@fedchat/protocol";
import type { RoomsTable } from "../store/rooms-table.ts";

/** The highest counter of each sending device. */
type Seen = Extract<RoomItem, { kind: "message" }>["seen"];

export interface Place {
  counter: number;
  previous: MessageId | null;
}

/** The place of this device's next message. */
export function nextPlace(rooms: RoomsTable, room: RoomId, device: DeviceId): Place {
  const held = rooms.counter(room, device);
  return { counter: (held?.highest ?? 0) + 1, previous: held?.previous ?? null };
}

/** This device's message took its place. */
export function countOwn(
  rooms: RoomsTable,
  room: RoomId,
  device: DeviceId,
  place: Place,
  id: MessageId,
): void {
  rooms.putCounter(room, { device, highest: place.counter, previous: id });
}

/** A received message took its place; what it skipped is missing until it comes. */
export function countReceived(
  rooms: RoomsTable,
  room: RoomId,
  device: DeviceId,
  counter: number,
  id: MessageId,
): void {
  const highest = rooms.counter(room, device)?.highest ?? 0;
  if (counter <= highest) {
    rooms.fillGap(room, device, counter);
    return;
  }
  if (counter > highest + 1) rooms.addGap(room, device, highest + 1, counter - 1);
  rooms.putCounter(room, { device, highest: counter, previous: id });
}

/** The sender says itself how far it has counted: what is not here by then is missing, even if nothing follows it. */
export function countClaimed(rooms: RoomsTable, room: RoomId, device: DeviceId, seen: Seen): void {
  const claimed = seen.find((one) => one.device === device)?.counter ?? 0;
  const held = rooms.counter(room, device);
  const highest = held?.highest ?? 0;
  if (claimed <= highest) return;
  rooms.addGap(room, device, highest + 1, claimed);
  rooms.putCounter(room, { device, highest: claimed, previous: held?.previous ?? null });
}

/** The highest counter seen of each device, as every item carries it. */
export function seenCounters(rooms: RoomsTable, room: RoomId): Seen {
  return rooms.counters(room).map(({ device, highest }) => ({ device, counter: highest }));
}
