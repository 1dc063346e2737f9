/** What a malicious insider or outsider could send: well-formed, signed and framed, but against some rule. */
import { encode } from "../src/codec/codec.ts";
import type { KeyPair } from "../src/crypto/kem.ts";
import type { CipherSuite } from "../src/crypto/suite.ts";
import { frame } from "../src/group/send.ts";
import { welcomeKey } from "../src/group/join-welcome.ts";
import { suiteOf } from "../src/group/state.ts";
import type { LeafIndex, OwnKeyPackage, Proposal } from "../src/index.ts";
import { signContent } from "../src/schedule/authentication.ts";
import { startFromJoiner } from "../src/schedule/key-schedule.ts";
import { type Psk, pskSecret } from "../src/schedule/psk-secret.ts";
import { ratchetTreeExtension, type RatchetTree } from "../src/tree/ratchet-tree.ts";
import { treeHash } from "../src/tree/tree-hash.ts";
import { encryptPath, freshPath, type LeafContent } from "../src/tree/update-path.ts";
import type { Commit, ProposalOrRef } from "../src/wire/commit.ts";
import type { ContentBody, ContentWireFormat, FramedContent } from "../src/wire/framed-content.ts";
import { type GroupContext, groupContextBytes } from "../src/wire/group-context.ts";
import { groupInfo, signGroupInfo, type UnsignedGroupInfo } from "../src/wire/group-info.ts";
import { keyPackageRef, signKeyPackage, type UnsignedKeyPackage } from "../src/wire/key-package.ts";
import { signLeafNode, type UnsignedLeafNode } from "../src/wire/leaf-node.ts";
import { decodeMessage, encodeMessage } from "../src/wire/message.ts";
import type { UpdatePath } from "../src/wire/update-path.ts";
import { groupSecrets } from "../src/wire/welcome.ts";
import { type Client, LIFETIME } from "./world.ts";

export const suiteFor = (client: Client): CipherSuite => suiteOf(client.world.env(), client.state);

export interface ForgedFraming extends Partial<Omit<FramedContent, "body">> {
  readonly wireFormat?: ContentWireFormat;
  readonly confirmationTag?: Uint8Array;
  readonly signaturePrivateKey?: Uint8Array;
}

/** A message of a member, signed and MACed as it should be, whatever it says. */
export function forged(client: Client, body: ContentBody, framing: ForgedFraming = {}): Uint8Array {
  const { state, world } = client;
  const suite = suiteFor(client);
  const { wireFormat = "public_message", confirmationTag, signaturePrivateKey, ...fields } = framing;
  const { groupId, epoch } = state.context;
  const sender = { type: "member", leafIndex: state.ownLeaf } as const;
  const content: FramedContent = {
    groupId,
    epoch,
    sender,
    authenticatedData: new Uint8Array(0),
    ...fields,
    body,
  };
  const key = signaturePrivateKey ?? client.identity.signaturePrivateKey;
  const signature = signContent(suite, key, wireFormat, content, groupContextBytes(state.context));
  const tag = body.type === "commit" ? (confirmationTag ?? new Uint8Array(suite.secretBytes)) : undefined;
  const auth = { signature, confirmationTag: tag };
  if (content.sender.type === "member") {
    return frame(world.env(), suite, state, { wireFormat, content, auth }).message;
  }
  return encodeMessage({
    wireFormat: "public_message",
    publicMessage: { content, auth, membershipTag: undefined },
  });
}

export const forgedProposal = (client: Client, proposal: Proposal, framing: ForgedFraming = {}): Uint8Array =>
  forged(client, { type: "proposal", proposal }, framing);

const byValue = (proposal: Proposal): ProposalOrRef => ({ type: "proposal", proposal });

export function forgedCommit(
  client: Client,
  proposals: readonly Proposal[],
  path?: UpdatePath,
  framing: ForgedFraming = {},
): Uint8Array {
  return forged(client, { type: "commit", commit: { proposals: proposals.map(byValue), path } }, framing);
}

/** A message of this client changed in some way and signed again, by itself or by whose key is given. */
export function reforged(
  client: Client,
  bytes: Uint8Array,
  change: (commit: Commit) => Commit,
  framing: ForgedFraming = {},
): Uint8Array {
  const message = decodeMessage(bytes);
  if (message.wireFormat !== "public_message") throw new Error("only public messages are forged again");
  const { content, auth } = message.publicMessage;
  if (content.body.type !== "commit") throw new Error("not a commit");
  const { sender } = content;
  const body = { type: "commit", commit: change(content.body.commit) } as const;
  return forged(client, body, { sender, confirmationTag: auth.confirmationTag!, ...framing });
}

/** A path of this client's over a tree, with another leaf content where one is given. */
export function forgedPath(
  client: Client,
  content: Partial<LeafContent> = {},
  tree?: RatchetTree,
): UpdatePath {
  const { state, world, identity } = client;
  const suite = suiteFor(client);
  const committer = {
    leafIndex: state.ownLeaf,
    groupId: state.context.groupId,
    signaturePrivateKey: identity.signaturePrivateKey,
  };
  const signatureKey = suite.signaturePublicKey(identity.signaturePrivateKey);
  const full = { ...identity, signatureKey, ...content };
  const fresh = freshPath(suite, world.random, tree ?? state.tree, committer, full);
  return encryptPath(suite, world.random, fresh, new Set(), new Uint8Array(0));
}

