/**
 * A network of named hosts on a virtual clock: carriers that keep the order of their frames and are delayed, cut,
 * tampered with and refused as a seed says; who can dial whom is the network's to say, so that a host may stand behind
 * a NAT. Each frame arrives whole or not at all; after a cut nothing more arrives, and either end learns of it in its
 * own time, as with TCP. Order is kept within a carrier and nowhere else. Every fault is counted.
 */
import type { ByteChannel } from "@fedchat/protocol";
import { ProtocolError } from "@fedchat/protocol";
import type { Dialer } from "../../src/core/federation/index.ts";
import type { SeededRandom } from "./seeded-random.ts";
import type { VirtualClock } from "./virtual-clock.ts";

export interface VirtualNetworkOptions {
  clock: VirtualClock;
  random: SeededRandom;
  /** One way. */
  delayMs?: { min: number; max: number };
  /** What a sender may push onto the wire; undefined: without bound. */
  bytesPerMs?: number;
  /** Whether a dial of the one finds the other; what it does not find never answers. Absent: everybody finds everybody. */
  reachable?: (from: string, to: string) => boolean;
}

export interface FaultCounts {
  cuts: number;
  refusals: number;
  /** Dials that no host answered. */
  unanswered: number;
  lostFrames: number;
  /** Frames that came after one that the same sender had sent later, over another carrier. */
  overtaken: number;
  tampered: number;
}

export type AcceptCarrier = (channel: ByteChannel, from: string) => void;

/**
 * Looks at a frame on its way; returns it, changed or not, or undefined to lose it and all after it.
 * @param carrier the same number for all frames of one carrier, in both directions
 */
export type Tamper = (frame: Uint8Array, from: string, to: string, carrier: number) => Uint8Array | undefined;

/** How long Linux sends SYNs into the void before `connect` fails. */
const unansweredMs = 127_000;

export class VirtualNetwork {
  readonly faults: FaultCounts = {
    ...{ cuts: 0, refusals: 0, unanswered: 0 },
    ...{ lostFrames: 0, overtaken: 0, tampered: 0 },
  };
  tamper: Tamper | undefined;
  /** Addresses of names; others stand for a public one. */
  readonly resolves = new Map<string, string>();
  /** The most that was ever under way in one direction of a carrier. */
  bufferedBytesPeak = 0;
  readonly #options: VirtualNetworkOptions;
  readonly #listeners = new Map<string, AcceptCarrier>();
  /** Hosts that are not reached by their own names any more, and where they are instead. */
  readonly #moved = new Map<string, string>();
  /** Places at which somebody was. */
  readonly #left = new Set<string>();
  /** By pair: how many partitions stand between the two. */
  readonly #partitions = new Map<string, number>();
  readonly #carriers = new Set<Carrier>();
  readonly #down = new Set<string>();
  /** By direction: the send order of the latest frame that arrived. */
  readonly #latest = new Map<string, number>();
  #carriersMade = 0;
  #framesSent = 0;

  constructor(options: VirtualNetworkOptions) {
    this.#options = options;
  }

  /** Whoever dials `host` from now on reaches `accept`. */
  listen(host: string, accept: AcceptCarrier): void {
    this.#listeners.set(host, accept);
    this.#down.delete(host);
  }

  /** The host is reached at `place` from now on; at its own name, and where it was before, nobody answers. */
  move(host: string, place: string): void {
    this.#left.add(this.#moved.get(host) ?? host);
    this.#moved.set(host, place);
  }

  /** Opens carriers from `host`. */
  dialer(host: string): Dialer {
    return {
      dial: (address, _path, resolved) => {
        resolved?.([this.resolves.get(address.host) ?? "203.0.113.1"]);
        return this.#dial(host, address.host);
      },
    };
  }

