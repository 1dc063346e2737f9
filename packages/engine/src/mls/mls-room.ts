/** Rooms by our own MLS. Each step's policy is made of the room's state that it begins at, and of nothing else. */
import type { Clock, Primitives, RandomSource } from "@fedchat/protocol";
import { openAccountRecord, roomId } from "@fedchat/protocol";
import * as mls from "@fedchat/mls";
import { applyUpdate, participantBy } from "../room-state/apply-update.ts";
import { leafCheck, losesDevice } from "../room-state/leaves.ts";
import {
  compareIds,
  encodeRoomState,
  roomStateComponent,
  type RoomState,
  serversOf,
} from "../room-state/room-state.ts";
import { encodeRoomUpdate, type RoomUpdate } from "../room-state/room-update.ts";
import { refusedBy } from "../room-state/rules.ts";
import type { GroupState } from "./group-records.ts";
import {
  authenticatedDataBytesMax,
  messageBytesMax,
  plaintextBytesMax,
  roomHandshakeBytesMax,
  roomInfoBytesMax,
  roomPastEpochs,
  roomWelcomeBytesMax,
  skippedGenerationsMax,
  skippedKeysMax,
} from "./limits.ts";
import {
  credentialPolicy,
  isEqual,
  keyPackageInfo,
  makeKeyPackage,
  mlsIdentity,
  publishedForm,
  storedKeyPackage,
  validKeyPackage,
} from "./mls-key-package.ts";
import { MlsRecords, opaque, transparent } from "./mls-records.ts";
import {
  type AccessKey,
  type CreateRoom,
  type CreateRoomOutcome,
  type JoinRoom,
  type JoinRoomByItself,
  type JoinRoomByItselfOutcome,
  type JoinRoomOutcome,
  type KeyPackageInfo,
  type LeaveOutcome,
  type MemberIdentity,
  type MessageHeader,
  type NewKeyPackage,
  type MessageProof,
  type Refused,
  type RoomCommit,
  type RoomCommitOutcome,
  type RoomCrypto,
  type RoomDescription,
  type RoomEpoch,
  type RoomMember,
  type RoomReceived,
  roomSuites,
  type RoomSuite,
  type SealedRoomMessage,
} from "./room-crypto.ts";
import { groupFault, groupIdBytes, roomExtensions, suiteOf } from "./room-form.ts";
import { proofFrom, proves } from "./message-proof.ts";
import { leafOf, memberAt, membersOf, roomOf } from "./room-members.ts";
import {
  applyAll,
  externalFault,
  type Judged,
  type ProposedUpdate,
  RoomStep,
  updateOf,
} from "./room-policy.ts";
import { summaryOf } from "./room-summary.ts";
import { decodeInfo, encodeInfo, readSealed, type RoomInfo, seal, unseal } from "./sealed-for-members.ts";

export interface MlsRoomPorts {
  primitives: mls.Primitives;
  random: RandomSource;
  clock: Pick<Clock, "now">;
  /** Whether this credential vouches for this signature key (RFC 9420 §5.3.1). */
  vouches: (credential: Uint8Array, signatureKey: Uint8Array) => boolean;
  /** For account records. */
  protocolPrimitives: Primitives;
  /** How long a Welcome with its tree may be, up to what a note carries; absent: that. */
  welcomeWithTreeBytesMax?: number;
}

/** It keeps nothing between calls and may serve every room. */
export class MlsRoomCrypto extends MlsRecords implements RoomCrypto {
  readonly #ports: MlsRoomPorts;
  readonly #credentials: ReturnType<typeof credentialPolicy>;
  /** For what no room's state has a say in. */
  readonly #plain: mls.Policy;

  constructor(ports: MlsRoomPorts) {
    super();
    this.#ports = ports;
    this.#credentials = credentialPolicy(ports.vouches);
    this.#plain = mls.policy({ ...this.#credentials, checksLifetimeOnReceipt: false });
  }

