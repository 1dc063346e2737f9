/**
 * Which servers are joined by an edge that both list in their records: an index over the known records, kept up to
 * date record by record so that a search reads it as it stands. Invariant: edges are mutual; an end that stops listing
 * the other, or whose record is forgotten, has no edge left. [C7]
 */
import type { ServerId, ServerRecord } from "@fedchat/protocol";

/** A server as ways see it. */
export interface Place {
  readonly server: ServerId;
  readonly record: ServerRecord;
  /** A small number that no other place has: searches mark places by it. */
  readonly slot: number;
  /** Those that it lists and that list it. */
  readonly edges: readonly Place[];
}

interface MutablePlace extends Place {
  record: ServerRecord;
  edges: MutablePlace[];
}

export class RelayGraph {
  readonly #places = new Map<ServerId, MutablePlace>();
  readonly #freeSlots: number[] = [];
  #slots = 0;

  /** Above every slot in use. */
  get slots(): number {
    return this.#slots;
  }

  place(server: ServerId): Place | undefined {
    return this.#places.get(server);
  }

  /** Takes a server's record in place of the one before it. */
  put(record: ServerRecord): void {
    const place = this.#places.get(record.key) ?? this.#create(record);
    const before = place.edges;
    place.record = record;
    place.edges = this.#mutual(record);
    for (const other of before) if (!place.edges.includes(other)) detach(other, place);
    for (const other of place.edges) if (!before.includes(other)) other.edges.push(place);
  }

  delete(server: ServerId): void {
    const place = this.#places.get(server);
    if (place === undefined) return;
    for (const other of place.edges) detach(other, place);
    this.#places.delete(server);
    this.#freeSlots.push(place.slot);
  }

  #create(record: ServerRecord): MutablePlace {
    const slot = this.#freeSlots.pop() ?? this.#slots++;
    const place: MutablePlace = { server: record.key, record, slot, edges: [] };
    this.#places.set(record.key, place);
    return place;
  }

  #mutual(record: ServerRecord): MutablePlace[] {
    const listed = new Set([...record.neighbours, ...record.relays]);
    listed.delete(record.key);
    return [...listed].flatMap((server) => {
      const other = this.#places.get(server);
      return other !== undefined && lists(other.record, record.key) ? [other] : [];
    });
  }
}

function lists({ neighbours, relays }: ServerRecord, server: ServerId): boolean {
  return neighbours.includes(server) || relays.includes(server);
}

function detach(from: MutablePlace, place: MutablePlace): void {
  from.edges = from.edges.filter((other) => other !== place);
}
