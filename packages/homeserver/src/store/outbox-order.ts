/** The order of an outbox, which a caller could break: bundles of one stream, numbered without holes. */
import { assert } from "./assert.ts";
import type { OutboxRow, OutgoingStream } from "./store.ts";

/** The present stream of an outbox: from `first` up to `next` exclusively wait. */
export interface OutboxOrder {
  stream: number;
  first: number;
  next: number;
}

type Place = Pick<OutboxRow, "stream" | "sequence">;

/**
 * Whether a bundle is the next of the present stream. A later stream may begin by itself only where nothing waits (else
 * `outbox.restart` opens it, which renumbers what waits).
 */
export function continues(
  row: Place,
  outgoing: Pick<OutgoingStream, "stream" | "next"> | undefined,
  waiting: boolean,
): boolean {
  if (outgoing === undefined) return true;
  if (row.stream === outgoing.stream) return row.sequence === outgoing.next;
  return row.stream > outgoing.stream && !waiting;
}

/** Asserts that the bundle may be appended. */
export function appended(order: OutboxOrder | undefined, row: Place): OutboxOrder {
  const waiting = order !== undefined && order.first < order.next;
  assert(continues(row, order, waiting), "a bundle continues its stream");
  const next = row.sequence + 1;
  return { stream: row.stream, first: waiting ? order.first : row.sequence, next };
}

export function dropped(order: OutboxOrder | undefined, upTo: Place): OutboxOrder | undefined {
  if (order?.stream !== upTo.stream) return order;
  return { ...order, first: Math.max(order.first, Math.min(upTo.sequence + 1, order.next)) };
}

export function restarted(order: OutboxOrder | undefined, stream: number): OutboxOrder {
  return { stream, first: 1, next: order === undefined ? 1 : order.next - order.first + 1 };
}
