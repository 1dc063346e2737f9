/** Ways to break the rules of leaf nodes and key packages (RFC 9420 §7.3, §10.1). */
import {
  commit,
  createGroup,
  createKeyPackage,
  type OwnKeyPackage,
  policy,
  propose,
  receive,
} from "../src/index.ts";
import { leafAt } from "../src/tree/ratchet-tree.ts";
import { credentialType } from "../src/wire/credential.ts";
import { EXTENSION } from "../src/wire/extension.ts";
import { requiredCapabilities } from "../src/wire/required-capabilities.ts";
import { encode } from "../src/codec/codec.ts";
import {
  type ForgedPackage,
  forgedCommit,
  forgedLeaf,
  forgedPackage,
  forgedPath,
  forgedProposal,
  suiteFor,
} from "./forge.ts";
import { bobGets, everyone, text } from "./rule-steps.ts";
import type { Breaks, Outcome, Scene } from "./rules.ts";
import { add, LIFETIME, TRUSTING } from "./world.ts";

/** A key package that breaks a rule: added by value, by its own proposal, and by one who does not check. */
function addition(s: Scene, change: ForgedPackage, name = "dave"): Outcome[] {
  return additionOf(s, forgedPackage(suiteFor(s.alice), s.world.client(name), change));
}

function additionOf(s: Scene, own: OwnKeyPackage): Outcome[] {
  const env = s.world.env();
  return [
    commit(s.alice.state, { proposals: [add(own)] }, env),
    propose(s.alice.state, { proposal: { type: "add", keyPackage: own.keyPackage } }, env),
    bobGets(s, forgedProposal(s.alice, add(own))),
    bobGets(s, forgedCommit(s.alice, [add(own)])),
  ];
}

/** Capabilities of Alice's with a part replaced. */
const able = (s: Scene, change: object) => ({ ...s.alice.identity.capabilities, ...change });

const updateOf = (s: Scene, leafNode: ReturnType<typeof forgedLeaf>): Outcome =>
  bobGets(s, forgedProposal(s.alice, { type: "update", leafNode }));

const pathOf = (s: Scene, content: Parameters<typeof forgedPath>[1]): Outcome =>
  bobGets(s, forgedCommit(s.alice, [], forgedPath(s.alice, content)));

