/**
 * NO CRYPTOGRAPHY: the engine's group interface with everything in the clear, for the simulation. It is deterministic
 * from its random source and synchronous inside, so that a seed replays exactly, and it keeps books: in the real thing
 * one generation's key must never seal two different contents, and here the ledger notices if it would have.
 * It refuses to work outside tests, and the real implementation refuses everything it makes.
 */
import { hash } from "node:crypto";
import {
  array,
  bytes,
  decode,
  encode,
  literals,
  struct,
  uint,
  type Codec,
  type Clock,
  type RandomSource,
  type TypeOf,
} from "@fedchat/protocol";
import type {
  CreateOutcome,
  CreatePair,
  DecryptOutcome,
  GroupChanges,
  GroupCrypto,
  GroupState,
  Join,
  JoinOutcome,
  KeyPackageInfo,
  MemberIdentity,
  MemberInfo,
  MessageHeader,
  NewKeyPackage,
  SealedMessage,
} from "../../packages/engine/src/mls/group-crypto.ts";
import {
  authenticatedDataBytesMax,
  clockSkewMs,
  credentialBytesMax,
  keyPackageLifetimeMs,
  messageBytesMax,
  plaintextBytesMax,
  skippedGenerationsMax,
  skippedKeysMax,
} from "../../packages/engine/src/mls/limits.ts";

const member = struct({ credential: bytes({ max: credentialBytesMax }), signatureKey: bytes(32) });

const keyPackageForm = struct({
  member,
  notBefore: uint(),
  notAfter: uint(),
  /** Stands for the keys: makes each key package another one, and its private part fit no other. */
  nonce: bytes(32),
});

const welcomeForm = struct({
  groupId: bytes({ max: 255 }),
  keys: bytes(16),
  reference: bytes(32),
  members: array(member, { min: 2, max: 2 }),
});

const stateForm = struct({
  groupId: bytes({ max: 255 }),
  /** Stands for the group's secrets: a group that was made twice under one id has different ones. */
  keys: bytes(16),
  epoch: uint(),
  own: uint({ max: 1 }),
  members: array(member, { min: 2, max: 2 }),
  sendGeneration: uint(),
  /** The peer's lowest generation that was never reached, and those below it that are still missing. */
  receiveGeneration: uint(),
  missing: array(uint(), { max: skippedKeysMax }),
});
type State = TypeOf<typeof stateForm>;

const messageForm = struct({
  groupId: bytes({ max: 255 }),
  keys: bytes(16),
  epoch: uint(),
  sender: uint({ max: 1 }),
  generation: uint(),
  authenticatedData: bytes({ max: authenticatedDataBytesMax }),
  plaintext: bytes({ max: plaintextBytesMax }),
});
type Message = TypeOf<typeof messageForm>;

/**
 * Remembers what every key that left a machine had sealed. One ledger serves a whole simulated network. A message
 * counts once it has left: that is said by the simulated wire through `left`, and at the latest by its receiver.
 * Two messages from one state are no fault if a crash kept the first from ever leaving.
 */
export class KeyUseLedger {
  readonly #contents = new Map<string, string>();

  /** Throws if the message's key has already sealed something else. Bytes that are no stub message are ignored. */
  left(bytesOfMessage: Uint8Array): void {
    const opened = openForm("message", messageForm, bytesOfMessage);
    if (opened?.intact === true) this.messageLeft(opened);
  }

  /** As `left`, where the message is open already. */
  messageLeft({ value, check }: Opened<Message>): void {
    this.assertUnused(value, check);
    this.#contents.set(keyName(value), latin1(check));
  }

  /** Throws if something else than what has this hash was sealed with the message's key and has left. */
  assertUnused(message: Message, check: Uint8Array): void {
    const known = this.#contents.get(keyName(message));
    if (known !== undefined && known !== latin1(check)) {
      throw new Error(
        `assertion: one key sealed two contents (keys/epoch/sender/generation ${keyName(message)})`,
      );
    }
  }

  /** How many keys were seen in use. */
  get size(): number {
    return this.#contents.size;
  }
}

export class StubGroupCrypto implements GroupCrypto {
  readonly #ledger: KeyUseLedger;
  readonly #random: RandomSource;
  readonly #clock: Pick<Clock, "now">;
  /** Nobody may go on from a state whose secrets are gone. */
  readonly #erased = new WeakSet<State>();

  constructor({
    ledger,
    random,
    clock,
  }: {
    ledger: KeyUseLedger;
    random: RandomSource;
    clock: Pick<Clock, "now">;
  }) {
    const { VITEST, FEDCHAT_SIMULATION } = process.env;
    if (VITEST === undefined && FEDCHAT_SIMULATION === undefined)
      throw new Error("StubGroupCrypto encrypts nothing: tests only");
    this.#ledger = ledger;
    this.#random = random;
    this.#clock = clock;
  }

