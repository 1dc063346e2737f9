/**
 * The server records that are known, by ServerId. Invariant: the newest valid sequence wins and nothing older ever
 * replaces it, so that a Noise key once replaced stays replaced. Whoever it is that answers must present the pinned
 * server's own record. [R1] to [R6]
 */
import type { Primitives, ProvedServer, ServerId, ServerRecord } from "@fedchat/protocol";
import { compareServerRecord, ProtocolError, serverRecord } from "@fedchat/protocol";
import type { StoredState, WriteOp } from "../../store/store.ts";
import { sameBytes } from "../same-bytes.ts";

export interface KnownRecord {
  record: ServerRecord;
  signed: Uint8Array;
}

export class ServerRecords {
  readonly #primitives: Primitives;
  readonly #known = new Map<ServerId, KnownRecord>();

  constructor(stored: StoredState["records"], primitives: Primitives) {
    this.#primitives = primitives;
    for (const row of stored) {
      this.#known.set(row.server, { record: serverRecord.open(primitives, row.record), signed: row.record });
    }
  }

  get(server: ServerId): ServerRecord | undefined {
    return this.#known.get(server)?.record;
  }

  /**
   * Takes the record that a handshake proved. Throws `wrong-server-key` where a newer record names another Noise key:
   * whoever still holds the replaced key is not this server any more. [R4]
   * @returns whether it is newer than what was known
   */
  admitProved(server: ProvedServer, nowMs: number): boolean {
    const { record, signed } = server;
    const newer = this.#admit(record, signed, nowMs);
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
    const record = serverRecord.open(this.#primitives, own);
    if (record.key !== from) throw new ProtocolError("malformed", "server record: of another server");
    mayName(record.name);
    return this.#admit(record, own, nowMs);
  }

  /** What stores a server's record; nothing where none is known. */
  storing(server: ServerId): WriteOp[] {
    const known = this.#known.get(server);
    if (known === undefined) return [];
    const { name, sequence } = known.record;
    return [{ op: "record.put", server, name, sequence, record: known.signed }];
  }

  /** A server that nobody linked and that is not connected any more. */
  forget(server: ServerId): void {
    this.#known.delete(server);
  }

  #admit(record: ServerRecord, signed: Uint8Array, nowMs: number): boolean {
    const standing = compareServerRecord(record, this.#known.get(record.key)?.record, nowMs);
    if (standing !== "newer") return false;
    this.#known.set(record.key, { record, signed: signed.slice() });
    return true;
  }
}
