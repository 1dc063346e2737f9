/**
 * Groups of two by ts-mls 1.6.4. This folder alone imports that library, and nothing of it shows outside.
 *
 * The creator makes the group and adds the peer; that is its only commit. Randomness comes from WebCrypto inside
 * ts-mls, which also holds the lifetime of an added key package against the machine's clock besides ours; a
 * deterministic simulation therefore uses a stub of this interface.
 */
import type { Primitives } from "@fedchat/protocol";
import {
  createApplicationMessage,
  createCommit,
  createGroup,
  emptyPskIndex,
  generateKeyPackageWithKey,
  joinGroup,
  processPrivateMessage,
  type CiphersuiteImpl,
  type ClientConfig,
  type ClientState,
  type KeyPackage,
  type LeafNode,
  type PrivateKeyPackage,
} from "ts-mls";
import { defaultClientConfig } from "ts-mls/clientConfig.js";
import { makeKeyPackageRef, verifyKeyPackage } from "ts-mls/keyPackage.js";
import { decryptSenderData } from "ts-mls/privateMessage.js";
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
  clockSkewMs,
  credentialBytesMax,
  keyPackageLifetimeMs,
  plaintextBytesMax,
  skippedGenerationsMax,
  skippedKeysMax,
} from "./limits.ts";
import { paddedContentBytes } from "./padding.ts";
import {
  equalBytes,
  readKeyPackage,
  readPrivateMessage,
  readPrivatePart,
  readState,
  readWelcome,
  writeKeyPackage,
  writePrivateMessage,
  writePrivatePart,
  writeState,
  writeWelcome,
} from "./ts-mls-bytes.ts";
import {
  assert,
  creatorIndex,
  joinerIndex,
  keyPackageFault,
  peersFault,
  seconds,
  welcomeFault,
  wipe,
} from "./ts-mls-checks.ts";
import { generationFault, withoutHopelessKeys } from "./ts-mls-ratchet.ts";
import { keyBytes, loadSuite, suiteName } from "./ts-mls-suite.ts";

/** Sets up the cipher suite; what it returns keeps nothing between calls and may serve every group. */
export async function loadTsMlsGroupCrypto(primitives: Primitives): Promise<GroupCrypto> {
  return new TsMlsGroupCrypto(await loadSuite(primitives), primitives);
}

const clientConfig: ClientConfig = {
  ...defaultClientConfig,
  keyRetentionConfig: {
    retainKeysForGenerations: skippedKeysMax,
    maximumForwardRatchetSteps: skippedGenerationsMax,
    retainKeysForEpochs: 0,
  },
};

class TsMlsGroupCrypto implements GroupCrypto {
  readonly #suite: CiphersuiteImpl;
  readonly #primitives: Primitives;

  constructor(suite: CiphersuiteImpl, primitives: Primitives) {
    this.#suite = suite;
    this.#primitives = primitives;
  }

