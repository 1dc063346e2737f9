/**
 * What must be true of a network that was left alone after its faults. Each checker answers with sentences about what
 * is wrong; none means that all is well.
 */
import type { Message } from "../../packages/engine/src/interface/index.ts";
import type { Simulation } from "./simulate.ts";
import type { SimulatedDevice } from "./simulated-device.ts";
import type { SimulatedHomeserver } from "./simulated-homeserver.ts";

/** In every text that is sent: what a homeserver must never hold. */
export const marker = "nobody else may read this";
/** Timers of a process in which nothing happens: pings, renewals, periodic looks. */
const idleTimersMax = 40;

/** Nothing is under way any more: engines, outboxes, inboxes. */
export async function unrest(simulation: Simulation): Promise<string[]> {
  const engines = await Promise.all(simulation.devices.map((device) => engineUnrest(device)));
  const homes = await Promise.all(simulation.homeservers.map((one) => homeserverUnrest(simulation, one)));
  return [...engines.flat(), ...homes.flat()];
}

async function engineUnrest({ name, database, engine }: SimulatedDevice): Promise<string[]> {
  if (engine === undefined) return [`${name}'s engine is down`];
  const count = (sql: string) => database.get<{ n: number }>(`SELECT count(*) AS n FROM ${sql}`)!.n;
  const outgoing = count("outgoing");
  const receipts = count("receipts");
  const { connection, cause } = (await engine.call("engine.status", {})).homeserver;
  const links = (await engine.call("servers.list", {})).filter(({ state }) => state !== "connected");
  return [
    ...links.map(
      (link) => `${name}'s ${link.trust} link is ${link.state} (${link.cause?.code ?? "no cause"})`,
    ),
    ...(connection === "connected" ? [] : [`${name}'s engine is ${connection} (${cause?.code})`]),
    ...(outgoing > 0 ? [`${name}'s engine has ${outgoing} envelopes to send or watch`] : []),
    ...(receipts > 0 ? [`${name}'s engine owes ${receipts} receipts`] : []),
  ];
}

async function homeserverUnrest(
  { homeservers, devices }: Simulation,
  { name, store, running }: SimulatedHomeserver,
): Promise<string[]> {
  if (!running) return [`${name}'s homeserver is down`];
  const wrong: string[] = [];
  for (const other of homeservers) {
    const rows = await store.outboxPage(other.id, "messages", 0, Number.MAX_SAFE_INTEGER);
    if (rows.length > 0)
      wrong.push(`${rows.length} bundles wait at ${name}'s homeserver for ${other.name}'s`);
  }
  const { accounts } = await store.load();
  for (const { account } of accounts) {
    const inbox = await store.inboxState(account);
    if (inbox!.floor < inbox!.head)
      wrong.push(`${inbox!.head - inbox!.floor} items lie in an inbox at ${name}'s`);
  }
  return devices.length === 0 ? ["nobody is here"] : wrong;
}

/**
 * Everything acknowledged arrived, once, in its sender's order, and its sender knows.
 * @param restored a homeserver was put back to an older state: what it alone held may be gone, and must show as missing;
 *   what it still holds of that time may come late
 */
export async function conversation(simulation: Simulation, restored: boolean): Promise<string[]> {
  const wrong: string[] = [];
  const { devices } = simulation;
  for (const [from, to] of [devices, devices.toReversed()] as [SimulatedDevice, SimulatedDevice][]) {
    const sent = (await from.history()).filter(({ mine }) => mine);
    const arrived = (await to.history()).filter(({ mine }) => !mine).map(({ text }) => text);
    const written = sent.map(({ text }) => text);
    for (const text of from.acknowledged) {
      const kept = written.filter((one) => one === text).length;
      if (kept !== 1) wrong.push(`${from.name}'s engine holds ${kept} of '${text}', which it acknowledged`);
    }
    const lost = written.filter((text) => !arrived.includes(text));
    if (lost.length > 0 && !restored) wrong.push(`${to.name} never got ${quoted(lost)} of ${from.name}`);
    wrong.push(
      ...orderFaults(written, arrived, restored).map(
        (fault) => `of ${from.name}'s messages at ${to.name}'s ${fault}`,
      ),
    );
    if (!restored) wrong.push(...stateFaults(sent).map((fault) => `${from.name}: ${fault}`));
    const { missing } = await to.pair();
    if (missing !== lost.length) wrong.push(`${to.name} is told of ${missing} missing, ${lost.length} are`);
  }
  return wrong;
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
  for (const { name, database } of devices) {
    const texts = database.all<{ text: string }>("SELECT text FROM messages").map(({ text }) => text);
    if (!texts.join("\n").includes(marker))
      wrong.push(`the search for texts finds none in ${name}'s own engine`);
  }
  return wrong;
}

/** A process to which nothing happens waits for little. */
export function leftovers({ homeservers, devices }: Simulation): string[] {
  return [...homeservers, ...devices].flatMap(({ name, process }) => {
    const timers = process?.timers ?? 0;
    return timers > idleTimersMax ? [`a process of ${name}'s holds ${timers} timers at rest`] : [];
  });
}

const quoted = (texts: string[]) => texts.map((text) => `'${text}'`).join(", ");
