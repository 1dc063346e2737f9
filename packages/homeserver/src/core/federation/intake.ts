/**
 * Brings one incoming stream to disk: what arrived while a transaction was being written goes into the next one, the
 * stream's position stands in the transaction that delivers, and only then is it acknowledged. Where that fails (a full
 * disk) nothing is acknowledged, what is held is let go, and the source sends it again later. [B5] to [B8]
 */
import type { ErrorCode, Refusal, ServerId, StreamClass } from "@fedchat/protocol";
import { limits, ProtocolError, toWireError } from "@fedchat/protocol";
import type { RefusalRow, WriteOp } from "../../store/store.ts";
import { inboundBytesMax, inboundStrangerBytesMax, streamRetryMs } from "../limits.ts";
import type { Trust } from "../seams.ts";
import { IncomingStream } from "./incoming-stream.ts";
import type { FederationOptions } from "./options.ts";
import { unpack } from "./unpack.ts";

export interface IntakePorts {
  source: ServerId;
  class: StreamClass;
  options: Pick<FederationOptions, "accounts" | "clock" | "commit" | "log" | "rooms">;
  trust: () => Trust;
  mayRemember: () => boolean;
  /** What stores the source's record. */
  recording: () => WriteOp[];
  /** Whether more refusals may wait for the source; one that never takes them is not listened to. */
  mayRefuse: () => boolean;
  /** To be told to the source, in the next transaction: that of whatever is added in the same turn. */
  refuse: (refusals: Refusal[]) => void;
  /** That transaction failed: these are decided anew when their envelopes come again. */
  withdraw: (refusals: Refusal[]) => void;
  /** The position moved, or is asked for again. */
  acknowledge: (position: { stream: number; committed: number }) => void;
  /** The source began a new stream: there may be gaps in what it sent before. */
  restarted: () => void;
}

export class Intake {
  readonly #ports: IntakePorts;
  readonly #stream: IncomingStream;
  #busy = false;
  #deferredUntil = 0;
  #forgotten = false;
  /** The position is being stored; `again` where it moved meanwhile. */
  #storing: "no" | "once" | "again" = "no";

  constructor(ports: IntakePorts, stored: { stream: number; committed: number } | undefined) {
    this.#ports = ports;
    this.#stream = new IncomingStream(stored);
  }

  get state(): { stream: number; committed: number } {
    return this.#stream.state;
  }

  /** Where a bundle with this header would stand; `deferred` while nothing is taken. */
  standing(stream: number, sequence: number): ReturnType<IncomingStream["standing"]> | "deferred" {
    const standing = this.#stream.standing(stream, sequence);
    return standing === "expected" && this.#deferred ? "deferred" : standing;
  }

  /** Whether what comes directly before this is here. */
  follows(stream: number, sequence: number): boolean {
    return this.#stream.follows(stream, sequence);
  }

