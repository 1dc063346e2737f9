/**
 * Everything that goes wrong in a run, drawn from its seed. A fault counts where it struck: a cut of a carrier that was
 * open, a commit that the full disk refused, a process that did run. Invariant: each fault ends by itself within
 * a few minutes, so that a network that is left alone heals.
 */
import type { SeededRandom } from "../../packages/homeserver/test/virtual/seeded-random.ts";
import type { LightPerson } from "./light-person.ts";
import type { Simulation } from "./simulate.ts";
import type { SimulatedDevice } from "./simulated-device.ts";
import type { Backup, SimulatedHomeserver } from "./simulated-homeserver.ts";
import { pairKey } from "./topology.ts";

type Host = SimulatedHomeserver | SimulatedDevice;

/** A process that was to end at some later step, and did not get there by then, lives on. */
const stepWaitMs = 5_000;
/** Clocks that nobody sets are off by minutes. */
export const skewMsMax = 120_000;
/** Whoever plays a recording is no host of anybody's. */
const recorder = "recorder";
/** The opening of a link and what is said first. */
const recordedFrames = 12;
/** Both sides' patience in a handshake together. */
const recordingRefusedMs = 60_000;

export type FaultCounts = Record<string, number>;
type FaultName = (typeof faultNames)[number];

export class Faults {
  readonly counts: FaultCounts = {};
  /** Homeservers that were put back to a backup. */
  readonly restored = new Set<string>();
  readonly #simulation: Simulation;
  readonly #random: SeededRandom;
  readonly #movers: readonly string[];
  readonly #under: Set<Promise<void>> = new Set();
  /** Hosts whose process was ended and is being started again. */
  readonly #recovering = new Set<Host>();
  /** What happens to frames, by the pair of hosts; undefined: lost, with everything after it. */
  readonly #tampering = new Map<
    string,
    (frame: Uint8Array, last: Uint8Array | undefined) => Uint8Array | undefined
  >();
  readonly #lastFrames = new Map<string, Uint8Array>();
  /** How the latest link of one homeserver to another began, as seen on the wire. */
  readonly #recordings = new Map<string, { to: string; carrier: number; frames: Uint8Array[] }>();
  #raging = true;
  #healed: Promise<void> | undefined;

  /** @param movers homeservers that are found again wherever they go */
  constructor(simulation: Simulation, movers: readonly string[] = []) {
    this.#simulation = simulation;
    this.#movers = movers;
    this.#random = simulation.random.fork("faults");
    const { trace, network } = simulation;
    if (!simulation.watched) return;
    const names = new Set(simulation.homeservers.map(({ name }) => name));
    network.tamper = (frame, from, to, carrier) => {
      const way = `${from} → ${to}`;
      trace.add(way, frame);
      if (names.has(from) && names.has(to)) this.#record({ way, to, carrier }, frame);
      const last = this.#lastFrames.get(way);
      this.#lastFrames.set(way, frame);
      const tamper = this.#tampering.get(pairKey(from, to));
      return tamper === undefined ? frame : tamper(frame, last);
    };
  }

