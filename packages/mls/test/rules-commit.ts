/** Ways to break the rules of Commits, by members and from outside (RFC 9420 §7.5, §12.4). */
import { provisionalContext } from "../src/group/epoch.ts";
import { commit, encrypt, joinExternally, leafIndex, policy, propose } from "../src/index.ts";
import { leafAt, parentAt } from "../src/tree/ratchet-tree.ts";
import { nodeIndex } from "../src/tree/math.ts";
import { encryptPath, freshPath } from "../src/tree/update-path.ts";
import type { Commit } from "../src/wire/commit.ts";
import { groupContextBytes } from "../src/wire/group-context.ts";
import type { UpdatePath } from "../src/wire/update-path.ts";
import { forgedCommit, forgedLeaf, forgedPath, forgedProposal, reforged, suiteFor } from "./forge.ts";
import { bobGets, everyone, text } from "./rule-steps.ts";
import type { Breaks, Outcome, Scene } from "./rules.ts";
import { add, remove, TRUSTING, want } from "./world.ts";

const pathChanged = (s: Scene, change: (path: UpdatePath) => UpdatePath): Outcome =>
  bobGets(s, forgedCommit(s.alice, [], change(forgedPath(s.alice))));

/** The external Commit of a newcomer, changed and signed by it again. */
function entry(s: Scene, change: (commit: Commit) => Commit, selfRemoves: Uint8Array[] = []): Outcome {
  const { identity } = s.world.client("dave");
  const joining = { groupInfo: s.alice.groupInfo(), identity, selfRemoves };
  const joined = want(joinExternally(joining, s.world.env()), "joined-externally");
  const { signaturePrivateKey } = identity;
  return bobGets(s, reforged(s.alice, joined.commit, change, { signaturePrivateKey }));
}

function removalWithoutCiphertexts(s: Scene): Outcome {
  const removal = s.alice.commit({ proposals: [remove(leafIndex(1))], wireFormat: "public_message" });
  const change = ({ proposals, path }: Commit): Commit => ({
    proposals,
    path: { ...path!, nodes: path!.nodes.map((node) => ({ ...node, encryptedPathSecrets: [] })) },
  });
  return bobGets(s, reforged(s.alice, removal.commit, change));
}

/** Path secrets that nobody can decrypt. */
function withoutSecrets(path: UpdatePath): UpdatePath {
  const unusable = { kemOutput: text("x"), ciphertext: text("x") };
  const nodes = path.nodes.map(({ encryptionKey, encryptedPathSecrets }) => ({
    encryptionKey,
    encryptedPathSecrets: encryptedPathSecrets.map(() => unusable),
  }));
  return { ...path, nodes };
}

const withProposals =
  (proposals: (former: Commit["proposals"]) => Commit["proposals"]) =>
  (former: Commit): Commit => ({ ...former, proposals: proposals(former.proposals) });

