/**
 * Bundles over one connection: sealed and sent for the outgoing streams, opened and handed to the incoming ones, with
 * the acknowledgements and states of both. Invariants: nothing is looked at that did not authenticate; a failed
 * authentication advances nothing; nothing is sent before the receiver said what it holds. [B1] to [B8] [B15] [B17]
 */
import type { Bundle, ControlItem, StreamClass } from "@fedchat/protocol";
import { decodeBundle, decodeBundleBody, ProtocolError } from "@fedchat/protocol";
import type { OutboxRow } from "../../store/store.ts";
import { streamIdMax, streamRestartsMax } from "../limits.ts";
import type { Connection } from "./connection.ts";
import { ControlMail } from "./control-mail.ts";
import type { Intake } from "./intake.ts";
import type { FederationOptions } from "./options.ts";
import { streamClasses } from "./outbox.ts";
import type { OutgoingStream, Wire } from "./outgoing-stream.ts";
import type { OpeningSeals, SendingSeals, SealPeer } from "./seals.ts";

export interface ExchangePorts {
  options: Pick<FederationOptions, "clock" | "log" | "ownRecord">;
  connection: Connection;
  sending: SendingSeals;
  opening: OpeningSeals;
  outgoing: Record<StreamClass, OutgoingStream>;
  incoming: Record<StreamClass, Intake>;
  /** A bundle that is not from this peer to us: custody's. */
  foreign: (bundle: Bundle & { aad: Uint8Array }) => void;
}

export class Exchange {
  readonly #ports: ExchangePorts;
  readonly #peer: SealPeer;
  readonly #mail: ControlMail;
  #newestControl = 0;
  #ended = false;
  /** How often the source began a stream anew: once while it was away, then as often as we may make it. [B18] */
  readonly #begun: Record<StreamClass, number> = { messages: 0, bulk: 0 };
  /** Streams of which the source waits for an acknowledgement of what it sent before. */
  readonly #ask = new Set<StreamClass>();
  /** Classes of which the source sent an older stream: custody brought a newer one meanwhile, and it is to learn so. [B17] */
  readonly #outdated = new Set<StreamClass>();

