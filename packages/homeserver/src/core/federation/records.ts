/**
 * The server records that are known: of linked servers and those of people's contacts, and of servers that others told
 * of. Invariants: the newest valid sequence wins, whoever brought it, and nothing older ever replaces it, so that a
 * Noise key once replaced stays replaced; whoever answers must present the pinned server's own record; what others told
 * is bounded, and pushes out neither what is kept nor another neighbour's share. [R1] to [R6] [G1] [G2]
 */
import type { Primitives, ProvedServer, RecordStanding, ServerId, ServerRecord } from "@fedchat/protocol";
import { compareServerRecord, ProtocolError, serverRecord } from "@fedchat/protocol";
import type { RecordRow, WriteOp } from "../../store/store.ts";
import { heardRecordBytesMax, heardRecordsMax } from "../limits.ts";
import { sameBytes } from "../same-bytes.ts";
import { ChangesLog } from "./changes-log.ts";
import { HeardShares } from "./heard-shares.ts";
import { RelayGraph } from "./relay-graph.ts";

export interface KnownRecord {
  readonly record: ServerRecord;
  readonly signed: Uint8Array;
  /** How far it came; 0: its subject sent it itself. */
  readonly hops: number;
  /** Who told it; undefined: nobody but its subject. */
  readonly heardFrom: ServerId | undefined;
  /** When it changed, in our own count of changes. */
  readonly changed: number;
}

/** What somebody told: read and compared, not verified. */
export interface ToldRecord {
  readonly record: ServerRecord;
  readonly standing: RecordStanding;
  /** Throws `malformed` where the signature is not its subject's. */
  readonly verify: () => void;
  readonly signed: Uint8Array;
  /** How far it came when it is here. */
  readonly hops: number;
}

export interface RecordsOptions {
  stored: readonly RecordRow[];
  primitives: Primitives;
  /** Whether a server's record is kept whoever told it: it is linked, connected, somebody's contact lives there, or asked. */
  keeps: (server: ServerId) => boolean;
  /** Of records that others told. Absent: `heardRecordsMax`, `heardRecordBytesMax`. */
  heardMax?: { count: number; bytes: number };
  /** A record is newer, or came a shorter way, or may be told to others than before. */
  onChange: () => void;
}

export class ServerRecords {
  /** Edges between the known servers. [C7] */
  readonly graph = new RelayGraph();
  readonly #options: RecordsOptions;
  readonly #known = new Map<ServerId, KnownRecord>();
  readonly #changes: ChangesLog;
  readonly #shares = new HeardShares();
  /** By the beginning of their signatures. */
  readonly #signed = new Map<string, ServerId>();

  constructor(options: RecordsOptions) {
    this.#options = options;
    this.#changes = new ChangesLog(options.stored);
    for (const { server, record: signed, hops, heardFrom, changed } of options.stored) {
      const record = readStored(signed);
      if (record === undefined) continue;
      const entry = { record, signed, hops, heardFrom, changed };
      this.#known.set(server, entry);
      this.#signed.set(signatureKey(signed), server);
      this.graph.put(record);
      // Who is kept is not known yet: `evict` looks again.
      if (heardFrom !== undefined) this.#shares.add(heardFrom, server, hops, signed.length);
    }
  }

  get size(): number {
    return this.#known.size;
  }

  get(server: ServerId): ServerRecord | undefined {
    return this.#known.get(server)?.record;
  }

  signed(server: ServerId): Uint8Array | undefined {
    return this.#known.get(server)?.signed;
  }

  known(server: ServerId): KnownRecord | undefined {
    return this.#known.get(server);
  }

  all(): IterableIterator<KnownRecord> {
    return this.#known.values();
  }

  /** The number of the last change. [G3] */
  get changes(): number {
    return this.#changes.count;
  }

  /** What changed after `since`, in order of the changes; at each step `changed` is how far that goes. */
  *changedAfter(since: number): Generator<KnownRecord> {
    for (const { server } of this.#changes.after(since)) {
      const known = this.#known.get(server);
      if (known !== undefined) yield known;
    }
  }

