/** One outgoing stream by itself, where two works of its own overlap. */
import type { Clock, Envelope, RandomSource, ServerId } from "@fedchat/protocol";
import { accountId, decodeBundleBody, envelopeId, serverId } from "@fedchat/protocol";
import { expect, test } from "vitest";
import { KeptStream } from "../src/core/federation/kept-stream.ts";
import { OutgoingStream } from "../src/core/federation/outgoing-stream.ts";
import type { OutboxRow } from "../src/store/store.ts";
import { SeededRandom } from "./virtual/seeded-random.ts";

const destination: ServerId = serverId.fromBytes(new Uint8Array(32).fill(1));
const clock: Clock = {
  now: () => 10_000,
  after: () => ({ cancel() {} }),
  soon: (run) => queueMicrotask(run),
};
const turns = async () => {
  for (let turn = 0; turn < 30; turn += 1) await Promise.resolve();
};

function row(sequence: number, expiresAt: number): OutboxRow {
  const envelopes = [
    {
      id: envelopeId.fromBytes(new Uint8Array(16).fill(sequence)),
      from: accountId.fromBytes(new Uint8Array(32)),
    },
  ];
  const body = new Uint8Array(8);
  return { destination, class: "messages", stream: 1_000, sequence, created: 0, expiresAt, body, envelopes };
}

/** A stream whose store answers when the test says so. */
function streamWith(
  stored: { stream: number; next: number } | undefined,
  rows: OutboxRow[],
  random: RandomSource = new SeededRandom(1),
) {
  const reads: (() => void)[] = [];
  const forwarded: string[] = [];
  const requests: unknown[] = [];
  const kept = [...rows];
  const keptStream = new KeptStream(
    {
      destination,
      class: "messages",
      clock,
      random,
      store: {
        outboxPage: (_server, _class, from, limit) =>
          new Promise((resolve) =>
            reads.push(() => resolve(kept.filter(({ sequence }) => sequence >= from).slice(0, limit))),
          ),
      },
      request: () => void requests.push(undefined),
      forwarded: (envelopes) => void forwarded.push(...envelopes.map(({ id }) => id)),
      expired() {},
      restarted() {},
      depthChanged() {},
      failed() {},
    },
    stored,
  );
  const stream = new OutgoingStream(keptStream, { clock, failed() {} });
  return { stream, reads, kept, requests, forwarded };
}

function envelope(n: number): Envelope {
  const account = accountId.fromBytes(new Uint8Array(32));
  const id = envelopeId.fromBytes(new Uint8Array(16).fill(n));
  return { id, kind: "room", created: 0, from: account, to: [account], payload: new Uint8Array(8) };
}

const wire = { congested: false, send: () => 1, renewSeal() {}, stateChanged() {}, violated() {} };

test("[B15] [B19] bundles that expire while their acknowledgement is looked up do not hold up what follows", async () => {
  const { stream, reads, kept } = streamWith(
    { stream: 1_000, next: 7 },
    [1, 2, 3, 4, 5, 6].map((sequence) => row(sequence, sequence < 6 ? 1 : 99_999)),
  );
  const ready = stream.kept.ready();
  reads.shift()!();
  await ready;
  stream.connect(wire);
  const expiring = stream.kept.expire();
  await turns();
  const readExpired = reads.shift()!;
  await stream.receiverHolds(1_000, 6);
  const readAcknowledged = reads.pop()!;
  readExpired();
  await expiring;
  const expiry = stream.kept.plan()!;
  kept.splice(0, 5); // The transaction is written, then the page is read, then both answers arrive.
  expiry.committed();
  readAcknowledged();
  let looked = 0;
  for (; looked < 20; looked += 1) {
    await turns();
    const next = reads.shift();
    if (next === undefined) break;
    next();
  }

  expect(looked).toBeLessThan(20);
  const settling = stream.kept.plan();
  expect(settling?.ops).toEqual([
    { op: "outbox.acknowledged", destination, class: "messages", stream: 1_000, sequence: 6 },
  ]);
});

test("[B21] the first new bundle since start begins a new stream with what is kept, and those after it go on in that", async () => {
  const { stream, reads, requests } = streamWith({ stream: 1_000, next: 7 }, [
    row(5, 99_999),
    row(6, 99_999),
  ]);
  void stream.kept.submit(envelope(7));
  expect(stream.kept.plan()).toBeUndefined();
  const asked = requests.length;
  reads.shift()!();
  await turns();
  expect(requests.length).toBe(asked + 1);

  const first = stream.kept.plan()!;
  expect(first.ops).toMatchObject([
    { op: "outbox.restart", destination, class: "messages", stream: 10_000 },
    { op: "outbox.append", rows: [{ stream: 10_000, sequence: 3 }] },
  ]);
  first.committed();
  expect(stream.kept.state).toEqual({ stream: 10_000, floor: 1, next: 4 });
  void stream.kept.submit(envelope(8));
  expect(stream.kept.plan()!.ops).toMatchObject([
    { op: "outbox.append", rows: [{ stream: 10_000, sequence: 4 }] },
  ]);
});

