/**
 * What the engine asks of MLS (RFC 9420): one group a room, whose context holds the room's state. Nothing here waits: a
 * step goes from one immutable state to the next at once, and `changes` says which small records a store writes for it.
 *
 * The caller keeps four rules. Bytes leave the machine only after the state that made them is on disk. A state is
 * stepped from once: two steps from one state would use one key twice. Who takes part is for the caller to judge before
 * anything is shown or sent. A commit counts only where the room's log has taken it: `before` is stored before the commit
 * leaves, and takes the place of the former state; `next` takes its place once the commit stands in the log, and is
 * erased (`erase(next, before)`) where another one does. Whether a message is valid depends on the log and the state
 * alone, so that all members pass over the same ones. [W5]
 */
import type { AccountId, DeviceId, RoomId, ServerId } from "@fedchat/protocol";
import type { RoomChange } from "../room-state/apply-update.ts";
import type { RoomState } from "../room-state/room-state.ts";
import type { RoomUpdate } from "../room-state/room-update.ts";
import type { GroupRecords, GroupState } from "./group-records.ts";

/** This device as a member of groups. Its device key is the signature key of its leaf. */
export interface MemberIdentity {
  /** Ed25519 seed, 32 bytes (RFC 8032 §5.1.5). */
  readonly signaturePrivateKey: Uint8Array;
  /** 32 bytes; must belong to the seed. */
  readonly signaturePublicKey: Uint8Array;
  /** Identity of the basic credential: the device certificate's bytes. */
  readonly credential: Uint8Array;
}

export interface NewKeyPackage {
  /** MLSMessage with a KeyPackage: what is published. */
  readonly keyPackage: Uint8Array;
  /** The private keys of it, without the device key. Delete it when its group is joined. */
  readonly privatePart: Uint8Array;
  /** KeyPackageRef (RFC 9420 §5.2), 32 bytes. */
  readonly reference: Uint8Array;
}

export interface KeyPackageInfo {
  readonly credential: Uint8Array;
  readonly signatureKey: Uint8Array;
  readonly reference: Uint8Array;
  /** Unix time, ms: from then on nobody adds it to a group. */
  readonly expiresMs: number;
}

/** What a message says in the clear, unproved. */
export interface MessageHeader {
  readonly groupId: Uint8Array;
  readonly epoch: bigint;
}

/** X25519 with ML-KEM-768, and X25519 alone for rooms in which the former's keys would take too much room. */
export const roomSuites = { hybrid: 0x004f, classical: 0x0003 } as const;
export type RoomSuite = keyof typeof roomSuites;

export interface RoomMember {
  /** Leaf index. */
  readonly index: number;
  /** Byte for byte what its identity gave. */
  readonly credential: Uint8Array;
  /** Ed25519, 32 bytes: every message of this member verifies under it. */
  readonly signatureKey: Uint8Array;
  /** Whether this is the device whose state it is. */
  readonly own: boolean;
  readonly account: AccountId;
  readonly device: DeviceId;
}

/** Nothing changed. `rule` is one of `ROOM_RULES`, of this port, or of the MLS package; `reason` is a sentence. */
export interface Refused {
  readonly kind: "refused";
  readonly rule: string;
  readonly reason: string;
}

/** Ed25519: who holds it may append to the room's log. */
export interface AccessKey {
  readonly seed: Uint8Array;
  readonly publicKey: Uint8Array;
}

/** What the log is told of an epoch. */
export interface RoomEpoch {
  readonly epoch: bigint;
  /** Public part of the access key. */
  readonly access: Uint8Array;
  readonly servers: readonly ServerId[];
  /** Sealed under the room's `infoKey`: by it a device on its account's list comes in. */
  readonly info: Uint8Array;
}

export interface CreateRoom {
  readonly room: RoomId;
  /** 32 bytes, never used before. */
  readonly groupId: Uint8Array;
  readonly suite: RoomSuite;
  readonly identity: MemberIdentity;
  /** The signed record of the creator's account, which becomes the owner. */
  readonly record: Uint8Array;
  /** Of a pair, and only there: the signed record of the other one. */
  readonly peer?: Uint8Array;
  readonly name: string;
  readonly join: RoomState["join"];
  readonly invite: RoomState["invite"];
  readonly hubs: readonly ServerId[];
}

