/** Custody in memory, for simulations: the same semantics as its tables on disk. */
import type { ServerId } from "@fedchat/protocol";
import type {
  CustodyEntry,
  CustodyGone,
  CustodyKey,
  CustodyOp,
  CustodyPlace,
  CustodyResult,
  CustodyRow,
  CustodyTotal,
} from "./custody-store.ts";
import { classCodes } from "./custody-store.ts";

type Numbered = CustodyRow & { number: number };

export interface MemoryCustody {
  rows: Numbered[];
  sources: Map<ServerId, { sequence: number; record: Uint8Array }>;
  owed: { number: number; to: ServerId; receipt: Uint8Array; until: number }[];
  /** Numbers that were given: none is given twice. */
  last: { row: number; owed: number };
}

export const emptyCustody = (): MemoryCustody => ({
  rows: [],
  sources: new Map(),
  owed: [],
  last: { row: 0, owed: 0 },
});

export function applyCustody(
  t: MemoryCustody,
  op: Exclude<CustodyOp, { op: "receipt.put" }>,
): CustodyResult | { op: "done" } {
  switch (op.op) {
    case "custody.put": {
      const gone = remove(t, (row) => sameKey(row, op.row));
      t.rows.push({ ...op.row, number: (t.last.row += 1) });
      return gone;
    }
    case "custody.source":
      if ((t.sources.get(op.server)?.sequence ?? -1) < op.sequence)
        t.sources.set(op.server, { sequence: op.sequence, record: op.record });
      return { op: "done" };
    case "custody.taken":
      return remove(
        t,
        (row) =>
          row.next === op.next &&
          row.destination === op.next &&
          row.source === op.source &&
          row.class === op.class &&
          row.stream === op.stream &&
          row.sequence <= op.upTo,
      );
    case "custody.outdated":
      return remove(
        t,
        (row) =>
          row.from === op.source &&
          row.source === op.source &&
          row.destination === op.destination &&
          row.class === op.class &&
          row.stream < op.stream,
      );
    case "custody.drop":
      return remove(t, (row) => row.next === op.next && same(row.hash, op.hash));
    case "custody.handedOn": {
      const rows = t.rows.filter((row) => row.next === op.next && same(row.hash, op.hash));
      const gone = rows.map((row) => goneOf(row, "row"));
      for (const row of rows) {
        row.bundle = new Uint8Array(0);
        row.until = Math.min(row.until, op.until);
      }
      return { op: "custody", gone };
    }
    case "custody.passed":
      for (const row of t.rows) if (row.next === op.next && same(row.hash, op.hash)) row.passed += 1;
      return { op: "done" };
    case "custody.expire": {
      const gone = remove(t, (row) => row.until <= op.now);
      t.owed = t.owed.filter(({ until }) => until > op.now);
      for (const server of t.sources.keys())
        if (!t.rows.some(({ source }) => source === server)) t.sources.delete(server);
      return gone;
    }
    case "custody.owe":
      t.owed.push({ number: (t.last.owed += 1), to: op.to, receipt: op.receipt, until: op.until });
      return { op: "done" };
    case "custody.paid":
      t.owed = t.owed.filter(({ to, number }) => to !== op.to || number > op.upTo);
      return { op: "done" };
  }
}

export function custodyTotals(t: MemoryCustody): CustodyTotal[] {
  const totals = new Map<string, CustodyTotal>();
  for (const { from, next, source, bundle } of t.rows) {
    const key = `${from} ${next} ${source}`;
    const total = totals.get(key) ?? { from, next, source, rows: 0, bundles: 0, bytes: 0 };
    totals.set(key, {
      ...total,
      rows: total.rows + 1,
      bundles: total.bundles + (bundle.length > 0 ? 1 : 0),
      bytes: total.bytes + bundle.length,
    });
  }
  return [...totals.values()];
}

export function findCustody(t: MemoryCustody, key: CustodyKey): CustodyEntry | undefined {
  const row = t.rows.find((one) => sameKey(one, key));
  return row && entryOf(row);
}

export function custodyOfHash(t: MemoryCustody, next: ServerId, hash: Uint8Array): CustodyEntry[] {
  return t.rows.filter((row) => row.next === next && same(row.hash, hash)).map(entryOf);
}

export function custodyPage(
  t: MemoryCustody,
  next: ServerId,
  source: ServerId,
  after: CustodyPlace | undefined,
  limit: number,
): Numbered[] {
  return t.rows
    .filter((row) => row.next === next && row.source === source && row.bundle.length > 0)
    .filter((row) => after === undefined || compare(row, after) > 0)
    .sort(compare)
    .slice(0, limit);
}

function remove(t: MemoryCustody, goes: (row: Numbered) => boolean): CustodyResult {
  const gone = t.rows.filter(goes).map((row) => goneOf(row, "none"));
  t.rows = t.rows.filter((row) => !goes(row));
  return { op: "custody", gone };
}

function goneOf({ from, next, source, bundle }: Numbered, left: "row" | "none"): CustodyGone {
  return { from, next, source, bytes: bundle.length, left };
}

function entryOf(row: Numbered): CustodyEntry {
  const { bundle, number: _, ...entry } = row;
  return { ...entry, bytes: bundle.length };
}

function sameKey(a: CustodyKey, b: CustodyKey): boolean {
  return (
    a.from === b.from &&
    a.source === b.source &&
    a.destination === b.destination &&
    a.class === b.class &&
    a.stream === b.stream &&
    a.sequence === b.sequence
  );
}

function compare(a: CustodyPlace, b: CustodyPlace): number {
  return (
    classCodes[a.class] - classCodes[b.class] ||
    a.stream - b.stream ||
    a.sequence - b.sequence ||
    a.number - b.number
  );
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}
