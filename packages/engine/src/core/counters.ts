/**
 * Counts a room's messages per sending device, so that a hole shows: a message names its place in its device's order
 * and the one before it, and everybody says now and then how far they have seen each other count. [M2] [Z1]
 */
import type { DeviceId, MessageId, RoomId, RoomItem } from "@fedchat/protocol";
import type { EngineStore } from "../store/engine-store.ts";
import { gapMax, guessedMax, seenPerItemMax } from "./limits.ts";

type Store = Pick<EngineStore, "missing" | "messages">;
type Seen = Extract<RoomItem, { kind: "message" }>["seen"];

export interface Place {
  counter: number;
  previous: MessageId | null;
}

/** The place of this device's next message. */
export function nextPlace({ missing }: Store, room: RoomId, device: DeviceId): Place {
  const held = missing.counter(room, device);
  return { counter: (held?.highest ?? 0) + 1, previous: held?.previous ?? null };
}

/** This device's message took its place. */
export function countOwn(
  { missing }: Store,
  room: RoomId,
  device: DeviceId,
  { counter }: Place,
  id: MessageId,
): void {
  missing.putCounter(room, { device, highest: counter, received: counter, previous: id });
}

/**
 * A received message took its place; what it skipped is missing until it comes.
 * @param sure whether what is missing was for us, too
 */
export function countReceived(
  store: Store,
  room: RoomId,
  device: DeviceId,
  { counter, id, sure }: { counter: number; id: MessageId; sure: boolean },
): void {
  const { missing } = store;
  const held = missing.counter(room, device);
  const highest = held?.highest ?? 0;
  if (counter > highest + 1) addGap(store, room, device, { first: highest + 1, last: counter - 1 }, sure);
  else missing.close(room, device, counter, counter);
  const isNewest = counter > (held?.received ?? 0);
  missing.putCounter(room, {
    device,
    highest: Math.max(highest, counter),
    received: Math.max(held?.received ?? 0, counter),
    previous: isNewest ? id : held!.previous,
  });
}

/** Somebody says how far a device has counted: what is not here by then is missing, even if nothing follows it. */
export function countClaimed(
  store: Store,
  room: RoomId,
  { device, counter }: Seen[number],
  sure: boolean,
): void {
  const held = store.missing.counter(room, device);
  const { highest, received, previous } = held ?? { highest: 0, received: 0, previous: null };
  if (counter <= highest) return;
  const claimed = Math.min(counter, highest + gapMax);
  addGap(store, room, device, { first: highest + 1, last: claimed }, sure);
  store.missing.putCounter(room, { device, highest: claimed, received, previous });
}

/** Something of this device could not be opened: perhaps one more of its messages, which is for it to say. */
export function guessOneMore(store: Store, room: RoomId, device: DeviceId): void {
  const guessed = store.missing.gaps(room, device).filter(({ sure }) => sure === 0);
  if (guessed.length >= guessedMax) return;
  const counter = (store.missing.counter(room, device)?.highest ?? 0) + 1;
  countClaimed(store, room, { device, counter }, false);
}

/** The device itself said that it has not sent these: whoever claimed it was wrong. */
export function uncount(store: Store, room: RoomId, device: DeviceId, first: number): void {
  const held = store.missing.counter(room, device);
  if (held === undefined || first > held.highest) return;
  store.missing.close(room, device, first, held.highest);
  store.missing.putCounter(room, { ...held, highest: Math.max(held.received, first - 1) });
}

/** What was seen of each device and this one has not said yet, its own count included. */
export function unsaidCounters({ missing }: Store, room: RoomId): Seen {
  return missing.unsaid(room, "told", seenPerItemMax);
}

/** Within the transaction that sends it. */
export function countersSaid({ missing }: Store, room: RoomId, seen: Seen): void {
  for (const one of seen) missing.said(room, "told", one);
}

/** The newest of them, where there are more than anybody asks for. They belong before what comes next here. */
function addGap(
  { missing, messages }: Store,
  room: RoomId,
  device: DeviceId,
  { first, last }: { first: number; last: number },
  sure: boolean,
): void {
  missing.addGap(room, device, {
    first: Math.max(first, last - gapMax + 1),
    last,
    sure: sure ? 1 : 0,
    before: messages.nextPosition(),
    follower: last + 1,
  });
}