export type CreateRoomOutcome =
  | { readonly kind: "created"; readonly state: GroupState; readonly begin: RoomEpoch }
  | Refused;

/** All of it optional: an empty commit renews this device's keys. */
export interface RoomCommit {
  readonly updates?: readonly RoomUpdate[];
  /** Key packages of devices that are, or by the updates come to be, on a participant's list. */
  readonly add?: readonly Uint8Array[];
  /** Leaves of this account's own devices. Those that may not stay are removed without being named. */
  readonly remove?: readonly number[];
  /** A new `infoKey` also where nobody goes. */
  readonly renewKey?: boolean;
}

/** What a commit did, for people. */
export interface RoomCommitSummary {
  readonly by: RoomMember;
  /** It came in by itself. */
  readonly external: boolean;
  readonly changes: readonly RoomChange[];
  /** Devices. */
  readonly joined: readonly RoomMember[];
  readonly gone: readonly RoomMember[];
}

export type RoomCommitOutcome =
  | {
      readonly kind: "committed";
      readonly before: GroupState;
      readonly next: GroupState;
      readonly message: Uint8Array;
      /** For all added devices together. */
      readonly welcome: Uint8Array | undefined;
      /** Where not, whoever joins needs `info` too. */
      readonly welcomeHasTree: boolean;
      readonly after: RoomEpoch;
      readonly summary: RoomCommitSummary;
    }
  | Refused;

export type LeaveOutcome =
  | { readonly kind: "proposed"; readonly state: GroupState; readonly message: Uint8Array }
  | Refused;

/** Where `state` is missing, the former one stays the valid one. */
export type RoomReceived =
  | {
      readonly kind: "application";
      readonly state: GroupState;
      readonly plaintext: Uint8Array;
      readonly authenticatedData: Uint8Array;
      /** As it was a member in the message's epoch. */
      readonly sender: RoomMember;
      readonly epoch: bigint;
      readonly generation: number;
      readonly proof: MessageProof;
    }
  /** Somebody wants to leave: the next commit takes them out. */
  | { readonly kind: "proposal"; readonly state: GroupState; readonly by: RoomMember }
  | { readonly kind: "commit"; readonly state: GroupState; readonly summary: RoomCommitSummary }
  /** This device is no member any more: its state can only be erased. */
  | { readonly kind: "removed"; readonly summary: RoomCommitSummary }
  /** A valid commit that only this device cannot follow: it comes in again by itself, or is added again. */
  | {
      readonly kind: "diverged";
      readonly rule: string;
      readonly reason: string;
      /** For coming in again: whoever made the commit may also have forged what it says that the room is now. */
      readonly expected: ExpectedRoom;
    }
  | { readonly kind: "wrong-group" }
  | { readonly kind: "future-epoch"; readonly epoch: bigint }
  | { readonly kind: "stale-epoch"; readonly epoch: bigint }
  /** Its key is gone: it came before, or more than `skippedKeysMax` messages later than others of its sender. */
  | { readonly kind: "duplicate" }
  | { readonly kind: "own" }
  /** Every member passes over it alike. `by`: who signed it, where it got so far that this is proved. */
  | (Refused & { readonly by?: RoomMember });

/** What the log's updates come to, by this device's own reckoning. */
export interface ExpectedRoom {
  readonly epoch: bigint;
  readonly room: RoomState;
}

export interface JoinRoom {
  readonly room: RoomId;
  readonly welcome: Uint8Array;
  readonly identity: MemberIdentity;
  readonly keyPackage: Uint8Array;
  readonly privatePart: Uint8Array;
  /** Of the very epoch that the Welcome begins, where its tree did not fit in; `key` came with the Welcome. */
  readonly info?: { readonly sealed: Uint8Array; readonly key: Uint8Array };
}

export type JoinRoomOutcome =
  | {
      readonly kind: "joined";
      readonly state: GroupState;
      readonly groupId: Uint8Array;
      readonly room: RoomState;
      readonly adder: RoomMember;
    }
  | Refused;

export interface RoomDescription {
  readonly groupId: Uint8Array;
  readonly epoch: bigint;
  readonly room: RoomState;
}

