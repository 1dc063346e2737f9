/**
 * Servers in the local networks of this machine, found by mDNS and offered to the administrator, never linked by
 * themselves. Invariant: whatever happens on a network, the homeserver starts and runs; what does not work is one
 * sentence in `state()` and is tried again at the next round. [Y1] to [Y4]
 */
import type { NetworkInterfaceInfo } from "node:os";
import { networkInterfaces } from "node:os";
import type { Clock, NearbyState, ServerId, Timer } from "@fedchat/protocol";
import type { Log } from "../core/log.ts";
import type { Nearby } from "../core/seams.ts";
import { nearbyEventEveryMs, nearbyRoundMs } from "./limits.ts";
import type { NearbyAnswer } from "./nearby-answer.ts";
import { NearbyList } from "./nearby-list.ts";
import type { LocalNetwork } from "./nearby-networks.ts";
import { localNetworks } from "./nearby-networks.ts";
import { MulticastError } from "./nearby-socket.ts";
import type { Announcement, Voice, VoiceOptions } from "./nearby-voice.ts";
import { openVoice } from "./nearby-voice.ts";

export interface NearbyOptions {
  self: ServerId;
  mode: "announce" | "look";
  /** What this server is called now. */
  name: () => string;
  /** What it listens on; `::` is everything. */
  host: string;
  port: number;
  clock: Clock;
  log: Log;
  /** Of this machine, now. */
  interfaces?: () => NodeJS.Dict<NetworkInterfaceInfo[]>;
  open?: (options: VoiceOptions) => Promise<Voice>;
}

interface Place {
  /** What it was opened with; another one opens it anew. */
  key: string;
  voice: Voice | undefined;
}

export class NearbyServers implements Nearby, AsyncDisposable {
  readonly #options: NearbyOptions;
  readonly #list = new NearbyList();
  readonly #listeners = new Set<() => void>();
  /** By our own address in the network. */
  readonly #places = new Map<string, Place>();
  readonly #problems = new Map<string, string>();
  #round: Timer | undefined;
  #telling: Timer | undefined;
  #toldAt = 0;
  #running: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(options: NearbyOptions) {
    this.#options = options;
  }

  /** Begins, in the background. Networks that come and go are followed from then on. */
  start(): void {
    this.#running = this.#look().catch((error: unknown) => {
      this.#options.log.error("looking for servers nearby failed", {}, error);
    });
    this.#round = this.#options.clock.after(
      nearbyRoundMs,
      () => void this.#running.then(() => this.#again()),
    );
  }

  state(): NearbyState {
    return {
      mode: this.#options.mode,
      problem: [...this.#problems.values()][0] ?? null,
      servers: this.#list.servers(),
    };
  }

  onChange(listener: () => void): void {
    this.#listeners.add(listener);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped = true;
    this.#round?.cancel();
    this.#telling?.cancel();
    await this.#running;
    await Promise.all([...this.#places.keys()].map((address) => this.#leave(address)));
  }

  #again(): void {
    if (!this.#stopped) this.start();
  }

  /** One round: networks that went are left, new ones entered, and everywhere is asked who is there. */
  async #look(): Promise<void> {
    const { interfaces = networkInterfaces, clock } = this.#options;
    const networks = localNetworks(interfaces());
    const present = new Map(networks.map((network) => [network.address, network]));
    if (networks.length === 0) this.#problem("", noNetwork);
    else this.#problem("", undefined);
    for (const [address, { key }] of this.#places) {
      const network = present.get(address);
      if (network === undefined || key !== this.#keyOf(network)) await this.#leave(address);
    }
    for (const [address, network] of present) {
      const place = this.#places.get(address);
      if (place?.voice === undefined) await this.#enter(network);
      else place.voice.ask();
    }
    if (this.#list.expire(clock.now())) this.#changed();
  }

  async #enter(network: LocalNetwork): Promise<void> {
    const { clock, open = openVoice } = this.#options;
    const place: Place = { key: this.#keyOf(network), voice: undefined };
    this.#places.set(network.address, place);
    try {
      place.voice = await open({
        network,
        announce: this.#announcement(network),
        clock,
        onAnswer: (answer) => this.#heard(answer),
        onGone: ({ server, source }) => this.#list.leave(server, source) && this.#changed(),
        onProblem: (sentence) => this.#problem(network.address, sentence),
      });
      this.#problem(network.address, undefined);
    } catch (error) {
      if (!(error instanceof MulticastError)) throw error;
      this.#problem(network.address, error.message);
    }
  }

  async #leave(address: string): Promise<void> {
    const place = this.#places.get(address);
    this.#places.delete(address);
    this.#problem(address, undefined);
    await place?.voice?.[Symbol.asyncDispose]();
  }

  #heard(answer: NearbyAnswer): void {
    if (this.#stopped || answer.server === this.#options.self) return;
    if (this.#list.hear(answer, this.#options.clock.now())) this.#changed();
  }

  /** Undefined where nobody in this network could dial us. */
  #announcement(network: LocalNetwork): Announcement | undefined {
    const { self, mode, name, host, port } = this.#options;
    if (mode === "look") return undefined;
    const hosts = network.own.filter((address) => listensOn(host, address));
    return hosts.length === 0 ? undefined : { server: self, name: name(), port, hosts };
  }

  #keyOf(network: LocalNetwork): string {
    return JSON.stringify([network.own, this.#announcement(network)]);
  }

  #problem(where: string, sentence: string | undefined): void {
    if (this.#problems.get(where) === sentence) return;
    if (sentence === undefined) this.#problems.delete(where);
    else {
      this.#problems.set(where, sentence);
      this.#options.log.info("servers nearby", { problem: sentence });
    }
    this.#changed();
  }

  /** Listeners are told of the first change at once, of further ones together. */
  #changed(): void {
    const { clock } = this.#options;
    if (this.#telling !== undefined || this.#stopped) return;
    const waitMs = Math.max(0, this.#toldAt + nearbyEventEveryMs - clock.now());
    this.#telling = clock.after(waitMs, () => {
      this.#telling = undefined;
      this.#toldAt = clock.now();
      for (const listener of this.#listeners) listener();
    });
  }
}

const noNetwork = "This machine is in no local network, so there are no servers nearby.";

function listensOn(host: string, address: string): boolean {
  if (host === "::" || host === "") return true;
  return host === "0.0.0.0" ? !address.includes(":") : host === address;
}