  /** Starts one fault after the other until `heal`. */
  async rage(
    everyMs: { min: number; max: number },
    kinds: readonly FaultKind[] = commonKinds,
  ): Promise<void> {
    while (this.#raging) {
      await this.#pause(everyMs.min, everyMs.max);
      this.strike(this.#random.pick(kinds));
    }
  }

  /** Nothing once the network is to heal. */
  strike(kind: FaultKind): void {
    if (!this.#raging) return;
    const fault = this[kind]();
    this.#under.add(fault);
    const over = () => void this.#under.delete(fault);
    fault.then(over, (error: unknown) => {
      over();
      this.#simulation.violations.add(`the fault ${kind} failed`, error);
    });
  }

  /** Whether faults are over, or will be soon. */
  get healed(): boolean {
    return !this.#raging;
  }

  /** No more faults; resolves when all are over and everything runs. */
  heal(): Promise<void> {
    return (this.#healed ??= this.#heal());
  }

  async #heal(): Promise<void> {
    this.#raging = false;
    while (this.#under.size > 0) await Promise.all(this.#under);
    const { network, homeservers, devices } = this.#simulation;
    this.#count("dials refused", network.faults.refusals);
    this.#count("dials unanswered", network.faults.unanswered);
    this.#count("frames lost", network.faults.lostFrames);
    this.#count("frames overtaken by another carrier's", network.faults.overtaken);
    for (const { counts } of homeservers) {
      this.#count("commits refused by a full disk", counts.refusedByFullDisk);
      this.#count("bundles sent again", counts.sentAgain);
      this.#count("envelopes that came again", counts.cameAgain);
    }
    for (const { disk } of devices)
      this.#count("transactions refused by a full disk", disk.refusedByFullDisk);
  }

  async cutLink(): Promise<void> {
    this.#cut("links cut", ...this.#link());
  }

  async cutClient(): Promise<void> {
    this.#cut("client channels cut", ...this.#client());
  }

  async partitionLink(): Promise<void> {
    await this.#partition("links partitioned", ...this.#link());
  }

  async partitionClient(): Promise<void> {
    await this.#partition("client channels partitioned", ...this.#client());
  }

  /** Some homeservers on one side, the others on the other, and nothing between them. */
  async partitionSets(): Promise<void> {
    const { homeservers, network } = this.#simulation;
    const names = homeservers.map(({ name }) => name);
    const near = names.filter(() => this.#random.chance(0.5));
    const far = names.filter((name) => !near.includes(name));
    if (near.length < 2 || far.length < 2) return;
    this.#count("sets of homeservers partitioned");
    network.partition(near, far);
    await this.#pause(200, 20_000);
    network.heal(near, far);
  }

  /** One homeserver on its own, for longer than whoever waits for it has patience; it may keep a room's log. */
  async isolate(): Promise<void> {
    const { homeservers, network } = this.#simulation;
    const names = homeservers.map(({ name }) => name);
    const alone = this.#random.pick(names);
    const others = names.filter((name) => name !== alone);
    this.#count("homeservers isolated");
    network.partition([alone], others);
    await this.#pause(30_000, 150_000);
    network.heal([alone], others);
  }

  /** One end changes its network; the other believes in the old connection for a while. */
  async abandonLink(): Promise<void> {
    this.#abandon("links abandoned by one end", ...this.#link());
  }

  async abandonClient(): Promise<void> {
    this.#abandon("client channels abandoned by one end", ...this.#client());
  }

  /** What is sent over the present connection takes much longer, until one end gives it up for a new one. */
  async lagLink(): Promise<void> {
    await this.#lag("links lagging", ...this.#link());
  }

  async lagClient(): Promise<void> {
    await this.#lag("client channels lagging", ...this.#client());
  }

  /** The beginning of a link, recorded on the wire, is played to its receiver over a carrier of its own. */
  async replayRecording(): Promise<void> {
    const { network, violations } = this.#simulation;
    const recordings = [...this.#recordings.values()];
    if (recordings.length === 0) return;
    const { to, frames } = this.#random.pick(recordings);
    const address = { host: to, port: 8443, kind: "direct" } as const;
    const channel = await network
      .dialer(recorder)
      .dial(address, "")
      .catch(() => undefined);
    if (channel === undefined) return;
    this.#count("links replayed from a recording");
    let refused = false;
    channel.onClose = () => (refused = true);
    for (const frame of frames.slice()) {
      channel.send(frame);
      await this.#pause(0, 50);
    }
    for (let waitedMs = 0; !refused && waitedMs < recordingRefusedMs; waitedMs += 1_000)
      await this.#simulation.clock.sleep(1_000);
    if (!refused) violations.add(`${to}'s homeserver took a recording for a homeserver`);
    channel.close();
  }

  /** Both ends believe in a connection that carries nothing, until the carrier's own pings give it up. */
  async silence(): Promise<void> {
    const [a, b] = this.#random.chance(0.5) ? this.#link() : this.#client();
    const pair = pairKey(a, b);
    if (this.#tampering.has(pair)) return;
    let struck = false;
    this.#tampering.set(pair, () => {
      if (!struck) this.#count("connections gone silent");
      struck = true;
      return undefined;
    });
    await this.#pause(200, 3_000);
    this.#tampering.delete(pair);
    if (!struck) return;
    await this.#pause(10_000, 50_000);
    this.#simulation.network.cut(a, b);
  }

  /** A bit of one frame flips. */
  async corruptFrame(): Promise<void> {
    await this.#tamperOnce("frames corrupted", (frame) => {
      const changed = frame.slice();
      const at = this.#random.between(0, frame.length - 1);
      changed[at] = changed[at]! ^ (1 << this.#random.between(0, 7));
      return changed;
    });
  }

  /** A frame comes again in the next one's place. */
  async repeatFrame(): Promise<void> {
    await this.#tamperOnce("frames repeated", (_frame, last) => last);
  }

  async crashHomeserver(): Promise<void> {
    await this.#crash("homeserver crashes", this.#random.pick(this.#simulation.homeservers));
  }

  async crashEngine(): Promise<void> {
    const device = this.#device();
    if (device !== undefined) await this.#crash("engine crashes", device);
  }

  async crashBoth(): Promise<void> {
    const device = this.#device();
    if (device === undefined || this.#recovering.has(device) || this.#recovering.has(device.home)) return;
    this.#count("crashes of both at once");
    await Promise.all([
      this.#crash("homeserver crashes", device.home),
      this.#crash("engine crashes", device),
    ]);
  }

  /** At some use of the world from now on: before or after a commit, or a frame. */
  async crashHomeserverAtStep(): Promise<void> {
    await this.#crashAtStep(
      "homeserver crashes within a turn",
      this.#random.pick(this.#simulation.homeservers),
    );
  }

  async crashEngineAtStep(): Promise<void> {
    const device = this.#device();
    if (device !== undefined) await this.#crashAtStep("engine crashes within a turn", device);
  }

  async restart(): Promise<void> {
    const host = this.#random.pick<Host>([...this.#simulation.homeservers, ...this.#simulation.devices]);
    if (this.#recovering.has(host) || !isRunning(host)) return;
    this.#count("orderly restarts");
    this.#recovering.add(host);
    await host.stop();
    await this.#startAgain(host);
  }

  /** A laptop that is closed for a while: longer than others wait before they leave things with relays. */
  async sleepHomeserver(): Promise<void> {
    const homeserver = this.#random.pick(this.#simulation.homeservers);
    if (this.#recovering.has(homeserver) || !homeserver.running) return;
    this.#count("homeservers asleep");
    this.#recovering.add(homeserver);
    homeserver.crash();
    await this.#pause(5_000, 45_000);
    await this.#startAgain(homeserver);
  }

  async fillHomeserverDisk(): Promise<void> {
    const { disk } = this.#random.pick(this.#simulation.homeservers);
    disk.full = true;
    await this.#pause(500, 10_000);
    disk.full = false;
  }

  async fillEngineDisk(): Promise<void> {
    const disk = this.#device()?.disk;
    if (disk === undefined) return;
    disk.full = true;
    await this.#pause(500, 10_000);
    disk.full = false;
  }

  async slowDisk(): Promise<void> {
    const { disk } = this.#random.pick(this.#simulation.homeservers);
    const usual = disk.delayMs;
    if (usual.min > 0) return;
    this.#count("slow disks");
    disk.delayMs = { min: 200, max: 3_000 };
    await this.#pause(500, 10_000);
    disk.delayMs = usual;
  }

  /** A process that does not read its channels for a while. */
  async stall(): Promise<void> {
    const { process } = this.#random.pick<Host>([
      ...this.#simulation.homeservers,
      ...this.#simulation.devices,
    ]);
    if (process === undefined || process.ended || process.stalled) return;
    this.#count("slow receivers");
    process.stalled = true;
    await this.#pause(200, 10_000);
    process.stalled = false;
  }

  async clockJump(): Promise<void> {
    const host = this.#random.pick<Host>([...this.#simulation.homeservers, ...this.#simulation.devices]);
    const { process } = host;
    if (process === undefined || process.ended) return;
    this.#count("clock jumps");
    host.skewMs = this.#random.between(-skewMsMax, skewMsMax);
    process.skewMs = host.skewMs;
  }

  /** The administrator puts yesterday's disk in the place of today's. */
  async restoreBackup(): Promise<void> {
    const homeserver = this.#random.pick(this.#simulation.homeservers);
    const backup: Backup = homeserver.backup();
    await this.#pause(500, 15_000);
    if (this.#recovering.has(homeserver)) return;
    this.#count("backups restored");
    this.restored.add(homeserver.name);
    this.#recovering.add(homeserver);
    homeserver.crash();
    homeserver.restore(backup);
    await this.#startAgain(homeserver);
  }

  /** Another host name from now on; at the old one nobody answers. */
  async moveHomeserver(): Promise<void> {
    const homeserver = this.#simulation.homeserver(this.#random.pick(this.#movers));
    if (this.#recovering.has(homeserver) || !homeserver.running) return;
    this.#count("homeservers moved");
    this.#recovering.add(homeserver);
    homeserver.crash();
    homeserver.move();
    await this.#startAgain(homeserver);
  }

  #cut(what: FaultName, a: string, b: string): void {
    const { network } = this.#simulation;
    if (network.carriers(a, b).length === 0) return;
    this.#count(what);
    network.cut(a, b);
  }

  #abandon(what: FaultName, a: string, b: string): void {
    const { network } = this.#simulation;
    if (network.carriers(a, b).length === 0) return;
    this.#count(what);
    network.abandon(a, b, this.#random.between(0, 30_000));
  }

  async #lag(what: FaultName, a: string, b: string): Promise<void> {
    const { network } = this.#simulation;
    if (network.carriers(a, b).length === 0) return;
    this.#count(what);
    network.lag(a, b, this.#random.between(500, 8_000));
    await this.#pause(200, 5_000);
    network.abandon(a, b, this.#random.between(0, 30_000));
  }

  async #partition(what: FaultName, a: string, b: string): Promise<void> {
    const { network } = this.#simulation;
    this.#count(what);
    network.partition(a, b);
    await this.#pause(200, 20_000);
    network.heal(a, b);
  }

  async #tamperOnce(
    what: FaultName,
    change: (frame: Uint8Array, last: Uint8Array | undefined) => Uint8Array | undefined,
  ): Promise<void> {
    const pair = pairKey(...(this.#random.chance(0.5) ? this.#link() : this.#client()));
    if (this.#tampering.has(pair)) return;
    this.#tampering.set(pair, (frame, last) => {
      const changed = change(frame, last);
      if (changed === undefined) return frame;
      this.#tampering.delete(pair);
      this.#count(what);
      return changed;
    });
    await this.#pause(5_000, 5_000);
    this.#tampering.delete(pair);
  }

  async #crash(what: FaultName, host: Host): Promise<void> {
    if (this.#recovering.has(host) || !isRunning(host)) return;
    this.#count(what);
    if ("counts" in host && host.counts.writing > 0) this.#count("crashes with a commit in flight");
    this.#recovering.add(host);
    host.crash();
    await this.#startAgain(host);
  }

  async #crashAtStep(what: FaultName, host: Host): Promise<void> {
    const { process } = host;
    if (this.#recovering.has(host) || !isRunning(host) || process === undefined) return;
    process.crashAfter(this.#random.between(1, 25));
    await Promise.race([process.gone, this.#simulation.clock.sleep(stepWaitMs)]);
    process.crashAfter(Number.POSITIVE_INFINITY);
    if (!process.ended || host.process !== process || this.#recovering.has(host)) return;
    this.#count(what);
    this.#recovering.add(host);
    await this.#startAgain(host);
  }

  async #startAgain(host: Host): Promise<void> {
    do {
      await this.#pause(0, 5_000);
      await host.start();
    } while (!isRunning(host));
    this.#recovering.delete(host);
  }

  #link(): [string, string] {
    const [a, b] = this.#random.pick(this.#simulation.links);
    return [a, b];
  }

  #client(): [string, string] {
    const { devices, lightPeople } = this.#simulation;
    const { host, home } = this.#random.pick<SimulatedDevice | LightPerson>([...devices, ...lightPeople]);
    return [host, home.clientHost];
  }

  #device(): SimulatedDevice | undefined {
    const { devices } = this.#simulation;
    return devices.length === 0 ? undefined : this.#random.pick(devices);
  }

  #record({ way, to, carrier }: { way: string; to: string; carrier: number }, frame: Uint8Array): void {
    const recording = this.#recordings.get(way);
    if (recording?.carrier !== carrier) this.#recordings.set(way, { to, carrier, frames: [frame] });
    else if (recording.frames.length < recordedFrames) recording.frames.push(frame);
  }

  #pause(minMs: number, maxMs: number): Promise<void> {
    return this.#simulation.clock.sleep(this.#random.between(minMs, maxMs));
  }

  #count(what: FaultName, by = 1): void {
    if (by > 0) this.counts[what] = (this.counts[what] ?? 0) + by;
  }
}

/** Faults after which everything that was acknowledged must still arrive. */
export const commonKinds = [
  "cutLink",
  "cutClient",
  "partitionLink",
  "partitionClient",
  "partitionSets",
  "abandonLink",
  "abandonClient",
  "lagLink",
  "lagClient",
  "replayRecording",
  "silence",
  "corruptFrame",
  "repeatFrame",
  "crashHomeserver",
  "crashEngine",
  "crashBoth",
  "crashHomeserverAtStep",
  "crashEngineAtStep",
  "restart",
  "sleepHomeserver",
  "fillHomeserverDisk",
  "fillEngineDisk",
  "slowDisk",
  "stall",
  "clockJump",
] as const;

/** And those that matter where a room's log lies at one homeserver. */
export const roomKinds = [...commonKinds, "isolate"] as const;

export type FaultKind = (typeof roomKinds)[number] | "restoreBackup" | "moveHomeserver";

function isRunning(host: Host): boolean {
  return "homeserver" in host ? host.homeserver !== undefined : host.engine !== undefined;
}

/** What is counted, where it struck. */
export const faultNames = [
  "dials refused",
  "dials unanswered",
  "frames lost",
  "frames overtaken by another carrier's",
  "commits refused by a full disk",
  "bundles sent again",
  "envelopes that came again",
  "transactions refused by a full disk",
  "links cut",
  "client channels cut",
  "links partitioned",
  "client channels partitioned",
  "sets of homeservers partitioned",
  "homeservers isolated",
  "links abandoned by one end",
  "client channels abandoned by one end",
  "links lagging",
  "client channels lagging",
  "links replayed from a recording",
  "connections gone silent",
  "frames corrupted",
  "frames repeated",
  "homeserver crashes",
  "engine crashes",
  "crashes of both at once",
  "homeserver crashes within a turn",
  "engine crashes within a turn",
  "orderly restarts",
  "homeservers asleep",
  "homeservers moved",
  "slow disks",
  "slow receivers",
  "clock jumps",
  "backups restored",
  "crashes with a commit in flight",
] as const;
