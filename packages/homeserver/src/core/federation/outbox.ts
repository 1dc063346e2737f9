/**
 * What waits for other homeservers: one stream per destination and class. Everything that streams change goes through
 * the group commit's transactions, so that envelopes of one turn leave as one bundle and one write. [B9] [B14]
 */
import type { Clock, Envelope, Refusal, ServerId, StreamClass, Timer } from "@fedchat/protocol";
import type { WriteOp } from "../../store/store.ts";
import type { FederationOptions } from "./options.ts";
import type { SentEnvelope, StreamPlan } from "./kept-stream.ts";
import { KeptStream } from "./kept-stream.ts";
import { OutgoingStream } from "./outgoing-stream.ts";
import { outboxExpiryEveryMs } from "../limits.ts";

export const streamClasses: StreamClass[] = ["messages", "bulk"];

export interface OutboxListener {
  forwarded(server: ServerId, envelopes: SentEnvelope[]): void;
  expired(server: ServerId, envelopes: SentEnvelope[]): void;
  restarted(server: ServerId): void;
  depthChanged(server: ServerId): void;
}

export class Outbox {
  readonly #options: Pick<FederationOptions, "commit" | "store" | "log" | "random">;
  readonly #clock: Clock;
  readonly #listener: OutboxListener;
  readonly #streams = new Map<ServerId, Record<StreamClass, OutgoingStream>>();
  /** Streams with something for the next transaction. */
  readonly #due = new Set<KeptStream>();
  /** Servers whose streams are to go from the disk, before anything new is written for them. */
  readonly #forgotten = new Set<ServerId>();
  #expiry: Timer | undefined;
  #closed = false;

  constructor(options: FederationOptions, listener: OutboxListener) {
    this.#options = options;
    this.#clock = options.clock;
    this.#listener = listener;
    for (const { destination } of options.state.outgoing) {
      if (!this.#streams.has(destination)) this.#open(destination, options.state.outgoing);
    }
    options.commit.beforeClose(() => this.#contribute());
  }

  /** Looks what is kept, and from now on for what expires. */
  start(): void {
    this.#expireLater();
    for (const { kept } of this.#all()) kept.ready().catch((error: unknown) => this.#readFailed(error));
  }

  /** Kept in order; resolves once it is on disk. */
  submit(destination: ServerId, envelope: Envelope): Promise<void> {
    return this.stream(destination, "messages").kept.submit(envelope);
  }

  refuse(destination: ServerId, streamClass: StreamClass, refusals: Refusal[]): void {
    this.stream(destination, streamClass).kept.refuse(refusals);
  }

  /** Takes back what was to be refused in a transaction that failed. */
  withdraw(destination: ServerId, streamClass: StreamClass, refusals: Refusal[]): void {
    this.stream(destination, streamClass).kept.withdraw(refusals);
  }

  /** An entry of a room's log goes with the next transaction. [O4] */
  tell(destination: ServerId, entry: Uint8Array): void {
    this.stream(destination, "messages").kept.tell(entry);
  }

  /** Takes back what was told in a transaction that failed. */
  untell(destination: ServerId, entry: Uint8Array): void {
    this.stream(destination, "messages").kept.untell(entry);
  }

  stream(destination: ServerId, streamClass: StreamClass): OutgoingStream {
    return (this.#streams.get(destination) ?? this.#open(destination, []))[streamClass];
  }

  depth(destination: ServerId): number {
    const both = this.#streams.get(destination);
    return both === undefined ? 0 : both.messages.kept.depth + both.bulk.kept.depth;
  }

  /** Whether nothing that anybody here sent waits for this server. */
  forgettable(destination: ServerId): boolean {
    const both = this.#streams.get(destination);
    return both === undefined || streamClasses.every((c) => both[c].kept.forgettable);
  }

  /** Whether something waits for this server that somebody here sent. */
  awaited(destination: ServerId): boolean {
    const both = this.#streams.get(destination);
    return both !== undefined && streamClasses.some((c) => both[c].kept.awaited);
  }

  /**
   * Drops the streams to a server with the refusals that are owed to it; on disk those from it go too.
   * @param written whether the disk has any of the streams from it
   */
  forget(destination: ServerId, written: boolean): void {
    const both = this.#streams.get(destination);
    const used = both !== undefined && streamClasses.some((c) => both[c].kept.used);
    if (both !== undefined) for (const c of streamClasses) closeStream(both[c]);
    this.#streams.delete(destination);
    if (!used && !written) return;
    // Now, and not with what else is due: it must not take what begins anew with that server meanwhile.
    this.#options.commit.add([{ op: "stream.forget", server: destination }]).catch((error: unknown) => {
      this.#options.log.warn("a server was not forgotten", { error: String(error) });
      this.#forgotten.add(destination);
    });
  }

  close(): void {
    this.#closed = true;
    this.#expiry?.cancel();
    for (const stream of this.#all()) closeStream(stream);
  }

  #open(
    destination: ServerId,
    stored: FederationOptions["state"]["outgoing"],
  ): Record<StreamClass, OutgoingStream> {
    const make = (streamClass: StreamClass): OutgoingStream => {
      const row = stored.find((one) => one.destination === destination && one.class === streamClass);
      const kept: KeptStream = new KeptStream(
        {
          destination,
          class: streamClass,
          clock: this.#clock,
          random: this.#options.random,
          store: this.#options.store,
          request: () => this.#request(kept),
          forwarded: (envelopes) => this.#listener.forwarded(destination, envelopes),
          expired: (envelopes) => this.#listener.expired(destination, envelopes),
          restarted: () => this.#listener.restarted(destination),
          depthChanged: () => this.#listener.depthChanged(destination),
          failed: (error) => this.#readFailed(error),
        },
        row,
      );
      return new OutgoingStream(kept, { clock: this.#clock, failed: (error) => this.#readFailed(error) });
    };
    const both = { messages: make("messages"), bulk: make("bulk") };
    this.#streams.set(destination, both);
    return both;
  }

  #all(): OutgoingStream[] {
    return [...this.#streams.values()].flatMap((both) => streamClasses.map((c) => both[c]));
  }

  #readFailed(error: unknown): void {
    this.#options.log.error("the outbox could not be read", {}, error);
  }

  #request(kept: KeptStream): void {
    if (this.#closed) return;
    this.#due.add(kept);
    this.#options.commit.request();
  }

  #contribute(): void {
    if (this.#closed) return;
    const plans: StreamPlan[] = [];
    for (const kept of this.#due) {
      const plan = kept.plan();
      if (plan !== undefined) plans.push(plan);
    }
    this.#due.clear();
    const forgotten = [...this.#forgotten];
    this.#forgotten.clear();
    const ops = [
      ...forgotten.map((server): WriteOp => ({ op: "stream.forget", server })),
      ...plans.flatMap((plan) => plan.ops),
    ];
    if (ops.length === 0) return;
    this.#options.commit.add(ops).then(
      () => plans.forEach((plan) => plan.committed()),
      (error: unknown) => {
        this.#options.log.warn("the outbox was not written", { error: String(error) });
        for (const server of forgotten) this.#forgotten.add(server);
        plans.forEach((plan) => plan.failed(error));
      },
    );
  }

  #expireLater(): void {
    this.#expiry = this.#clock.after(outboxExpiryEveryMs, () => {
      for (const { kept } of this.#all()) kept.expire().catch((error: unknown) => this.#readFailed(error));
      this.#expireLater();
    });
  }
}

function closeStream(stream: OutgoingStream): void {
  stream.kept.close();
  stream.disconnect();
}
