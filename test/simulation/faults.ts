/**
 * Everything that goes wrong in a run, drawn from its seed. A fault counts where it struck: a cut of a carrier that was
 * open, a commit that the full disk refused, a process that did run. Invariant: each fault ends by itself within
 * a minute, so that a network that is left alone heals.
 */
import type { SeededRandom } from "../../packages/homeserver/test/virtual/seeded-random.ts";
import type { Simulation } from "./simulate.ts";
import type { SimulatedDevice } from "./simulated-device.ts";
import type { Backup, SimulatedHomeserver } from "./simulated-homeserver.ts";

type Host = SimulatedHomeserver | SimulatedDevice;

/** A process that was to end at some later step, and did not get there by then, lives on. */
const stepWaitMs = 5_000;

export type FaultCounts = Record<string, number>;

export class Faults {
  readonly counts: FaultCounts = {};
  readonly #simulation: Simulation;
  readonly #random: SeededRandom;
  readonly #under: Set<Promise<void>> = new Set();
  /** Hosts whose process was ended and is being started again. */
  readonly #recovering = new Set<Host>();
  /** What happens to frames, by the pair of hosts; undefined: lost, with everything after it. */
  readonly #tampering = new Map<
    string,
    (frame: Uint8Array, last: Uint8Array | undefined) => Uint8Array | undefined
  >();
  readonly #lastFrames = new Map<string, Uint8Array>();
  #raging = true;
  #healed: Promise<void> | undefined;

  constructor(simulation: Simulation) {
    this.#simulation = simulation;
    this.#random = simulation.random.fork("faults");
    const { trace, network } = simulation;
    network.tamper = (frame, from, to) => {
      trace.add(`${from} → ${to}`, frame);
      const way = `${from} → ${to}`;
      const last = this.#lastFrames.get(way);
      this.#lastFrames.set(way, frame);
      const tamper = this.#tampering.get(pairOf(from, to));
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
      if (this.#raging) this.strike(this.#random.pick(kinds));
    }
  }

  strike(kind: FaultKind): void {
    const fault = this[kind]();
    this.#under.add(fault);
    const over = () => void this.#under.delete(fault);
    fault.then(over, (error: unknown) => {
      over();
      this.#simulation.violations.add(`the fault ${kind} failed`, error);
    });
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
    this.#count("frames lost", network.faults.lostFrames);
    for (const { counts } of homeservers)
      this.#count("commits refused by a full disk", counts.refusedByFullDisk);
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

  /** Both ends believe in a connection that carries nothing, until the carrier's own pings give it up. */
  async silence(): Promise<void> {
    const [a, b] = this.#random.chance(0.5) ? this.#link() : this.#client();
    const pair = pairOf(a, b);
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
    await this.#crash("engine crashes", this.#random.pick(this.#simulation.devices));
  }

  async crashBoth(): Promise<void> {
    const device = this.#random.pick(this.#simulation.devices);
    if (this.#recovering.has(device) || this.#recovering.has(device.home)) return;
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
    await this.#crashAtStep("engine crashes within a turn", this.#random.pick(this.#simulation.devices));
  }

  async restart(): Promise<void> {
    const host = this.#random.pick<Host>([...this.#simulation.homeservers, ...this.#simulation.devices]);
    if (this.#recovering.has(host) || !isRunning(host)) return;
    this.#count("orderly restarts");
    this.#recovering.add(host);
    await host.stop();
    await this.#startAgain(host);
  }

  async fillHomeserverDisk(): Promise<void> {
    const { disk } = this.#random.pick(this.#simulation.homeservers);
    disk.full = true;
    await this.#pause(500, 10_000);
    disk.full = false;
  }

  async fillEngineDisk(): Promise<void> {
    const { disk } = this.#random.pick(this.#simulation.devices);
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
    const { process } = this.#random.pick<Host>([
      ...this.#simulation.homeservers,
      ...this.#simulation.devices,
    ]);
    if (process === undefined || process.ended) return;
    this.#count("clock jumps");
    process.skewMs = this.#random.between(-60_000, 60_000);
  }

  /** The administrator puts yesterday's disk in the place of today's. */
  async restoreBackup(): Promise<void> {
    const homeserver = this.#random.pick(this.#simulation.homeservers);
    const backup: Backup = homeserver.backup();
    await this.#pause(500, 15_000);
    if (this.#recovering.has(homeserver)) return;
    this.#count("backups restored");
    this.#recovering.add(homeserver);
    homeserver.crash();
    homeserver.restore(backup);
    await this.#startAgain(homeserver);
  }

  #cut(what: string, a: string, b: string): void {
    const { network } = this.#simulation;
    if (network.carriers(a, b).length === 0) return;
    this.#count(what);
    network.cut(a, b);
  }

  async #partition(what: string, a: string, b: string): Promise<void> {
    const { network } = this.#simulation;
    this.#count(what);
    network.partition(a, b);
    await this.#pause(200, 20_000);
    network.heal(a, b);
  }

  async #tamperOnce(
    what: string,
    change: (frame: Uint8Array, last: Uint8Array | undefined) => Uint8Array | undefined,
  ): Promise<void> {
    const pair = pairOf(...(this.#random.chance(0.5) ? this.#link() : this.#client()));
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

  async #crash(what: string, host: Host): Promise<void> {
    if (this.#recovering.has(host) || !isRunning(host)) return;
    this.#count(what);
    if ("counts" in host && host.counts.writing > 0) this.#count("crashes with a commit in flight");
    this.#recovering.add(host);
    host.crash();
    await this.#startAgain(host);
  }

  async #crashAtStep(what: string, host: Host): Promise<void> {
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
    const [a, b] = this.#simulation.homeservers;
    return [a!.name, b!.name];
  }

  #client(): [string, string] {
    const { host, home } = this.#random.pick(this.#simulation.devices);
    return [host, home.clientHost];
  }

  #pause(minMs: number, maxMs: number): Promise<void> {
    return this.#simulation.clock.sleep(this.#random.between(minMs, maxMs));
  }

  #count(what: string, by = 1): void {
    if (by > 0) this.counts[what] = (this.counts[what] ?? 0) + by;
  }
}

/** Faults after which everything that was acknowledged must still arrive. */
const commonKinds = [
  "cutLink",
  "cutClient",
  "partitionLink",
  "partitionClient",
  "silence",
  "corruptFrame",
  "repeatFrame",
  "crashHomeserver",
  "crashEngine",
  "crashBoth",
  "crashHomeserverAtStep",
  "crashEngineAtStep",
  "restart",
  "fillHomeserverDisk",
  "fillEngineDisk",
  "slowDisk",
  "stall",
  "clockJump",
] as const;

export type FaultKind = (typeof commonKinds)[number] | "restoreBackup";

function pairOf(a: string, b: string): string {
  return a < b ? `${a} ${b}` : `${b} ${a}`;
}

function isRunning(host: Host): boolean {
  return "homeserver" in host ? host.homeserver !== undefined : host.engine !== undefined;
}
