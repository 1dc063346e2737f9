/**
 * Homeservers and engines in one process, on a virtual clock and a virtual network, all chance drawn from one seed:
 * the real cores, MLS groups where a run asks for them, nothing else real. Invariant: the same seed and the same calls give the same trace,
 * byte for byte.
 */
import { vouchesFor } from "../../packages/engine/src/core/credentials.ts";
import type { HomeserverConfig } from "../../packages/homeserver/src/core/homeserver.ts";
import { nodePrimitives } from "@fedchat/protocol/primitives/node";
import type { Primitives } from "@fedchat/protocol";
import { SeededRandom } from "../../packages/homeserver/test/virtual/seeded-random.ts";
import { VirtualClock } from "../../packages/homeserver/test/virtual/virtual-clock.ts";
import { VirtualNetwork } from "../../packages/homeserver/test/virtual/virtual-network.ts";
import { Acquaintance } from "./acquaintance.ts";
import type { GroupKind } from "./group-kinds.ts";
import { realGroups, stubGroups } from "./group-kinds.ts";
import { Happenings } from "./happenings.ts";
import { LightPerson } from "./light-person.ts";
import { linkAll } from "./linking.ts";
import { RoomLogsWatch } from "./room-logs-watch.ts";
import { RoomWatch } from "./room-watch.ts";
import { SimulatedDevice } from "./simulated-device.ts";
import { SimulatedHomeserver } from "./simulated-homeserver.ts";
import { simulatedPrimitives } from "./simulated-primitives.ts";
import type { SimulatedProcess } from "./simulated-process.ts";
import type { Mutation, Surroundings } from "./surroundings.ts";
import type { Pair, Topology } from "./topology.ts";
import { linksOf, namesOf } from "./topology.ts";
import { Trace } from "./trace.ts";
import { Violations } from "./violations.ts";

export interface SimulationOptions {
  seed: number | string;
  /** How many, or their names: host names and people's names alike. Absent: two. */
  homeservers?: number | readonly string[];
  /** Whose person has an engine; others have a light account. Absent: everybody. */
  people?: readonly string[];
  /** More people with engines, by the homeserver where they live. */
  lodgers?: Readonly<Record<string, readonly string[]>>;
  /** Who has linked whom when the story begins. Absent: everybody everybody. */
  topology?: Topology;
  /** Whether the one homeserver finds the other when it dials. Absent: always. */
  reachable?: (from: string, to: string) => boolean;
  /** One way, over every wire. */
  delayMs?: { min: number; max: number };
  /** What a sender may push onto a wire; absent: without bound. */
  bytesPerMs?: number;
  /** Each machine's clock is off by up to so much, either way. */
  skewMs?: number;
  /** Where this homeserver's configuration differs from all others'. */
  configure?: (homeserver: string) => Partial<HomeserverConfig>;
  /** The engines' MLS groups; absent: a stub without cryptography. */
  groups?: "real" | "real-without-native" | "stub";
  mutation?: Mutation;
  /** For finding where two runs part. */
  keepTrace?: boolean;
  /** False: nothing is traced or searched, for networks of hundreds. */
  watched?: boolean;
}

/** Homeservers that are linked, each with a person or several who have accounts, and no faults yet. */
export async function simulate(options: SimulationOptions): Promise<Simulation> {
  const simulation = new Simulation(options);
  await simulation.openAll();
  await simulation.linkAll();
  return simulation;
}

export class Simulation implements Surroundings, AsyncDisposable {
  readonly clock = new VirtualClock();
  readonly primitives: Primitives;
  readonly random: SeededRandom;
  readonly network: VirtualNetwork;
  readonly trace: Trace;
  readonly violations: Violations;
  readonly groups: GroupKind;
  readonly acquaintance = new Acquaintance();
  readonly happenings = new Happenings();
  readonly rooms = new RoomWatch();
  readonly roomLogs = new RoomLogsWatch();
  readonly mutation: Mutation;
  readonly watched: boolean;
  readonly homeservers: SimulatedHomeserver[];
  readonly devices: SimulatedDevice[];
  readonly lightPeople: LightPerson[];
  /** Mutual ones, as the story begins. */
  readonly links: readonly Pair[];
  readonly #options: SimulationOptions;
  readonly #homeservers = new Map<string, SimulatedHomeserver>();
  readonly #people = new Map<string, SimulatedDevice | LightPerson>();