  createKeyPackage(identity: MemberIdentity): NewKeyPackage {
    const nonce = this.#random.bytes(32);
    const keyPackage = sealForm("key package", keyPackageForm, {
      member: memberFrom(identity),
      notBefore: this.#clock.now() - clockSkewMs,
      notAfter: this.#clock.now() + keyPackageLifetimeMs,
      nonce,
    });
    return { keyPackage, privatePart: nonce, reference: sha256(keyPackage) };
  }

  inspectKeyPackage(keyPackage: Uint8Array): KeyPackageInfo | undefined {
    const opened = openForm("key package", keyPackageForm, keyPackage);
    if (opened?.intact !== true) return undefined;
    const { notBefore, notAfter } = opened.value;
    const now = this.#clock.now();
    if (notBefore > now || notAfter < now) return undefined;
    return { ...opened.value.member, reference: sha256(keyPackage), expiresMs: notAfter };
  }

  createPair({ groupId, identity, peerKeyPackage }: CreatePair): CreateOutcome {
    const peer = this.inspectKeyPackage(peerKeyPackage);
    if (peer === undefined) return { kind: "refused", reason: "the key package is not valid" };
    if (isEqual(peer.signatureKey, identity.signaturePublicKey)) {
      return { kind: "refused", reason: "the key package is this device's own" };
    }
    const members = [memberFrom(identity), { credential: peer.credential, signatureKey: peer.signatureKey }];
    const keys = this.#random.bytes(16);
    const welcome = sealForm("welcome", welcomeForm, { groupId, keys, reference: peer.reference, members });
    return { kind: "created", state: newState({ groupId, keys, own: 0, members }), welcome };
  }

  welcomeReferences(welcome: Uint8Array): readonly Uint8Array[] | undefined {
    const opened = openForm("welcome", welcomeForm, welcome);
    return opened && [opened.value.reference];
  }

  join({ welcome, identity, keyPackage, privatePart }: Join): JoinOutcome {
    const own = openForm("key package", keyPackageForm, keyPackage)?.value;
    const isOwn = own !== undefined && isEqual(own.member.signatureKey, identity.signaturePublicKey);
    if (!isOwn) throw new Error("assertion: the stored key package is this identity's");
    const opened = openForm("welcome", welcomeForm, welcome);
    if (opened?.intact !== true) return { kind: "refused", reason: "not a Welcome" };
    const { groupId, keys, reference, members } = opened.value;
    if (!isEqual(reference, sha256(keyPackage)))
      return { kind: "refused", reason: "for another key package" };
    if (!isEqual(privatePart, own.nonce)) return { kind: "refused", reason: "secrets that cannot be read" };
    const state = newState({ groupId, keys, own: 1, members });
    return { kind: "joined", state, groupId, members: this.members(state) };
  }

  encrypt(
    stored: GroupState,
    plaintext: Uint8Array,
    authenticatedData: Uint8Array = new Uint8Array(),
  ): SealedMessage {
    const state = this.#open(stored);
    const { groupId, keys, epoch, own: sender, sendGeneration: generation } = state;
    const message = { groupId, keys, epoch, sender, generation, authenticatedData, plaintext };
    const sealed = sealParts("message", messageForm, message);
    this.#ledger.assertUnused(message, sealed.check);
    return {
      state: closed({ ...state, sendGeneration: generation + 1 }),
      message: encode(envelopeForm, sealed),
    };
  }

  decrypt(stored: GroupState, messageBytes: Uint8Array): DecryptOutcome {
    const opened =
      messageBytes.length <= messageBytesMax ? openForm("message", messageForm, messageBytes) : undefined;
    if (opened === undefined) return { kind: "corrupt", reason: "not a message" };
    const state = this.#open(stored);
    const { groupId, epoch, sender: index, generation, plaintext, authenticatedData } = opened.value;
    if (!isEqual(groupId, state.groupId)) return { kind: "wrong-group" };
    if (epoch > state.epoch) return { kind: "future-epoch" };
    if (epoch < state.epoch) return { kind: "past-epoch" };
    if (!opened.intact || !isEqual(opened.value.keys, state.keys))
      return { kind: "corrupt", reason: "damaged" };
    if (index === state.own) return { kind: "own" };
    this.#ledger.messageLeft(opened);
    const next = afterReceiving(state, generation);
    if (typeof next === "string") return { kind: next };
    const sender = membersOf(state).find((one) => one.index === index);
    if (sender === undefined) throw new Error("assertion: a pair has both indices");
    return { kind: "message", state: closed(next), plaintext, authenticatedData, sender, generation };
  }