export const commitBreaks = {
  "commit.path-required": (s) => [
    bobGets(s, forgedCommit(s.alice, [])),
    bobGets(s, forgedCommit(s.alice, [remove(leafIndex(2))])),
    bobGets(s, forgedCommit(s.alice, [{ type: "group_context_extensions", extensions: [] }])),
  ],
  "commit.path-length": (s) => [
    pathChanged(s, (path) => ({ ...path, nodes: path.nodes.slice(1) })),
    pathChanged(s, (path) => ({ ...path, nodes: [...path.nodes, path.nodes[0]!] })),
  ],
  "commit.path-ciphertexts": (s) => [
    pathChanged(s, (path) => {
      const [first, ...rest] = path.nodes;
      return { ...path, nodes: [{ ...first!, encryptedPathSecrets: [] }, ...rest] };
    }),
    // Whom the Commit would remove does not take its word: nobody else will follow it.
    removalWithoutCiphertexts(s),
  ],
  "commit.path-key-fresh": (s) => [
    pathChanged(s, (path) => {
      const { encryptionKey } = leafAt(s.alice.state.tree, leafIndex(2))!;
      return {
        ...path,
        nodes: path.nodes
          .map((node) => ({ ...node, encryptionKey }))
          .slice(0, 1)
          .concat(path.nodes.slice(1)),
      };
    }),
    pathChanged(s, (path) => {
      const { encryptionKey } = path.leafNode;
      return { ...path, nodes: [{ ...path.nodes[0]!, encryptionKey }, ...path.nodes.slice(1)] };
    }),
    pathChanged(s, (path) => {
      const { encryptionKey } = parentAt(s.alice.state.tree, nodeIndex(3))!;
      return { ...path, nodes: [{ ...path.nodes[0]!, encryptionKey }, ...path.nodes.slice(1)] };
    }),
  ],
  "commit.path-key-form": (s) =>
    [text("short"), new Uint8Array(32)].map((encryptionKey) =>
      pathChanged(s, (path) => ({
        ...path,
        nodes: [{ ...path.nodes[0]!, encryptionKey }, ...path.nodes.slice(1)],
      })),
    ),
  "commit.parent-hash": (s) => [
    pathChanged(s, (path) => {
      const source = { kind: "commit", parentHash: new Uint8Array(32) } as const;
      return { ...path, leafNode: forgedLeaf(s.alice, { source }) };
    }),
    pathChanged(s, (path) => {
      const encryptionKey = suiteFor(s.alice).generateKeyPair(s.world.random).publicKey;
      return { ...path, nodes: [{ ...path.nodes[0]!, encryptionKey }, ...path.nodes.slice(1)] };
    }),
  ],
  // The path was encrypted for another GroupContext.
  "commit.path-secret": (s) => pathChanged(s, (path) => path),
  "commit.path-key": (s) => {
    const { state, world, identity } = s.alice;
    const suite = suiteFor(s.alice);
    const committer = {
      leafIndex: state.ownLeaf,
      groupId: state.context.groupId,
      signaturePrivateKey: identity.signaturePrivateKey,
    };
    const fresh = freshPath(suite, world.random, state.tree, committer, leafAt(state.tree, state.ownLeaf)!);
    const pathSecrets = new Map([...fresh.pathSecrets.keys()].map((at) => [at, world.random.bytes(32)]));
    const context = provisionalContext(suite, state.context, fresh.tree, state.context.extensions);
    const path = encryptPath(
      suite,
      world.random,
      { ...fresh, pathSecrets },
      new Set(),
      groupContextBytes(context),
    );
    return bobGets(s, forgedCommit(s.alice, [], path));
  },
  "commit.confirmation-tag": (s) => {
    const committed = s.alice.commit({ wireFormat: "public_message" });
    return bobGets(
      s,
      reforged(s.alice, committed.commit, (former) => former, { confirmationTag: new Uint8Array(32) }),
    );
  },
  "commit.reinitialized": (s) => {
    const before = forgedProposal(s.carol, remove(leafIndex(0)));
    const reinit = {
      type: "reinit",
      groupId: text("new"),
      version: 1,
      cipherSuite: 3,
      extensions: [],
    } as const;
    everyone(s, s.alice, reinit);
    want(bobGets(s, before), "stale-epoch");
    return [
      commit(s.alice.state, {}, s.world.env()),
      encrypt(s.alice.state, { data: text("x") }, s.world.env()),
      propose(s.alice.state, { proposal: { type: "self_remove" } }, s.world.env()),
      bobGets(s, forgedProposal(s.carol, remove(leafIndex(0)))),
      bobGets(s, forgedCommit(s.carol, [], forgedPath(s.carol))),
    ];
  },
  "external-commit.refused": (s) => {
    s.world.policy = policy({ ...TRUSTING, acceptsExternalCommit: ({ replaced }) => replaced !== undefined });
    return entry(s, (former) => former);
  },
  "external-commit.one-init": (s) => [
    entry(
      s,
      withProposals(() => []),
    ),
    entry(
      s,
      withProposals((former) => [...former, ...former]),
    ),
  ],
  "external-commit.one-remove": (s) => {
    const removals = [1, 2].map((leaf) => ({ type: "proposal", proposal: remove(leafIndex(leaf)) }) as const);
    return entry(
      s,
      withProposals((former) => [...former, ...removals]),
    );
  },
  "external-commit.types": (s) => {
    const proposal = add(s.world.client("erin").keyPackage());
    const { world } = s;
    const { identity } = world.client("dave");
    const selfRemoves = [forgedProposal(s.bob, remove(leafIndex(2)))];
    return [
      entry(
        s,
        withProposals((former) => [...former, { type: "proposal", proposal }]),
      ),
      joinExternally({ groupInfo: s.alice.groupInfo(), identity, selfRemoves }, world.env()),
    ];
  },
  "external-commit.by-reference": (s) => {
    const psk = { source: { type: "external", id: text("x") }, nonce: new Uint8Array(32) } as const;
    const { reference } = want(bobGets(s, s.alice.propose({ type: "psk", psk })), "proposal");
    const proposal = s.alice.propose({ type: "psk", psk: { ...psk, nonce: s.world.random.bytes(32) } });
    s.bob.receive(proposal);
    const seen = [...s.bob.state.proposals.values()][0]!;
    return [reference, seen.reference].slice(1).map((named) =>
      entry(
        s,
        withProposals((former) => [...former, { type: "reference", reference: named }]),
      ),
    );
  },
  "external-commit.path": (s) => entry(s, (former) => ({ ...former, path: undefined })),
  "external-commit.init": (s) => {
    const init = { type: "proposal", proposal: { type: "external_init", kemOutput: text("x") } } as const;
    const leaving = s.bob.propose({ type: "self_remove" });
    return [
      entry(
        s,
        withProposals(() => [init]),
      ),
      // What fails for all comes before what fails for Bob alone, and before that he is removed.
      entry(s, ({ path }) => ({ proposals: [init], path: withoutSecrets(path!) })),
      entry(
        s,
        withProposals((former) => [init, ...former.slice(1)]),
        [leaving],
      ),
    ];
  },
} satisfies Breaks;
