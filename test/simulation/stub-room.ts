/**
 * NO CRYPTOGRAPHY: the engine's interface to groups with everything in the clear but for a veil, for the
 * simulation. It is deterministic from its random source and costs little, and it is honest about who can open what:
 * an epoch's messages only with that epoch's secret, a commit's path only with the private part of the leaf that it
 * names, an info only with the room's key; so that an engine that goes on from a wrong state fails as it would with
 * MLS. Rights and room state are the real ones. The ledger notices a sending key that is used twice.
 * It refuses to work outside tests, and the real implementation refuses everything it makes.
 */
import { hash } from "node:crypto";
import type { Clock, RandomSource, RoomId } from "@fedchat/protocol";
import { encode, openAccountRecord, roomId } from "@fedchat/protocol";
import type { GroupState } from "../../packages/engine/src/mls/group-records.ts";
import {
  authenticatedDataBytesMax,
  clockSkewMs,
  keyPackageLifetimeMs,
  messageBytesMax,
  plaintextBytesMax,
  roomHandshakeBytesMax,
} from "../../packages/engine/src/mls/limits.ts";
import type {
  AccessKey,
  CreateRoom,
  CreateRoomOutcome,
  JoinRoom,
  JoinRoomByItself,
  JoinRoomByItselfOutcome,
  RoomDescription,
  JoinRoomOutcome,
  KeyPackageInfo,
  LeaveOutcome,
  MemberIdentity,
  MessageHeader,
  NewKeyPackage,
  MessageProof,
  Refused,
  RoomCommit,
  RoomCommitOutcome,
  RoomCommitSummary,
  RoomCrypto,
  RoomEpoch,
  RoomMember,
  RoomReceived,
  RoomSuite,
  SealedRoomMessage,
} from "../../packages/engine/src/mls/room-crypto.ts";
import { applyAll, type Judged, type ProposedUpdate } from "../../packages/engine/src/mls/room-policy.ts";
import type { RoomChange } from "../../packages/engine/src/room-state/apply-update.ts";
import { applyUpdate, participantBy } from "../../packages/engine/src/room-state/apply-update.ts";
import { checkLeaves, leafCheck, losesDevice } from "../../packages/engine/src/room-state/leaves.ts";
import {
  compareIds,
  encodeRoomState,
  type RoomState,
  serversOf,
} from "../../packages/engine/src/room-state/room-state.ts";
import {
  decodeRoomUpdate,
  encodeRoomUpdate,
  type RoomUpdate,
} from "../../packages/engine/src/room-state/room-update.ts";
import { refusedBy } from "../../packages/engine/src/room-state/rules.ts";
import type { Commit, ContentType, Context, ExternalCommit, Leaf, Sealed } from "./stub-room-forms.ts";
import {
  commitForm,
  contextForm,
  externalCommitForm,
  forKeyForm,
  headBytes,
  headOf,
  infoForm,
  keyPackageForm,
  opened,
  readHead,
  sealedForm,
  signedPart,
  welcomeForm,
} from "./stub-room-forms.ts";
import {
  allVouched,
  type Applied,
  broken,
  isEqual,
  judge,
  type JudgePorts,
  place,
} from "./stub-room-judge.ts";
import { afterReceiving, afterSending, freshKeys, type Keys } from "./stub-room-keys.ts";
import type { Epoch, State } from "./stub-room-state.ts";
import { closed, deviceOf, leafAt, memberOf, pastAfter, roomOf, StubRecords } from "./stub-room-state.ts";
import type { UsedKeys } from "./used-keys.ts";

/** Makes what leaves unreadable for whoever searches for plaintext. */
export interface Veiling {
  put(bytes: Uint8Array): Uint8Array;
  lift(veiled: Uint8Array): Uint8Array;
}

export interface StubRoomPorts extends JudgePorts {
  used: UsedKeys;
  veil: Veiling;
  random: RandomSource;
  clock: Pick<Clock, "now">;
}

/** It keeps nothing between calls and may serve every room. */
export class StubRoomCrypto extends StubRecords implements RoomCrypto {
  readonly #ports: StubRoomPorts;

  constructor(ports: StubRoomPorts) {
    super();
    const { VITEST, FEDCHAT_SIMULATION } = process.env;
    if (VITEST === undefined && FEDCHAT_SIMULATION === undefined)
      throw new Error("StubRoomCrypto encrypts nothing: tests only");
    this.#ports = ports;
  }

