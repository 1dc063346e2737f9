/**
 * What a store keeps of custody: bundles that this server holds for others on their way, receipts that it owes to those
 * who handed them over, and, beside the own outbox, the receipts of relays that hold what waits there. A part of the
 * interface of `store.ts`, with the same promises. [K2] to [K4] [K9]
 */
import type { BundleClass, EnvelopeId, AccountId, ServerId, StreamClass } from "@fedchat/protocol";

/** A bundle in custody here, or the trace of one that was handed on. */
export interface CustodyRow {
  /** The server that handed it over. */
  from: ServerId;
  /** Where it goes from here: the next relay, or its destination. */
  next: ServerId;
  source: ServerId;
  destination: ServerId;
  class: BundleClass;
  stream: number;
  sequence: number;
  created: number;
  taken: number;
  until: number;
  /** [K2] */
  hash: Uint8Array;
  /** How many receipts were passed back to who handed it over. */
  passed: number;
  /** Encoded as it goes on; empty: the next relay signed for it, and this row only says to whom its receipts go. */
  bundle: Uint8Array;
}

/** A row without its bundle. `bytes`: how long that is. */
export type CustodyEntry = Omit<CustodyRow, "bundle"> & { bytes: number };

/** Under which one server hands over one bundle: the same again takes the place of the one before. */
export type CustodyKey = Pick<
  CustodyRow,
  "from" | "source" | "destination" | "class" | "stream" | "sequence"
>;

/** The place of a row in the order in which bundles of one source go on. */
export interface CustodyPlace {
  class: BundleClass;
  stream: number;
  sequence: number;
  /** Tells apart what several servers handed over under one sequence. */
  number: number;
}

/** What is held for one server of one source, handed over by one other. */
export interface CustodyTotal {
  from: ServerId;
  next: ServerId;
  source: ServerId;
  /** Rows, also of those that were handed on. */
  rows: number;
  /** Bundles that lie here. */
  bundles: number;
  bytes: number;
}

/** A relay's word for a bundle of our own outbox, verified. */
export interface ReceiptRow {
  destination: ServerId;
  class: StreamClass;
  stream: number;
  sequence: number;
  relay: ServerId;
  /** [K2] */
  hash: Uint8Array;
  taken: number;
  until: number;
  /** By our own clock: when we heard of it. */
  at: number;
  /** The way on which it was handed over. */
  path: ServerId[];
}

export type CustodyOp =
  | { op: "custody.put"; row: CustodyRow }
  /** The record of a source whose bundles are held; an older one changes nothing. */
  | { op: "custody.source"; server: ServerId; sequence: number; record: Uint8Array }
  /** Bundles of this stream up to and with `upTo` go, of those that go to `next` as their destination. */
  | {
      op: "custody.taken";
      next: ServerId;
      source: ServerId;
      class: StreamClass;
      stream: number;
      upTo: number;
    }
  /** What the source itself handed over for this destination in streams of this class below `stream` goes. */
  | { op: "custody.outdated"; source: ServerId; destination: ServerId; class: StreamClass; stream: number }
  /** This very bundle, whoever handed it over, goes. */
  | { op: "custody.drop"; next: ServerId; hash: Uint8Array }
  /** The next relay has this very bundle: its bytes go, and the row stays until then, or its own end, for receipts to come. */
  | { op: "custody.handedOn"; next: ServerId; hash: Uint8Array; until: number }
  /** One more receipt for this very bundle was passed back. */
  | { op: "custody.passed"; next: ServerId; hash: Uint8Array }
  /** Whatever is not kept beyond `now` goes: bundles, receipts owed, records of sources of which nothing is left. */
  | { op: "custody.expire"; now: number }
  | { op: "custody.owe"; to: ServerId; receipt: Uint8Array; until: number }
  /** Receipts owed to this server, up to this one, were told. */
  | { op: "custody.paid"; to: ServerId; upTo: number }
  /** Kept while its bundle lies in the outbox under this stream; else it changes nothing. */
  | { op: "receipt.put"; row: ReceiptRow };

/** Rows that changed or went: as they were, and how many bytes are left of each. */
export type CustodyGone = Pick<CustodyRow, "from" | "next" | "source"> & {
  bytes: number;
  left: "row" | "none";
};

export type CustodyResult = { op: "custody"; gone: CustodyGone[] };

export interface CustodyReads {
  custodyFind(key: CustodyKey): Promise<CustodyEntry | undefined>;
  /** The row of this very bundle on its way to `next`; where several servers handed it over, each one's. */
  custodyOfHash(next: ServerId, hash: Uint8Array): Promise<CustodyEntry[]>;
  /** What goes from one source to `next`, behind a place, in order, at most `limit`; only an empty page is the end. */
  custodyPage(
    next: ServerId,
    source: ServerId,
    after: CustodyPlace | undefined,
    limit: number,
  ): Promise<(CustodyRow & { number: number })[]>;
  custodySource(server: ServerId): Promise<Uint8Array | undefined>;
  custodyOwed(to: ServerId, limit: number): Promise<{ number: number; receipt: Uint8Array }[]>;
  /** Receipts for bundles of the own outbox from one sequence to another. */
  receipts(
    destination: ServerId,
    streamClass: StreamClass,
    fromSequence: number,
    toSequence: number,
  ): Promise<ReceiptRow[]>;
  /** Where an envelope lies in outboxes. */
  outboxPlaces(
    envelope: EnvelopeId,
  ): Promise<{ server: ServerId; class: StreamClass; sequence: number; from: AccountId }[]>;
}

export const classCodes = { control: 0, messages: 1, bulk: 2 } as const satisfies Record<BundleClass, number>;

/** By sequence, then as they came. */
export function inReceiptOrder(a: ReceiptRow, b: ReceiptRow): number {
  return a.sequence - b.sequence || a.at - b.at || (a.relay < b.relay ? -1 : 1);
}
