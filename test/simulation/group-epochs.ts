/** Where engines' groups are, as their disks say. */
import type { RoomId } from "@fedchat/protocol";
import type { GroupState } from "../../packages/engine/src/mls/group-records.ts";
import { presentRecords, recordsIn } from "../../packages/engine/src/store/group-records.ts";
import type { SimulatedDevice } from "./simulated-device.ts";

/** A room's group as this device keeps it; undefined where it has none. */
export function groupOf({ database, rooms }: SimulatedDevice, room: RoomId): GroupState | undefined {
  const records = recordsIn(database, presentRecords(room));
  return records.length === 0 ? undefined : rooms?.restore(records);
}

/**
 * How many messages wait for a Commit that somebody has, or that is still to come. Where another server took over, what
 * was written in epochs that were lost waits at whoever never saw them, and its writers wrote it again.
 */
export function waitingIn(device: SimulatedDevice, devices: readonly SimulatedDevice[]): number {
  const rows = device.database.all<{ room: RoomId; epoch: number; term: number; n: number }>(
    `SELECT w.room, w.epoch, coalesce(l.term, 1) AS term, count(*) AS n FROM waitingMessages w JOIN rooms r ON r.id = w.room
     LEFT JOIN roomLogs l ON l.room = w.room GROUP BY w.room, w.epoch`,
  );
  return rows
    .filter(({ room, epoch, term }) => term === 1 || epoch <= newestEpoch(devices, room))
    .reduce((sum, { n }) => sum + n, 0);
}

function newestEpoch(devices: readonly SimulatedDevice[], room: RoomId): number {
  const epochs = devices.flatMap((device) => {
    const state = groupOf(device, room);
    return state === undefined ? [] : [Number(device.rooms!.epoch(state))];
  });
  return Math.max(0, ...epochs);
}