  async createKeyPackage(identity: MemberIdentity, nowMs: number): Promise<NewKeyPackage> {
    const { publicPackage, privatePackage } = await this.#generate(identity, nowMs);
    return {
      keyPackage: writeKeyPackage(publicPackage),
      privatePart: writePrivatePart(privatePackage),
      reference: await makeKeyPackageRef(publicPackage, this.#suite.hash),
    };
  }

  async inspectKeyPackage(bytes: Uint8Array, nowMs: number): Promise<KeyPackageInfo | undefined> {
    const keyPackage = await this.#validKeyPackage(bytes, nowMs);
    if (keyPackage === undefined) return undefined;
    const { credential, signatureKey } = memberOf(keyPackage.leafNode, joinerIndex, false);
    return {
      credential,
      signatureKey,
      reference: await makeKeyPackageRef(keyPackage, this.#suite.hash),
      expiresMs: Number(keyPackage.leafNode.lifetime.notAfter) * 1000,
    };
  }

  async createPair({ groupId, identity, peerKeyPackage, nowMs }: CreatePair): Promise<CreateOutcome> {
    const peer = await this.#validKeyPackage(peerKeyPackage, nowMs);
    if (peer === undefined) return refused("the key package is not valid");
    if (equalBytes(peer.leafNode.signaturePublicKey, identity.signaturePublicKey)) {
      return refused("the key package is this device's own");
    }
    const own = await this.#generate(identity, nowMs);
    const id = Uint8Array.from(groupId);
    const alone = await createGroup(id, own.publicPackage, own.privatePackage, [], this.#suite, clientConfig);
    try {
      const result = await createCommit(
        { state: alone, cipherSuite: this.#suite },
        { extraProposals: [{ proposalType: "add", add: { keyPackage: peer } }], ratchetTreeExtension: true },
      );
      assert(result.welcome !== undefined, "a commit with an Add has a Welcome");
      // Nothing was ever sent in epoch 0, so its keys are not kept.
      const state = writeState({ ...result.newState, historicalReceiverData: new Map() });
      wipe(result.consumed);
      return { kind: "created", state, welcome: writeWelcome(result.welcome) };
    } catch (error) {
      return refused(peersFault(error));
    }
  }

  welcomeReferences(bytes: Uint8Array): readonly Uint8Array[] | undefined {
    return readWelcome(bytes)?.secrets.map((secret) => Uint8Array.from(secret.newMember));
  }

  async join(args: Join): Promise<JoinOutcome> {
    const keyPackage = readKeyPackage(args.keyPackage);
    assert(keyPackage !== undefined, "the stored key package can be read");
    assert(
      equalBytes(keyPackage.leafNode.signaturePublicKey, args.identity.signaturePublicKey),
      "the stored key package is this identity's",
    );
    const keys: PrivateKeyPackage = {
      ...readPrivatePart(args.privatePart),
      signaturePrivateKey: Uint8Array.from(args.identity.signaturePrivateKey),
    };
    const welcome = readWelcome(args.welcome);
    if (welcome === undefined) return refused("not a Welcome");
    try {
      const fault = await welcomeFault(welcome, keyPackage, keys, this.#suite);
      if (fault !== undefined) return refused(fault);
      const joined = await joinGroup(
        welcome,
        keyPackage,
        keys,
        emptyPskIndex,
        this.#suite,
        undefined,
        undefined,
        clientConfig,
      );
      const groupId = Uint8Array.from(joined.groupContext.groupId);
      return { kind: "joined", state: writeState(joined), groupId, members: pairOf(joined) };
    } catch (error) {
      return refused(peersFault(error));
    }
  }

  async encrypt(
    stored: GroupState,
    plaintext: Uint8Array,
    authenticatedData: Uint8Array = new Uint8Array(),
  ): Promise<SealedMessage> {
    assert(plaintext.length <= plaintextBytesMax, `a message has at most ${plaintextBytesMax} bytes`);
    assert(
      authenticatedData.length <= authenticatedDataBytesMax,
      `clear data beside a message has at most ${authenticatedDataBytesMax} bytes`,
    );
    const state = readState(stored, {
      ...clientConfig,
      paddingConfig: { kind: "padUntilLength", padUntilLength: paddedContentBytes(plaintext.length) },
    });
    const result = await createApplicationMessage(state, plaintext, this.#suite, authenticatedData);
    const next = writeState(result.newState);
    wipe(result.consumed);
    return { state: next, message: writePrivateMessage(result.privateMessage) };
  }

  async decrypt(stored: GroupState, bytes: Uint8Array): Promise<DecryptOutcome> {
    const message = readPrivateMessage(bytes);
    if (message === undefined) return corrupt("not a PrivateMessage");
    const state = readState(stored, clientConfig);
    const { groupId, epoch } = state.groupContext;
    if (!equalBytes(message.groupId, groupId)) return { kind: "wrong-group" };
    if (message.epoch > epoch) return { kind: "future-epoch" };
    if (message.epoch < epoch) return { kind: "past-epoch" };
    if (message.contentType !== "application") return corrupt(`a ${message.contentType} in a group of two`);
    try {
      const data = await decryptSenderData(message, state.keySchedule.senderDataSecret, this.#suite);
      if (data === undefined) return corrupt("sender data that cannot be read");
      const sender = pairOf(state).find((member) => member.index === data.leafIndex);
      if (sender === undefined) return corrupt("a sender who is no member");
      if (sender.own) return { kind: "own" };
      const outOfReach = generationFault(state, data);
      if (outOfReach !== undefined) return { kind: outOfReach };
      const near = await withoutHopelessKeys(state, data, this.#suite);
      const result = await processPrivateMessage(near, message, emptyPskIndex, this.#suite);
      assert(result.kind === "applicationMessage", "an application message changes no epoch");
      const next = writeState(result.newState);
      wipe(result.consumed);
      return {
        kind: "message",
        state: next,
        plaintext: Uint8Array.from(result.message),
        authenticatedData: Uint8Array.from(message.authenticatedData),
        sender,
        generation: data.generation,
      };
    } catch (error) {
      return corrupt(peersFault(error));
    }
  }

  header(bytes: Uint8Array): MessageHeader | undefined {
    const message = readPrivateMessage(bytes);
    return message && { groupId: Uint8Array.from(message.groupId), epoch: message.epoch };
  }

  members(stored: GroupState): readonly MemberInfo[] {
    return pairOf(readState(stored, clientConfig));
  }

  epochAuthenticator(stored: GroupState): Uint8Array {
    return Uint8Array.from(readState(stored, clientConfig).keySchedule.epochAuthenticator);
  }

  async #generate(
    { signaturePrivateKey, signaturePublicKey, credential }: MemberIdentity,
    nowMs: number,
  ): Promise<{ publicPackage: KeyPackage; privatePackage: PrivateKeyPackage }> {
    assert(signaturePrivateKey.length === keyBytes, "a device key is a 32-byte seed");
    assert(credential.length <= credentialBytesMax, `a credential has at most ${credentialBytesMax} bytes`);
    const generated = await generateKeyPackageWithKey(
      { credentialType: "basic", identity: Uint8Array.from(credential) },
      {
        versions: ["mls10"],
        ciphersuites: [suiteName],
        extensions: [],
        proposals: [],
        credentials: ["basic"],
      },
      { notBefore: seconds(nowMs - clockSkewMs), notAfter: seconds(nowMs + keyPackageLifetimeMs) },
      [],
      { signKey: Uint8Array.from(signaturePrivateKey), publicKey: Uint8Array.from(signaturePublicKey) },
      this.#suite,
    );
    assert(
      await verifyKeyPackage(generated.publicPackage, this.#suite.signature),
      "an identity's public key belongs to its seed",
    );
    return generated;
  }

  async #validKeyPackage(bytes: Uint8Array, nowMs: number): Promise<KeyPackage | undefined> {
    const keyPackage = readKeyPackage(bytes);
    if (keyPackage === undefined) return undefined;
    const fault = await keyPackageFault(keyPackage, nowMs, this.#suite, this.#primitives.x25519);
    return fault === undefined ? keyPackage : undefined;
  }
}

function pairOf(state: ClientState): readonly MemberInfo[] {
  return [creatorIndex, joinerIndex].map((index) => {
    // RFC 9420 appendix C: leaf i is node 2i.
    const node = state.ratchetTree[2 * index];
    assert(node?.nodeType === "leaf", "a pair has two leaves");
    return memberOf(node.leaf, index, index === state.privatePath.leafIndex);
  });
}

function memberOf(leaf: LeafNode, index: number, own: boolean): MemberInfo {
  assert(leaf.credential.credentialType === "basic", "only plain leaves are let in");
  return {
    index,
    credential: Uint8Array.from(leaf.credential.identity),
    signatureKey: Uint8Array.from(leaf.signaturePublicKey),
    own,
  };
}

function refused(reason: string): Refused {
  return { kind: "refused", reason };
}

function corrupt(reason: string): DecryptOutcome {
  return { kind: "corrupt", reason };
}
