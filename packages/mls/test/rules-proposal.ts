/** Ways to break the rules of proposals and their lists (RFC 9420 §12.1, §12.2). */
import { encode } from "../src/codec/codec.ts";
import { outcomeOf } from "../src/group/outcome.ts";
import { withPending } from "../src/group/propose.ts";
import {
  commit,
  createGroup,
  EXTENSION,
  join,
  leafIndex,
  policy,
  type Proposal,
  propose,
  proposeExternally,
} from "../src/index.ts";
import { PENDING_PROPOSALS_MAX, PROPOSALS_PER_COMMIT_MAX, PSKS_MAX } from "../src/limits.ts";
import { withLeavesAdded } from "../src/tree/ratchet-tree.ts";
import { appDataExtension } from "../src/wire/app-data.ts";
import { PROPOSAL_TYPE } from "../src/wire/proposal-type.ts";
import { requiredCapabilities } from "../src/wire/required-capabilities.ts";
import {
  forged,
  forgedCommit,
  forgedLeaf,
  forgedPackage,
  forgedPath,
  forgedProposal,
  forgedWelcome,
  suiteFor,
} from "./forge.ts";
import { bobGets, everyone, externalSendersExtension, text } from "./rule-steps.ts";
import type { Breaks, Outcome, Scene } from "./rules.ts";
import { add, remove, TRUSTING, want, World } from "./world.ts";

/** Proposals that are wrong by themselves: sent, received, committed and received in a Commit. */
function single(s: Scene, proposal: Exclude<Proposal, { type: "update" }>): Outcome[] {
  return [
    propose(s.alice.state, { proposal }, s.world.env()),
    bobGets(s, forgedProposal(s.alice, proposal)),
    ...together(s, [proposal]),
  ];
}

/** Proposals that are wrong together: committed, and received in a Commit. */
function together(s: Scene, proposals: readonly Proposal[]): Outcome[] {
  return [
    commit(s.alice.state, { proposals }, s.world.env()),
    bobGets(s, forgedCommit(s.alice, proposals, forgedPath(s.alice))),
  ];
}

const extensions = (
  ...list: Extract<Proposal, { type: "group_context_extensions" }>["extensions"]
): Proposal & {
  type: "group_context_extensions";
} => ({ type: "group_context_extensions", extensions: list });

const required = (change: Partial<Record<"extensions" | "proposals" | "credentials", number[]>>) => ({
  type: EXTENSION.requiredCapabilities,
  data: encode(requiredCapabilities, { extensions: [], proposals: [], credentials: [], ...change }),
});

const psk = (nonce: Uint8Array, usage: "application" | "reinit" | "branch" = "application") =>
  ({
    type: "psk",
    psk: { source: { type: "resumption", usage, groupId: text("g"), epoch: 0n }, nonce },
  }) as const;

const reinit = (change: object = {}) =>
  ({ type: "reinit", groupId: text("new"), version: 1, cipherSuite: 3, extensions: [], ...change }) as const;

const bot = (s: Scene) => {
  const { signaturePrivateKey } = s.world.client("bot").identity;
  const signatureKey = suiteFor(s.alice).signaturePublicKey(signaturePrivateKey);
  return {
    signaturePrivateKey,
    sender: { signatureKey, credential: { type: "basic", identity: text("bot") } } as const,
  };
};

const externally = (s: Scene, proposal: Proposal, senderIndex: number, signaturePrivateKey: Uint8Array) => {
  const group = s.alice.state.context;
  return proposeExternally(
    { cipherSuite: 1, group, senderIndex, signaturePrivateKey, proposal },
    s.world.env(),
  );
};

