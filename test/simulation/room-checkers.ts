/**
 * What must be true of a room of many when its network is at rest: one epoch and one state for all who are in, and of
 * each message that everybody it was for has it, once, in its sender's order, and nobody else does.
 */
import type { AccountId, RoomId } from "@fedchat/protocol";
import { roomPastEpochs } from "../../packages/engine/src/mls/limits.ts";
import { encodeRoomState } from "../../packages/engine/src/room-state/room-state.ts";
import { groupOf } from "./group-epochs.ts";
import { stateOf } from "./room-deeds.ts";
import type { Simulation } from "./simulate.ts";
import type { SimulatedDevice } from "./simulated-device.ts";

interface Standing {
  device: SimulatedDevice;
  epoch: number;
  authenticator: string;
  state: string;
  accounts: ReadonlySet<AccountId>;
}

/** Records of one group: those of the present epoch, of a few former ones, and some for each member. */
const recordsMax = 400;

/** One epoch, one state, and in it exactly those who believe that they are in. */
export function agreement({ devices, homeservers }: Simulation, room: RoomId): string[] {
  const wrong: string[] = [];
  const standings = devices.flatMap((device) => standingOf(device, room) ?? []);
  const [first] = standings;
  const believers = devices.filter((device) => believesIn(device, room));
  // Whoever is alone takes the room along.
  if (first === undefined)
    return believers.map(({ name }) => `${name} believes to be in a room without anybody`);
  for (const { device, epoch, authenticator, state } of standings) {
    const who = `${device.name} is at epoch ${epoch}`;
    if (epoch !== first.epoch) wrong.push(`${who}, ${first.device.name} at ${first.epoch}`);
    else if (authenticator !== first.authenticator)
      wrong.push(`${who} of another group than ${first.device.name}`);
    else if (state !== first.state) wrong.push(`${who}, with another room than ${first.device.name}`);
  }
  const newest = standings.reduce((a, b) => (b.epoch > a.epoch ? b : a));
  for (const device of devices) {
    const { name, account } = device;
    const believes = believers.includes(device);
    const isIn = newest.accounts.has(account);
    if (believes && !isIn) wrong.push(`${name} believes to be in the room, and is not`);
    if (isIn && !believes) wrong.push(`${name} is in the room, and believes ${stateOf(device, room)}`);
    const records = count(device, "groupRecords WHERE room = ?", room);
    if (records > recordsMax || (!believes && records > 0))
      wrong.push(`${name}'s engine keeps ${records} records of the room's group`);
  }
  const live = homeservers.filter(({ running }) => running);
  if (live.length < homeservers.length) wrong.push("a homeserver is down");
  return wrong;
}

/** Of each message that stands in its sender's room. */
export function roomMessages(simulation: Simulation, room: RoomId): string[] {
  const { devices, rooms } = simulation;
  const wrong: string[] = [];
  for (const from of devices) {
    const written = textsOf(from, room, "mine = 1");
    for (const to of devices) {
      if (to === from) continue;
      const arrived = textsOf(to, room, "mine = 0 AND sender = ?", from.account);
      const known = new Set(arrived);
      if (known.size < arrived.length) wrong.push(`${to.name} got something of ${from.name} twice`);
      const strange = arrived.filter((text) => !written.includes(text));
      if (strange.length > 0) wrong.push(`${to.name} got '${strange[0]}', which ${from.name} does not have`);
      const inOrder = written.filter((text) => known.has(text));
      if (inOrder.join("\n") !== arrived.filter((text) => !strange.includes(text)).join("\n"))
        wrong.push(`of ${from.name}'s messages at ${to.name}'s the order is ${arrived.join(", ")}`);
      for (const text of arrived)
        if (!rooms.mayRead(to, text))
          wrong.push(`${to.name} reads '${text}' of an epoch in which it took no part`);
      wrong.push(...lost(simulation, room, { from, to, written, known }));
    }
  }
  return wrong;
}

/** All keep the rules here: nobody's engine, and no server, is said to have broken one. [W5] [W15] */
export function unaccused({ devices }: Simulation, room: RoomId): string[] {
  const said = "(text LIKE '%FedChat passes over it.' OR text LIKE '%and signed both:%')";
  return devices.flatMap((device) => {
    const lines = count(device, `messages WHERE room = ? AND kind = 'notice' AND ${said}`, room);
    return lines === 0 ? [] : [`${device.name} is told of somebody that they broke a rule`];
  });
}

