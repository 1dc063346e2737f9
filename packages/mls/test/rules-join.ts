/** Ways to break the rules of joining: trees, Welcomes and GroupInfos (RFC 9420 §12.4.3, §11). */
import { encode, opaque } from "../src/codec/codec.ts";
import {
  branch,
  EXTENSION,
  groupInfo,
  type GroupState,
  join,
  joinExternally,
  type OwnKeyPackage,
  reinitialize,
  type WelcomeInput,
} from "../src/index.ts";
import { leafIndex, nodeIndex } from "../src/tree/math.ts";
import { parentAt, type RatchetTree, withLeavesAdded, withNodes } from "../src/tree/ratchet-tree.ts";
import { signGroupInfo } from "../src/wire/group-info.ts";
import type { ParentNode } from "../src/wire/parent-node.ts";
import { decodeMessage, encodeMessage } from "../src/wire/message.ts";
import { type ForgedWelcome, forgedWelcome, suiteFor } from "./forge.ts";
import { everyone, text } from "./rule-steps.ts";
import type { Breaks, Outcome, Scene } from "./rules.ts";
import { groupOf, World } from "./world.ts";

/** Dave joins by a Welcome of Alice's making. */
function joining(
  s: Scene,
  change: ForgedWelcome & { tree?: RatchetTree },
  more: Partial<WelcomeInput> = {},
): Outcome {
  const own = s.world.client("dave").keyPackage();
  return joiningAs(s, own, change, more);
}

function joiningAs(
  s: Scene,
  own: OwnKeyPackage,
  change: ForgedWelcome,
  more: Partial<WelcomeInput> = {},
): Outcome {
  const tree = change.tree ?? withLeavesAdded(s.alice.state.tree, [own.keyPackage.leafNode]).tree;
  const welcome = forgedWelcome(s.alice, own, tree, change);
  const psk = () => PSK;
  return join({ welcome, keyPackages: [own], ...more }, s.world.env({ psk }));
}

const PSK = new Uint8Array(32).fill(7);

/** The PSK of such a past; its secret is Alice's own, or the one that strangers to her group were told. */
const history = (s: Scene, usage: "reinit" | "branch", secret = s.alice.state.secrets.resumptionPsk) => {
  const { groupId, epoch } = s.alice.state.context;
  const source = { type: "resumption", usage, groupId, epoch } as const;
  return { id: { source, nonce: s.world.random.bytes(32) }, secret };
};

/** Alice's tree with Dave in it and its root changed. */
function treeWithRoot(s: Scene, own: OwnKeyPackage, change: (root: ParentNode) => ParentNode): RatchetTree {
  const { tree } = withLeavesAdded(s.alice.state.tree, [own.keyPackage.leafNode]);
  return withNodes(tree, [[nodeIndex(3), { kind: "parent", parent: change(parentAt(tree, nodeIndex(3))!) }]]);
}

function joiningTree(s: Scene, make: (own: OwnKeyPackage) => RatchetTree): Outcome {
  const own = s.world.client("dave").keyPackage();
  return joiningAs(s, own, { tree: make(own) });
}

/** A newcomer comes in by a GroupInfo that Alice signs whatever it says. */
function entering(s: Scene, change: (data: Uint8Array | undefined) => Uint8Array | undefined): Outcome {
  const message = decodeMessage(s.alice.groupInfo());
  if (message.wireFormat !== "group_info") throw new Error("no GroupInfo");
  const info = message.groupInfo;
  const suite = suiteFor(s.alice);
  const extensions = info.extensions.flatMap(({ type, data }) => {
    const changed = type === EXTENSION.externalPub ? change(data) : data;
    return changed === undefined ? [] : [{ type, data: changed }];
  });
  const signed = signGroupInfo(suite, s.alice.identity.signaturePrivateKey, { ...info, extensions });
  const bytes = encodeMessage({ wireFormat: "group_info", groupInfo: signed });
  return joinExternally({ groupInfo: bytes, identity: s.world.client("dave").identity }, s.world.env());
}

/** The group as it is after a Commit of a ReInit with these parameters. */
function reinitialized(s: Scene, cipherSuite = 1): GroupState {
  const groupId = text("successor");
  everyone(s, s.alice, { type: "reinit", groupId, version: 1, cipherSuite, extensions: [] });
  return s.alice.state;
}