export const proposalBreaks = {
  "proposal.remove-blank": (s) => [
    ...single(s, remove(leafIndex(3)) as never),
    ...single(s, remove(leafIndex(99)) as never),
  ],
  "proposal.reinit-version": (s) => single(s, reinit({ version: 0 })),
  "proposal.reinit-suite": (s) => single(s, reinit({ cipherSuite: 0x0002 })),
  "proposal.unsupported-type": () => {
    const world = new World({ seed: "old client" });
    const alice = world.client("alice");
    const old = world.client("old");
    Object.assign(old.identity, { capabilities: { ...old.identity.capabilities, proposals: [] } });
    alice.create();
    const kp = old.keyPackage();
    const committed = alice.commit({ proposals: [add(kp)] });
    alice.accept(committed);
    old.join(committed.welcome!, [kp]);
    const s = { world, alice, bob: old, carol: old };
    const ephemeral = { type: "app_ephemeral", componentId: 0x8000, data: text("x") } as const;
    const update = { type: "app_data_update", componentId: 0x8000, update: text("x") } as const;
    return [
      ...[ephemeral, update, { type: "self_remove" } as const].map((proposal) =>
        propose(alice.state, { proposal }, world.env()),
      ),
      ...together(s, [ephemeral]),
      ...together(s, [update]),
    ];
  },
  "proposal.external-type": (s) => {
    const { sender, signaturePrivateKey } = bot(s);
    everyone(s, s.alice, extensions(externalSendersExtension([sender])));
    const leafNode = forgedLeaf(s.alice, {});
    const framing = { sender: { type: "external", senderIndex: 0 }, signaturePrivateKey } as const;
    const joining = forgedProposal(s.alice, { type: "psk", psk: psk(new Uint8Array(32)).psk }, framing);
    want(bobGets(s, joining), "proposal");
    return externally(s, { type: "update", leafNode }, 0, signaturePrivateKey);
  },
  "proposal.external-sender": (s) => {
    const { sender, signaturePrivateKey } = bot(s);
    everyone(s, s.alice, extensions(externalSendersExtension([sender])));
    const message = externally(s, remove(leafIndex(2)), 1, signaturePrivateKey);
    return bobGets(s, want(message, "proposed-from-outside").message);
  },
  "proposal.external-refused": (s) => {
    const { sender, signaturePrivateKey } = bot(s);
    everyone(s, s.alice, extensions(externalSendersExtension([sender])));
    const message = want(
      externally(s, remove(leafIndex(2)), 0, signaturePrivateKey),
      "proposed-from-outside",
    ).message;
    want(bobGets(s, message), "proposal");
    const dave = s.world.client("dave");
    const asked = dave.askToJoin(s.alice.state.context, dave.keyPackage());
    want(bobGets(s, asked), "proposal");
    s.world.policy = policy({ ...TRUSTING, acceptsExternalProposal: () => false });
    return [bobGets(s, message), bobGets(s, asked)];
  },
  "proposal.too-many": (s) => {
    const message = s.alice.propose({ type: "remove", removed: leafIndex(2) });
    const received = want(bobGets(s, message), "proposal");
    const [pending] = received.state.proposals.values();
    let full = s.bob.state;
    const proposals = new Map(Array.from({ length: PENDING_PROPOSALS_MAX }, (_, i) => [String(i), pending!]));
    full = { ...full, proposals };
    const many = Array.from(
      { length: PROPOSALS_PER_COMMIT_MAX + 1 },
      () => ({ type: "remove", removed: leafIndex(2) }) as const,
    );
    return [
      outcomeOf(() => ({ kind: "stored", state: withPending(full, pending!) })),
      bobGets(s, forgedCommit(s.alice, many, forgedPath(s.alice))),
    ];
  },
  "proposal.app-data": (s) => {
    const update = { type: "app_data_update", componentId: 0x8000, update: text("x") } as const;
    const removal = { ...update, update: undefined };
    return [...together(s, [update, removal]), ...together(s, [removal, removal]), ...together(s, [removal])];
  },
  "proposal.app-component": (s) => {
    const update = { type: "app_data_update", componentId: 0x8000, update: text("x") } as const;
    everyone(s, s.alice, update);
    s.world.policy = policy({
      ...TRUSTING,
      applyAppData: () => undefined,
      acceptsAppDataRemoval: () => false,
      acceptsAppEphemeral: () => false,
    });
    return [
      ...together(s, [update]),
      ...together(s, [{ ...update, update: undefined }]),
      ...single(s, { type: "app_ephemeral", componentId: 0x8000, data: text("x") }),
    ];
  },
  "extensions.required-capabilities": (s) => together(s, [extensions(required({ proposals: [0xf000] }))]),
  "extensions.unsupported": (s) => together(s, [extensions({ type: 0xf123, data: text("x") })]),
  "extensions.external-senders": (s) => {
    const { sender } = bot(s);
    const listed = externalSendersExtension([sender]);
    s.world.policy = policy({ ...TRUSTING, acceptsExternalSender: () => false });
    const create = { groupId: text("x"), extensions: [listed] };
    const unknown = [
      ...single(s, extensions(listed)),
      createGroup(s.alice.keyPackage(), create, s.world.env()),
    ];
    s.world.policy = TRUSTING;
    everyone(s, s.alice, extensions(listed));
    s.world.policy = policy({ ...TRUSTING, acceptsExternalSender: () => false });
    const { credential } = s.alice.identity;
    const renamed = externalSendersExtension([{ ...sender, credential }]);
    return [...unknown, ...single(s, extensions(renamed))];
  },
  "extensions.app-data-dictionary": (s) => {
    const malformed = { type: EXTENSION.appDataDictionary, data: text("nonsense") };
    const refused = together(s, [extensions(malformed)]);
    const by = required({ proposals: [PROPOSAL_TYPE.app_data_update] });
    const dictionary = appDataExtension([{ componentId: 0x8000, data: text("x") }]);
    everyone(s, s.alice, extensions(by, dictionary));
    const other = appDataExtension([{ componentId: 0x8000, data: text("y") }]);
    return [...refused, ...together(s, [extensions(by, other)]), ...together(s, [extensions(by)])];
  },
  "psk.nonce": (s) => [...single(s, psk(new Uint8Array(31))), welcomedWith(s, new Uint8Array(31))],
  "psk.usage": (s) => [
    ...single(s, psk(new Uint8Array(32), "reinit")),
    ...single(s, psk(new Uint8Array(32), "branch")),
  ],
  "psk.unknown": (s) => commit(s.alice.state, { proposals: [psk(new Uint8Array(32))] }, s.world.env()),
  "psk.too-many": (s) => {
    const many = Array.from({ length: PSKS_MAX + 1 }, () => psk(s.world.random.bytes(32)));
    return together(s, many);
  },
  "list.unknown-reference": (s) => {
    const proposals = [{ type: "reference", reference: new Uint8Array(32) } as const];
    return bobGets(s, forged(s.alice, { type: "commit", commit: { proposals, path: forgedPath(s.alice) } }));
  },
  "list.update-by-committer": (s) => {
    const leafNode = forgedLeaf(s.alice, {});
    return together(s, [{ type: "update", leafNode }]);
  },
  "list.removes-committer": (s) => together(s, [remove(leafIndex(0))]),
  "list.same-leaf": (s) => {
    const twice = together(s, [remove(leafIndex(2)), remove(leafIndex(2))]);
    const update = s.carol.propose({ type: "update" });
    const reference = referenceOf(s, update);
    const both = [reference, { type: "proposal", proposal: remove(leafIndex(2)) } as const];
    const path = forgedPath(s.alice);
    const state = want(bobGets(s, update), "proposal").state;
    s.bob.state = state;
    return [...twice, bobGets(s, forged(s.alice, { type: "commit", commit: { proposals: both, path } }))];
  },
  "list.same-client": (s) => {
    const dave = s.world.client("dave");
    return together(s, [add(dave.keyPackage()), add(dave.keyPackage())]);
  },
  "list.already-member": (s) => {
    const again = forgedPackage(suiteFor(s.alice), s.carol);
    return together(s, [add(again)]);
  },
  "list.same-psk": (s) => together(s, [psk(new Uint8Array(32)), psk(new Uint8Array(32))]),
  "list.several-extensions": (s) => together(s, [extensions(), extensions()]),
  "list.reinit-alone": (s) => together(s, [reinit(), remove(leafIndex(2))]),
  "list.self-remove-by-value": (s) =>
    bobGets(s, forgedCommit(s.carol, [{ type: "self_remove" }], forgedPath(s.carol))),
  "list.refused": (s) => {
    s.world.policy = policy({ ...TRUSTING, acceptsCommit: ({ hasPath }) => !hasPath });
    return together(s, []);
  },
} satisfies Breaks;

/** Someone is welcomed with a PSK of this nonce. */
function welcomedWith(s: Scene, nonce: Uint8Array): Outcome {
  const own = s.world.client("dave").keyPackage();
  const { tree } = withLeavesAdded(s.alice.state.tree, [own.keyPackage.leafNode]);
  const secret = new Uint8Array(32);
  const psks = [{ id: { source: { type: "external", id: text("x") } as const, nonce }, secret }];
  const welcome = forgedWelcome(s.alice, own, tree, { psks });
  return join({ welcome, keyPackages: [own] }, s.world.env({ psk: () => secret }));
}

/** How a Commit names this proposal. */
function referenceOf(s: Scene, message: Uint8Array) {
  const { reference } = want(bobGets(s, message), "proposal");
  return { type: "reference", reference } as const;
}
