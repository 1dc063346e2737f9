/** Archives in memory, for simulations: the same semantics as their tables on disk. */
import type { AccountId } from "@fedchat/protocol";
import type { ArchiveOp, ArchiveResult, SegmentName, SegmentRow } from "./archive-store.ts";

interface Segment extends SegmentName {
  total: number;
  bytes: Uint8Array;
}

export type MemoryArchives = Map<string, Segment>;

const nameOf = ({ account, device, number }: SegmentName): string => `${account} ${device} ${number}`;

export function applyArchive(t: MemoryArchives, op: ArchiveOp): ArchiveResult | { op: "done" } {
  const { account, device } = op;
  if (op.op === "archive.drop") {
    for (const number of op.numbers) t.delete(nameOf({ account, device, number }));
    return { op: "done" };
  }
  const { number, offset, total } = op;
  const name = nameOf(op);
  const held = t.get(name)?.bytes ?? new Uint8Array();
  if (offset !== held.length) return { op: "archive.put", held: held.length };
  const bytes = new Uint8Array(held.length + op.bytes.length);
  bytes.set(held);
  bytes.set(op.bytes, held.length);
  t.set(name, { account, device, number, total: t.get(name)?.total ?? total, bytes });
  return { op: "archive.put", held: bytes.length };
}

export function archiveList(t: MemoryArchives, account: AccountId): SegmentRow[] {
  return [...t.values()]
    .filter((segment) => segment.account === account)
    .map(({ device, number, total, bytes }) => ({ device, number, total, held: bytes.length }))
    .toSorted((a, b) => (a.device === b.device ? a.number - b.number : a.device < b.device ? -1 : 1));
}

/** Pieces of a length of its own: readers must not count on those of the upload. */
const partBytes = 100_000;

export function archivePart(t: MemoryArchives, segment: SegmentName, offset: number) {
  const held = t.get(nameOf(segment));
  if (held === undefined || offset >= held.bytes.length) return undefined;
  return { total: held.total, bytes: held.bytes.slice(offset, offset + partBytes) };
}