  createKeyPackage(identity: MemberIdentity, suite: RoomSuite): NewKeyPackage {
    const { random, clock, primitives } = this.#ports;
    const privatePart = random.bytes(32);
    const unsigned = {
      ...{ credential: identity.credential, signatureKey: identity.signaturePublicKey, suite },
      ...{ init: sha256("init", privatePart), path: publicOf(leafOf(privatePart)) },
      ...{ notBefore: clock.now() - clockSkewMs, notAfter: clock.now() + keyPackageLifetimeMs },
    };
    const covered = signedPart("key package", keyPackageForm, unsigned);
    const signature = primitives.ed25519.sign(identity.signaturePrivateKey, covered);
    const keyPackage = encode(keyPackageForm, { ...unsigned, signature });
    return { keyPackage, privatePart, reference: referenceOf(keyPackage) };
  }

  inspectKeyPackage(bytes: Uint8Array, suite: RoomSuite): KeyPackageInfo | undefined {
    const { primitives, clock, vouches } = this.#ports;
    const found = opened(keyPackageForm, bytes);
    if (found === undefined || found.suite !== suite) return undefined;
    const { credential, signatureKey, notBefore, notAfter, signature } = found;
    if (!vouches(credential, signatureKey)) return undefined;
    const covered = signedPart("key package", keyPackageForm, found);
    if (!primitives.ed25519.verify(signatureKey, covered, signature)) return undefined;
    const now = clock.now();
    if (notBefore > now || notAfter < now) return undefined;
    return { credential, signatureKey, reference: referenceOf(bytes), expiresMs: notAfter };
  }

  create({ room, groupId, suite, identity, record, peer, ...terms }: CreateRoom): CreateRoomOutcome {
    const { primitives, random } = this.#ports;
    const { name, join, invite, hubs } = terms;
    const participants = [record, ...(peer === undefined ? [] : [peer])]
      .map((signed) => participantBy(openAccountRecord(primitives, signed), "owner"))
      .toSorted((a, b) => compareIds(a.account, b.account));
    const infoKey = random.bytes(32);
    const state: RoomState = { room, name, join, invite, hubs, infoKey, participants, banned: [] };
    const leafPrivate = random.bytes(32);
    const { credential, signaturePublicKey: signatureKey, signaturePrivateKey } = identity;
    const leaf: Leaf = { index: 0, credential, signatureKey, path: publicOf(leafPrivate) };
    const fault = checkLeaves(state, [deviceOf(leaf)]);
    if (fault !== undefined) return refusedBy(fault);
    const context = {
      ...{ group: groupId, suite, epoch: 0, room: encodeRoomState(state), leaves: [leaf] },
      transcript: sha256("begun", groupId),
    };
    const made = closed({
      ...{ epoch: { context, secret: random.bytes(32) }, keys: freshKeys, past: [], leaf: 0 },
      ...{ leafPrivate, signaturePrivateKey, waiting: [] },
    });
    return { kind: "created", state: made, begin: this.epochForLog(made) };
  }

