/**
 * What must be true of a network that was left alone after its faults. Each checker answers with sentences about what
 * is wrong; none means that all is well.
 */
import type { Message } from "../../packages/engine/src/interface/index.ts";
import { decodeBundleBody, limits } from "@fedchat/protocol";
import { defaultRelaying } from "../../packages/homeserver/src/core/relaying.ts";
import type { CustodyRow } from "../../packages/homeserver/src/store/store.ts";
import { waitingIn } from "./group-epochs.ts";
import { marker } from "./marker.ts";
import type { Simulation } from "./simulate.ts";
import type { LightPerson } from "./light-person.ts";
import { SimulatedDevice } from "./simulated-device.ts";
import type { SimulatedHomeserver } from "./simulated-homeserver.ts";
import type { Pair } from "./topology.ts";

/** Timers of a process in which nothing happens: pings, renewals, periodic looks. */
const idleTimersMax = 40;
/** And for each homeserver that it is linked with. */
const idleTimersPerPeerMax = 8;
/** Carriers at rest beside those of links: its client's or its homeserver's, strangers', and some that are closing. */
const idleChannelsMax = 8;
const inboxItemsLooked = 1_000;
/** Whoever sends looks at what is under way before it sends the next bundle, or a page of items. */
const bufferedBytesMax = limits.channelBufferedBytesMax + 4 * limits.frameBytesMax;

/** Nothing is under way any more: engines, outboxes, inboxes, what relays hold for others. */
export async function unrest(simulation: Simulation): Promise<string[]> {
  const queued = simulation.devices.flatMap((device) => queuedIn(device, simulation.devices));
  const homes = await Promise.all(simulation.homeservers.map((one) => homeserverUnrest(simulation, one)));
  const relays = await Promise.all(simulation.homeservers.map((one) => relayUnrest(simulation, one)));
  const people = simulation.lightPeople.flatMap((person) =>
    person.unsent > 0 ? [`${person.name} has ${person.unsent} envelopes to send`] : [],
  );
  const found = [...queued, ...homes.flat(), ...relays.flat(), ...people];
  // Engines' own words cost more, and are worth asking for only then.
  if (found.length > 0) return found;
  return (await Promise.all(simulation.devices.map((device) => engineUnrest(device)))).flat();
}

function queuedIn(device: SimulatedDevice, devices: readonly SimulatedDevice[]): string[] {
  const { name, database } = device;
  const count = (sql: string) => database.get<{ n: number }>(`SELECT count(*) AS n FROM ${sql}`)!.n;
  // Whoever writes before they know that they are out of a room is refused by the others, and told so.
  const refused = `state = 'failed' AND subject IN (
    SELECT messages.id FROM messages JOIN rooms ON rooms.id = messages.room AND rooms.state = 'closed')`;
  const outgoing = count(`outgoing WHERE NOT (${refused})`);
  const receipts = count("receipts");
  const changes = count("roomChanges") + count("pendingCommits");
  const waiting = waitingIn(device, devices);
  return [
    ...(outgoing > 0 ? [`${name}'s engine has ${outgoing} envelopes to send or watch`] : []),
    ...(receipts > 0 ? [`${name}'s engine owes ${receipts} receipts`] : []),
    ...(changes > 0 ? [`${name}'s engine has ${changes} changes of rooms to make`] : []),
    ...(waiting > 0 ? [`${name}'s engine has ${waiting} messages that wait for a Commit`] : []),
  ];
}

async function engineUnrest({ name, engine }: SimulatedDevice): Promise<string[]> {
  if (engine === undefined) return [`${name}'s engine is down`];
  const { connection, cause } = (await engine.call("engine.status", {})).homeserver;
  const links = (await engine.call("servers.list", {})).filter(
    ({ state, trust }) => state !== "connected" && trust !== "incoming",
  );
  return [
    ...links.map(
      (link) => `${name}'s ${link.trust} link is ${link.state} (${link.cause?.code ?? "no cause"})`,
    ),
    ...(connection === "connected" ? [] : [`${name}'s engine is ${connection} (${cause?.code})`]),
  ];
}

async function homeserverUnrest(
  simulation: Simulation,
  { name, store, running, destinations }: SimulatedHomeserver,
): Promise<string[]> {
  if (!running) return [`${name}'s homeserver is down`];
  const wrong: string[] = [];
  for (const destination of destinations) {
    const other = simulation.homeservers.find(({ id }) => id === destination);
    const isLinked = other !== undefined && simulation.acquaintance.areLinked(name, other.name);
    // Whom nothing is written to any more, and who is not linked, hears of refusals when there is a way again.
    const rows = (await store.outboxPage(destination, "messages", 0, Number.MAX_SAFE_INTEGER)).filter(
      ({ body }) => isLinked || decodeBundleBody(body).kind !== "refusals",
    );
    if (rows.length === 0) continue;
    wrong.push(`${rows.length} bundles wait at ${name}'s homeserver for ${other?.name}'s`);
  }
  for (const person of [...simulation.devices, ...simulation.lightPeople]) {
    if (person.home.name !== name) continue;
    const { floor } = (await store.inboxState(person.account))!;
    // What was taken and is not acknowledged yet goes with what comes next.
    const items = await store.inboxPage(person.account, Math.max(floor, takenBy(person)), inboxItemsLooked);
    if (items.length > 0) wrong.push(`${items.length} items lie in ${person.name}'s inbox at ${name}'s`);
  }
  return wrong;
}

