/**
 * Who this homeserver is: its keys and its signed server record. Invariant: a record is on disk before anybody sees it,
 * so that its sequence only rises, after a restart and after a restored backup too. [R2] [R4]
 */
import type {
  Clock,
  CustodyReceipt,
  Primitives,
  ReplacedServer,
  RoomEntry,
  ServerAddress,
  ServerId,
  ServerRecord,
} from "@fedchat/protocol";
import {
  custodyReceipt,
  isReplacedBy,
  limits,
  nextSequence,
  roomEntry,
  serverId,
  serverNamePattern,
  serverRecord,
} from "@fedchat/protocol";
import { StoreUnusableError } from "../store/store.ts";
import type { OwnRecord } from "./federation/index.ts";
import type { GroupCommit } from "./group-commit.ts";
import { sameBytes } from "./same-bytes.ts";

export interface HomeserverKeys {
  /** Ed25519 seed: the key whose public part is the server's id. */
  identity: Uint8Array;
  /** X25519 private key, for Noise and HPKE. */
  noise: Uint8Array;
  /** Of the key that may say that this server has another one; absent: none was prepared. [R7] */
  recoveryKeyHash?: Uint8Array;
  /** Keys that it had before. [R8] */
  replaces?: readonly ReplacedServer[];
}

/** What the record says beside the keys. */
export interface ServerDescription {
  name: string;
  addresses: ServerAddress[];
  software: string;
  /** [G6] */
  relays: ServerId[];
  relaysFor: ServerRecord["relaysFor"];
  neighbours: ServerId[];
}

const recordKey = "server.record";

/** Of the recovery key by which its owner replaced the former key, though the former key's record here did not name it. [R8] */
export const uncheckedRecoveryKey = "server.recovery.unchecked";

/**
 * recalled: this store had forgotten its recovery key, and has it again · disputed: others believe another recovery key
 * than this record names.
 */
export type RecoveryStanding = "recalled" | "disputed";

export class ServerIdentity {
  readonly id: ServerId;
  readonly noisePrivateKey: Uint8Array;
  /** Keys that it had before. */
  readonly formerly: readonly ServerId[];
  readonly #seed: Uint8Array;
  #recovery: Pick<ServerRecord, "recoveryKeyHash" | "replaces">;
  readonly #noisePublicKey: Uint8Array;
  readonly #primitives: Primitives;
  readonly #commit: GroupCommit;
  readonly #clock: Pick<Clock, "now">;
  #current: OwnRecord | undefined;
  /** The highest of a record of this key that others hold, since this store may be an older one. */
  #sequenceHeld = 0;
  /** The store's last record, of the key that this server had before. */
  #former: ServerRecord | undefined;