/** What should be there is, or too much happened since it was written for its key to be kept, and a gap says so. */
function lost(
  { rooms }: Simulation,
  room: RoomId,
  {
    from,
    to,
    written,
    known,
  }: { from: SimulatedDevice; to: SimulatedDevice; written: string[]; known: Set<string> },
): string[] {
  const standing = standingOf(to, room);
  const since = rooms.since(to.name, room) ?? 0;
  if (standing === undefined) return [];
  // Whoever is not in again sees that they did not deliver it. [W13]
  const undelivered = textsOf(from, room, `mine = 1 AND state = 'failed' AND cause LIKE '%"written-apart"%'`);
  const missing = written.filter((text) => {
    const sealed = rooms.sealed.get(text);
    if (sealed === undefined || known.has(text) || undelivered.includes(text)) return false;
    return sealed.epoch >= since && sealed.readers.has(to.account);
  });
  // Whoever said that they leave, and could not, read nothing in between; gaps say so.
  const stayed = count(
    to,
    "messages WHERE room = ? AND kind = 'notice' AND text LIKE 'Leaving was not%'",
    room,
  );
  const lately = missing.filter(
    (text) => stayed === 0 && standing.epoch - rooms.sealed.get(text)!.epoch <= roomPastEpochs,
  );
  // Nobody who has not said yes asks for what is missing. [Z2]
  const isInvited = stateOf(to, room) === "invited";
  if (lately.length > 0 && !isInvited)
    return [`${to.name} never got '${lately.join("', '")}' of ${from.name}`];
  // Its key was never gone: it should have come without being asked for. Where its sender was apart for long, others may
  // have handed it on before it came; what was written before this device came in again was passed over; and servers
  // refuse what comes from one that was taken off the list, until they have the entry that lists it again. [O7]
  const mayBeRefused = !standing.accounts.has(from.account) || rooms.wasOut(from.name, room);
  const asked = textsOf(to, room, "mine = 0 AND sender = ? AND lateFrom IS NOT NULL", from.account).filter(
    (text) => {
      const sealed = rooms.sealed.get(text);
      if (sealed === undefined || sealed.epoch < since || rooms.hasOpened(to.name, text)) return false;
      return stayed === 0 && !mayBeRefused && standing.epoch - sealed.epoch <= roomPastEpochs;
    },
  );
  if (asked.length > 0)
    return [`${to.name} got '${asked.join("', '")}' of ${from.name} only by asking for it`];
  // What nothing came behind cannot be known to be missing.
  const arrivedLast = written.findLastIndex((text) => known.has(text));
  const skipped = missing.filter((text) => written.indexOf(text) < arrivedLast);
  const gaps = count(to, "gaps WHERE room = ?", room);
  return skipped.length > 0 && gaps === 0
    ? [`${to.name} never got '${skipped.join("', '")}' of ${from.name}, and no gap says so`]
    : [];
}

function believesIn(device: SimulatedDevice, room: RoomId): boolean {
  return ["open", "invited"].includes(stateOf(device, room) ?? "");
}

function standingOf(device: SimulatedDevice, room: RoomId): Standing | undefined {
  const { rooms } = device;
  const state = groupOf(device, room);
  if (state === undefined || rooms === undefined) return undefined;
  const held = rooms.room(state);
  return {
    device,
    epoch: Number(rooms.epoch(state)),
    authenticator: Buffer.from(rooms.epochAuthenticator(state)).toString("hex"),
    state: Buffer.from(encodeRoomState(held)).toString("latin1"),
    accounts: new Set(held.participants.map(({ account }) => account)),
  };
}

function textsOf({ database }: SimulatedDevice, room: RoomId, where: string, ...values: string[]): string[] {
  const sql = `SELECT text FROM messages WHERE room = ? AND kind = 'text' AND ${where} ORDER BY position`;
  return database.all<{ text: string }>(sql, room, ...values).map(({ text }) => text);
}

function count({ database }: SimulatedDevice, from: string, ...values: string[]): number {
  return database.get<{ n: number }>(`SELECT count(*) AS n FROM ${from}`, ...values)!.n;
}