  /**
   * Takes the record that a handshake proved. Throws `wrong-server-key` where a newer record names another Noise key:
   * whoever still holds the replaced key is not this server any more. [R4]
   * @returns whether it is newer than what was known
   */
  admitProved(server: ProvedServer, nowMs: number): boolean {
    const { record, signed } = server;
    const newer = this.#admitOwn(record, signed, nowMs);
    const held = this.#known.get(record.key);
    if (held === undefined) throw new ProtocolError("malformed", "The server's record is not valid now.");
    if (!sameBytes(held.record.noiseKey, record.noiseKey)) {
      throw new ProtocolError("wrong-server-key", "The server presented a key that it has replaced since.");
    }
    return newer;
  }

  /**
   * Takes a record that its own server sent over an open link. Throws `malformed` for another server's. [R5]
   * @param mayName throws where the server may not take this name
   * @returns whether it is newer than what was known
   */
  admitSent(from: ServerId, signed: Uint8Array, nowMs: number, mayName: (name: string) => void): boolean {
    const own = signed.slice();
    const record = this.#same(own)?.record ?? serverRecord.open(this.#options.primitives, own);
    if (record.key !== from) throw new ProtocolError("malformed", "server record: of another server");
    mayName(record.name);
    return this.#admitOwn(record, own, nowMs);
  }

  /** Whether this very record is known: most of what is told again is, and costs next to nothing. */
  isKnown(signed: Uint8Array): boolean {
    return this.#same(signed) !== undefined;
  }

