/**
 * How much lies in custody, by who handed it over and whose it is, and whether more may come. Rows are counted with
 * what they cost beside their bundles, so that many small ones are bounded too. Kept in memory; the rows are the
 * store's. [K3]
 */
import type { ServerId } from "@fedchat/protocol";
import type { CustodyGone, CustodyTotal } from "../../store/store.ts";
import {
  custodyNeighbourShare,
  custodyRowBytes,
  custodySourceShare,
  custodyStrangersShare,
} from "../limits.ts";

interface Pair {
  bytes: number;
  /** Decided when the first of its bundles came, and counted so until the last has gone. */
  stranger: boolean;
}

type Whose = Pick<CustodyTotal, "from" | "source">;

export class CustodyTotals {
  readonly #bytesMax: () => number;
  readonly #isStranger: (whose: Whose) => boolean;
  readonly #pairs = new Map<string, Pair>();
  readonly #neighbours = new Map<ServerId, number>();
  #bytes = 0;
  #bundles = 0;
  #strangers = 0;

  /** @param isStranger whether who hands over, or whose it is, is not mutually linked */
  constructor(bytesMax: () => number, isStranger: (whose: Whose) => boolean) {
    this.#bytesMax = bytesMax;
    this.#isStranger = isStranger;
  }

  /** Counts what was found on disk. */
  load(stored: CustodyTotal[]): void {
    for (const total of stored) {
      this.#count(total, total.bytes + total.rows * custodyRowBytes);
      this.#bundles += total.bundles;
    }
  }

  get bytes(): number {
    return this.#bytes;
  }

  get bundles(): number {
    return this.#bundles;
  }

  /** Whether a bundle of this size would go beyond a quota. */
  full(whose: Whose, bundleBytes: number): boolean {
    const bytes = bundleBytes + custodyRowBytes;
    const max = this.#bytesMax();
    const pair = this.#pairs.get(keyOf(whose));
    const stranger = pair?.stranger ?? this.#isStranger(whose);
    return (
      this.#bytes + bytes > max ||
      (this.#neighbours.get(whose.from) ?? 0) + bytes > max * custodyNeighbourShare ||
      // Who hands over can name any source: that must not use up what is there for the same source by other hands.
      (pair?.bytes ?? 0) + bytes > max * custodySourceShare ||
      (stranger && this.#strangers + bytes > max * custodyStrangersShare)
    );
  }

  add(whose: Whose, bundleBytes: number): void {
    this.#count(whose, bundleBytes + custodyRowBytes);
    this.#bundles += 1;
  }

  remove(gone: Omit<CustodyGone, "next">): void {
    this.#count(gone, -gone.bytes - (gone.left === "none" ? custodyRowBytes : 0));
    if (gone.bytes > 0) this.#bundles -= 1;
  }

  #count(whose: Whose, bytes: number): void {
    const key = keyOf(whose);
    const pair = this.#pairs.get(key) ?? { bytes: 0, stranger: this.#isStranger(whose) };
    pair.bytes += bytes;
    if (pair.bytes > 0) this.#pairs.set(key, pair);
    else this.#pairs.delete(key);
    if (pair.stranger) this.#strangers += bytes;
    raise(this.#neighbours, whose.from, bytes);
    this.#bytes += bytes;
  }
}

const keyOf = ({ from, source }: Whose): string => `${from} ${source}`;

function raise(totals: Map<ServerId, number>, server: ServerId, bytes: number): void {
  const total = (totals.get(server) ?? 0) + bytes;
  if (total > 0) totals.set(server, total);
  else totals.delete(server);
}