  constructor(options: SimulationOptions) {
    const { seed, delayMs, bytesPerMs, mutation, keepTrace, reachable } = options;
    const { homeservers: asked = 2, topology = "mesh", watched = true } = options;
    const names = typeof asked === "number" ? namesOf(asked) : asked;
    this.#options = options;
    this.random = new SeededRandom(`simulation ${seed}`);
    this.network = new VirtualNetwork({
      clock: this.clock,
      random: this.random.fork("network"),
      delayMs: delayMs ?? { min: 1, max: 40 },
      ...(bytesPerMs === undefined ? {} : { bytesPerMs }),
      reachable: (from, to) =>
        reachable === undefined ||
        !this.#homeservers.has(from) ||
        !this.#homeservers.has(to) ||
        reachable(from, to),
    });
    this.trace = new Trace(this.clock, keepTrace === true ? "lines" : watched ? "digest" : "nothing");
    this.watched = watched;
    if (watched)
      this.network.tamper = (frame, from, to) => {
        this.trace.add(`${from} → ${to}`, frame);
        return frame;
      };
    this.violations = new Violations();
    this.mutation = mutation ?? {};
    // Real groups check the signatures of their leaves themselves.
    const { ed25519 } = nodePrimitives;
    const groups = options.groups ?? "stub";
    this.primitives = { ...simulatedPrimitives(), ...(groups === "stub" ? {} : { ed25519 }) };
    const { primitives, violations } = this;
    const vouches = vouchesFor(primitives);
    this.groups =
      groups === "stub"
        ? stubGroups({
            ...{ violations, primitives, vouches, mutation: this.mutation },
            random: this.random.fork("veil"),
          })
        : realGroups(violations, vouches, { native: groups === "real", protocolPrimitives: primitives });
    this.homeservers = names.map((name) => new SimulatedHomeserver(this, name));
    for (const homeserver of this.homeservers) this.#homeservers.set(homeserver.name, homeserver);
    const withEngine = new Set(options.people ?? names);
    const homes = (engine: boolean) => this.homeservers.filter(({ name }) => withEngine.has(name) === engine);
    const lodging = ([home, lodgers]: [string, readonly string[]]) =>
      lodgers.map((name) => new SimulatedDevice(this, this.homeserver(home), name));
    this.devices = [
      ...homes(true).map((home) => new SimulatedDevice(this, home)),
      ...Object.entries(options.lodgers ?? {}).flatMap(lodging),
    ];
    this.lightPeople = homes(false).map((home) => new LightPerson(this, home));
    for (const person of [...this.devices, ...this.lightPeople]) this.#people.set(person.name, person);
    this.links = linksOf(topology, names);
    this.#setClocks(options.skewMs ?? 0);
  }

  device(name: string): SimulatedDevice {
    return this.devices.find((device) => device.name === name)!;
  }

  homeserver(name: string): SimulatedHomeserver {
    return this.#homeservers.get(name)!;
  }

  /** Whoever lives at a homeserver first is called as it is. */
  person(name: string): SimulatedDevice | LightPerson {
    return this.#people.get(name)!;
  }

  configure(homeserver: string): Partial<HomeserverConfig> {
    return this.#options.configure?.(homeserver) ?? {};
  }

  /** Whether a dial from the one homeserver can find the other. */
  reaches(from: string, to: string): boolean {
    return this.#options.reachable?.(from, to) ?? true;
  }

  processAt(host: string): SimulatedProcess | undefined {
    const [name, part] = host.split("/");
    return part === "device" ? this.#people.get(name!)?.process : this.#homeservers.get(name!)?.process;
  }

  /** Runs the clock until this is done. */
  during<T>(work: Promise<T>, withinMs = 3_600_000): Promise<T> {
    return this.clock.settle(work, withinMs);
  }

  /** Starts everything, and opens everybody's account. */
  async openAll(): Promise<void> {
    await this.during(Promise.all(this.homeservers.map((homeserver) => homeserver.start())));
    const people = [...this.#people.values()];
    for (const person of people) person.start();
    // Whoever comes first is the administrator.
    const isFirst = ({ name, home }: { name: string; home: SimulatedHomeserver }) => name === home.name;
    for (const some of [people.filter(isFirst), people.filter((one) => !isFirst(one))])
      await this.during(Promise.all(some.map((person) => person.createAccount())));
    for (const { name, account, home } of people) this.acquaintance.livesAt(home.name, account, name);
  }

  /** Links the homeservers as the topology says. */
  async linkAll(): Promise<void> {
    await this.during(linkAll(this));
  }

  #setClocks(skewMs: number): void {
    const random = this.random.fork("clocks");
    for (const host of [...this.homeservers, ...this.devices])
      host.skewMs = skewMs === 0 ? 0 : random.between(-skewMs, skewMs);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const device of this.devices) {
      device.crash();
      device.database.close();
    }
    for (const person of this.lightPeople) person.crash();
    for (const homeserver of this.homeservers) homeserver.crash();
    this.violations[Symbol.dispose]();
  }
}