export const joinBreaks = {
  "tree.hash": (s) => joining(s, { context: { treeHash: new Uint8Array(32) } }),
  "tree.parent-hash": (s) =>
    joiningTree(s, (own) => treeWithRoot(s, own, (root) => ({ ...root, parentHash: text("x") }))),
  "tree.unmerged-leaves": (s) => [
    joiningTree(s, (own) => treeWithRoot(s, own, (root) => ({ ...root, unmergedLeaves: [leafIndex(9)] }))),
    joiningTree(s, (own) =>
      treeWithRoot(s, own, (root) => ({ ...root, unmergedLeaves: [leafIndex(3), leafIndex(2)] })),
    ),
    joiningTree(s, (own) => treeWithRoot(s, own, (root) => ({ ...root, unmergedLeaves: [leafIndex(1)] }))),
  ],
  "tree.size": (s) => {
    const [alice] = groupOf(s.world, "alone");
    const own = s.world.client("dave").keyPackage();
    const { tree } = withLeavesAdded(alice.state.tree, [own.keyPackage.leafNode]);
    const parent = { encryptionKey: s.world.random.bytes(32), parentHash: text(""), unmergedLeaves: [] };
    const nodes = [...tree.nodes, undefined, undefined, { kind: "parent", parent } as const, undefined];
    const welcome = forgedWelcome(alice, own, { nodes, hashes: [] }, {});
    return join({ welcome, keyPackages: [own] }, s.world.env());
  },
  "welcome.key-package": (s) => {
    const own = s.world.client("dave").keyPackage();
    return [
      joiningAs(s, own, {}, { keyPackages: [] }),
      joiningAs(s, own, {}, { keyPackages: [s.world.client("x").keyPackage()] }),
    ];
  },
  "welcome.suite": (s) => [
    joining(s, { suiteId: 0x0002 }),
    joining(s, { suiteId: 0x0003 }),
    joining(s, { context: { cipherSuite: 0x0003 } }),
    joining(s, { context: { version: 2 } }),
  ],
  "welcome.secrets": (s) => joining(s, { breakSecrets: true }),
  "welcome.group-info": (s) => joining(s, { breakInfo: true }),
  "welcome.one-history": (s) => joining(s, { psks: [history(s, "reinit"), history(s, "branch")] }),
  "welcome.signature": (s) => [
    joining(s, { breakSignature: true }),
    joining(s, { info: { signer: leafIndex(1) } }),
    joining(s, { info: { signer: leafIndex(77) } }),
  ],
  "welcome.tree-missing": (s) => joining(s, { omitTree: true }),
  "welcome.my-leaf": (s) => joining(s, { tree: s.alice.state.tree }),
  "welcome.path-key": (s) => [
    joining(s, { pathSecret: new Uint8Array(32) }),
    joining(s, { pathSecret: new Uint8Array(5) }),
  ],
  "welcome.confirmation-tag": (s) => joining(s, { info: { confirmationTag: new Uint8Array(32) } }),
  "welcome.group-known": (s) => [
    joining(s, {}, { isKnownGroup: () => true }),
    joinExternally(
      { groupInfo: s.alice.groupInfo(), identity: s.world.client("dave").identity, isKnownGroup: () => true },
      s.world.env(),
    ),
  ],
  "welcome.first-epoch": (s) =>
    joining(s, { psks: [history(s, "branch")], context: { epoch: 2n } }, { origin: s.alice.state }),
  "welcome.reinit": (s) => {
    const open = joining(s, { psks: [history(s, "reinit")] }, { origin: s.bob.state });
    const unknown = joining(s, { psks: [history(s, "reinit", PSK)] });
    const early = reinitialize(s.alice.state, { own: s.alice.keyPackage(), others: [] }, s.world.env());
    const closed = reinitialized(s);
    const other = joining(s, { psks: [history(s, "reinit")] }, { origin: closed });
    const groupId = text("successor");
    const [alone] = groupOf(s.world, "someone else");
    const own = s.world.client("dave").keyPackage();
    const { tree } = withLeavesAdded(alone.state.tree, [own.keyPackage.leafNode]);
    const welcome = forgedWelcome(alone, own, tree, { psks: [history(s, "reinit")], context: { groupId } });
    const missing = join({ welcome, keyPackages: [own], origin: closed }, s.world.env({ psk: () => PSK }));
    return [open, unknown, early, other, missing];
  },
  "welcome.branch": (s) => {
    const newcomers = joining(s, { psks: [history(s, "branch")] }, { origin: s.alice.state });
    const [other] = groupOf(new World({ seed: "other suite", cipherSuite: 3 }), "alice");
    const context = { ...other.state.context, groupId: s.alice.state.context.groupId };
    const suite = joining(s, { psks: [history(s, "branch", PSK)] }, { origin: { ...other.state, context } });
    const mine = other.keyPackage();
    const made = branch(s.alice.state, { own: mine, others: [], groupId: text("b") }, s.world.env());
    return [newcomers, suite, made];
  },
  "welcome.external-pub": (s) => {
    const { identity } = s.world.client("dave");
    const without = groupInfo(s.alice.state, {}, s.world.env());
    const bytes = without.kind === "group-info" ? without.message : text("");
    return [
      joinExternally({ groupInfo: bytes, identity }, s.world.env()),
      entering(s, () => encode(opaque, text("short"))),
      entering(s, () => encode(opaque, new Uint8Array(32))),
    ];
  },
} satisfies Breaks;
