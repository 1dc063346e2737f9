/**
 * Groups of two by our own MLS. The creator makes the group and adds the peer; that is its only commit, and whatever a
 * peer sends beyond application messages is refused here, before it could change anything.
 */
import type { Clock, RandomSource } from "@fedchat/protocol";
import * as mls from "@fedchat/mls";
import type {
  CreateOutcome,
  CreatePair,
  DecryptOutcome,
  GroupCrypto,
  GroupState,
  Join,
  JoinOutcome,
  KeyPackageInfo,
  MemberIdentity,
  MemberInfo,
  MessageHeader,
  NewKeyPackage,
  Refused,
  SealedMessage,
} from "./group-crypto.ts";
import {
  authenticatedDataBytesMax,
  messageBytesMax,
  plaintextBytesMax,
  skippedGenerationsMax,
  skippedKeysMax,
  welcomeBytesMax,
} from "./limits.ts";
import {
  credentialPolicy,
  identityOf,
  isEqual,
  keyPackageInfo,
  makeKeyPackage,
  publishedForm,
  storedKeyPackage,
  validKeyPackage,
} from "./mls-key-package.ts";
import { MlsRecords, opaque, transparent } from "./mls-records.ts";

export interface MlsGroupPorts {
  primitives: mls.Primitives;
  random: RandomSource;
  clock: Pick<Clock, "now">;
  /** Whether this credential vouches for this signature key (RFC 9420 §5.3.1). */
  vouches: (credential: Uint8Array, signatureKey: Uint8Array) => boolean;
}

/** X25519 with ML-KEM-768: what is recorded today does not open to a quantum computer later. */
const cipherSuite = mls.SUITE_MLKEM768_X25519_AES128GCM;

/** Creation is epoch 0; the commit that adds the peer begins epoch 1, the last one. */
const pairEpoch = 1n;

/** It keeps nothing between calls and may serve every group. */
export class MlsGroupCrypto extends MlsRecords implements GroupCrypto {
  readonly #ports: MlsGroupPorts;
  readonly #policy: mls.Policy;

  constructor(ports: MlsGroupPorts) {
    super();
    this.#ports = ports;
    this.#policy = mls.policy(credentialPolicy(ports.vouches));
  }

