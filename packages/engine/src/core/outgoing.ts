/**
 * Hands stored envelopes to the homeserver: in order, several in flight, each until it is accepted. Invariant: what is
 * submitted are the stored bytes, never made anew; nothing leaves before the transaction that stored it. What fails
 * for now is tried again and holds back only what goes the same lane, so that order per recipient stays.
 */
import type {
  ClientEvent,
  ClientResult,
  Clock,
  EnvelopeId,
  RandomSource,
  ServerId,
  Timer,
} from "@fedchat/protocol";
import { fromWireError, ProtocolError } from "@fedchat/protocol";
import type { EngineStore } from "../store/engine-store.ts";
import { StoreFullError } from "../store/database.ts";
import type { NewOutgoing, OutgoingHead } from "../store/transport-table.ts";
import { causeOf, causeOfCode, engineError } from "./causes.ts";
import type { HomeserverClient } from "./homeserver-client.ts";
import {
  deferralBaseMs,
  deferralMaxMs,
  outgoingPageRows,
  outgoingQueuedMax,
  progressPageEnvelopes,
  storeRetryMs,
  submissionsInFlightMax,
} from "./limits.ts";
import type { Log } from "./log.ts";
import type { Outcome } from "./outcomes.ts";
import { isOutsiders } from "./outcomes.ts";
import { fullJitterMs } from "./retry.ts";

type Progress = ClientResult<"envelopes.progress">["progress"][number];

export interface OutgoingPorts {
  store: Pick<EngineStore, "transport" | "transaction" | "messages" | "rooms">;
  homeserver: Pick<HomeserverClient, "submit" | "removed" | "request" | "state">;
  clock: Clock;
  random: RandomSource;
  log: Log;
  ownServer: ServerId;
  /** Shows what became of an envelope; called inside the transaction that keeps it. */
  record: (row: OutgoingHead, outcome: Outcome) => void;
}

interface Lane {
  granted: boolean;
  granting: boolean;
  /** Deferred until this timer fires. */
  wait: Timer | undefined;
  /** Submitted and not answered. */
  inFlight: number;
  /** One was refused for now: the next try begins with the first in order, once what went behind it is answered. */
  refused: boolean;
}

export class Outgoing {
  readonly #ports: OutgoingPorts;
  /** Everything not yet accepted, in order, without payloads. */
  readonly #queued = new Map<number, OutgoingHead>();
  readonly #inFlight = new Set<number>();
  readonly #lanes = new Map<string, Lane>();
  #settled: { row: OutgoingHead; outcome: Outcome }[] = [];
  #loadedUpTo = 0;
  #due = false;
  #stopped = false;

  constructor(ports: OutgoingPorts) {
    this.#ports = ports;
  }