  createKeyPackage(identity: MemberIdentity, suite: RoomSuite): NewKeyPackage {
    return publishedForm(makeKeyPackage(this.#environment(), roomSuites[suite], identity));
  }

  inspectKeyPackage(bytes: Uint8Array, suite: RoomSuite): KeyPackageInfo | undefined {
    const env = this.#environment();
    const keyPackage = validKeyPackage(env, roomSuites[suite], bytes);
    return keyPackage && keyPackageInfo(env, keyPackage);
  }

  create({ room, groupId, suite, identity, record, peer, ...terms }: CreateRoom): CreateRoomOutcome {
    const { protocolPrimitives, random } = this.#ports;
    if (groupId.length !== groupIdBytes) throw new Error(`assertion: a group id has ${groupIdBytes} bytes`);
    const { name, join, invite, hubs } = terms;
    const participants = [record, ...(peer === undefined ? [] : [peer])]
      .map((signed) => participantBy(openAccountRecord(protocolPrimitives, signed), "owner"))
      .toSorted((a, b) => compareIds(a.account, b.account));
    const infoKey = random.bytes(32);
    const state: RoomState = { room, name, join, invite, hubs, infoKey, participants, banned: [] };
    const own = makeKeyPackage(this.#environment(), roomSuites[suite], identity);
    const leaf = leafOf(own.keyPackage.leafNode);
    const fault = leaf === undefined ? "leaf.device" : leafCheck(state)(leaf);
    if (fault !== undefined) return refusedBy(fault);
    const created = mls.createGroup(own, { groupId, extensions: roomExtensions(state) }, this.#environment());
    mls.eraseKeyPackage(own);
    if (created.kind === "refused") throw new Error(`assertion: a group of one is made: ${created.reason}`);
    return { kind: "created", state: opaque(created.state), begin: this.#epochOf(created.state) };
  }

  commit(
    stored: GroupState,
    { updates = [], add = [], remove = [], renewKey = false }: RoomCommit,
  ): RoomCommitOutcome {
    const state = transparent(stored);
    const before = roomOf(state);
    const own = ownMember(state);
    const keyPackages = [];
    for (const bytes of add) {
      const keyPackage = validKeyPackage(this.#environment(), state.context.cipherSuite, bytes);
      if (keyPackage === undefined)
        return refused("key-package.invalid", "A key package is not valid, or is for another kind of room.");
      keyPackages.push(keyPackage);
    }

    const plan = this.#plan(
      state,
      updates.map((update) => ({ update, by: own.account })),
    );
    if (plan.kind === "refused") return plan;
    const { waiting } = plan;
    const allUpdates = [...updates];
    let { judged } = plan;
    const isRenewed = updates.some(({ kind }) => kind === "key");
    if (!isRenewed && (renewKey || losesDevice(before, judged.after))) {
      const update: RoomUpdate = { kind: "key", key: this.#ports.random.bytes(32) };
      allUpdates.push(update);
      const renewed = applyAll(judged.after, [{ update, by: own.account }], this.#ports.protocolPrimitives);
      if (renewed.kind === "refused") throw new Error("assertion: every member may renew the key");
      judged = { ...renewed, changes: [...judged.changes, ...renewed.changes] };
    }

    const faultOf = leafCheck(judged.after);
    const leaving = membersOf(state).filter((member) => {
      return remove.includes(member.index) || faultOf(member) !== undefined;
    });
    if (leaving.some((member) => member.own))
      return refused("commit.own-leaf", "A device cannot take itself out: another one has to.");

    const { welcomeWithTreeBytesMax = roomWelcomeBytesMax } = this.#ports;
    const welcomeHasTree = welcomeBytes(state, judged.after, keyPackages) <= welcomeWithTreeBytesMax;
    const step = this.#step(before, { expected: judged });
    const made = mls.commit(
      state,
      {
        proposals: [
          ...allUpdates.map(proposalOf),
          ...leaving.map(({ index }) => ({ type: "remove", removed: mls.leafIndex(index) }) as const),
          ...keyPackages.map((keyPackage) => ({ type: "add", keyPackage }) as const),
        ],
        includePending: ({ proposal }) => waiting.has(proposal),
        welcomeInfo: { ratchetTree: welcomeHasTree },
      },
      this.#environment(step.policy),
    );
    if (made.kind === "refused") return step.refusal(made);
    const after = this.#epochOf(made.next);
    const tooLarge = sizeFault(made, after);
    if (tooLarge !== undefined) {
      mls.eraseFormer(made.next, state);
      mls.eraseFormer(made.state, state);
      return tooLarge;
    }
    return {
      kind: "committed",
      before: opaque(made.state),
      next: opaque(made.next),
      message: made.commit,
      welcome: made.welcome,
      welcomeHasTree,
      after,
      summary: summaryOf(made.summary, state, made.next, step.judged.changes),
    };
  }

  accept(current: GroupState, next: GroupState): GroupState {
    return opaque(mls.accept(transparent(current), transparent(next), this.#environment()));
  }

  backTo(earlier: GroupState, later: GroupState): GroupState {
    return opaque({ ...transparent(later), proposals: transparent(earlier).proposals });
  }

  leave(stored: GroupState): LeaveOutcome {
    const state = transparent(stored);
    const { account } = ownMember(state);
    const update: RoomUpdate = { kind: "leave" };
    const outcome = applyUpdate(roomOf(state), update, account, this.#ports.protocolPrimitives);
    if (outcome.kind === "refused") return outcome;
    const proposed = mls.propose(state, { proposal: proposalOf(update) }, this.#environment());
    if (proposed.kind === "refused") return proposed;
    return { kind: "proposed", state: opaque(proposed.state), message: proposed.message };
  }

  welcomeReferences(welcome: Uint8Array): readonly Uint8Array[] | undefined {
    if (welcome.length > roomWelcomeBytesMax) return undefined;
    const head = mls.inspectMessage(welcome);
    return head.kind === "welcome" ? head.newMembers : undefined;
  }

  join({ room, welcome, identity, info, ...stored }: JoinRoom): JoinRoomOutcome {
    if (welcome.length > roomWelcomeBytesMax) return refused("welcome.size", "The Welcome is too long.");
    const opened = info && this.#openInfo(room, info.sealed, info.key);
    if (info !== undefined && opened === undefined) return refusedBy("sealed.closed");
    const own = storedKeyPackage(this.#ports, stored, identity);
    const ratchetTree = opened && treeIn(opened);
    const joined = mls.join({ welcome, keyPackages: [own], ratchetTree }, this.#environment());
    mls.eraseKeyPackage(own);
    if (joined.kind === "refused") return joined;
    const { state, adder } = joined;
    const fault = groupFault(state, room);
    if (fault !== undefined) {
      mls.eraseFormer(state, undefined);
      return fault;
    }
    const by = mls.leafAt(state.tree, adder);
    if (by === undefined) throw new Error("assertion: whoever signed a GroupInfo is a member");
    return {
      kind: "joined",
      state: opaque(state),
      groupId: state.context.groupId,
      room: roomOf(state),
      adder: memberAt(by, adder, false),
    };
  }

  joinByItself({ room, identity, info: sealed, key, expected }: JoinRoomByItself): JoinRoomByItselfOutcome {
    const info = this.#openInfo(room, sealed, key);
    if (info === undefined) return refusedBy("sealed.closed");
    const place = placeIn(info);
    if (place === undefined) return refusedBy("group.form");
    const fault = groupFault(place, room);
    if (fault !== undefined) return fault;
    const before = roomOf(place);
    if (expected?.epoch === place.context.epoch && !isSameRoom(expected.room, before))
      return refusedBy("group.state");
    const { primitives, random } = this.#ports;
    const former = membersOf({ ...place, ownLeaf: mls.leafIndex(0) }).find(({ signatureKey }) =>
      isEqual(signatureKey, identity.signaturePublicKey),
    );
    const step = this.#step(before);
    const replaces = former === undefined ? {} : { replaces: mls.leafIndex(former.index) };
    const joined = mls.joinExternally(
      { groupInfo: info.groupInfo, identity: mlsIdentity(random, identity), ...replaces },
      this.#environment(step.policy),
    );
    if (joined.kind === "refused") return step.refusal(joined);
    const { state, commit } = joined;
    const joiner = mls.ownLeafNode(state);
    const refusal = externalFault(before, { joiner, proposals: joined.summary.proposals });
    if (refusal !== undefined) {
      mls.eraseFormer(state, undefined);
      return refusedBy(refusal);
    }
    const { groupId, epoch } = place.context;
    return {
      kind: "joined-externally",
      state: opaque(state),
      groupId,
      message: seal({ primitives, random }, "message", { room, group: groupId, epoch, key }, commit),
      access: this.#accessBy(info.access),
      after: this.#epochOf(state),
      room: before,
    };
  }

  describe({
    room,
    info,
    key,
  }: Pick<JoinRoomByItself, "room" | "info" | "key">): RoomDescription | undefined {
    const opened = this.#openInfo(room, info, key);
    const place = opened && placeIn(opened);
    if (place === undefined || groupFault(place, room) !== undefined) return undefined;
    const { groupId, epoch } = place.context;
    return { groupId, epoch, room: roomOf(place) };
  }

  encrypt(
    stored: GroupState,
    plaintext: Uint8Array,
    authenticatedData: Uint8Array = new Uint8Array(),
  ): SealedRoomMessage {
    if (plaintext.length > plaintextBytesMax)
      throw new Error(`assertion: a message has at most ${plaintextBytesMax} bytes`);
    if (authenticatedData.length > authenticatedDataBytesMax)
      throw new Error(
        `assertion: clear data beside a message has at most ${authenticatedDataBytesMax} bytes`,
      );
    const state = transparent(stored);
    const env = this.#environment(this.#step(roomOf(state)).policy);
    const sealed = mls.encrypt(state, { data: plaintext, authenticatedData }, env);
    if (sealed.kind === "refused") throw new Error(`assertion: a member may write: ${sealed.reason}`);
    const proof = proofFrom(this.suite(stored), sealed.proof);
    return { state: opaque(sealed.state), message: sealed.message, proof };
  }

  receive(stored: GroupState, message: Uint8Array, logAt?: number): RoomReceived {
    const state = transparent(stored);
    const plain = this.#unsealed(state, message);
    if (!(plain instanceof Uint8Array)) return plain;
    const step = this.#step(roomOf(state), { logAt });
    const received = mls.receive(state, plain, this.#environment(step.policy));
    switch (received.kind) {
      case "application":
        return applicationOf(state, received);
      case "proposal":
        return this.#proposal(state, received);
      case "commit": {
        const summary = summaryOf(received.summary, state, received.state, step.judged.changes);
        return { kind: "commit", state: opaque(received.state), summary };
      }
      case "removed":
        return {
          kind: "removed",
          summary: summaryOf(received.summary, state, undefined, step.judged.changes),
        };
      case "refused": {
        const { committer } = step;
        const leaf = committer === undefined ? undefined : mls.leafAt(state.tree, committer);
        if (leaf === undefined || committer === undefined) return step.refusal(received);
        return { ...step.refusal(received), by: memberAt(leaf, committer, false) };
      }
      case "own-message":
        return { kind: "own" };
      case "wrong-group":
        return { kind: "wrong-group" };
      case "diverged": {
        const expected = { epoch: state.context.epoch + 1n, room: step.judged.after };
        return { ...received, expected };
      }
      case "duplicate":
      case "future-epoch":
      case "stale-epoch":
        return received;
    }
  }

  header(message: Uint8Array): MessageHeader | undefined {
    if (message.length > roomHandshakeBytesMax) return undefined;
    const sealed = readSealed(message);
    if (sealed !== undefined) return { groupId: sealed.group, epoch: BigInt(sealed.epoch) };
    const head = mls.inspectMessage(message);
    return head.kind === "private_message" ? { groupId: head.groupId, epoch: head.epoch } : undefined;
  }

  room(state: GroupState): RoomState {
    return roomOf(transparent(state));
  }

  members(state: GroupState): readonly RoomMember[] {
    return membersOf(transparent(state));
  }

  suite(state: GroupState): RoomSuite {
    const suite = suiteOf(transparent(state).context);
    if (suite === undefined) throw new Error("assertion: a room's group has a suite for rooms");
    return suite;
  }

  groupId(state: GroupState): Uint8Array {
    return transparent(state).context.groupId;
  }

  epoch(state: GroupState): bigint {
    return transparent(state).context.epoch;
  }

  access(state: GroupState): AccessKey {
    return this.#accessOf(transparent(state));
  }

  epochForLog(state: GroupState): RoomEpoch {
    return this.#epochOf(transparent(state));
  }

  epochAuthenticator(state: GroupState): Uint8Array {
    return transparent(state).secrets.epochAuthenticator.slice();
  }

  context(state: GroupState): Uint8Array {
    return mls.groupContextBytes(transparent(state).context);
  }

  proves(proof: MessageProof, plaintext: Uint8Array): boolean {
    return proves(this.#ports.primitives, proof, plaintext);
  }

  /**
   * Our own updates, and as many of the proposals to leave that wait as go with them, in the order in which MLS
   * commits them: those that wait first.
   */
  #plan(
    state: mls.GroupState,
    own: readonly ProposedUpdate[],
  ):
    | { readonly kind: "plan"; readonly judged: Judged; readonly waiting: ReadonlySet<mls.Proposal> }
    | Refused {
    const before = roomOf(state);
    const { protocolPrimitives } = this.#ports;
    let judged = applyAll(before, own, protocolPrimitives);
    if (judged.kind === "refused") return judged;
    const { account } = ownMember(state);
    const waiting = new Set<mls.Proposal>();
    const leaves: ProposedUpdate[] = [];
    for (const { proposal, authenticated } of state.proposals.values()) {
      const { sender } = authenticated.content;
      const update = updateOf(state.tree, { proposal, sender, byReference: true });
      // Of one account's devices only another account's can take them all out.
      if (typeof update === "string" || update.by === account) continue;
      const together = applyAll(before, [...leaves, update, ...own], protocolPrimitives);
      if (together.kind === "refused") continue;
      leaves.push(update);
      waiting.add(proposal);
      judged = together;
    }
    return { kind: "plan", judged, waiting };
  }

  #proposal(state: mls.GroupState, received: mls.ProposalReceived): RoomReceived {
    const { proposal, sender } = received;
    const update = updateOf(state.tree, { proposal, sender, byReference: true });
    const outcome =
      typeof update === "string"
        ? refusedBy(update)
        : applyUpdate(roomOf(state), update.update, update.by, this.#ports.protocolPrimitives);
    if (sender.type !== "member") {
      mls.eraseFormer(received.state, state);
      return refusedBy("commit.proposal");
    }
    const leaf = mls.leafAt(state.tree, sender.leafIndex);
    if (leaf === undefined) throw new Error("assertion: a proposal's sender is a member");
    const by = memberAt(leaf, sender.leafIndex, false);
    if (outcome.kind === "applied") return { kind: "proposal", state: opaque(received.state), by };
    mls.eraseFormer(received.state, state);
    return { ...outcome, by };
  }

  /** The MLSMessage, or what there is to say without one. */
  #unsealed(state: mls.GroupState, message: Uint8Array): Uint8Array | RoomReceived {
    const tooLong = refused("message.size", "The message is too long.");
    if (message.length > roomHandshakeBytesMax) return tooLong;
    const sealed = readSealed(message);
    if (sealed === undefined) {
      const head = mls.inspectMessage(message);
      if (head.kind === "public_message") return refusedBy("sealed.public");
      const isApplication = head.kind === "private_message" && head.contentType === "application";
      return isApplication && message.length > messageBytesMax ? tooLong : message;
    }
    const { groupId, epoch } = state.context;
    if (!isEqual(sealed.group, groupId)) return { kind: "wrong-group" };
    const of = BigInt(sealed.epoch);
    if (of !== epoch) return { kind: of > epoch ? "future-epoch" : "stale-epoch", epoch: of };
    const { room, infoKey: key } = roomOf(state);
    const plain = unseal(this.#ports.primitives, "message", { room, key }, sealed);
    if (plain === undefined) return refusedBy("sealed.closed");
    const head = mls.inspectMessage(plain);
    const isExternalCommit = head.kind === "public_message" && head.contentType === "commit";
    // What stands in the clear is what is inside: no message has two epochs.
    const fits = isExternalCommit && head.epoch === epoch && isEqual(head.groupId, groupId);
    return fits ? plain : refusedBy("sealed.closed");
  }

  #openInfo(room: JoinRoom["room"], bytes: Uint8Array, key: Uint8Array): RoomInfo | undefined {
    const sealed = bytes.length > roomInfoBytesMax ? undefined : readSealed(bytes);
    const plain = sealed && unseal(this.#ports.primitives, "info", { room, key }, sealed);
    return plain && decodeInfo(plain);
  }

  #epochOf(state: mls.GroupState): RoomEpoch {
    const { primitives, random } = this.#ports;
    const { groupId: group, epoch } = state.context;
    const room = roomOf(state);
    const made = mls.groupInfo(state, { externalPub: true }, this.#environment());
    if (made.kind === "refused") throw new Error(`assertion: a member describes its group: ${made.reason}`);
    const { seed, publicKey } = this.#accessOf(state);
    const plain = encodeInfo({ groupInfo: made.message, access: seed });
    const place = { room: room.room, group, epoch, key: room.infoKey };
    const info = seal({ primitives, random }, "info", place, plain);
    mls.erase([plain, seed]);
    return { epoch, access: publicKey, servers: serversOf(room), info };
  }

  /** [W6] */
  #accessOf(state: mls.GroupState): AccessKey {
    const context = roomId.toBytes(roomOf(state).room);
    return this.#accessBy(
      mls.exportSecret(state, { label: "fedchat room access", context, length: 32 }, this.#environment()),
    );
  }

  #accessBy(seed: Uint8Array): AccessKey {
    return { seed, publicKey: this.#ports.primitives.ed25519.publicKey(seed) };
  }

  #step(before: RoomState, by: ConstructorParameters<typeof RoomStep>[3] = {}): RoomStep {
    return new RoomStep(this.#ports.protocolPrimitives, this.#credentials, before, by);
  }

  #environment(policy: mls.Policy = this.#plain): mls.Environment {
    const { primitives, random, clock } = this.#ports;
    return { primitives, random, now: clock.now(), policy, retention };
  }
}

/** [X6], and late messages across commits. */
const retention: mls.Retention = {
  epochs: roomPastEpochs,
  skippedGenerations: skippedKeysMax,
  forwardGenerations: skippedGenerationsMax,
};

/** What a Welcome with the tree has at most. What the commit makes of both is estimated from above. */
function welcomeBytes(
  { tree, context }: mls.GroupState,
  after: RoomState,
  added: readonly mls.KeyPackage[],
): number {
  const keyBytes = context.cipherSuite === roomSuites.hybrid ? hybridKeyBytes : classicalKeyBytes;
  let bytes = mls.ratchetTreeExtension(tree).data.length + encodeRoomState(after).length + frameBytes;
  // The parents that the path fills, and for each newcomer its leaf and the secrets that are sealed to it.
  bytes += pathParentsMax * (keyBytes + parentBytes);
  for (const one of added) bytes += mls.encode(mls.keyPackageCodec, one).length + keyBytes + newcomerBytes;
  return bytes;
}

/** An encapsulation key; a ciphertext is no longer. */
const hybridKeyBytes = 1_216;
const classicalKeyBytes = 32;
/** No group is deeper: its leaves are at most 65,536. */
const pathParentsMax = 16;
/** What a parent has beside its key: the hash of its own parent, and lengths. */
const parentBytes = 48;
/** Reference, joiner and path secret, their tag, and that it is unmerged at each parent above it. */
const newcomerBytes = 256;
/** What a Welcome has once: the rest of the context, signature, lengths. */
const frameBytes = 1_024;

function proposalOf(update: RoomUpdate): Extract<mls.Proposal, { type: "app_data_update" }> {
  return { type: "app_data_update", componentId: roomStateComponent, update: encodeRoomUpdate(update) };
}

const isSameRoom = (a: RoomState, b: RoomState): boolean => isEqual(encodeRoomState(a), encodeRoomState(b));

function ownMember(state: mls.GroupState): RoomMember {
  return memberAt(mls.ownLeafNode(state), state.ownLeaf, true);
}

function applicationOf(before: mls.GroupState, received: mls.ApplicationReceived): RoomReceived {
  const { state, data, authenticatedData, sender, epoch, generation } = received;
  const suite = suiteOf(before.context);
  if (suite === undefined) throw new Error("assertion: a room's group has a suite for rooms");
  const { tree } =
    epoch === before.context.epoch ? before : before.past.find(({ context }) => context.epoch === epoch)!;
  const leaf = mls.leafAt(tree, sender);
  if (leaf === undefined) throw new Error("assertion: a message's sender is a member of its epoch");
  return {
    kind: "application",
    state: opaque(state),
    plaintext: data,
    authenticatedData,
    sender: memberAt(leaf, sender, false),
    epoch,
    generation,
    proof: proofFrom(suite, received.proof),
  };
}

function sizeFault({ commit, welcome }: mls.Committed, { info }: RoomEpoch): Refused | undefined {
  if (commit.length > roomHandshakeBytesMax || (welcome?.length ?? 0) > roomWelcomeBytesMax)
    return refused("commit.size", "Too many people at once. Add fewer at a time.");
  return info.length > roomInfoBytesMax
    ? refused("info.size", "The room would become larger than its servers take.")
    : undefined;
}

/** Context and tree of the group that an info describes; undefined where it does not decode. */
function placeIn({ groupInfo }: RoomInfo): Pick<mls.GroupState, "context" | "tree"> | undefined {
  try {
    const message = mls.decodeMessage(groupInfo);
    if (message.wireFormat !== "group_info") return undefined;
    const { groupContext, extensions } = message.groupInfo;
    const found = extensions.find(({ type }) => type === mls.EXTENSION.ratchetTree);
    return found && { context: groupContext, tree: mls.decodeRatchetTree(found.data) };
  } catch (error) {
    if (error instanceof mls.DecodeError) return undefined;
    throw error;
  }
}

/** Encoded. */
function treeIn(info: RoomInfo): Uint8Array | undefined {
  const place = placeIn(info);
  return place && mls.ratchetTreeExtension(place.tree).data;
}

function refused(rule: string, reason: string): Refused {
  return { kind: "refused", rule, reason };
}
