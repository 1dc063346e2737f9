/**
 * The socket under the mDNS library, for one network: bound, joined and guarded here, so that its failures are ours to
 * tell. Invariant: only packets of machines in that very network reach the library, few enough and small enough, and
 * nothing that the library makes of one can end the process: RFC 6762 §11, §17.
 */
import type { RemoteInfo, Socket } from "node:dgram";
import { createSocket } from "node:dgram";
import { EventEmitter } from "node:events";
import type { Clock } from "@fedchat/protocol";
import { RateLimits } from "../core/rate-limits.ts";
import {
  nearbyPacketBytesMax,
  nearbyPacketRate,
  nearbyPacketRecordsMax,
  nearbySourceRate,
} from "./limits.ts";
import type { LocalNetwork } from "./nearby-networks.ts";

/** RFC 6762 §3 */
export const mdnsGroup = "224.0.0.251";
export const mdnsPort = 5353;

/** Multicast cannot be had. The message is a sentence for people. */
export class MulticastError extends Error {
  override readonly name = "MulticastError";
}

export interface GuardedSocketOptions {
  network: LocalNetwork;
  clock: Pick<Clock, "now">;
  /** Sending failed, in a sentence; undefined: it works (again). */
  onProblem(sentence: string | undefined): void;
}

/** Rejects with `MulticastError`. */
export async function openGuardedSocket(options: GuardedSocketOptions): Promise<GuardedSocket> {
  const { address } = options.network;
  const socket = createSocket({ type: "udp4", reuseAddr: true });
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once("error", reject);
      // Bound to an address of ours alone, the socket would not hear what is sent to the group.
      socket.bind({ port: mdnsPort }, resolve);
    });
    socket.addMembership(mdnsGroup, address);
    socket.setMulticastInterface(address);
    socket.setMulticastTTL(255);
    socket.setMulticastLoopback(true);
  } catch (cause) {
    socket.close();
    throw new MulticastError(sentenceFor(cause), { cause });
  }
  return new GuardedSocket(socket, options);
}

/** As much of a `dgram.Socket` as the library uses of one that it did not open itself. */
export class GuardedSocket extends EventEmitter {
  /** While true, nothing is heard. */
  deaf = false;
  readonly #socket: Socket;
  readonly #options: GuardedSocketOptions;
  readonly #rate: RateLimits<"all">;
  readonly #sourceRate: RateLimits<string>;
  #closed = false;

  constructor(socket: Socket, options: GuardedSocketOptions) {
    super();
    this.#socket = socket;
    this.#options = options;
    this.#rate = new RateLimits(nearbyPacketRate, options.clock);
    this.#sourceRate = new RateLimits(nearbySourceRate, options.clock);
    socket.removeAllListeners("error");
    socket.on("error", (error) => options.onProblem(sentenceFor(error)));
    socket.on("message", (packet, from) => this.#heard(packet, from));
  }

  send(
    packet: Uint8Array,
    at: number,
    length: number,
    port: number,
    to: string,
    done: (error?: Error) => void,
  ): void {
    if (this.#closed) return done();
    this.#socket.send(packet, at, length, port, to, (error) => {
      this.#options.onProblem(error === null ? undefined : sentenceFor(error));
      // The library's next step does not depend on it, and its own reports of errors would end the process.
      done();
    });
  }

  close(done?: () => void): void {
    if (this.#closed) return done?.();
    this.#closed = true;
    this.#socket.close(done);
  }

  #heard(packet: Uint8Array, from: RemoteInfo): void {
    if (this.deaf || this.#closed || !this.#options.network.contains(from.address)) return;
    if (!isModest(packet) || this.#sourceRate.take(from.address) > 0 || this.#rate.take("all") > 0) return;
    try {
      this.emit("message", packet, from);
    } catch {
      // A packet that the library trips over is a packet let go.
    }
  }
}

/** By the counts in its header, RFC 1035 §4.1.1: what a packet says that it holds is what the library would work on. */
export function isModest(packet: Uint8Array): boolean {
  if (packet.length < 12 || packet.length > nearbyPacketBytesMax) return false;
  const header = new DataView(packet.buffer, packet.byteOffset, 12);
  const records = [4, 6, 8, 10].reduce((sum, at) => sum + header.getUint16(at), 0);
  return records <= nearbyPacketRecordsMax;
}

export function sentenceFor(error: unknown): string {
  const { code = "" } = error as NodeJS.ErrnoException;
  switch (code) {
    case "EADDRINUSE":
      return "Another program keeps the port of multicast DNS (UDP 5353) to itself, so servers nearby are not found.";
    case "EACCES":
    case "EPERM":
      return "This machine does not let FedChat use multicast DNS (UDP 5353), perhaps by its firewall, so servers nearby are not found.";
    case "ENETUNREACH":
    case "ENETDOWN":
    case "ENODEV":
    case "EHOSTUNREACH":
    case "EADDRNOTAVAIL":
      return "The local network takes no multicast just now, so servers nearby are not found.";
    default:
      return `Multicast DNS fails (${code || "no cause was told"}), so servers nearby are not found.`;
  }
}