  commit(
    stored: GroupState,
    { updates = [], add = [], remove = [], renewKey = false }: RoomCommit,
  ): RoomCommitOutcome {
    const { primitives, random } = this.#ports;
    const state = this.opened(stored);
    const { context } = state.epoch;
    const before = roomOf(context);
    const own = ownLeaf(state);
    const { account } = deviceOf(own);
    if (add.some((one) => this.inspectKeyPackage(one, context.suite) === undefined))
      return refused("key-package.invalid", "A key package is not valid, or is for another kind of room.");

    const mine: ProposedUpdate[] = updates.map((update) => ({ update, by: account }));
    const plan = this.#plan(state, mine);
    if (plan.kind === "refused") return plan;
    let { judged } = plan;
    const renewing: RoomUpdate[] = [];
    const isRenewed = updates.some(({ kind }) => kind === "key");
    if (!isRenewed && (renewKey || losesDevice(before, judged.after))) {
      const update: RoomUpdate = { kind: "key", key: random.bytes(32) };
      const renewed = applyAll(judged.after, [{ update, by: account }], primitives);
      if (renewed.kind === "refused") throw new Error("assertion: every member may renew the key");
      judged = renewed;
      renewing.push(update);
    }

    const faultOf = leafCheck(judged.after);
    const leaving = context.leaves.filter(
      (leaf) => remove.includes(leaf.index) || faultOf(deviceOf(leaf)) !== undefined,
    );
    if (leaving.includes(own))
      return refused("commit.own-leaf", "A device cannot take itself out: another one has to.");
    const proposals: Commit["proposals"] = [
      ...plan.waiting.map((reference) => ({ kind: "waiting" as const, reference })),
      ...[...updates, ...renewing].map((update) => ({
        kind: "update" as const,
        update: encodeRoomUpdate(update),
      })),
      ...leaving.map(({ index }) => ({ kind: "remove" as const, leaf: index })),
      ...add.map((keyPackage) => ({ kind: "add" as const, keyPackage })),
    ];
    const applied = judge(this.#ports, context, state.waiting, own, { proposals });
    if (applied.kind === "refused") return applied;
    const { commit, epoch, leafPrivate } = this.#ended(state.epoch, applied, own, proposals);
    const { message, keys } = this.#seal(state, "commit", encode(commitForm, commit));
    const beforeState = { ...state, keys };
    const nextState: State = {
      ...{ epoch, keys: freshKeys, past: pastAfter(beforeState), leaf: own.index, leafPrivate },
      ...{ signaturePrivateKey: state.signaturePrivateKey, waiting: [] },
    };
    const next = closed(nextState);
    const welcome = add.length === 0 ? undefined : this.#welcome(nextState, add);
    return {
      ...{ kind: "committed", before: closed(beforeState), next, message, welcome, welcomeHasTree: true },
      after: this.epochForLog(next),
      summary: summaryOf(memberOf(own, own.index), applied, own.index, applied.changes),
    };
  }

  accept(current: GroupState, next: GroupState): GroupState {
    const [former, made] = [this.opened(current), this.opened(next)];
    const [before, after] = [former.epoch.context, made.epoch.context];
    const follows =
      isEqual(before.group, after.group) && before.epoch + 1 === after.epoch && made.past.length > 0;
    return follows ? closed({ ...made, past: pastAfter(former) }) : next;
  }

  backTo(earlier: GroupState, later: GroupState): GroupState {
    return closed({ ...this.opened(later), waiting: this.opened(earlier).waiting });
  }

  leave(stored: GroupState): LeaveOutcome {
    const state = this.opened(stored);
    const update: RoomUpdate = { kind: "leave" };
    const { account } = deviceOf(ownLeaf(state));
    const outcome = applyUpdate(roomOf(state.epoch.context), update, account, this.#ports.primitives);
    if (outcome.kind === "refused") return outcome;
    const content = encodeRoomUpdate(update);
    const { message, keys } = this.#seal(state, "proposal", content);
    const waiting = withWaiting(state, state.leaf, content) ?? state.waiting;
    return { kind: "proposed", state: closed({ ...state, keys, waiting }), message };
  }

  welcomeReferences(welcome: Uint8Array): readonly Uint8Array[] | undefined {
    const found = opened(welcomeForm, this.#ports.veil.lift(welcome));
    return found?.joiners.map(({ reference }) => reference);
  }

  join({ room, welcome, identity, keyPackage, privatePart }: JoinRoom): JoinRoomOutcome {
    const { veil, primitives } = this.#ports;
    const own = opened(keyPackageForm, keyPackage);
    if (own === undefined || !isEqual(own.signatureKey, identity.signaturePublicKey))
      throw new Error("assertion: the stored key package is this identity's");
    const found = opened(welcomeForm, veil.lift(welcome));
    if (found === undefined) return broken("welcome.form");
    const { context, secret, signer, signature, joiners } = found;
    const fault = this.#contextFault(context, room);
    if (fault !== undefined) return fault;
    const by = leafAt(context, signer);
    const covered = signedPart("welcome", welcomeForm, found);
    if (by === undefined || !primitives.ed25519.verify(by.signatureKey, covered, signature))
      return broken("welcome.signature");
    const joiner = joiners.find(({ reference }) => isEqual(reference, referenceOf(keyPackage)));
    if (joiner === undefined || !isEqual(joiner.init, sha256("init", privatePart)))
      return broken("welcome.for-others");
    const leafPrivate = leafOf(privatePart);
    const leaf = context.leaves.find(({ path }) => isEqual(path, publicOf(leafPrivate)));
    if (leaf === undefined) return broken("welcome.leaf");
    const state: State = {
      ...{ epoch: { context, secret }, keys: freshKeys, past: [], leaf: leaf.index, leafPrivate },
      ...{ signaturePrivateKey: identity.signaturePrivateKey, waiting: [] },
    };
    const adder = memberOf(by, leaf.index);
    return { kind: "joined", state: closed(state), groupId: context.group, room: roomOf(context), adder };
  }

  joinByItself({ room, identity, info, key, expected }: JoinRoomByItself): JoinRoomByItselfOutcome {
    const { random, primitives } = this.#ports;
    const plain = this.#openedByKey("info", room, key, info)?.content;
    const found = plain && opened(infoForm, plain);
    if (found === undefined) return refusedBy("sealed.closed");
    const { context } = found;
    const fault = this.#contextFault(context, room);
    if (fault !== undefined) return fault;
    if (expected?.epoch === BigInt(context.epoch) && !isEqual(encodeRoomState(expected.room), context.room))
      return refusedBy("group.state");
    const { credential, signaturePublicKey: signatureKey, signaturePrivateKey } = identity;
    const former = context.leaves.find((leaf) => isEqual(leaf.signatureKey, signatureKey));
    const joiner = { credential, signatureKey };
    const init = { to: found.external, secret: random.bytes(32) };
    const applied = externally(context, joiner, former?.index ?? null);
    if (applied.kind === "refused") return applied;
    const initial = { context, secret: init.secret };
    const { commit, epoch, leafPrivate } = this.#ended(initial, applied, applied.own, []);
    const unsigned = { joiner, replaces: former?.index ?? null, init, commit: encode(commitForm, commit) };
    const place = { kind: "message", room, group: context.group, epoch: context.epoch, key } as const;
    const covered = signedPart("external commit", externalCommitForm, unsigned, contextBytes(context));
    const signature = primitives.ed25519.sign(signaturePrivateKey, covered);
    const message = this.#sealByKey(place, encode(externalCommitForm, { ...unsigned, signature }));
    const state = closed({
      ...{ epoch, keys: freshKeys, past: [], leaf: applied.own.index, leafPrivate },
      ...{ signaturePrivateKey, waiting: [] },
    });
    return {
      ...{ kind: "joined-externally", state, groupId: context.group, message },
      ...{ access: this.#accessBy(found.access), after: this.epochForLog(state), room: roomOf(context) },
    };
  }

  describe({
    room,
    info,
    key,
  }: Pick<JoinRoomByItself, "room" | "info" | "key">): RoomDescription | undefined {
    const plain = this.#openedByKey("info", room, key, info)?.content;
    const found = plain && opened(infoForm, plain);
    if (found === undefined || this.#contextFault(found.context, room) !== undefined) return undefined;
    const { context } = found;
    return { groupId: context.group, epoch: BigInt(context.epoch), room: roomOf(context) };
  }

  encrypt(
    stored: GroupState,
    plaintext: Uint8Array,
    authenticatedData: Uint8Array = new Uint8Array(),
  ): SealedRoomMessage {
    if (plaintext.length > plaintextBytesMax || authenticatedData.length > authenticatedDataBytesMax)
      throw new Error("assertion: a message is not too long");
    const state = this.opened(stored);
    const { message, keys, proof } = this.#seal(state, "application", plaintext, authenticatedData);
    return {
      state: closed({ ...state, keys }),
      message,
      proof: proofFrom(state.epoch, ownLeaf(state), proof),
    };
  }

  receive(stored: GroupState, message: Uint8Array, logAt?: number): RoomReceived {
    const state = this.opened(stored);
    if (message.length > roomHandshakeBytesMax) return broken("message.size");
    const head = readHead(message);
    if (head === undefined) return this.#receiveExternal(state, message);
    if (head.content === "application" && message.length > messageBytesMax) return broken("message.size");
    const { context } = state.epoch;
    if (!isEqual(head.group, context.group)) return { kind: "wrong-group" };
    const epoch = BigInt(head.epoch);
    if (head.epoch > context.epoch) return { kind: "future-epoch", epoch };
    const held = [state, ...state.past].find((one) => one.epoch.context.epoch === head.epoch);
    if (held === undefined || (held !== state && head.content !== "application"))
      return { kind: "stale-epoch", epoch };
    const found = this.#open(held, message);
    if (found === undefined) return broken("message.closed");
    const { sealed, leaf, tooFar } = found;
    if (leaf.index === state.leaf) return { kind: "own" };
    if (tooFar) return broken("message.too-far");
    if (found.keys === "duplicate") return { kind: "duplicate" };
    const { keys } = found;
    if (head.content === "proposal") return this.#receiveProposal({ ...state, keys }, leaf, sealed.content);
    if (head.content === "commit")
      return this.#receiveCommit({ ...state, keys }, leaf, sealed.content, logAt);
    const past = state.past.map((one) => (one === held ? { ...one, keys } : one));
    return {
      ...{ kind: "application", plaintext: sealed.content, authenticatedData: sealed.authenticatedData },
      state: closed(held === state ? { ...state, keys } : { ...state, past }),
      ...{ sender: memberOf(leaf, undefined), epoch, generation: sealed.generation },
      proof: proofFrom(held.epoch, leaf, sealed.proof),
    };
  }

  header(message: Uint8Array): MessageHeader | undefined {
    const found = readHead(message) ?? opened(forKeyForm, message);
    return found && { groupId: found.group, epoch: BigInt(found.epoch) };
  }

  room(state: GroupState): RoomState {
    return roomOf(seen(state).epoch.context);
  }

  members(state: GroupState): readonly RoomMember[] {
    const { epoch, leaf } = seen(state);
    return epoch.context.leaves.map((one) => memberOf(one, leaf));
  }

  suite(state: GroupState): RoomSuite {
    return seen(state).epoch.context.suite;
  }

  groupId(state: GroupState): Uint8Array {
    return seen(state).epoch.context.group;
  }

  epoch(state: GroupState): bigint {
    return BigInt(seen(state).epoch.context.epoch);
  }

  access(state: GroupState): AccessKey {
    return this.#accessBy(accessOf(this.opened(state).epoch));
  }

  epochForLog(stored: GroupState): RoomEpoch {
    const state = this.opened(stored);
    const { context, secret } = state.epoch;
    const room = roomOf(context);
    const access = accessOf(state.epoch);
    const unsigned = { context, external: sha256("external", secret), access, signer: state.leaf };
    const covered = signedPart("info", infoForm, unsigned);
    const signature = this.#ports.primitives.ed25519.sign(state.signaturePrivateKey, covered);
    const place = { kind: "info", room: room.room, group: context.group, key: room.infoKey } as const;
    const info = this.#sealByKey(
      { ...place, epoch: context.epoch },
      encode(infoForm, { ...unsigned, signature }),
    );
    const epoch = BigInt(context.epoch);
    return { epoch, access: this.#accessBy(access).publicKey, servers: serversOf(room), info };
  }

  epochAuthenticator(state: GroupState): Uint8Array {
    const { context, secret } = this.opened(state).epoch;
    return sha256("authenticator", secret, context.transcript);
  }

  context(state: GroupState): Uint8Array {
    return keptContextBytes(seen(state).epoch.context);
  }

  proves(
    { groupId, epoch, leaf, context, signatureKey, signature }: MessageProof,
    plaintext: Uint8Array,
  ): boolean {
    const covered = provenBytes({ group: groupId, epoch: Number(epoch), leaf, context }, plaintext);
    return this.#ports.primitives.ed25519.verify(signatureKey, covered, signature);
  }

  /** These bytes leave a machine: what is sealed in them has used up its key. Bytes that are no such message are let go. */
  left(message: Uint8Array): void {
    const sealed = this.#sealedIn(message);
    if (sealed !== undefined) this.#ports.used.left(...keyAndContent(message, sealed));
  }

  /** Our own updates, and as many of the proposals that wait as go with them. */
  #plan(
    state: State,
    own: readonly ProposedUpdate[],
  ): { kind: "plan"; judged: Judged; waiting: Uint8Array[] } | Refused {
    const { primitives } = this.#ports;
    const { context } = state.epoch;
    const before = roomOf(context);
    let judged = applyAll(before, own, primitives);
    if (judged.kind === "refused") return judged;
    const { account } = deviceOf(ownLeaf(state));
    const waiting: Uint8Array[] = [];
    const leaves: ProposedUpdate[] = [];
    for (const { reference, sender, update: encoded } of state.waiting) {
      const leaf = leafAt(context, sender);
      const update = decodeRoomUpdate(encoded);
      if (leaf === undefined || update === undefined || deviceOf(leaf).account === account) continue;
      const one = { update, by: deviceOf(leaf).account };
      const together = applyAll(before, [...leaves, one, ...own], primitives);
      if (together.kind === "refused") continue;
      leaves.push(one);
      waiting.push(reference);
      judged = together;
    }
    return { kind: "plan", judged, waiting };
  }

  /** The epoch that a commit begins, and the commit. */
  #ended({ context, secret }: Epoch, applied: Applied, committer: Leaf, proposals: Commit["proposals"]) {
    const { random } = this.#ports;
    const [leafPrivate, pathSecret] = [random.bytes(32), random.bytes(32)];
    const path = {
      public: publicOf(leafPrivate),
      secrets: applied.leaves
        .filter((leaf) => leaf.index !== committer.index && !applied.added.includes(leaf))
        .map(({ index, path: to }) => ({ leaf: index, to, secret: pathSecret })),
    };
    const epoch = nextEpoch({ context, secret }, applied, committer, { proposals, path }, pathSecret);
    return { epoch, leafPrivate, commit: { proposals, path, confirmation: confirmationOf(epoch) } };
  }

  #welcome({ epoch, leaf, signaturePrivateKey }: State, added: readonly Uint8Array[]): Uint8Array {
    const { veil, primitives } = this.#ports;
    const joiners = added.map((keyPackage) => {
      const { init } = opened(keyPackageForm, keyPackage)!;
      return { reference: referenceOf(keyPackage), init };
    });
    const unsigned = { joiners, context: epoch.context, secret: epoch.secret, signer: leaf };
    const covered = signedPart("welcome", welcomeForm, unsigned);
    const signature = primitives.ed25519.sign(signaturePrivateKey, covered);
    return veil.put(encode(welcomeForm, { ...unsigned, signature }));
  }

  #seal(
    { epoch, keys, leaf, signaturePrivateKey }: State,
    of: ContentType,
    content: Uint8Array,
    authenticatedData: Uint8Array = new Uint8Array(),
  ): { message: Uint8Array; keys: Keys; proof: Uint8Array } {
    const { used, veil, primitives } = this.#ports;
    const ratchet = of === "application" ? "application" : "handshake";
    const { group, epoch: number } = epoch.context;
    const head = headOf(group, number, of);
    const context = keptContextBytes(epoch.context);
    const proven = provenBytes({ group, epoch: number, leaf, context }, content);
    const proof =
      of === "application" ? primitives.ed25519.sign(signaturePrivateKey, proven) : new Uint8Array(64);
    const unsigned = {
      ...{ tag: tagOf(epoch), sender: leaf, generation: keys[ratchet] },
      ...{ authenticatedData, content, proof },
    };
    const covered = signedPart("message", sealedForm, unsigned, head);
    const sealed = { ...unsigned, signature: primitives.ed25519.sign(signaturePrivateKey, covered) };
    const message = Buffer.concat([head, veil.put(encode(sealedForm, sealed))]);
    used.assertUnused(...keyAndContent(message, sealed));
    return { message: new Uint8Array(message), keys: afterSending(keys, ratchet), proof };
  }

  #sealedIn(message: Uint8Array): Sealed | undefined {
    if (readHead(message) === undefined) return undefined;
    return opened(sealedForm, this.#ports.veil.lift(message.subarray(headBytes)));
  }

  /** Undefined where it was not sealed with this epoch's secret by one of its members. */
  #open({ epoch, keys }: Pick<State, "epoch" | "keys">, message: Uint8Array) {
    const { primitives, used } = this.#ports;
    const sealed = this.#sealedIn(message);
    if (sealed === undefined || !isEqual(sealed.tag, tagOf(epoch))) return undefined;
    const leaf = leafAt(epoch.context, sealed.sender);
    const covered = signedPart("message", sealedForm, sealed, message.subarray(0, headBytes));
    if (leaf === undefined || !primitives.ed25519.verify(leaf.signatureKey, covered, sealed.signature))
      return undefined;
    used.left(...keyAndContent(message, sealed));
    const ratchet = readHead(message)!.content === "application" ? "application" : "handshake";
    const after = afterReceiving(keys, sealed.sender, ratchet, sealed.generation);
    const tooFar = after === "too-far-ahead";
    return { sealed, leaf, tooFar, keys: tooFar ? ("duplicate" as const) : after };
  }