  /** Throws `StoreUnusableError` where the store belongs to another server. */
  constructor(options: {
    keys: HomeserverKeys;
    meta: ReadonlyMap<string, Uint8Array>;
    primitives: Primitives;
    commit: GroupCommit;
    clock: Pick<Clock, "now">;
  }) {
    const { keys, meta, primitives, commit, clock } = options;
    this.#seed = keys.identity;
    this.noisePrivateKey = keys.noise;
    this.#primitives = primitives;
    this.#commit = commit;
    this.#clock = clock;
    this.id = serverId.fromBytes(primitives.ed25519.publicKey(keys.identity));
    this.#noisePublicKey = primitives.x25519.publicKey(keys.noise);
    const signed = meta.get(recordKey);
    if (signed !== undefined) this.#current = { record: serverRecord.open(primitives, signed), signed };
    const held = this.#current?.record;
    const replaces = keys.replaces ?? [];
    this.formerly = replaces.map(({ server }) => server);
    const believed = meta.get(uncheckedRecoveryKey) ?? held?.recoveryKeyHash;
    const isOurs = (said: ReplacedServer) =>
      said.server === held?.key && isReplacedBy(primitives, this.id, said, believed);
    const isNew = held !== undefined && replaces.some(isOurs);
    const recoveryKeyHash = (isNew ? undefined : held?.recoveryKeyHash) ?? keys.recoveryKeyHash;
    this.#recovery = {
      ...(recoveryKeyHash === undefined ? {} : { recoveryKeyHash }),
      ...(replaces.length === 0 ? {} : { replaces: [...replaces] }),
    };
    if (isNew) this.#former = held;
    else if (this.#current !== undefined && this.#current.record.key !== this.id) {
      throw new StoreUnusableError(
        `The store belongs to server ${this.#current.record.key}, but the key is that of ${this.id}. Put back the key, or use another data folder.`,
      );
    }
  }

  /** The record that is in force. `settle` was awaited before. */
  get current(): OwnRecord {
    if (this.#current === undefined) throw new Error("the server record was never issued");
    return this.#current;
  }

  /** Whether a record of this very key was issued before. */
  get isIssued(): boolean {
    return this.#current?.record.key === this.id;
  }

  /** The relays and neighbours that the record in force lists; none before the first. [G6] */
  get standing(): Pick<ServerDescription, "relays" | "neighbours"> {
    const { relays, neighbours } = this.#current?.record ?? { relays: [], neighbours: [] };
    return { relays, neighbours };
  }

  /**
   * Issues a new record where the one in force says something else, or is past half its lifetime. True where it did;
   * rejects, with the old one still in force, where it could not be stored.
   */
  async settle(description: ServerDescription): Promise<boolean> {
    const now = this.#clock.now();
    if (
      this.#current !== undefined &&
      this.#former === undefined &&
      this.#stands(this.#current.record, description, now)
    )
      return false;
    const record: ServerRecord = {
      key: this.id,
      noiseKey: this.#noisePublicKey,
      ...description,
      ...this.#recovery,
      sequence: nextSequence(Math.max(this.#current?.record.sequence ?? 0, this.#sequenceHeld), now),
      issued: now,
      expires: now + limits.serverRecordLifetimeMs,
    };
    const signed = serverRecord.sign(this.#primitives, this.#seed, record);
    await this.#commit.add([{ op: "meta.put", key: recordKey, value: signed }]);
    this.#current = { record, signed };
    this.#former = undefined;
    return true;
  }

  /**
   * Another server holds this record, which our key signed. A recovery key that is known here stays, since whoever stole
   * our key signs what they like. Undefined where nothing was forgotten. [R7]
   */
  recall({ recoveryKeyHash, sequence }: ServerRecord): RecoveryStanding | undefined {
    if (recoveryKeyHash === undefined) return undefined;
    const ours = this.#recovery.recoveryKeyHash;
    if (ours !== undefined) return sameBytes(ours, recoveryKeyHash) ? undefined : "disputed";
    this.#recovery = { ...this.#recovery, recoveryKeyHash };
    this.#sequenceHeld = sequence;
    return "recalled";
  }

  /** Our word for a bundle in custody. [K2] */
  signReceipt(receipt: CustodyReceipt): Uint8Array {
    return custodyReceipt.sign(this.#primitives, this.#seed, receipt);
  }

  /** Our word for an entry's place in a room's log. [O1] */
  signEntry(entry: RoomEntry): Uint8Array {
    return roomEntry.sign(this.#primitives, this.#seed, entry);
  }

  #stands(record: ServerRecord, description: ServerDescription, now: number): boolean {
    return (
      now < record.issued + limits.serverRecordLifetimeMs / 2 &&
      record.name === description.name &&
      record.software === description.software &&
      record.relaysFor === description.relaysFor &&
      sameBytes(record.noiseKey, this.#noisePublicKey) &&
      (record.recoveryKeyHash === undefined) === (this.#recovery.recoveryKeyHash === undefined) &&
      JSON.stringify(plain(record)) === JSON.stringify(plain(description))
    );
  }
}

/**
 * What the server is called: as configured; else after its owner, as a label (a dot would look like a domain that was
 * never checked); else after its key.
 */
export function serverNameOf(
  configured: string | undefined,
  ownersHandle: string | undefined,
  id: ServerId,
): string {
  if (configured !== undefined) return configured;
  const label = ownersHandle?.replaceAll(/[^a-z0-9-]/g, "-").replaceAll(/^-+|-+$/g, "");
  return label !== undefined && serverNamePattern.test(label) ? label : `server-${id.slice(0, 6)}`;
}

const plain = ({
  addresses,
  relays,
  neighbours,
}: Pick<ServerRecord, "addresses" | "relays" | "neighbours">) => [
  addresses.map(({ host, port, kind }) => [host, port, kind]),
  relays,
  neighbours,
];