  /** Both ends of a carrier, for tests that play one end by hand. */
  pair(from: string, to: string): [ByteChannel, ByteChannel] {
    this.#carriersMade += 1;
    const carrier = new Carrier({ from, to, number: this.#carriersMade }, this.#options, this);
    this.#carriers.add(carrier);
    return carrier.ends;
  }

  /** Who opened the carriers between the two that are open now. */
  carriers(a: string, b: string): string[] {
    return this.#between(a, b).map(({ from }) => from);
  }

  /** Breaks all carriers between the two; both may connect again. */
  cut(a: string, b: string): void {
    for (const carrier of this.#between(a, b)) this.#break(carrier, "the carrier was cut");
  }

  /**
   * One end of the carriers between the two is gone, as when a machine changes its network: it hears so at once and
   * dials anew, while the other end believes on for up to `beliefMs`, and gets what is still under way.
   */
  abandon(a: string, b: string, beliefMs: number): void {
    const { clock, random } = this.#options;
    for (const carrier of this.#between(a, b)) {
      this.faults.cuts += 1;
      const [gone, left] = random.chance(0.5) ? carrier.ends : carrier.ends.toReversed();
      gone!.mute();
      gone!.end("the network changed");
      clock.after(random.between(0, beliefMs), () => left!.end("the other side is gone"));
      this.#carriers.delete(carrier);
    }
  }

  /** What is sent from now on over the carriers that are open between the two takes so much longer; others are as usual. */
  lag(a: string, b: string, lagMs: number): void {
    for (const carrier of this.#between(a, b)) carrier.lagMs = lagMs;
  }

  /** Breaks all carriers between the two, or between two sets, and refuses new ones until as many `heal` came. */
  partition(a: string | readonly string[], b: string | readonly string[]): void {
    for (const [one, other] of crossing(a, b)) {
      const pair = pairKey(one, other);
      this.#partitions.set(pair, (this.#partitions.get(pair) ?? 0) + 1);
      this.cut(one, other);
    }
  }

  heal(a: string | readonly string[], b: string | readonly string[]): void {
    for (const [one, other] of crossing(a, b)) {
      const pair = pairKey(one, other);
      const left = (this.#partitions.get(pair) ?? 0) - 1;
      if (left > 0) this.#partitions.set(pair, left);
      else this.#partitions.delete(pair);
    }
  }

  /** The host's process is gone: its listener, its carriers, and every frame of theirs. Its own side hears nothing. */
  crash(host: string): void {
    this.#listeners.delete(host);
    this.#down.add(host);
    for (const carrier of this.#carriers) {
      if (carrier.from === host || carrier.to === host) {
        carrier.silence(host);
        this.#break(carrier, "the other side is gone");
      }
    }
  }

  closed(carrier: Carrier): void {
    this.#carriers.delete(carrier);
  }

  /** The order of this frame among all that were sent. */
  sent(buffered: number): number {
    this.bufferedBytesPeak = Math.max(this.bufferedBytesPeak, buffered);
    this.#framesSent += 1;
    return this.#framesSent;
  }

  arrived(way: string, order: number): void {
    const latest = this.#latest.get(way) ?? 0;
    if (order < latest) this.faults.overtaken += 1;
    else this.#latest.set(way, order);
  }

  /** Undefined where nobody is any more. */
  #hostAt(place: string): string | undefined {
    for (const [host, now] of this.#moved) if (now === place) return host;
    return this.#left.has(place) ? undefined : place;
  }

  async #dial(from: string, place: string): Promise<ByteChannel> {
    const { clock, random, reachable } = this.#options;
    const { min, max } = delaysOf(this.#options);
    const to = this.#hostAt(place);
    if (to === undefined || reachable?.(from, to) === false) {
      this.faults.unanswered += 1;
      await clock.sleep(unansweredMs);
      throw new ProtocolError("unreachable");
    }
    await clock.sleep(random.between(min, max) * 2);
    const accept = this.#listeners.get(to);
    if (accept === undefined || this.#down.has(from) || this.#partitions.has(pairKey(from, to))) {
      this.faults.refusals += 1;
      throw new ProtocolError("unreachable");
    }
    const [near, far] = this.pair(from, to);
    accept(far, from);
    return near;
  }

  #between(a: string, b: string): Carrier[] {
    return [...this.#carriers].filter(({ from, to }) => pairKey(from, to) === pairKey(a, b));
  }

  #break(carrier: Carrier, why: string): void {
    this.faults.cuts += 1;
    carrier.break(why);
  }
}

/** One connection: two ends, and in each direction a queue of frames in flight. */
class Carrier {
  readonly from: string;
  readonly to: string;
  readonly number: number;
  readonly ends: [End, End];
  lagMs = 0;
  readonly #options: VirtualNetworkOptions;
  readonly #network: VirtualNetwork;
  readonly #openAt: Map<End, number> = new Map();

  constructor(
    { from, to, number }: { from: string; to: string; number: number },
    options: VirtualNetworkOptions,
    network: VirtualNetwork,
  ) {
    this.from = from;
    this.to = to;
    this.number = number;
    this.#options = options;
    this.#network = network;
    this.ends = [new End(this), new End(this)];
  }

  transmit(end: End, frame: Uint8Array): void {
    const { clock, bytesPerMs } = this.#options;
    const other = this.#other(end);
    const [from, to] = end === this.ends[0] ? [this.from, this.to] : [this.to, this.from];
    // The wire's own copy: what a sender does to its array afterwards does not matter to the network.
    const { tamper } = this.#network;
    const copy = frame.slice();
    const sent = tamper === undefined ? copy : tamper(copy, from, to, this.number);
    if (sent === undefined) {
      this.#network.faults.tampered += 1;
      end.mute();
      return;
    }
    if (tamper !== undefined && !same(sent, frame)) this.#network.faults.tampered += 1;
    const transferMs = bytesPerMs === undefined ? 0 : Math.ceil(frame.length / bytesPerMs);
    end.buffered += frame.length;
    const order = this.#network.sent(end.buffered);
    const arrival = this.#arrival(end, transferMs);
    clock.after(arrival - clock.now(), () => {
      end.buffered -= frame.length;
      if (other.deliver(sent)) this.#network.arrived(`${from} ${to}`, order);
      else this.#network.faults.lostFrames += 1;
    });
  }

  /** An orderly close: what was sent before still arrives. */
  close(end: End, reason: string): void {
    const { clock } = this.#options;
    const other = this.#other(end);
    clock.after(this.#arrival(end, 0) - clock.now(), () => other.end(reason));
    this.#network.closed(this);
  }

  break(why: string): void {
    const { clock, random } = this.#options;
    for (const end of this.ends) {
      end.mute();
      clock.after(random.between(0, 50), () => end.end(why));
    }
    this.#network.closed(this);
  }

  /** The end on this host is gone with its process. */
  silence(host: string): void {
    const end = this.from === host ? this.ends[0] : this.ends[1];
    end.onMessage = undefined;
    end.onClose = undefined;
  }

  /** Frames of one direction keep their order. */
  #arrival(end: End, transferMs: number): number {
    const { clock, random } = this.#options;
    const { min, max } = delaysOf(this.#options);
    const earliest = clock.now() + random.between(min, max) + this.lagMs;
    const at = Math.max(earliest, this.#openAt.get(end) ?? 0) + transferMs;
    this.#openAt.set(end, at);
    return at;
  }

  #other(end: End): End {
    return end === this.ends[0] ? this.ends[1] : this.ends[0];
  }
}

class End implements ByteChannel {
  onMessage: ((frame: Uint8Array) => void) | undefined;
  onClose: ((reason: string) => void) | undefined;
  buffered = 0;
  readonly #carrier: Carrier;
  #closed = false;
  #muted = false;

  constructor(carrier: Carrier) {
    this.#carrier = carrier;
  }

  send(frame: Uint8Array): void {
    if (!this.#closed && !this.#muted) this.#carrier.transmit(this, frame);
  }

  bufferedBytes(): number {
    return this.buffered;
  }

  close(reason = ""): void {
    if (this.#closed) return;
    this.#closed = true;
    if (!this.#muted) this.#carrier.close(this, reason);
    this.onClose?.(reason);
  }

  /** Nothing more passes in either direction. */
  mute(): void {
    this.#muted = true;
  }

  deliver(frame: Uint8Array): boolean {
    if (this.#closed || this.#muted) return false;
    this.onMessage?.(frame);
    return true;
  }

  end(reason: string): void {
    if (this.#closed) return;
    this.#closed = true;
    this.onClose?.(reason);
  }
}

function delaysOf(options: VirtualNetworkOptions): { min: number; max: number } {
  return options.delayMs ?? { min: 1, max: 20 };
}

function crossing(a: string | readonly string[], b: string | readonly string[]): [string, string][] {
  const others = [b].flat();
  return [a].flat().flatMap((one) => others.map((other): [string, string] => [one, other]));
}

function pairKey(a: string, b: string): string {
  return a < b ? `${a} ${b}` : `${b} ${a}`;
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}