  /** Takes the opened body of an authentic bundle that is expected. */
  take(stream: number, sequence: number, body: Uint8Array): void {
    if (stream > this.#stream.state.stream) this.#adopt(stream, 1);
    const trust = this.#ports.trust();
    const linked = trust === "mutual" || trust === "outgoing";
    this.#stream.hold(sequence, body, linked ? inboundBytesMax : inboundStrangerBytesMax);
  }

  /** The connection is gone: what came early on it comes again on the next one. */
  disconnected(): void {
    this.#stream.drop();
  }

  /** The source is forgotten: nothing is written or acknowledged any more. */
  forget(): void {
    this.#forgotten = true;
    this.#stream.drop();
  }

  /** What the source says of its stream, as it does on every connection. [B17] [B19] */
  sourceHas(stream: number, floor: number): void {
    if (stream > this.#stream.state.stream) this.#adopt(stream, floor);
    else if (stream === this.#stream.state.stream && this.#stream.skipTo(floor)) this.#store();
    else return;
    void this.run();
  }

  /** Says again what is committed. */
  acknowledge(): void {
    this.#ports.acknowledge(this.#stream.state);
  }

  /** Commits what can be committed, one transaction after the other. Never rejects. */
  async run(): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    try {
      while (!this.#deferred && !this.#forgotten) {
        if (!this.#ports.mayRefuse()) return this.#defer();
        const run = this.#stream.run(limits.channelBufferedBytesMax);
        if (run.bodies.length === 0) return;
        if (!(await this.#commit(run)) || this.#forgotten) return;
        this.#stream.advance(run.stream, run.last);
        this.acknowledge();
      }
    } catch (error) {
      // Whatever a source brings about, the others go on.
      const { source, options } = this.#ports;
      options.log.error("what arrived could not be taken", { server: source }, error);
      this.#defer();
    } finally {
      this.#busy = false;
    }
  }

  get #deferred(): boolean {
    return this.#ports.options.clock.now() < this.#deferredUntil;
  }

  #defer(): void {
    this.#stream.fail();
    this.#deferredUntil = this.#ports.options.clock.now() + streamRetryMs;
  }

  async #commit(run: { bodies: Uint8Array[]; stream: number; last: number }): Promise<boolean> {
    const { source, options, refuse, withdraw } = this.#ports;
    const trust = this.#ports.trust();
    const unpacked = unpack(run.bodies, {
      source,
      trust,
      accounts: options.accounts,
      nowMs: options.clock.now(),
      mayRemember: this.#ports.mayRemember,
    });
    const linked = trust === "mutual" || trust === "outgoing";
    const entries =
      unpacked.entries.length === 0
        ? undefined
        : await options.rooms?.arrived(source, linked, unpacked.entries);
    const alongside: WriteOp[] = [
      { op: "stream.received", row: this.#row(run.stream, run.last) },
      ...unpacked.refused.map((row): WriteOp => ({ op: "refusal.put", row })),
      // Whoever accepts a request answers there, maybe after we started again. [G1]
      ...(unpacked.deliveries.some(({ kind }) => kind === "request") ? this.#ports.recording() : []),
      ...(entries?.ops ?? []),
    ];
    if (unpacked.malformed > 0)
      options.log.warn("bundles did not decode", { server: source, count: unpacked.malformed });
    // One transaction with the position: a refusal is told exactly when what it refuses does not come again. [B12]
    refuse(unpacked.refusals);
    try {
      if (unpacked.deliveries.length === 0) await options.commit.add(alongside);
      else {
        const delivered = await options.accounts.deliver(unpacked.deliveries, alongside);
        refuse(vanished(unpacked.deliveries, delivered));
      }
    } catch (error) {
      withdraw(unpacked.refusals);
      entries?.failed();
      options.log.warn("what arrived was not stored", { server: source, error: String(error) });
      this.#defer();
      return false;
    }
    entries?.committed();
    for (const row of unpacked.refused) this.#tellRefused(row);
    return true;
  }

  #adopt(stream: number, floor: number): void {
    const had = this.#stream.state.stream;
    if (!this.#stream.adopt(stream, floor)) return;
    this.#store();
    if (had > 0) this.#ports.restarted();
  }

  /** A position that moved without a delivery, however often; were it lost, the source would say the same again. */
  #store(): void {
    if (this.#forgotten) return;
    if (this.#storing !== "no") {
      this.#storing = "again";
      return;
    }
    this.#storing = "once";
    const { stream, committed } = this.#stream.state;
    this.#ports.options.commit
      .add([{ op: "stream.received", row: this.#row(stream, committed) }])
      .catch((error: unknown) =>
        this.#ports.options.log.warn("a stream's position was not stored", { error: String(error) }),
      )
      .finally(() => {
        const moved = this.#storing === "again";
        this.#storing = "no";
        // A run that is under way stores a later position; written behind it, this one would go back.
        if (moved && !this.#busy) this.#store();
      });
  }

  #row(stream: number, committed: number) {
    return { source: this.#ports.source, class: this.#ports.class, stream, committed };
  }

  #tellRefused(row: RefusalRow): void {
    this.#ports.options.accounts.notify(
      { account: row.account },
      {
        kind: "progress",
        envelope: row.envelope,
        server: row.server,
        state: "refused",
        error: toWireError(new ProtocolError(row.code as ErrorCode)),
      },
    );
  }
}

/** Recipients that were gone when the transaction was written. */
function vanished(
  deliveries: Parameters<IntakePorts["options"]["accounts"]["deliver"]>[0],
  delivered: Awaited<ReturnType<IntakePorts["options"]["accounts"]["deliver"]>>,
): Refusal[] {
  return deliveries.flatMap(({ id, from }, index) =>
    (delivered[index] ?? [])
      .filter(({ outcome }) => outcome === "unknown")
      .map(({ account }) => ({ envelope: id, from, to: account, code: "unknown-account" })),
  );
}
