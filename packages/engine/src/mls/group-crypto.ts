/**
 * What the engine asks of MLS (RFC 9420): groups of exactly two devices, made by one and joined by the other, in
 * which no further commit happens. Nothing here waits: a step goes from one immutable state to the next at once, and
 * `changes` says which small records a store writes for it.
 *
 * The caller keeps three rules. Bytes leave the machine only after the state that made them is on disk. A state is
 * stepped from once: two steps from one state would use one key twice. Who the members are is for the caller to
 * check, by their credentials, before anything is shown or sent.
 */

import type { GroupRecords, GroupState } from "./group-records.ts";
export type { GroupChanges, GroupState } from "./group-records.ts";

/** This device as a member of groups. Its device key is the signature key of its leaf. */
export interface MemberIdentity {
  /** Ed25519 seed, 32 bytes (RFC 8032 §5.1.5). */
  readonly signaturePrivateKey: Uint8Array;
  /** 32 bytes; must belong to the seed. */
  readonly signaturePublicKey: Uint8Array;
  /** Identity of the basic credential: the device certificate's bytes. */
  readonly credential: Uint8Array;
}

export interface MemberInfo {
  /** Leaf index: 0 is the creator, 1 the one who joined. */
  readonly index: number;
  /** Byte for byte what its identity gave. */
  readonly credential: Uint8Array;
  /** Ed25519, 32 bytes: every message of this member verifies under it. */
  readonly signatureKey: Uint8Array;
  /** Whether this is the device whose state it is. */
  readonly own: boolean;
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

/** A foreseen failure; `reason` is for logs and developers, and holds no secrets. */
export interface Refused {
  readonly kind: "refused";
  readonly reason: string;
}

/** `welcome` is an MLSMessage with a Welcome that carries the ratchet tree, so that it is all the peer needs. */
export type CreateOutcome =
  | { readonly kind: "created"; readonly state: GroupState; readonly welcome: Uint8Array }
  | Refused;

export type JoinOutcome =
  | {
      readonly kind: "joined";
      readonly state: GroupState;
      readonly groupId: Uint8Array;
      readonly members: readonly MemberInfo[];
    }
  | Refused;

/** Only `message` changes the state; after any other outcome the former one stays the valid one. */
export type DecryptOutcome =
  | {
      readonly kind: "message";
      /** No longer holds the key that opened this message. */
      readonly state: GroupState;
      readonly plaintext: Uint8Array;
      /** Travelled in the clear, and is as its sender wrote it. */
      readonly authenticatedData: Uint8Array;
      readonly sender: MemberInfo;
      /** The sender's message number in this group and epoch, from 0, without gaps. */
      readonly generation: number;
    }
  /** It names another group than the state does. */
  | { readonly kind: "wrong-group" }
  | { readonly kind: "future-epoch" }
  | { readonly kind: "past-epoch" }
  /** Its key is gone: it was decrypted before, or the sender ran `skippedKeysMax` messages ahead of it. */
  | { readonly kind: "duplicate" }
  /** More than `skippedGenerationsMax` of its sender's messages are missing before it. */
  | { readonly kind: "too-far-ahead" }
  /** It says that this device sent it. Not proved: a device cannot open its own messages. */
  | { readonly kind: "own" }
  /** Damaged, forged, or no application message at all. */
  | { readonly kind: "corrupt"; readonly reason: string };

/** What a message says in the clear, unproved. */
export interface MessageHeader {
  readonly groupId: Uint8Array;
  readonly epoch: bigint;
}

export interface SealedMessage {
  readonly state: GroupState;
  /** MLSMessage with a PrivateMessage. */
  readonly message: Uint8Array;
}

export interface CreatePair {
  /** Never used before. */
  readonly groupId: Uint8Array;
  readonly identity: MemberIdentity;
  readonly peerKeyPackage: Uint8Array;
}

export interface Join {
  readonly welcome: Uint8Array;
  readonly identity: MemberIdentity;
  /** The key package that the Welcome is for, with its private part, as `createKeyPackage` returned them. */
  readonly keyPackage: Uint8Array;
  readonly privatePart: Uint8Array;
}

export interface GroupCrypto extends GroupRecords {
  /** A single-use key package. Its lifetime begins `clockSkewMs` before now, for peers whose clocks are behind. */
  createKeyPackage(identity: MemberIdentity): NewKeyPackage;

  /** What a key package says; undefined unless it is valid now (RFC 9420 §10.1, §7.3). */
  inspectKeyPackage(keyPackage: Uint8Array): KeyPackageInfo | undefined;

  /** Creates the group and adds the peer. The Welcome is queued in the transaction that stores the state. */
  createPair(args: CreatePair): CreateOutcome;

  /** The references of the key packages that a Welcome is for; undefined where it is no Welcome. */
  welcomeReferences(welcome: Uint8Array): readonly Uint8Array[] | undefined;

  /** Joins. The caller checks the `members` before it stores the state. */
  join(args: Join): JoinOutcome;

  /** Encrypts at most `plaintextBytesMax` bytes, padded. `authenticatedData` is not hidden, only protected. */
  encrypt(state: GroupState, plaintext: Uint8Array, authenticatedData?: Uint8Array): SealedMessage;

  decrypt(state: GroupState, message: Uint8Array): DecryptOutcome;

  /** Undefined where the bytes are no PrivateMessage. */
  header(message: Uint8Array): MessageHeader | undefined;

  /** The two members in the order of their indices. */
  members(state: GroupState): readonly MemberInfo[];

  /** RFC 9420 §8.7: equal on both sides if and only if they hold the same group. */
  epochAuthenticator(state: GroupState): Uint8Array;
}