export const leafBreaks = {
  "leaf.credential": (s) => {
    const own = s.world.client("dave").keyPackage();
    s.world.policy = policy({ ...TRUSTING, acceptsCredential: (credential) => credential.type === "x509" });
    return [
      ...additionOf(s, own),
      createKeyPackage({ cipherSuite: 1, identity: s.alice.identity, lifetime: LIFETIME }, s.world.env()),
    ];
  },
  "leaf.credential-change": (s) => {
    const other = { type: "basic", identity: text("mallory") } as const;
    const identity = { ...s.alice.identity, credential: other };
    return [
      updateOf(s, forgedLeaf(s.alice, { credential: other })),
      pathOf(s, { credential: other }),
      commit(s.alice.state, { identity }, s.world.env()),
      propose(s.alice.state, { proposal: { type: "update", identity } }, s.world.env()),
    ];
  },
  "leaf.signature": (s) => {
    const leafNode = forgedLeaf(s.alice, {}, s.carol.state.ownLeaf);
    const path = forgedPath(s.alice);
    const broken = { ...path, leafNode: { ...path.leafNode, signature: new Uint8Array(64) } };
    const own = forgedPackage(suiteFor(s.alice), s.world.client("dave"));
    const signature = new Uint8Array(64);
    const leaf = { ...own.keyPackage.leafNode, signature };
    return [
      updateOf(s, leafNode),
      bobGets(s, forgedCommit(s.alice, [], broken)),
      ...additionOf(s, { ...own, keyPackage: { ...own.keyPackage, leafNode: leaf } }),
    ];
  },
  "leaf.version-and-suite": (s) => [
    ...addition(s, { leaf: { capabilities: able(s, { versions: [2] }) } }),
    pathOf(s, { capabilities: able(s, { cipherSuites: [3] }) }),
  ],
  "leaf.own-credential-listed": (s) => [
    ...addition(s, { leaf: { capabilities: able(s, { credentials: [2] }) } }),
    pathOf(s, { capabilities: able(s, { credentials: [] }) }),
  ],
  "leaf.required-capabilities": (s) => {
    const data = encode(requiredCapabilities, { extensions: [], proposals: [0x000a], credentials: [1] });
    everyone(s, s.alice, {
      type: "group_context_extensions",
      extensions: [{ type: EXTENSION.requiredCapabilities, data }],
    });
    const own = forgedPackage(suiteFor(s.alice), s.world.client("dave"), {
      leaf: { capabilities: able(s, { proposals: [] }) },
    });
    return [
      commit(s.alice.state, { proposals: [add(own)] }, s.world.env()),
      bobGets(s, forgedCommit(s.alice, [add(own)])),
      pathOf(s, { capabilities: able(s, { proposals: [] }) }),
    ];
  },
  "leaf.group-extensions": (s) => {
    const data = Uint8Array.of(0);
    everyone(s, s.alice, {
      type: "group_context_extensions",
      extensions: [{ type: EXTENSION.appDataDictionary, data }],
    });
    return pathOf(s, { capabilities: able(s, { extensions: [] }), extensions: [] });
  },
  "leaf.credential-supported": (s) => {
    const credential = { type: "x509", certificates: [text("certificate")] } as const;
    const capabilities = able(s, { credentials: [1, 2] });
    const own = forgedPackage(suiteFor(s.alice), s.world.client("dave"), {
      leaf: { credential, capabilities },
    });
    return [
      commit(s.alice.state, { proposals: [add(own)] }, s.world.env()),
      bobGets(s, forgedCommit(s.alice, [add(own)])),
    ];
  },
  "leaf.supports-credentials": (s) => {
    // Carol comes to use a certificate, as all may; then Alice no longer says that she understands those.
    const both = { credentials: [1, 2] };
    s.world.policy = policy({ ...TRUSTING, acceptsSuccessor: () => true });
    for (const client of [s.alice, s.bob, s.carol]) {
      const committed = client.commit({ identity: { ...client.identity, capabilities: able(s, both) } });
      for (const other of [s.alice, s.bob, s.carol]) if (other !== client) other.receive(committed.commit);
      client.accept(committed);
    }
    const credential = { type: "x509", certificates: [text("certificate")] } as const;
    const turned = s.carol.commit({
      identity: { ...s.carol.identity, credential, capabilities: able(s, both) },
    });
    for (const other of [s.alice, s.bob]) other.receive(turned.commit);
    s.carol.accept(turned);
    if (credentialType(leafAt(s.bob.state.tree, s.carol.state.ownLeaf)!.credential) !== 2)
      throw new Error("no x509");
    return pathOf(s, { capabilities: able(s, { credentials: [1] }) });
  },
  "leaf.lifetime": (s) => {
    const own = s.world.client("dave").keyPackage();
    s.world.now += 40 * 86_400_000;
    return additionOf(s, own);
  },
  "leaf.lifetime-length": (s) => {
    const lifetime = { notBefore: LIFETIME.notBefore, notAfter: LIFETIME.notBefore + 200n * 86_400n };
    const reversed = { notBefore: LIFETIME.notAfter, notAfter: LIFETIME.notBefore };
    return [
      ...addition(s, { leaf: { source: { kind: "key_package", lifetime } } }),
      ...addition(s, { leaf: { source: { kind: "key_package", lifetime: reversed } } }, "erin"),
    ];
  },
  "leaf.extensions-listed": (s) => {
    const extensions = [{ type: 0xf123, data: new Uint8Array(0) }];
    return [...addition(s, { leaf: { extensions } }), pathOf(s, { extensions })];
  },
  "leaf.source": (s) => {
    const path = forgedPath(s.alice);
    const wrong = { ...path, leafNode: forgedLeaf(s.alice, { source: { kind: "update" } }) };
    return [
      ...addition(s, { leaf: { source: { kind: "update" } } }),
      updateOf(s, forgedLeaf(s.alice, { source: { kind: "commit", parentHash: text("x") } })),
      bobGets(s, forgedCommit(s.alice, [], wrong)),
    ];
  },
  "leaf.encryption-key-fresh": (s) => {
    const { encryptionKey } = leafAt(s.alice.state.tree, s.alice.state.ownLeaf)!;
    const path = forgedPath(s.alice);
    const { source } = path.leafNode;
    const stale = { ...path, leafNode: forgedLeaf(s.alice, { source, encryptionKey }) };
    return [
      updateOf(s, forgedLeaf(s.alice, { encryptionKey })),
      bobGets(s, forgedCommit(s.alice, [], stale)),
    ];
  },
  "leaf.encryption-key-form": (s) => [
    ...addition(s, { leaf: { encryptionKey: text("short") } }),
    // Nobody could make a Commit any more with such a leaf in the tree.
    ...addition(s, { leaf: { encryptionKey: new Uint8Array(32) } }, "erin"),
    updateOf(s, forgedLeaf(s.alice, { encryptionKey: new Uint8Array(32) })),
  ],
  "leaf.signature-key-unique": (s) => {
    // Carol's key under another's name, in a group whose application sees two different clients.
    const signatureKey = suiteFor(s.alice).signaturePublicKey(s.carol.identity.signaturePrivateKey);
    s.world.policy = policy({ ...TRUSTING, acceptsSuccessor: () => true });
    const path = forgedPath(
      { ...s.alice, state: s.alice.state, world: s.world, identity: s.carol.identity } as never,
      {
        signatureKey,
        credential: s.alice.identity.credential,
      },
    );
    return bobGets(s, forgedCommit(s.alice, [], path));
  },
  "leaf.encryption-key-unique": (s) => {
    const { encryptionKey } = leafAt(s.alice.state.tree, s.carol.state.ownLeaf)!;
    const own = forgedPackage(suiteFor(s.alice), s.world.client("dave"), { leaf: { encryptionKey } });
    return [
      commit(s.alice.state, { proposals: [add(own)] }, s.world.env()),
      bobGets(s, forgedCommit(s.alice, [add(own)])),
    ];
  },
  "key-package.version-and-suite": (s) => {
    const hybrid = { cipherSuite: 0x004f, identity: s.alice.identity, lifetime: LIFETIME };
    return [
      ...addition(s, { package: { version: 2 } }),
      ...addition(s, { package: { cipherSuite: 3 } }, "erin"),
      createKeyPackage({ ...hybrid, cipherSuite: 0x0002 }, s.world.env()),
      createGroup(
        forgedPackage(suiteFor(s.alice), s.alice, { package: { cipherSuite: 7 } }),
        { groupId: text("x") },
        s.world.env(),
      ),
    ];
  },
  "key-package.signature": (s) => {
    const own = forgedPackage(suiteFor(s.alice), s.world.client("dave"));
    return additionOf(s, { ...own, keyPackage: { ...own.keyPackage, signature: new Uint8Array(64) } });
  },
  "key-package.init-key": (s) => {
    const suite = suiteFor(s.alice);
    const pair = suite.generateKeyPair(s.world.random);
    return [
      ...addition(s, { initKey: pair, leaf: { encryptionKey: pair.publicKey } }),
      ...addition(s, { initKey: { privateKey: text(""), publicKey: text("short") } }, "erin"),
      ...addition(s, { initKey: { privateKey: text(""), publicKey: new Uint8Array(32) } }, "frank"),
    ];
  },
  "key-package.extensions-listed": (s) =>
    addition(s, { package: { extensions: [{ type: 0xf123, data: new Uint8Array(0) }] } }),
  "extensions.duplicate": (s) => {
    const twice = [1, 2].map(() => ({ type: EXTENSION.applicationId, data: text("x") }));
    const context = { type: "group_context_extensions", extensions: twice } as const;
    return [
      ...addition(s, { leaf: { extensions: twice } }),
      ...addition(s, { package: { extensions: twice } }, "erin"),
      bobGets(s, forgedProposal(s.alice, context)),
      propose(s.alice.state, { proposal: context }, s.world.env()),
      createGroup(s.alice.keyPackage(), { groupId: text("x"), extensions: twice }, s.world.env()),
      receive(s.bob.state, forgedCommit(s.alice, [context], forgedPath(s.alice)), s.world.env()),
    ];
  },
} satisfies Breaks;