  #receiveProposal(state: State, leaf: Leaf, content: Uint8Array): RoomReceived {
    const update = decodeRoomUpdate(content);
    if (update === undefined) return refusedBy("update.malformed");
    if (update.kind !== "leave") return refusedBy("commit.proposal");
    const room = roomOf(state.epoch.context);
    const outcome = applyUpdate(room, update, deviceOf(leaf).account, this.#ports.primitives);
    if (outcome.kind === "refused") return outcome;
    const waiting = withWaiting(state, leaf.index, content);
    if (waiting === undefined) return { kind: "duplicate" };
    return { kind: "proposal", state: closed({ ...state, waiting }), by: memberOf(leaf, undefined) };
  }

  #receiveCommit(state: State, leaf: Leaf, content: Uint8Array, logAt?: number): RoomReceived {
    const commit = opened(commitForm, content);
    if (commit === undefined) return broken("commit.form");
    const applied = judge(this.#ports, state.epoch.context, state.waiting, leaf, commit, logAt);
    if (applied.kind === "refused") return applied;
    const by = memberOf(leaf, undefined);
    return this.#follow(state, { applied, committer: leaf, commit, secret: state.epoch.secret, by });
  }

  #receiveExternal(state: State, message: Uint8Array): RoomReceived {
    const { context } = state.epoch;
    const { room, infoKey } = roomOf(context);
    const sealed = opened(forKeyForm, message);
    if (sealed === undefined) return broken("message.form");
    if (!isEqual(sealed.group, context.group)) return { kind: "wrong-group" };
    if (sealed.epoch !== context.epoch) {
      const kind = sealed.epoch > context.epoch ? "future-epoch" : "stale-epoch";
      return { kind, epoch: BigInt(sealed.epoch) };
    }
    const plain = this.#openedByKey("message", room, infoKey, message)?.content;
    const found = plain && opened(externalCommitForm, plain);
    const commit = found && opened(commitForm, found.commit);
    if (found === undefined || commit === undefined) return refusedBy("sealed.closed");
    const isSigned = this.#isSigned(context, found);
    if (!isSigned || !isEqual(found.init.to, sha256("external", state.epoch.secret)))
      return broken("external-commit.form");
    if (commit.proposals.length > 0) return refusedBy("external.changes");
    const applied = externally(context, found.joiner, found.replaces);
    if (applied.kind === "refused") return applied;
    const { own: committer } = applied;
    const isGone = applied.removed.some(({ index }) => index === state.leaf);
    const by = isGone ? memberOf(applied.removed[0]!, state.leaf) : memberOf(committer, undefined);
    return this.#follow(state, { applied, committer, commit, secret: found.init.secret, by, external: true });
  }

  #isSigned(context: Context, found: ExternalCommit): boolean {
    const { primitives, vouches } = this.#ports;
    const { credential, signatureKey } = found.joiner;
    const covered = signedPart("external commit", externalCommitForm, found, contextBytes(context));
    return (
      vouches(credential, signatureKey) && primitives.ed25519.verify(signatureKey, covered, found.signature)
    );
  }

  /** What is behind a commit that everybody takes, for us. */
  #follow(
    state: State,
    made: {
      applied: Applied;
      committer: Leaf;
      commit: Commit;
      /** Of the epoch that it ends, or what an external one begins with. */
      secret: Uint8Array;
      by: RoomMember;
      external?: boolean;
    },
  ): RoomReceived {
    const { applied, committer, commit, secret, by, external = false } = made;
    const { context } = state.epoch;
    const summary = summaryOf(by, applied, state.leaf, applied.changes, external);
    if (applied.removed.some(({ index }) => index === state.leaf)) return { kind: "removed", summary };
    const expected = { epoch: BigInt(context.epoch + 1), room: applied.after };
    const reason = "its path is not for us";
    const own = commit.path.secrets.find(({ leaf }) => leaf === state.leaf);
    if (own === undefined || !isEqual(own.to, publicOf(state.leafPrivate)))
      return { kind: "diverged", rule: "path.decryption", reason, expected };
    const epoch = nextEpoch({ context, secret }, applied, committer, commit, own.secret);
    if (!isEqual(commit.confirmation, confirmationOf(epoch)))
      return { kind: "diverged", rule: "commit.confirmation", reason: "another epoch", expected };
    const next = closed({ ...state, epoch, keys: freshKeys, past: pastAfter(state), waiting: [] });
    return { kind: "commit", state: next, summary };
  }

  /** What is wrong with a group that we are to join. */
  #contextFault(context: Context, room: RoomId): Refused | undefined {
    if (!allVouched(this.#ports, context.leaves)) return refusedBy("leaf.device");
    const state = roomOf(context);
    if (state.room !== room) return refusedBy("group.form");
    const fault = checkLeaves(state, context.leaves.map(deviceOf));
    return fault && refusedBy(fault);
  }

  #sealByKey({ kind, room, group, epoch, key }: KeyPlace, content: Uint8Array): Uint8Array {
    const tag = keyTag(kind, room, key);
    return encode(forKeyForm, { kind, group, epoch, tag, content: this.#ports.veil.put(content) });
  }

  /** Undefined where it is of another kind, or for another key or room. */
  #openedByKey(kind: KeyPlace["kind"], room: RoomId, key: Uint8Array, bytes: Uint8Array) {
    const found = opened(forKeyForm, bytes);
    if (found?.kind !== kind || !isEqual(found.tag, keyTag(kind, room, key))) return undefined;
    return { ...found, content: this.#ports.veil.lift(found.content) };
  }

  #accessBy(seed: Uint8Array): AccessKey {
    return { seed, publicKey: this.#ports.primitives.ed25519.publicKey(seed) };
  }
}

interface KeyPlace {
  kind: "info" | "message";
  room: RoomId;
  group: Uint8Array;
  epoch: number;
  key: Uint8Array;
}

/** For what is no secret. */
const seen = (state: GroupState): State => state as unknown as State;

function ownLeaf({ epoch, leaf }: State): Leaf {
  const found = leafAt(epoch.context, leaf);
  if (found === undefined) throw new Error("assertion: a member of its own group");
  return found;
}

/** A device that comes in by itself, in its former leaf's place where it has one. */
function externally(
  context: Context,
  joiner: Pick<Leaf, "credential" | "signatureKey">,
  replaces: number | null,
): (Applied & { own: Leaf }) | Refused {
  const room = roomOf(context);
  const removed = replaces === null ? undefined : leafAt(context, replaces);
  if (replaces !== null && removed === undefined) return broken("external-commit.removes");
  const leaves = context.leaves.filter((leaf) => leaf !== removed);
  const own = place(leaves, { ...joiner, path: new Uint8Array(32) });
  const device = deviceOf(own);
  if (leafCheck(room)(device) !== undefined) return refusedBy("external.device");
  const former = removed && deviceOf(removed);
  const isSame =
    former === undefined ||
    (former.account === device.account &&
      former.device === device.device &&
      isEqual(former.signatureKey, device.signatureKey));
  if (!isSame) return broken("external-commit.successor");
  const fault = checkLeaves(room, leaves.map(deviceOf));
  if (fault !== undefined) return refusedBy(fault);
  const gone = removed === undefined ? [] : [removed];
  return { kind: "judged", after: room, changes: [], leaves, added: [own], removed: gone, own };
}

function nextEpoch(
  { context, secret }: Epoch,
  { after, leaves }: Pick<Applied, "after" | "leaves">,
  committer: Leaf,
  { proposals, path }: Pick<Commit, "proposals" | "path">,
  pathSecret: Uint8Array,
): Epoch {
  const confirmation = new Uint8Array(32);
  const commit = encode(commitForm, { proposals, path, confirmation });
  const next: Context = {
    ...context,
    epoch: context.epoch + 1,
    room: encodeRoomState(after),
    leaves: leaves.map((leaf) => (leaf.index === committer.index ? { ...leaf, path: path.public } : leaf)),
    transcript: sha256("transcript", context.transcript, commit),
  };
  return { context: next, secret: sha256("epoch", sha256("init", secret), pathSecret, contextBytes(next)) };
}

function summaryOf(
  by: RoomMember,
  { added, removed }: Pick<Applied, "added" | "removed">,
  own: number,
  changes: readonly RoomChange[],
  external = false,
): RoomCommitSummary {
  const joined = external ? [by] : added.map((leaf) => memberOf(leaf, undefined));
  return { by, external, changes, joined, gone: removed.map((leaf) => memberOf(leaf, own)) };
}

/** Undefined where the same wish waits already. */
function withWaiting(state: State, sender: number, update: Uint8Array): State["waiting"] | undefined {
  const reference = sha256("proposal", Uint8Array.of(sender >> 8, sender & 255), update);
  if (state.waiting.some((one) => isEqual(one.reference, reference))) return undefined;
  return [...state.waiting, { reference, sender, update }];
}

const contexts = new WeakMap<Context, Uint8Array>();

/** Every message of an epoch is signed under it. */
function keptContextBytes(context: Context): Uint8Array {
  const kept = contexts.get(context) ?? contextBytes(context);
  contexts.set(context, kept);
  return kept;
}

function provenBytes(
  { group, epoch, leaf, context }: { group: Uint8Array; epoch: number; leaf: number; context: Uint8Array },
  content: Uint8Array,
): Uint8Array {
  const head = headOf(group, epoch, "application");
  return Buffer.concat([Buffer.from(`stub proof ${leaf}\0`), head, sha256("context", context), content]);
}

function proofFrom({ context }: Epoch, { index, signatureKey }: Leaf, signature: Uint8Array): MessageProof {
  const { suite, group: groupId, epoch } = context;
  const place = { suite, groupId, epoch: BigInt(epoch), leaf: index, context: keptContextBytes(context) };
  return { ...place, signatureKey, signature };
}

const contextBytes = (context: Context): Uint8Array => encode(contextForm, context as never);
const leafOf = (privatePart: Uint8Array): Uint8Array => sha256("leaf", privatePart);
const publicOf = (leafPrivate: Uint8Array): Uint8Array => sha256("path", leafPrivate);
const referenceOf = (keyPackage: Uint8Array): Uint8Array => sha256("reference", keyPackage);
const tagOf = ({ secret }: Epoch): Uint8Array => sha256("messages", secret);
const confirmationOf = ({ context, secret }: Epoch) => sha256("confirmed", secret, context.transcript);
const keyTag = (kind: string, room: RoomId, key: Uint8Array) => sha256(kind, roomId.toBytes(room), key);

function accessOf({ context, secret }: Epoch): Uint8Array {
  return sha256("access", secret, roomId.toBytes(roomOf(context).room));
}

/** What a key is known by, and what it sealed. */
function keyAndContent(message: Uint8Array, { tag, sender, generation }: Sealed): [string, string] {
  const ratchet = readHead(message)!.content === "application" ? "application" : "handshake";
  const key = `${Buffer.from(tag).toString("hex")}/${sender}/${ratchet}/${generation}`;
  return [key, Buffer.from(sha256("content", message)).toString("latin1")];
}

function refused(rule: string, reason: string): Refused {
  return { kind: "refused", rule, reason };
}

function sha256(label: string, ...parts: Uint8Array[]): Uint8Array {
  return new Uint8Array(hash("sha256", Buffer.concat([Buffer.from(`${label}\0`), ...parts]), "buffer"));
}