  header(message: Uint8Array): MessageHeader | undefined {
    const opened = openForm("message", messageForm, message);
    return opened && { groupId: opened.value.groupId, epoch: BigInt(opened.value.epoch) };
  }

  members(state: GroupState): readonly MemberInfo[] {
    return membersOf(this.#open(state));
  }

  epochAuthenticator(stored: GroupState): Uint8Array {
    const { groupId, keys, members } = this.#open(stored);
    return sha256(groupId, keys, ...members.map((one) => encode(member, one)));
  }

  changes(before: GroupState | undefined, after: GroupState): GroupChanges {
    if (before !== undefined) this.#open(before);
    return { put: new Map([[recordName, sealForm("state", stateForm, this.#open(after))]]), remove: [] };
  }

  restore(records: Iterable<readonly [string, Uint8Array]>): GroupState {
    const stored = new Map(records).get(recordName);
    const opened = stored && openForm("state", stateForm, stored);
    if (opened?.intact !== true) throw new Error("a stored stub state is damaged");
    return closed(opened.value);
  }

  erase(before: GroupState, after: GroupState | undefined): void {
    if (before !== after) this.#erased.add(this.#open(before));
  }

  #open(state: GroupState): State {
    const opened = state as unknown as State;
    if (this.#erased.has(opened)) throw new Error("assertion: a step goes from a state that was erased");
    return opened;
  }
}

const recordName = "state";
const closed = (state: State): GroupState => state as unknown as GroupState;

function newState(start: Pick<State, "groupId" | "keys" | "own" | "members">): GroupState {
  return closed({ ...start, epoch: 1, sendGeneration: 0, receiveGeneration: 0, missing: [] });
}

/** The state once `generation` has been received, or why it cannot be. */
function afterReceiving(state: State, generation: number): State | "duplicate" | "too-far-ahead" {
  const { receiveGeneration, missing } = state;
  if (generation < receiveGeneration) {
    if (!missing.includes(generation)) return "duplicate";
    return { ...state, missing: missing.filter((one) => one !== generation) };
  }
  const skipped = generation - receiveGeneration;
  if (skipped > skippedGenerationsMax) return "too-far-ahead";
  const newlyMissing = Array.from({ length: skipped }, (_, i) => receiveGeneration + i);
  return {
    ...state,
    receiveGeneration: generation + 1,
    missing: [...missing, ...newlyMissing].slice(-skippedKeysMax),
  };
}

function membersOf({ members, own }: State): readonly MemberInfo[] {
  return members.map((one, index) => ({ ...one, index, own: index === own }));
}

function memberFrom({ credential, signaturePublicKey }: MemberIdentity): TypeOf<typeof member> {
  return { credential, signatureKey: signaturePublicKey };
}

/** What a key is known by. */
const keyName = ({ keys, epoch, sender, generation }: Message) =>
  `${Buffer.from(keys).toString("hex")}/${epoch}/${sender}/${generation}`;

/** Every structure travels with its name and a hash, so that damage shows as it would under encryption. */
const envelopeForm = struct({
  notEncrypted: literals("key package", "welcome", "state", "message"),
  body: bytes({ max: 2 * messageBytesMax }),
  check: bytes(32),
});
type FormName = TypeOf<typeof envelopeForm>["notEncrypted"];

function sealForm<T>(name: FormName, form: Codec<T>, value: T): Uint8Array {
  return encode(envelopeForm, sealParts(name, form, value));
}

function sealParts<T>(name: FormName, form: Codec<T>, value: T): TypeOf<typeof envelopeForm> {
  const body = encode(form, value);
  return { notEncrypted: name, body, check: sha256(body) };
}

interface Opened<T> {
  value: T;
  /** The hash of its one encoding, where it is intact. */
  check: Uint8Array;
  /** What a real implementation would learn by authenticating. */
  intact: boolean;
}

function openForm<T>(name: FormName, form: Codec<T>, sealed: Uint8Array): Opened<T> | undefined {
  try {
    const { notEncrypted, body, check } = decode(envelopeForm, sealed);
    if (notEncrypted !== name) return undefined;
    return { value: decode(form, body), check, intact: isEqual(check, sha256(body)) };
  } catch {
    return undefined;
  }
}

function sha256(...parts: Uint8Array[]): Uint8Array {
  const whole = parts.length === 1 ? parts[0]! : Buffer.concat(parts);
  return new Uint8Array(hash("sha256", whole, "buffer"));
}

const latin1 = (bytes: Uint8Array) =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");

function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}