  /** Within the transaction that made the envelope; call `pump` after it. */
  enqueue(row: NewOutgoing): void {
    if (this.#queued.size >= outgoingQueuedMax) throw engineError("too-much-waiting");
    this.#ports.store.transport.enqueue(row);
  }

  /** Submits what can be submitted, once this turn is over. */
  pump(): void {
    if (this.#due || this.#stopped) return;
    this.#due = true;
    this.#ports.clock.soon(() => {
      this.#due = false;
      if (!this.#stopped) this.#submitAll();
    });
  }

  /** A session was opened: everything not accepted goes again, and earlier envelopes are asked about. */
  resume(): void {
    this.#inFlight.clear();
    for (const lane of this.#lanes.values()) lane.wait?.cancel();
    this.#lanes.clear();
    this.pump();
    void this.#askProgress().catch((error) =>
      this.#ports.log.info("progress is not known", { code: causeOf(error).code }),
    );
  }

  stop(): void {
    this.#stopped = true;
    for (const lane of this.#lanes.values()) lane.wait?.cancel();
  }

  /** The homeserver tells where an envelope got to. */
  progress(told: Progress | Extract<ClientEvent, { kind: "progress" }>): void {
    const { envelope, server, state, error } = told;
    const row = this.#ports.store.transport.byEnvelope(envelope);
    if (row === undefined || state === "pending") return;
    // A refusal is the destination's to make, whatever other servers say.
    if (server !== null && server !== row.server) return;
    if (state === "custody") {
      const { custody, path = [] } = told;
      if (custody !== undefined) this.#settle(row, { kind: "custody", custody: { ...custody, path } });
      return;
    }
    if (state === "forwarded")
      return this.#settle(row, { kind: "forwarded", path: "path" in told ? told.path : undefined });
    const refusal =
      error === undefined
        ? new ProtocolError(state === "expired" ? "expired" : "internal")
        : fromWireError(error);
    if (isOutsiders(this.#ports.store, row, refusal)) return this.#settle(row, { kind: "forwarded" });
    this.#settle(row, { kind: "failed", cause: causeOf(refusal) });
  }

  #submitAll(): void {
    this.#load();
    const connected = this.#ports.homeserver.state.kind === "connected";
    for (const row of this.#queued.values()) {
      if (!connected || this.#inFlight.size >= submissionsInFlightMax) return;
      const lane = this.#lane(row.lane);
      if (this.#inFlight.has(row.seq) || lane.granting || lane.wait !== undefined) continue;
      if (lane.refused && lane.inFlight > 0) continue;
      lane.refused = false;
      if (row.grantFirst === 1 && !lane.granted) this.#grant(row, lane);
      else this.#submit(row);
    }
  }

  #load(): void {
    const { store, homeserver } = this.#ports;
    const waiting =
      homeserver.state.kind === "connected"
        ? undefined
        : homeserver.removed
          ? causeOfCode("device-removed")
          : causeOf(new ProtocolError("unreachable"));
    for (;;) {
      const page = store.transport.queuedAfter(this.#loadedUpTo, outgoingPageRows);
      for (const row of page) this.#queued.set(row.seq, row);
      this.#loadedUpTo = page.at(-1)?.seq ?? this.#loadedUpTo;
      if (waiting !== undefined)
        for (const row of page) this.#settle(row, { kind: "waiting", cause: waiting });
      if (page.length < outgoingPageRows) return;
    }
  }

  /** The recipient must be able to answer before they are asked. */
  #grant(row: OutgoingHead, lane: Lane): void {
    lane.granting = true;
    const { server, accounts } = row;
    this.#ports.homeserver.request("delivery.grant", { server, account: accounts[0]! }).then(
      () => {
        lane.granting = false;
        lane.granted = true;
        this.pump();
      },
      (error: unknown) => {
        lane.granting = false;
        this.#refused(row, error);
      },
    );
  }

  #submit(row: OutgoingHead): void {
    const payload = this.#ports.store.transport.payload(row.seq);
    if (payload === undefined) {
      this.#queued.delete(row.seq);
      return;
    }
    this.#inFlight.add(row.seq);
    const lane = this.#lane(row.lane);
    lane.inFlight++;
    const { envelope: id, kind, created, server, accounts } = row;
    const destinations = [{ server, accounts }];
    this.#ports.homeserver.submit({ id, kind, created, destinations, payload }).then(
      () => {
        lane.inFlight--;
        this.#inFlight.delete(row.seq);
        this.#queued.delete(row.seq);
        this.#settle(row, { kind: "submitted" });
        this.pump();
      },
      (error: unknown) => {
        lane.inFlight--;
        if (this.#inFlight.delete(row.seq)) this.#refused(row, error);
      },
    );
  }

  #refused(row: OutgoingHead, error: unknown): void {
    const { homeserver, clock, random, log } = this.#ports;
    const refusal =
      error instanceof ProtocolError ? error : new ProtocolError("internal", undefined, { cause: error });
    if (this.#stopped) return;
    const cause = causeOf(refusal);
    if (homeserver.state.kind !== "connected") return this.#settle(row, { kind: "waiting", cause });
    log.info("an envelope was not accepted", { code: refusal.code, purpose: row.purpose });
    if (refusal.retry === "never") {
      this.#queued.delete(row.seq);
      this.#settle(row, { kind: "failed", cause });
      return this.pump();
    }
    row.attempts++;
    const lane = this.#lane(row.lane);
    const jitterMs = fullJitterMs(row.attempts - 1, { baseMs: deferralBaseMs, maxMs: deferralMaxMs }, random);
    lane.refused = true;
    lane.wait?.cancel();
    lane.wait = clock.after(Math.max(jitterMs, refusal.retryAfterMs ?? 0), () => {
      lane.wait = undefined;
      this.pump();
    });
    this.#settle(row, { kind: "waiting", cause });
  }

  #lane(name: string): Lane {
    const lane = this.#lanes.get(name) ?? {
      ...{ granted: false, granting: false, wait: undefined, inFlight: 0, refused: false },
    };
    this.#lanes.set(name, lane);
    return lane;
  }