/** How far an engine has read its inbox. */
function takenBy(person: SimulatedDevice | LightPerson): number {
  if (!(person instanceof SimulatedDevice)) return 0;
  const row = person.database.get<{ position: number }>("SELECT position FROM inboxCursor");
  return row?.position ?? 0;
}

/** What goes to another relay may have to stay where relays have little room: that one counts what it handed on. [K3] */
async function relayUnrest(simulation: Simulation, relay: SimulatedHomeserver): Promise<string[]> {
  const { homeservers } = simulation;
  if (relay.custody.bytes === 0) return [];
  const scarce = homeservers.some(({ custody }) => custody.bytesMax < defaultRelaying.storageBytesMax);
  const ways = homeservers.flatMap((next) => homeservers.map((source) => [next.id, source.id] as const));
  const pages = await Promise.all(ways.map((way) => relay.store.custodyPage(...way, undefined, 1_000)));
  const stuck = pages.flat().filter(({ next, destination }) => next === destination || !scarce);
  const forgotten = await Promise.all(stuck.map((row) => isForgotten(simulation, row)));
  const held = stuck.filter((_, index) => forgotten[index] !== true);
  return held.length > 0 ? [`${held.length} bundles lie in custody at ${relay.name}'s homeserver`] : [];
}

/**
 * Two that nobody links forget one another where only refusals wait. What the one handed to a relay before is then kept
 * by it no more, and the other waits for what came before that; the relay drops it in time. [B18] [K3]
 */
async function isForgotten(
  { homeservers, acquaintance }: Simulation,
  { source, destination, class: bundleClass, stream, sequence }: CustodyRow,
): Promise<boolean> {
  const [from, to] = [source, destination].map((id) => homeservers.find((one) => one.id === id)!);
  if (bundleClass === "control" || acquaintance.areLinked(from!.name, to!.name)) return false;
  const [kept] = await from!.store.outboxPage(destination, bundleClass, sequence, 1);
  const { incoming } = await to!.store.load();
  const taken = incoming.find((row) => row.source === source && row.class === bundleClass);
  const isTaken = taken?.stream === stream && taken.committed >= sequence;
  return !isTaken && (kept?.stream !== stream || kept.sequence !== sequence);
}

/**
 * Of each pair that talks: everything acknowledged arrived, once, in its sender's order, and its sender knows.
 * @param restored homeservers that were put back to an older state: what one of them alone held may be gone, and must
 *   show as missing; what it still holds of that time may come late
 */
export async function conversations(
  simulation: Simulation,
  pairs: readonly Pair[],
  restored: ReadonlySet<string> = new Set(),
): Promise<string[]> {
  const wrong: string[] = [];
  for (const pair of pairs) {
    const [one, other] = [simulation.device(pair[0]), simulation.device(pair[1])];
    const mayLack = pair.some((name) => restored.has(name));
    wrong.push(...(await oneWay(one, other, mayLack)), ...(await oneWay(other, one, mayLack)));
  }
  return wrong;
}

async function oneWay(from: SimulatedDevice, to: SimulatedDevice, mayLack: boolean): Promise<string[]> {
  const wrong: string[] = [];
  const sent = (await from.history(to)).filter(({ mine }) => mine);
  const arrived = (await to.history(from)).filter(({ mine }) => !mine).map(({ text }) => text);
  const written = sent.map(({ text }) => text);
  for (const { text } of from.acknowledged.filter((one) => one.to === to.name)) {
    const kept = written.filter((one) => one === text).length;
    if (kept !== 1) wrong.push(`${from.name}'s engine holds ${kept} of '${text}', which it acknowledged`);
  }
  const lost = written.filter((text) => !arrived.includes(text));
  if (lost.length > 0 && !mayLack) wrong.push(`${to.name} never got ${quoted(lost)} of ${from.name}`);
  wrong.push(
    ...orderFaults(written, arrived, mayLack).map(
      (fault) => `of ${from.name}'s messages at ${to.name}'s ${fault}`,
    ),
  );
  if (!mayLack) wrong.push(...stateFaults(sent).map((fault) => `${from.name}: ${fault}`));
  // Engines close the holes that homeservers leave; here nobody withholds, and there are none to close.
  const asked = lateTexts(to).filter((text) => written.includes(text));
  if (asked.length > 0 && !mayLack)
    wrong.push(`${to.name} never got ${quoted(asked)} of ${from.name} until asking for it`);
  const { missing } = await to.pair(from);
  if (missing !== lost.length) wrong.push(`${to.name} is told of ${missing} missing, ${lost.length} are`);
  return wrong;
}

function lateTexts({ database }: SimulatedDevice): string[] {
  const sql = "SELECT text FROM messages WHERE lateFrom IS NOT NULL";
  return database.all<{ text: string }>(sql).map(({ text }) => text);
}