  constructor(ports: ExchangePorts) {
    this.#ports = ports;
    const { connection, sending, options } = ports;
    this.#peer = { server: connection.server.record.key, noiseKey: connection.noiseKey };
    this.#mail = new ControlMail(connection, this.#peer, sending, options.clock);
    for (const streamClass of streamClasses) {
      ports.outgoing[streamClass].connect(this.#wire(streamClass));
      this.#guard(this.#introduce(streamClass));
    }
  }

  end(): void {
    this.#ended = true;
    this.#ports.sending.renew(this.#peer.server);
    for (const streamClass of streamClasses) {
      this.#ports.outgoing[streamClass].disconnect();
      this.#ports.incoming[streamClass].disconnected();
    }
  }

  /** A bundle of this connection's peer. Whatever is wrong with it is counted, and it is let go. */
  receive(encoded: Uint8Array): void {
    try {
      const bundle = decodeBundle(encoded);
      if (this.#isForeign(bundle)) return this.#ports.foreign(bundle);
      if (bundle.header.class === "control") this.#control(bundle);
      else this.#sequenced(bundle, bundle.header.class);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#fault(error.message);
    }
  }

  /** Everything that came together was received. */
  batchEnd(): void {
    for (const streamClass of streamClasses) void this.#ports.incoming[streamClass].run();
    for (const streamClass of this.#ask) this.#ports.incoming[streamClass].acknowledge();
    this.#ask.clear();
    for (const streamClass of this.#outdated) this.#sendState(streamClass);
    this.#outdated.clear();
  }

  acknowledge(streamClass: StreamClass, position: { stream: number; committed: number }): void {
    this.#mail.send({ kind: "ack", class: streamClass, ...position });
  }

  #wire(streamClass: StreamClass): Wire {
    const { connection, sending } = this.#ports;
    const peer = this.#peer;
    return {
      get congested() {
        return connection.congested;
      },
      send(row: OutboxRow): number {
        const { stream, sequence, created, expiresAt } = row;
        const header = { class: streamClass, stream, sequence, created, lifetimeMs: expiresAt - created };
        const bundle = sending.seal(peer, header, row.body);
        connection.sendBundle(bundle);
        connection.expectsReply(bundle.length);
        return bundle.length;
      },
      renewSeal: () => sending.renew(peer.server),
      stateChanged: () => this.#sendState(streamClass),
      violated: () => connection.close("malformed"),
    };
  }

  async #introduce(streamClass: StreamClass): Promise<void> {
    await this.#ports.outgoing[streamClass].kept.ready();
    if (!this.#ended) this.#sendState(streamClass);
  }

  /** Without the store nothing can be said; the next connection tries again. */
  #guard(work: Promise<void>): void {
    work.catch((error: unknown) => {
      this.#ports.options.log.error("a stream's state could not be read", {}, error);
      this.#ports.connection.close("internal");
    });
  }

  #sendState(streamClass: StreamClass): void {
    this.#mail.send({
      kind: "state",
      class: streamClass,
      sending: this.#ports.outgoing[streamClass].kept.state,
      receiving: this.#ports.incoming[streamClass].state,
    });
  }

  /** For us it has come to the end of its path. */
  #isForeign({ header, route }: Bundle): boolean {
    if (header.destination !== this.#ports.options.ownRecord().record.key) return true;
    if (route.path.length > 0) throw new ProtocolError("malformed", "a bundle that is at its destination");
    return header.source !== this.#peer.server;
  }

  #sequenced(bundle: Bundle & { aad: Uint8Array }, streamClass: StreamClass): void {
    const { stream, sequence } = bundle.header;
    const intake = this.#ports.incoming[streamClass];
    const standing = intake.standing(stream, sequence);
    if (standing === "duplicate") this.#ask.add(streamClass);
    if (standing === "older-stream") this.#outdated.add(streamClass);
    if (standing === "older-stream" || standing === "beyond-window") this.#fault(standing);
    if (standing !== "expected") return;
    const body = this.#open(bundle);
    if (body !== undefined && this.#mayBegin(streamClass, stream)) intake.take(stream, sequence, body);
  }

  #control(bundle: Bundle & { aad: Uint8Array }): void {
    const body = this.#open(bundle);
    if (body === undefined) return;
    // Within a connection control bundles never get older: an older one is a replay. [B10]
    if (bundle.header.created < this.#newestControl) return this.#fault("a control bundle of the past");
    this.#newestControl = bundle.header.created;
    const decoded = decodeBundleBody(body);
    if (decoded.kind !== "control") return this.#fault("no control in a bundle of class control");
    for (const item of decoded.items) this.#apply(item);
  }

  #apply(item: ControlItem): void {
    const outgoing = this.#ports.outgoing[item.class];
    if (item.kind === "ack") {
      outgoing.received(item.stream, item.committed);
      return this.#ports.connection.replied(this.#underWayBytes);
    }
    const { sending, receiving } = item;
    const sane =
      Math.max(sending.stream, receiving.stream) <= streamIdMax &&
      sending.floor >= 1 &&
      sending.floor <= sending.next;
    if (!sane) return this.#ports.connection.close("malformed");
    if (!this.#mayBegin(item.class, sending.stream)) return;
    this.#ports.incoming[item.class].sourceHas(sending.stream, sending.floor);
    this.#guard(outgoing.receiverHolds(receiving.stream, receiving.committed));
  }

  /** Each new stream is written, and told to everybody: a source that begins one after the other is cut off. */
  #mayBegin(streamClass: StreamClass, stream: number): boolean {
    if (stream <= this.#ports.incoming[streamClass].state.stream) return true;
    this.#begun[streamClass] += 1;
    if (this.#begun[streamClass] <= streamRestartsMax + 1) return true;
    this.#ports.connection.close("malformed");
    return false;
  }

  /** What the peer is still to acknowledge. [C10] */
  get #underWayBytes(): number {
    return streamClasses.reduce((sum, c) => sum + this.#ports.outgoing[c].underWayBytes, 0);
  }

  #open(bundle: Bundle & { aad: Uint8Array }): Uint8Array | undefined {
    const opened = this.#ports.opening.open(this.#peer, bundle);
    if (opened.ok) return opened.body;
    this.#fault(opened.why);
    return undefined;
  }

  #fault(what: string): void {
    this.#ports.options.log.debug("a bundle was let go", { server: this.#peer.server, what });
    this.#ports.connection.fault();
  }
}