  /** What is settled in one turn is kept in one transaction. */
  #settle(row: OutgoingHead, outcome: Outcome): void {
    if (this.#settled.push({ row, outcome }) === 1) this.#ports.clock.soon(() => this.#keepSettled());
  }

  #keepSettled(): void {
    const settled = this.#settled;
    this.#settled = [];
    if (this.#stopped || settled.length === 0) return;
    try {
      this.#ports.store.transaction(() => settled.forEach((one) => this.#keep(one)));
    } catch (error) {
      if (!(error instanceof StoreFullError)) throw error;
      this.#settled = [...settled, ...this.#settled];
      this.#ports.clock.after(storeRetryMs, () => this.#keepSettled());
    }
  }

  #keep({ row, outcome }: { row: OutgoingHead; outcome: Outcome }): void {
    const { store, record, ownServer } = this.#ports;
    const { transport } = store;
    const kept = transport.byEnvelope(row.envelope);
    // A refusal at our own homeserver is told before the acceptance, an arrival may be; both are the last word.
    if (kept?.state === "failed" || (kept === undefined && outcome.kind !== "submitted")) return;
    record(row, outcome);
    if (outcome.kind === "waiting" || outcome.kind === "custody") return;
    if (outcome.kind === "submitted" && row.server === ownServer) record(row, { kind: "forwarded" });
    // Kept on is only what a person watches, or may try again.
    const mayRetry = outcome.kind === "failed" && row.purpose === "message";
    if (mayRetry || (outcome.kind === "submitted" && this.#isWatched(row))) {
      transport.setState(row.seq, outcome.kind === "failed" ? "failed" : "submitted", row.attempts);
    } else {
      transport.delete(row.seq);
    }
  }

  /** Whether a person sees how far it got, and it goes further than to our own homeserver. */
  #isWatched({ purpose, server }: OutgoingHead): boolean {
    return (purpose === "message" || purpose === "request") && server !== this.#ports.ownServer;
  }

  /** Events of earlier sessions may have been lost: asks about everything that was accepted in one. [H12] */
  async #askProgress(): Promise<void> {
    const { transport } = this.#ports.store;
    // What a full disk had no room for yet is not kept as submitted.
    const unkept = this.#settled.flatMap(({ row, outcome }) =>
      outcome.kind === "submitted" && this.#isWatched(row) ? [row.envelope] : [],
    );
    for (let at = 0; at < unkept.length; at += progressPageEnvelopes)
      await this.#ask(unkept.slice(at, at + progressPageEnvelopes));
    for (let after = 0; !this.#stopped;) {
      const page = transport.submittedAfter(after, progressPageEnvelopes);
      if (page.length === 0) return;
      after = page.at(-1)!.seq;
      await this.#ask(page.map(({ envelope }) => envelope));
    }
  }

  async #ask(envelopes: EnvelopeId[]): Promise<void> {
    const { progress } = await this.#ports.homeserver.request("envelopes.progress", { envelopes });
    if (this.#stopped) return;
    for (const one of progress) this.progress(one);
  }
}