/** Envelopes of light people: what was accepted arrived, once, in its sender's order. */
export function deliveries({ lightPeople }: Simulation): string[] {
  const senders = new Map(
    lightPeople.flatMap((person) => person.accepted.map(({ id }) => [id, person.name] as const)),
  );
  return lightPeople.flatMap((to) => {
    const ids = to.arrived.map(({ id }) => id);
    return lightPeople.flatMap((from) => {
      const sent = from.accepted.filter((one) => one.to === to.name).map(({ id }) => id);
      const arrived = ids.filter((id) => senders.get(id) === from.name);
      if (sent.join() === arrived.join()) return [];
      const lost = sent.filter((id) => !arrived.includes(id)).length;
      const twice = arrived.length - new Set(arrived).size;
      const what = lost > 0 ? `never got ${lost}` : twice > 0 ? `got ${twice} twice` : "got in another order";
      return [`${to.name} ${what} of ${from.name}'s ${sent.length} envelopes`];
    });
  });
}

/** People show where both servers' people linked each other, and nowhere else, and no disk names strangers. */
export async function acquaintances({ homeservers, devices, acquaintance }: Simulation): Promise<string[]> {
  const wrong: string[] = [];
  for (const { name, written } of homeservers) {
    for (const stranger of acquaintance.strangersIn(Buffer.concat(written), name))
      wrong.push(`${name}'s homeserver wrote of ${stranger}, a stranger, to its disk`);
  }
  for (const device of devices) {
    const shown = new Set((await device.call("people.list", {})).map(({ account }) => account));
    for (const other of devices) {
      if (shown.has(other.account) && !acquaintance.mayKnow(device.home.name, other.name))
        wrong.push(`${device.name} is shown ${other.name}, a stranger`);
    }
  }
  return wrong;
}

/** What was ever under way in memory stayed within what senders look at. */
export function queues({ network }: Simulation): string[] {
  const peak = network.bufferedBytesPeak;
  return peak > bufferedBytesMax ? [`${peak} bytes were under way on one carrier`] : [];
}

function orderFaults(written: string[], arrived: string[], restored: boolean): string[] {
  const expected = written.filter((text) => arrived.includes(text));
  if (expected.join("\n") === arrived.join("\n")) return [];
  const twice = arrived.filter((text, index) => arrived.indexOf(text) !== index);
  if (twice.length > 0) return [`${quoted(twice)} came twice`];
  const strange = arrived.filter((text) => !written.includes(text));
  if (strange.length > 0) return [`${quoted(strange)} came and were never written`];
  return restored ? [] : [`the order is ${quoted(arrived)}`];
}

function stateFaults(sent: Message[]): string[] {
  return sent
    .filter(({ state }) => state !== "delivered" && state !== "read")
    .map(({ text, state, cause }) => `'${text}' is ${state}${cause === null ? "" : ` (${cause.code})`}`);
}

/** Nothing that opens or is a message was ever handed to a homeserver's disk, and the same search finds it at home. */
export function secrecy({ homeservers, devices }: Simulation): string[] {
  const wrong: string[] = [];
  const secrets = devices.flatMap(({ name, database }) => {
    const row = database.get<Record<string, Uint8Array>>(
      "SELECT accountSeed, recoverySeed, signatureSeed, noisePrivateKey FROM identity",
    )!;
    const keys = database.all<{ seed: Uint8Array }>("SELECT seed FROM requestKeys").map(({ seed }) => seed);
    return [...Object.values(row), ...keys].map((secret) => ({ what: `a key of ${name}`, secret }));
  });
  const needles = [{ what: "a message's text", secret: new Uint8Array(Buffer.from(marker)) }, ...secrets];
  for (const { name, written } of homeservers) {
    const disk = Buffer.concat(written);
    for (const { what, secret } of needles) {
      if (disk.includes(Buffer.from(secret))) wrong.push(`${name}'s homeserver wrote ${what} to its disk`);
    }
  }
  for (const { name, database, acknowledged } of devices) {
    if (acknowledged.length === 0) continue;
    const texts = database.all<{ text: string }>("SELECT text FROM messages").map(({ text }) => text);
    if (!texts.join("\n").includes(marker))
      wrong.push(`the search for texts finds none in ${name}'s own engine`);
  }
  return wrong;
}

/** A process to which nothing happens waits for little. */
export function leftovers({ homeservers, devices, links }: Simulation): string[] {
  return [...homeservers, ...devices].flatMap(({ name, process }) => {
    const lodgers = devices.filter(({ home }) => home.name === name).length;
    const peers = links.filter((pair) => pair.includes(name)).length + lodgers;
    const timers = process?.timers ?? 0;
    const channels = process?.channels ?? 0;
    return [
      ...(timers > idleTimersMax + peers * idleTimersPerPeerMax
        ? [`a process of ${name}'s holds ${timers} timers at rest`]
        : []),
      ...(channels > peers + idleChannelsMax
        ? [`a process of ${name}'s holds ${channels} carriers at rest`]
        : []),
    ];
  });
}

const quoted = (texts: string[]) => texts.map((text) => `'${text}'`).join(", ");