  /** Reads what a neighbour tells; what is not newer costs no verification. Throws `malformed`. [G4] */
  read(signed: Uint8Array, hops: number, nowMs: number): ToldRecord {
    const known = this.#same(signed);
    if (known !== undefined) {
      return { record: known.record, standing: "same", verify: () => undefined, signed, hops };
    }
    const { value: record, verify } = serverRecord.read(signed);
    return {
      record,
      standing: compareServerRecord(record, this.get(record.key), nowMs),
      verify: () => verify(this.#options.primitives),
      signed,
      hops,
    };
  }

  /** Takes a verified record that `teller` told, newer than the one that was known. Gives what stores it. */
  admitTold(teller: ServerId, { record, signed, hops }: ToldRecord, nowMs: number): WriteOp[] {
    this.#put({ record, signed: signed.slice(), hops, heardFrom: teller }, nowMs);
    return [...this.storing(record.key), ...this.#evict()];
  }

  /** The very record that is known came another way: the shorter way counts. Gives what stores it. [G2] */
  admitAgain(teller: ServerId, { record, signed, hops }: ToldRecord, nowMs: number): WriteOp[] {
    const held = this.#known.get(record.key);
    if (held === undefined || !sameBytes(held.signed, signed)) return [];
    const heardFrom = held.heardFrom ?? teller;
    if (heardFrom !== teller) this.#shares.toldToo(teller, record.key);
    if (hops < held.hops) {
      this.#put({ ...held, hops, heardFrom }, nowMs);
      return this.storing(record.key);
    }
    if (held.heardFrom === undefined) this.#replace({ ...held, heardFrom });
    return [];
  }

  /** A key that is nobody's any more. Gives what stores that. [R9] */
  drop(server: ServerId): WriteOp[] {
    return this.#delete(server);
  }

  /** Others may be told of this server who might not before: it counts as changed. Gives what stores that. */
  retell(server: ServerId, nowMs: number): WriteOp[] {
    const held = this.#known.get(server);
    if (held === undefined) return [];
    this.#put(held, nowMs);
    return this.storing(server);
  }

  /** What stores a server's record; nothing where none is known. */
  storing(server: ServerId): WriteOp[] {
    const known = this.#known.get(server);
    if (known === undefined) return [];
    const { record, signed, hops, heardFrom, changed } = known;
    const { name, sequence } = record;
    return [{ op: "record.put", server, name, sequence, record: signed, hops, heardFrom, changed }];
  }

  /** A server that nobody linked and that is not connected any more: what others told of it stays. [G1] */
  release(server: ServerId): WriteOp[] {
    const held = this.#known.get(server);
    if (held === undefined || this.#options.keeps(server)) return [];
    if (held.heardFrom === undefined) return this.#delete(server);
    // It was here itself, so that the record came one hop at most.
    this.#replace({ ...held, hops: Math.max(held.hops, 1) });
    return [...this.storing(server), ...this.#evict()];
  }

  /** Forgets records that expired and records of servers that nobody has to do with any more. Gives what stores that. */
  sweep(nowMs: number): WriteOp[] {
    const gone: WriteOp[] = [];
    for (const entry of [...this.#known.values()]) {
      const { key, expires } = entry.record;
      const stays = this.#options.keeps(key) || (expires > nowMs && entry.heardFrom !== undefined);
      if (stays) this.#count(entry);
      else gone.push(...this.#delete(key));
    }
    return [...gone, ...this.#evict()];
  }

  #same(signed: Uint8Array): KnownRecord | undefined {
    const server = this.#signed.get(signatureKey(signed));
    const known = server === undefined ? undefined : this.#known.get(server);
    return known !== undefined && sameBytes(known.signed, signed) ? known : undefined;
  }

  #admitOwn(record: ServerRecord, signed: Uint8Array, nowMs: number): boolean {
    const held = this.#known.get(record.key);
    const standing = compareServerRecord(record, held?.record, nowMs);
    if (standing === "newer") {
      this.#put({ record, signed: signed.slice(), hops: 0, heardFrom: undefined }, nowMs);
    } else if (standing === "same" && held !== undefined && held.hops > 0) {
      this.#put({ ...held, hops: 0 }, nowMs);
    }
    return standing === "newer";
  }

  #put(entry: Omit<KnownRecord, "changed">, nowMs: number): void {
    const changed = this.#changes.changed(entry.record.key, nowMs);
    if (this.#known.get(entry.record.key)?.record !== entry.record) {
      this.graph.put(entry.record);
      this.#shares.forget(entry.record.key);
    }
    this.#replace({ ...entry, changed });
    this.#options.onChange();
  }

  #replace(entry: KnownRecord): void {
    const held = this.#known.get(entry.record.key);
    if (held !== undefined) {
      this.#uncount(held);
      this.#signed.delete(signatureKey(held.signed));
    }
    this.#known.set(entry.record.key, entry);
    this.#signed.set(signatureKey(entry.signed), entry.record.key);
    this.#count(entry);
  }

  #delete(server: ServerId): WriteOp[] {
    const held = this.#known.get(server);
    if (held === undefined) return [];
    this.#uncount(held);
    this.#shares.forget(server);
    this.#known.delete(server);
    this.#signed.delete(signatureKey(held.signed));
    this.#changes.forget(server);
    this.graph.delete(server);
    return [{ op: "record.delete", server }];
  }

  #evict(): WriteOp[] {
    const ops: WriteOp[] = [];
    const shares = this.#shares;
    const { heardMax = { count: heardRecordsMax, bytes: heardRecordBytesMax }, keeps } = this.#options;
    while (shares.count > heardMax.count || shares.bytes > heardMax.bytes) {
      const server = shares.takeFirst(shares.count > heardMax.count ? "count" : "bytes");
      if (server === undefined) break;
      if (!keeps(server)) ops.push(...this.#leaveTo(shares.heirOf(server), server));
    }
    return ops;
  }

  /** Its teller's share has no place for it any more: it counts as another's who told it, too, if there is one. */
  #leaveTo(teller: ServerId | undefined, server: ServerId): WriteOp[] {
    const held = this.#known.get(server);
    if (teller === undefined || held === undefined) return this.#delete(server);
    this.#replace({ ...held, heardFrom: teller });
    return this.storing(server);
  }

  /** Who is kept does not count; whether somebody still is, `sweep` looks. */
  #count({ record, signed, hops, heardFrom }: KnownRecord): void {
    if (heardFrom === undefined || this.#options.keeps(record.key)) return;
    this.#shares.add(heardFrom, record.key, hops, signed.length);
  }

  #uncount({ record, hops, heardFrom }: KnownRecord): void {
    if (heardFrom !== undefined) this.#shares.remove(heardFrom, record.key, hops);
  }
}

const signatureBytes = 64;
const signatureKeyBytes = 16;

/** A signed structure ends with its signature, since deterministic CBOR orders `body` before it. [S2] [S4] */
function signatureKey(signed: Uint8Array): string {
  const start = Math.max(0, signed.length - signatureBytes);
  return String.fromCharCode(...signed.subarray(start, start + signatureKeyBytes));
}

/** It was verified before it was stored. Undefined where a rule that was added since refuses it. */
function readStored(signed: Uint8Array): ServerRecord | undefined {
  try {
    return serverRecord.read(signed).value;
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    return undefined;
  }
}