  createKeyPackage(identity: MemberIdentity): NewKeyPackage {
    return publishedForm(makeKeyPackage(this.#environment(), cipherSuite, identity));
  }

  inspectKeyPackage(bytes: Uint8Array): KeyPackageInfo | undefined {
    const env = this.#environment();
    const keyPackage = validKeyPackage(env, cipherSuite, bytes);
    return keyPackage && keyPackageInfo(env, keyPackage);
  }

  createPair({ groupId, identity, peerKeyPackage }: CreatePair): CreateOutcome {
    const env = this.#environment();
    const peer = validKeyPackage(env, cipherSuite, peerKeyPackage);
    if (peer === undefined) return refused("the key package is not valid");
    if (isEqual(peer.leafNode.signatureKey, identity.signaturePublicKey))
      return refused("the key package is this device's own");
    const own = makeKeyPackage(env, cipherSuite, identity);
    const created = mls.createGroup(own, { groupId }, env);
    mls.eraseKeyPackage(own);
    if (created.kind === "refused") throw new Error(`assertion: a group of one is made: ${created.reason}`);
    const added = mls.commit(created.state, { proposals: [{ type: "add", keyPackage: peer }] }, env);
    if (added.kind === "refused") {
      mls.eraseFormer(created.state, undefined);
      return refused(added.reason);
    }
    // Nothing was ever sent in epoch 0.
    mls.eraseFormer(created.state, added.next);
    mls.eraseFormer(added.state, added.next);
    if (added.welcome === undefined) throw new Error("assertion: a commit with an Add has a Welcome");
    return { kind: "created", state: opaque(added.next), welcome: added.welcome };
  }

  welcomeReferences(welcome: Uint8Array): readonly Uint8Array[] | undefined {
    if (welcome.length > welcomeBytesMax) return undefined;
    const head = mls.inspectMessage(welcome);
    return head.kind === "welcome" ? head.newMembers : undefined;
  }

  join({ welcome, identity, keyPackage, privatePart }: Join): JoinOutcome {
    if (welcome.length > welcomeBytesMax) return refused("not a Welcome");
    const own = storedKeyPackage(this.#ports, { keyPackage, privatePart }, identity);
    const joined = mls.join({ welcome, keyPackages: [own] }, this.#environment());
    mls.eraseKeyPackage(own);
    if (joined.kind === "refused") return refused(joined.reason);
    const { state } = joined;
    const fault = pairFault(state);
    if (fault !== undefined) {
      mls.eraseFormer(state, undefined);
      return refused(fault);
    }
    return {
      kind: "joined",
      state: opaque(state),
      groupId: state.context.groupId,
      members: membersOf(state),
    };
  }

  encrypt(
    state: GroupState,
    plaintext: Uint8Array,
    authenticatedData: Uint8Array = new Uint8Array(),
  ): SealedMessage {
    if (plaintext.length > plaintextBytesMax)
      throw new Error(`assertion: a message has at most ${plaintextBytesMax} bytes`);
    if (authenticatedData.length > authenticatedDataBytesMax)
      throw new Error(
        `assertion: clear data beside a message has at most ${authenticatedDataBytesMax} bytes`,
      );
    const input = { data: plaintext, authenticatedData };
    const sealed = mls.encrypt(transparent(state), input, this.#environment());
    if (sealed.kind === "refused") throw new Error(`assertion: a pair's member may write: ${sealed.reason}`);
    return { state: opaque(sealed.state), message: sealed.message };
  }

  decrypt(stored: GroupState, message: Uint8Array): DecryptOutcome {
    const head = headOf(message);
    if (head === undefined) return corrupt("not a PrivateMessage");
    const state = transparent(stored);
    if (!isEqual(head.groupId, state.context.groupId)) return { kind: "wrong-group" };
    if (head.epoch > state.context.epoch) return { kind: "future-epoch" };
    if (head.epoch < state.context.epoch) return { kind: "past-epoch" };
    if (head.contentType !== "application") return corrupt(`a ${head.contentType} in a group of two`);
    const received = mls.receive(state, message, this.#environment());
    switch (received.kind) {
      case "application":
        return this.#message(received);
      case "duplicate":
        return { kind: "duplicate" };
      case "own-message":
        return { kind: "own" };
      case "refused":
        return received.rule === "message.generation-far"
          ? { kind: "too-far-ahead" }
          : corrupt(received.reason);
      case "proposal":
      case "commit":
      case "removed":
      case "diverged":
      case "wrong-group":
      case "future-epoch":
      case "stale-epoch":
        throw new Error(`assertion: an application message of this epoch is not ${received.kind}`);
    }
  }

  header(message: Uint8Array): MessageHeader | undefined {
    const head = headOf(message);
    return head && { groupId: head.groupId, epoch: head.epoch };
  }

  members(state: GroupState): readonly MemberInfo[] {
    return membersOf(transparent(state));
  }

  epochAuthenticator(state: GroupState): Uint8Array {
    return transparent(state).secrets.epochAuthenticator.slice();
  }

  #message(received: mls.ApplicationReceived): DecryptOutcome {
    const sender = membersOf(received.state).find(({ index }) => index === received.sender);
    if (sender === undefined) throw new Error("assertion: a message's sender is a member");
    const { data, authenticatedData, generation } = received;
    return {
      kind: "message",
      state: opaque(received.state),
      plaintext: data,
      authenticatedData,
      sender,
      generation,
    };
  }

  #environment(): mls.Environment {
    const { primitives, random, clock } = this.#ports;
    return { primitives, random, now: clock.now(), policy: this.#policy, retention };
  }
}

/** A pair has one epoch. */
const retention: mls.Retention = {
  epochs: 0,
  skippedGenerations: skippedKeysMax,
  forwardGenerations: skippedGenerationsMax,
};

/** What is wrong with a group that we were invited to. */
function pairFault({ context, tree }: mls.GroupState): string | undefined {
  if (context.cipherSuite !== cipherSuite) return "another cipher suite";
  if (context.extensions.length > 0) return "unknown extensions";
  if (context.epoch !== pairEpoch) return "not a group's first commit";
  return [...mls.members(tree)].length === 2 ? undefined : "not a group of two";
}

function membersOf({ tree, ownLeaf }: mls.GroupState): readonly MemberInfo[] {
  return [...mls.members(tree)].map(({ index, leaf }) => ({
    index,
    credential: identityOf(leaf),
    signatureKey: leaf.signatureKey,
    own: index === ownLeaf,
  }));
}

function headOf(
  message: Uint8Array,
): Extract<mls.MessageHead, { groupId: Uint8Array; contentType: string }> | undefined {
  if (message.length > messageBytesMax) return undefined;
  const head = mls.inspectMessage(message);
  return head.kind === "private_message" ? head : undefined;
}

function refused(reason: string): Refused {
  return { kind: "refused", reason };
}

function corrupt(reason: string): DecryptOutcome {
  return { kind: "corrupt", reason };
}