export interface JoinRoomByItself {
  readonly room: RoomId;
  readonly identity: MemberIdentity;
  /** As the hub holds it. */
  readonly info: Uint8Array;
  /** The room's `infoKey`, as this device or another of its account kept it. */
  readonly key: Uint8Array;
  /** An info of this epoch that says anything else is refused. */
  readonly expected?: ExpectedRoom;
}

export type JoinRoomByItselfOutcome =
  | {
      readonly kind: "joined-externally";
      /** In force once the commit stands in the log; erased where another one does. */
      readonly state: GroupState;
      readonly groupId: Uint8Array;
      /** Sealed: for the log. */
      readonly message: Uint8Array;
      /** Of the epoch that the commit ends: by it the commit is appended. */
      readonly access: AccessKey;
      readonly after: RoomEpoch;
      readonly room: RoomState;
    }
  | Refused;

/** What a message is handed on by (RFC 9420 §6.1). Whose the key is, the verifier knows from its own view of the group. */
export interface MessageProof {
  readonly suite: RoomSuite;
  readonly groupId: Uint8Array;
  readonly epoch: bigint;
  /** The sender's leaf in that epoch. */
  readonly leaf: number;
  readonly signatureKey: Uint8Array;
  /** The encoded GroupContext of that epoch. */
  readonly context: Uint8Array;
  readonly signature: Uint8Array;
}

export interface SealedRoomMessage {
  readonly state: GroupState;
  readonly message: Uint8Array;
  /** The same as its receivers get. */
  readonly proof: MessageProof;
}

export interface RoomCrypto extends GroupRecords {
  createKeyPackage(identity: MemberIdentity, suite: RoomSuite): NewKeyPackage;
  /** Undefined unless it is valid now, for a room of this suite. */
  inspectKeyPackage(keyPackage: Uint8Array, suite: RoomSuite): KeyPackageInfo | undefined;

  create(args: CreateRoom): CreateRoomOutcome;
  /** Takes in proposals to leave that wait. */
  commit(state: GroupState, args: RoomCommit): RoomCommitOutcome;
  /**
   * A commit's `next` once it stands in the log. `current` is what `before` has become meanwhile: keys that messages used
   * up since are gone. `next` itself is to be erased.
   */
  accept(current: GroupState, next: GroupState): GroupState;
  /**
   * Back to `earlier`, of which `later` is the same epoch: without the proposals that came since. Keys that were used
   * meanwhile stay used, for none may seal twice.
   */
  backTo(earlier: GroupState, later: GroupState): GroupState;
  leave(state: GroupState): LeaveOutcome;
  /** The references of the key packages that a Welcome is for; undefined where it is no Welcome. */
  welcomeReferences(welcome: Uint8Array): readonly Uint8Array[] | undefined;
  /** The caller checks the room and who added it before it stores the state. */
  join(args: JoinRoom): JoinRoomOutcome;
  joinByItself(args: JoinRoomByItself): JoinRoomByItselfOutcome;
  /** What an info says, for showing it: undefined where the key does not open it, or it is of another room. */
  describe(args: Pick<JoinRoomByItself, "room" | "info" | "key">): RoomDescription | undefined;

  encrypt(state: GroupState, plaintext: Uint8Array, authenticatedData?: Uint8Array): SealedRoomMessage;
  /**
   * Messages and items of the log alike.
   * @param logAt of the log's: the time that its entry says, Unix milliseconds
   */
  receive(state: GroupState, message: Uint8Array, logAt?: number): RoomReceived;
  /** What a message says in the clear, sealed ones too; undefined where the bytes are no message of a group. */
  header(message: Uint8Array): MessageHeader | undefined;

  room(state: GroupState): RoomState;
  members(state: GroupState): readonly RoomMember[];
  suite(state: GroupState): RoomSuite;
  groupId(state: GroupState): Uint8Array;
  epoch(state: GroupState): bigint;
  access(state: GroupState): AccessKey;
  /** What the log is to be told of the present epoch. */
  epochForLog(state: GroupState): RoomEpoch;
  epochAuthenticator(state: GroupState): Uint8Array;
  /** The encoded GroupContext (RFC 9420 §8.1), which every signature of the epoch covers. */
  context(state: GroupState): Uint8Array;
  /** Whether this plaintext, sent without authenticated data, is what the proof says. */
  proves(proof: MessageProof, plaintext: Uint8Array): boolean;
}
