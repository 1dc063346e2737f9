/**
 * A network of named hosts on a virtual clock: carriers that keep the order of their frames and are delayed, cut,
 * tampered with and refused as a seed says. Each frame arrives whole or not at all; after a cut nothing more arrives,
 * and either end learns of it in its own time, as with TCP. Every fault is counted.
 */
import type { ByteChannel, ServerAddress } from "@fedchat/protocol";
import { ProtocolError } from "@fedchat/protocol";
import type { SeededRandom } from "./seeded-random.ts";
import type { VirtualClock } from "./virtual-clock.ts";

export interface VirtualNetworkOptions {
  clock: VirtualClock;
  random: SeededRandom;
  /** One way. */
  delayMs?: { min: number; max: number };
  /** What a sender may push onto the wire; undefined: without bound. */
  bytesPerMs?: number;
}

export interface FaultCounts {
  cuts: number;
  refusals: number;
  lostFrames: number;
  tampered: number;
}

export type AcceptCarrier = (channel: ByteChannel, from: string) => void;

/** Looks at a frame on its way; returns it, changed or not, or undefined to lose it and all after it. */
export type Tamper = (frame: Uint8Array, from: string, to: string) => Uint8Array | undefined;

export class VirtualNetwork {
  readonly faults: FaultCounts = { cuts: 0, refusals: 0, lostFrames: 0, tampered: 0 };
  tamper: Tamper | undefined;
  readonly #options: VirtualNetworkOptions;
  readonly #listeners = new Map<string, AcceptCarrier>();
  readonly #partitions = new Set<string>();
  readonly #carriers = new Set<Carrier>();
  readonly #down = new Set<string>();

  constructor(options: VirtualNetworkOptions) {
    this.#options = options;
  }

  /** Whoever dials `host` from now on reaches `accept`. */
  listen(host: string, accept: AcceptCarrier): void {
    this.#listeners.set(host, accept);
    this.#down.delete(host);
  }

  /** Opens carriers from `host`. */
  dialer(host: string): { dial(address: ServerAddress, path: string): Promise<ByteChannel> } {
    return { dial: (address) => this.#dial(host, address.host) };
  }

  /** Both ends of a carrier, for tests that play one end by hand. */
  pair(from: string, to: string): [ByteChannel, ByteChannel] {
    const carrier = new Carrier(from, to, this.#options, this);
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

  /** Breaks all carriers between the two and refuses new ones until `heal`. */
  partition(a: string, b: string): void {
    this.#partitions.add(pairKey(a, b));
    this.cut(a, b);
  }

  heal(a: string, b: string): void {
    this.#partitions.delete(pairKey(a, b));
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

  async #dial(from: string, to: string): Promise<ByteChannel> {
    const { clock, random } = this.#options;
    const { min, max } = delaysOf(this.#options);
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
  readonly ends: [End, End];
  readonly #options: VirtualNetworkOptions;
  readonly #network: VirtualNetwork;
  readonly #openAt: Map<End, number> = new Map();

  constructor(from: string, to: string, options: VirtualNetworkOptions, network: VirtualNetwork) {
    this.from = from;
    this.to = to;
    this.#options = options;
    this.#network = network;
    this.ends = [new End(this), new End(this)];
  }

  transmit(end: End, frame: Uint8Array): void {
    const { clock, bytesPerMs } = this.#options;
    const other = this.#other(end);
    const [from, to] = end === this.ends[0] ? [this.from, this.to] : [this.to, this.from];
    // The wire's own copy: what a sender does to its array afterwards does not matter to the network.
    const sent =
      this.#network.tamper?.(frame.slice(), from, to) ?? (this.#network.tamper ? undefined : frame.slice());
    if (sent === undefined) {
      this.#network.faults.tampered += 1;
      end.mute();
      return;
    }
    if (this.#network.tamper !== undefined && !same(sent, frame)) this.#network.faults.tampered += 1;
    const transferMs = bytesPerMs === undefined ? 0 : frame.length / bytesPerMs;
    end.buffered += frame.length;
    const arrival = this.#arrival(end, transferMs);
    clock.after(arrival - clock.now(), () => {
      end.buffered -= frame.length;
      if (!other.deliver(sent)) this.#network.faults.lostFrames += 1;
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
    const earliest = clock.now() + random.between(min, max);
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

function pairKey(a: string, b: string): string {
  return a < b ? `${a} ${b}` : `${b} ${a}`;
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}
