/**
 * Homeservers and engines in one process, on a virtual clock and a virtual network, all chance drawn from one seed:
 * the real cores, the stub group, nothing else real. Invariant: the same seed and the same calls give the same trace,
 * byte for byte.
 */
import { SeededRandom } from "../../packages/homeserver/test/virtual/seeded-random.ts";
import { VirtualClock } from "../../packages/homeserver/test/virtual/virtual-clock.ts";
import { VirtualNetwork } from "../../packages/homeserver/test/virtual/virtual-network.ts";
import { rememberedPrimitives } from "./remembered-primitives.ts";
import { SimulatedDevice } from "./simulated-device.ts";
import { SimulatedHomeserver } from "./simulated-homeserver.ts";
import type { SimulatedProcess } from "./simulated-process.ts";
import type { Mutation, Surroundings } from "./surroundings.ts";
import { Trace } from "./trace.ts";
import { Veil } from "./veiled-group.ts";
import { Violations, WatchedLedger } from "./violations.ts";

export interface SimulationOptions {
  seed: number | string;
  /** One way, over every wire. */
  delayMs?: { min: number; max: number };
  mutation?: Mutation;
  /** For finding where two runs part. */
  keepTrace?: boolean;
}

const names = ["alice", "bob"];

/** Two homeservers that are linked, each with one person who has an account, and no faults yet. */
export async function simulate(options: SimulationOptions): Promise<Simulation> {
  const simulation = new Simulation(options);
  await simulation.open();
  return simulation;
}

export class Simulation implements Surroundings, AsyncDisposable {
  readonly clock = new VirtualClock();
  readonly primitives = rememberedPrimitives();
  readonly random: SeededRandom;
  readonly network: VirtualNetwork;
  readonly trace: Trace;
  readonly violations: Violations;
  readonly ledger: WatchedLedger;
  readonly veil: Veil;
  readonly mutation: Mutation;
  readonly homeservers: SimulatedHomeserver[];
  readonly devices: SimulatedDevice[];

  constructor({ seed, delayMs, mutation, keepTrace }: SimulationOptions) {
    this.random = new SeededRandom(`simulation ${seed}`);
    this.network = new VirtualNetwork({
      clock: this.clock,
      random: this.random.fork("network"),
      delayMs: delayMs ?? { min: 1, max: 40 },
    });
    this.trace = new Trace(this.clock, keepTrace ?? false);
    this.network.tamper = (frame, from, to) => {
      this.trace.add(`${from} → ${to}`, frame);
      return frame;
    };
    this.violations = new Violations();
    this.ledger = new WatchedLedger(this.violations);
    this.veil = new Veil(this.random.fork("veil").bytes(16));
    this.mutation = mutation ?? {};
    this.homeservers = names.map((name) => new SimulatedHomeserver(this, name));
    this.devices = this.homeservers.map((home) => new SimulatedDevice(this, home));
  }

  device(name: string): SimulatedDevice {
    return this.devices.find((device) => device.name === name)!;
  }

  homeserver(name: string): SimulatedHomeserver {
    return this.homeservers.find((homeserver) => homeserver.name === name)!;
  }

  processAt(host: string): SimulatedProcess | undefined {
    const homeserver = this.homeservers.find(({ name, clientHost }) => name === host || clientHost === host);
    return (homeserver ?? this.devices.find((device) => device.host === host))?.process;
  }

  /** Runs the clock until this is done. */
  during<T>(work: Promise<T>, withinMs = 3_600_000): Promise<T> {
    return this.clock.settle(work, withinMs);
  }

  async open(): Promise<void> {
    for (const homeserver of this.homeservers) await this.during(homeserver.start());
    for (const device of this.devices) {
      device.start();
      await this.during(device.call("account.create", { displayName: device.name }));
    }
    await this.during(this.#link());
  }

  async #link(): Promise<void> {
    const [alice, bob] = [this.devices[0]!, this.devices[1]!];
    const { host, port } = bob.home.address;
    await alice.call("servers.link", { host, port, serverId: bob.home.id });
    while ((await bob.call("servers.list", {})).length === 0) await this.clock.sleep(50);
    await bob.call("servers.linkBack", { serverId: alice.home.id });
    for (const [one, other] of [
      [alice, bob],
      [bob, alice],
    ] as const) {
      const account = await other.account();
      while (!(await one.call("people.list", {})).some((person) => person.account === account)) {
        await this.clock.sleep(50);
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const device of this.devices) {
      device.crash();
      device.database.close();
    }
    for (const homeserver of this.homeservers) homeserver.crash();
    this.violations[Symbol.dispose]();
  }
}