/** A leaf of this client's for its place in the group, signed. */
export function forgedLeaf(client: Client, change: Partial<UnsignedLeafNode>, signedFor?: LeafIndex) {
  const suite = suiteFor(client);
  const { identity, state, world } = client;
  const { credential, capabilities, extensions, signaturePrivateKey } = identity;
  const leaf: UnsignedLeafNode = {
    encryptionKey: suite.generateKeyPair(world.random).publicKey,
    signatureKey: suite.signaturePublicKey(signaturePrivateKey),
    credential,
    capabilities,
    source: { kind: "update" },
    extensions,
    ...change,
  };
  const place = { groupId: state.context.groupId, leafIndex: signedFor ?? state.ownLeaf };
  return signLeafNode(suite, signaturePrivateKey, leaf, place);
}

export interface ForgedPackage {
  readonly leaf?: Partial<UnsignedLeafNode>;
  readonly package?: Partial<UnsignedKeyPackage>;
  readonly initKey?: KeyPair;
}

/** A key package of this client's with parts of another kind, signed all the same. */
export function forgedPackage(suite: CipherSuite, client: Client, change: ForgedPackage = {}): OwnKeyPackage {
  const { identity, world } = client;
  const { credential, capabilities, extensions, signaturePrivateKey } = identity;
  const [init, leafKey] = [
    change.initKey ?? suite.generateKeyPair(world.random),
    suite.generateKeyPair(world.random),
  ];
  const unsigned: UnsignedLeafNode = {
    encryptionKey: leafKey.publicKey,
    signatureKey: suite.signaturePublicKey(signaturePrivateKey),
    credential,
    capabilities,
    source: { kind: "key_package", lifetime: LIFETIME },
    extensions,
    ...change.leaf,
  };
  const place = { groupId: new Uint8Array(1), leafIndex: 0 as LeafIndex };
  const leafNode = signLeafNode(suite, signaturePrivateKey, unsigned, place);
  const fields = { version: 1, cipherSuite: suite.id, initKey: init.publicKey, leafNode, extensions: [] };
  const keyPackage = signKeyPackage(suite, signaturePrivateKey, { ...fields, ...change.package });
  return {
    keyPackage,
    reference: keyPackageRef(suite, keyPackage),
    initPrivateKey: init.privateKey,
    leafPrivateKey: leafKey.privateKey,
    signaturePrivateKey,
  };
}

export interface ForgedWelcome {
  readonly tree?: RatchetTree;
  readonly context?: Partial<GroupContext>;
  readonly info?: Partial<UnsignedGroupInfo>;
  readonly psks?: readonly Psk[];
  readonly pathSecret?: Uint8Array;
  readonly breakSignature?: boolean;
  readonly omitTree?: boolean;
  readonly breakSecrets?: boolean;
  readonly breakInfo?: boolean;
  readonly suiteId?: number;
}

/** A Welcome for a key package from a member who makes up the whole epoch. */
export function forgedWelcome(
  signer: Client,
  to: OwnKeyPackage,
  tree: RatchetTree,
  change: ForgedWelcome,
): Uint8Array {
  const suite = suiteFor(signer);
  const { random } = signer.world;
  const context: GroupContext = {
    ...signer.state.context,
    epoch: 1n,
    treeHash: treeHash(suite, tree),
    confirmedTranscriptHash: random.bytes(32),
    ...change.context,
  };
  const joinerSecret = random.bytes(suite.secretBytes);
  const psks = change.psks ?? [];
  const start = startFromJoiner(suite, joinerSecret, pskSecret(suite, psks), groupContextBytes(context));
  const signed = signGroupInfo(suite, signer.identity.signaturePrivateKey, {
    groupContext: context,
    extensions: change.omitTree === true ? [] : [ratchetTreeExtension(tree)],
    confirmationTag: suite.mac(start.secrets.confirmationKey, context.confirmedTranscriptHash),
    signer: signer.state.ownLeaf,
    ...change.info,
  });
  const info = change.breakSignature === true ? { ...signed, signature: new Uint8Array(64) } : signed;
  const { key, nonce } = welcomeKey(suite, start.welcomeSecret);
  if (change.breakInfo === true) key[0]! ^= 1;
  const encryptedGroupInfo = suite.seal(key, nonce, new Uint8Array(0), encode(groupInfo, info));
  const { pathSecret } = change;
  const plaintext = encode(groupSecrets, { joinerSecret, pathSecret, psks: psks.map(({ id }) => id) });
  const label = change.breakSecrets === true ? "Unwelcome" : "Welcome";
  const sealed = suite.encryptWithLabel(random, to.keyPackage.initKey, label, encryptedGroupInfo, plaintext)!;
  const secrets = [{ newMember: to.reference, encryptedGroupSecrets: sealed }];
  const cipherSuite = change.suiteId ?? suite.id;
  return encodeMessage({ wireFormat: "welcome", welcome: { cipherSuite, secrets, encryptedGroupInfo } });
}

/** The same message with one octet flipped, counted from its end. */
export function flipped(bytes: Uint8Array, fromEnd = 1): Uint8Array {
  const changed = bytes.slice();
  changed[changed.length - fromEnd]! ^= 1;
  return changed;
}
