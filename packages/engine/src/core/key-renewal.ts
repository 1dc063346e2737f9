/**
 * When this device renews its keys in a room: at once in a chat of two, else at a random moment, so that those who come
 * in together, or write together, do not all commit at once and undo one another's work. In a large room every Commit is
 * work for hundreds: who only came in has a day for it. [W8]
 */
import type { Clock, RandomSource, RoomId } from "@fedchat/protocol";
import type { EngineStore } from "../store/engine-store.ts";
import {
  renewalOfCrowdPerPersonMs,
  renewalOfNewcomerMs,
  renewalPeopleMax,
  renewalPerPersonMs,
} from "./limits.ts";
import { type Wanted, wantedChanges } from "./wanted-changes.ts";

interface Ports {
  store: Pick<EngineStore, "groupRooms">;
  clock: Pick<Clock, "now">;
  random: RandomSource;
}

type Why = "joined" | "writes";

/** One that is wanted for later already comes no later than this one. Within the transaction of what calls for it. */
export function wantRenewal(ports: Ports, room: RoomId, why: Why): void {
  const { store, clock } = ports;
  const at = clock.now() + delayMs(ports, room, why);
  const earlier = renewals(store, room).some((one) => one.notBefore <= at);
  if (!earlier) put(ports, room, at);
}

/** Another's Commit came before ours: if that was for new keys alone it has time. */
export function putOffRenewal(ports: Ports, room: RoomId): void {
  const { store, clock } = ports;
  const isWanted = renewals(store, room).some((one) => one.notBefore <= clock.now());
  if (isWanted) put(ports, room, clock.now() + delayMs(ports, room, "writes"));
}

/** Any Commit of ours brought new keys. */
export function renewed({ store }: Pick<Ports, "store">, room: RoomId): void {
  for (const { id } of renewals(store, room)) store.groupRooms.deleteChange(id);
}

/** Whether this may wait; what else is wanted takes it along. */
export function isForLater({ change }: Wanted, now: number): boolean {
  return change.kind === "refresh" && (change.notBefore ?? 0) > now;
}

function put(ports: Ports, room: RoomId, notBefore: number): void {
  const { store, clock } = ports;
  renewed(ports, room);
  const change = notBefore <= clock.now() ? { kind: "refresh" } : { kind: "refresh", notBefore };
  store.groupRooms.addChange(room, JSON.stringify(change), clock.now());
}

function renewals(store: Ports["store"], room: RoomId): { id: number; notBefore: number }[] {
  return wantedChanges(store, room).flatMap(({ id, change }) =>
    change.kind === "refresh" ? [{ id, notBefore: change.notBefore ?? 0 }] : [],
  );
}

function delayMs({ store, random }: Ports, room: RoomId, why: Why): number {
  const people = store.groupRooms.people(room).length;
  if (people <= 2) return 0;
  const [a, b, c] = random.bytes(3) as unknown as [number, number, number];
  return Math.round((withinMs(people, why) * (a * 65_536 + b * 256 + c)) / 0xff_ffff);
}

function withinMs(people: number, why: Why): number {
  if (people <= renewalPeopleMax) return people * renewalPerPersonMs;
  return why === "joined" ? renewalOfNewcomerMs : people * renewalOfCrowdPerPersonMs;
}