test("[B18] [B21] a stream that began while the receiver told of a higher one gives way to one above that", async () => {
  const { stream, reads } = streamWith({ stream: 1_000, next: 7 }, []);
  const sent: number[] = [];
  const ready = stream.kept.ready();
  reads.shift()!();
  await ready;
  stream.connect({ ...wire, send: (sending) => sent.push(sending.stream) });
  void stream.kept.submit(envelope(7));
  const first = stream.kept.plan()!;
  await stream.receiverHolds(20_000, 3);
  first.committed();
  const [again] = stream.kept.plan()!.ops;
  expect(again).toMatchObject({ op: "outbox.restart" });
  expect(again?.op === "outbox.restart" && again.stream).toBeGreaterThan(20_000);
  expect(sent).toEqual([]);
});

test("[B17] [B21] in a stream that began before the receiver said what it holds nothing is sent until it has", async () => {
  const { stream, reads, kept } = streamWith({ stream: 1_000, next: 7 }, []);
  const sent: [number, number][] = [];
  const ready = stream.kept.ready();
  reads.shift()!();
  await ready;
  stream.connect({ ...wire, send: (sending) => sent.push([sending.stream, sending.sequence]) });
  void stream.kept.submit(envelope(7));
  const first = stream.kept.plan()!;
  for (const op of first.ops) if (op.op === "outbox.append") kept.push(...op.rows);
  first.committed();
  await turns();
  expect([sent, reads]).toEqual([[], []]);

  await stream.receiverHolds(1_000, 6);
  reads.shift()!();
  await turns();
  expect(sent).toEqual([[10_000, 1]]);
});

/** A run begun from a backup that says that a clock once stood ahead; its new bundles are committed as they come. */
async function aheadOfItsClock(seed: number) {
  const run = streamWith({ stream: 20_000, next: 7 }, [], new SeededRandom(seed));
  const ready = run.stream.kept.ready();
  run.reads.shift()!();
  await ready;
  const commit = () => {
    const plan = run.stream.kept.plan();
    for (const op of plan?.ops ?? []) if (op.op === "outbox.append") run.kept.push(...op.rows);
    plan?.committed();
  };
  const submit = (n: number) => {
    void run.stream.kept.submit(envelope(n));
    commit();
  };
  return { ...run, commit, submit };
}

test("[B6] [B21] two runs from one backup begin streams of other ids, also where their clock stands behind its", async () => {
  const runs = await Promise.all([1, 2, 3].map(aheadOfItsClock));
  for (const { submit } of runs) submit(1);
  const ids = runs.map(({ stream }) => stream.kept.state.stream);
  expect(new Set(ids).size).toBe(3);
  for (const id of ids) expect(id > 20_000 && id <= 20_001 + 2 ** 31).toBe(true);
});

test("[B21] [K7] what the receiver holds of a lost run's stream acknowledges nothing of the present one's", async () => {
  const [lost, present] = [await aheadOfItsClock(1), await aheadOfItsClock(2)];
  lost.submit(1);
  for (let n = 11; n <= 15; n += 1) present.submit(n);
  for (const one of present.kept) present.stream.kept.sent(one);
  await present.stream.kept.heardOf(lost.stream.kept.state.stream, 3, () => false);
  await turns();
  present.commit();
  expect(present.forwarded).toEqual([]);

  await present.stream.kept.heardOf(present.stream.kept.state.stream, 2, () => false);
  await turns();
  present.commit();
  expect(present.forwarded).toEqual([envelope(11).id, envelope(12).id]);
});

test("[B17] a stream that only just began is not the one of its id that the receiver told of meanwhile", async () => {
  const present = await aheadOfItsClock(1);
  present.stream.connect(wire);
  for (let n = 11; n <= 15; n += 1) void present.stream.kept.submit(envelope(n));
  const plan = present.stream.kept.plan()!;
  const [restart] = plan.ops;
  const begun = restart?.op === "outbox.restart" ? restart.stream : 0;
  await present.stream.receiverHolds(begun, 1);
  plan.committed();
  present.stream.received(begun, 1);
  const [again] = present.stream.kept.plan()!.ops;
  expect(again?.op === "outbox.restart" && again.stream).toBeGreaterThan(begun);
  expect(present.forwarded).toEqual([]);
});

test("[K7] a receiver that holds a higher stream has a new one begun above it, within a rate; one beyond any id has none", async () => {
  const { stream, commit, submit } = await aheadOfItsClock(1);
  submit(1);
  const { stream: first } = stream.kept.state;
  const higher = first + 1_000;
  await stream.kept.heardOf(higher, 3, () => false);
  await stream.kept.heardOf(2 ** 52 + 1, 3, () => true);
  expect(stream.kept.restarting).toBe(false);
  await stream.kept.heardOf(higher, 3, () => true);
  expect(stream.kept.restarting).toBe(true);
  commit();
  expect(stream.kept.state).toMatchObject({ floor: 1, next: 2 });
  expect(stream.kept.state.stream).toBeGreaterThan(higher);
});

test("[O4] an entry that is told while a transaction is written goes with the next one, and is not lost", () => {
  const { stream } = streamWith(undefined, []);
  const [first, second] = [new Uint8Array(8).fill(1), new Uint8Array(8).fill(2)];
  stream.kept.tell(first);
  const writing = stream.kept.plan()!;
  stream.kept.tell(second);
  expect(stream.kept.plan()).toBeUndefined();
  writing.committed();
  const rows = stream.kept.plan()!.ops.flatMap((op) => (op.op === "outbox.append" ? op.rows : []));
  expect(rows.map(({ body }) => decodeBundleBody(body))).toEqual([{ kind: "entries", entries: [second] }]);
});
