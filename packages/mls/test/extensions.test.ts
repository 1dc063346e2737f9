import { expect, test } from "vitest";
import { encode } from "../src/codec/codec.ts";
import {
  appDataDictionary,
  applicationFraming,
  appDataExtension,
  COMPONENT,
  componentIds,
  componentLabel,
  decode,
  EXTENSION,
  externalSenders,
  exportComponentSecret,
  exportSecret,
  leafIndex,
  mediaTypes,
  policy,
  proposeExternally,
} from "../src/index.ts";
import { suiteFor } from "./forge.ts";
import { hex } from "./vectors.ts";
import { groupOf, TRUSTING, want, World } from "./world.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

test("[RFC 9420 §8.5] members export the same secret, and another one for another label, context or epoch", () => {
  const world = new World({ seed: "exporter" });
  const [alice, bob] = groupOf(world, "alice", "bob");
  const from = (client: typeof alice, label: string, context: string) =>
    hex(exportSecret(client.state, { label, context: bytes(context), length: 32 }, world.env()));
  expect(from(alice, "a", "b")).toBe(from(bob, "a", "b"));
  const before = from(alice, "a", "b");
  const committed = alice.commit();
  alice.accept(committed);
  expect(new Set([before, from(bob, "b", "b"), from(bob, "a", "a"), from(alice, "a", "b")]).size).toBe(4);
});

test("[mls-extensions §4.4] a component's secret is the same for all and is given away once", () => {
  const world = new World({ seed: "safe exporter" });
  const [alice, bob] = groupOf(world, "alice", "bob");
  const mine = exportComponentSecret(alice.state, 0x8000, world.env())!;
  const theirs = exportComponentSecret(bob.state, 0x8000, world.env())!;
  expect(mine.secret).toEqual(theirs.secret);
  alice.state = mine.state;
  alice.restart();
  expect(exportComponentSecret(alice.state, 0x8000, world.env())).toBeUndefined();
  expect(exportComponentSecret(alice.state, 0x8001, world.env())!.secret).not.toEqual(theirs.secret);
  expect([...alice.store.values()].map(hex).join().includes(hex(theirs.secret))).toBe(false);
});

test("[mls-extensions §4.6] updates of a component's data are applied in order, sorted, without a path", () => {
  const appended = policy({
    ...TRUSTING,
    applyAppData: (_id, current, updates) =>
      bytes([current ?? bytes(""), ...updates].map((one) => new TextDecoder().decode(one)).join("+")),
  });
  const world = new World({ seed: "app data", policy: appended });
  const [alice, bob] = groupOf(world, "alice", "bob");
  const update = (componentId: number, text: string) =>
    ({ type: "app_data_update", componentId, update: bytes(text) }) as const;
  const proposals = [update(0x9000, "z"), update(0x8000, "a"), update(0x8000, "b")];
  const committed = alice.commit({ proposals, path: "when-required" });
  expect(committed.summary.hasPath).toBe(false);
  want(bob.receive(committed.commit), "commit");
  alice.accept(committed);
  const dictionary = appDataDictionary(bob.state.context.extensions);
  expect(dictionary.map(({ componentId, data }) => [componentId, new TextDecoder().decode(data)])).toEqual([
    [0x8000, "+a+b"],
    [0x9000, "+z"],
  ]);
  const removal = bob.commit({
    proposals: [{ type: "app_data_update", componentId: 0x8000, update: undefined }],
  });
  want(alice.receive(removal.commit), "commit");
  expect(appDataDictionary(alice.state.context.extensions).map(({ componentId }) => componentId)).toEqual([
    0x9000,
  ]);
});

test("[mls-extensions §4.7] ephemeral data reaches everyone in the Commit and stays nowhere", () => {
  const world = new World({ seed: "ephemeral" });
  const [alice, bob] = groupOf(world, "alice", "bob");
  const before = bob.state.context.extensions;
  const ephemeral = { type: "app_ephemeral", componentId: 0x8000, data: bytes("now") } as const;
  const committed = alice.commit({ proposals: [ephemeral] });
  const { summary, state } = want(bob.receive(committed.commit), "commit");
  expect(summary.proposals[0]!.proposal).toEqual(ephemeral);
  expect(state.context.extensions).toEqual(before);
});

test("[mls-extensions §6.4] a last-resort key package is marked as one, and only that", () => {
  const world = new World({ seed: "last resort" });
  const alice = world.client("alice");
  const marked = alice.keyPackage({ isLastResort: true }).keyPackage.extensions;
  expect(appDataDictionary(marked)).toEqual([
    { componentId: COMPONENT.lastResortKeyPackage, data: bytes("") },
  ]);
  expect(alice.keyPackage().keyPackage.extensions).toEqual([]);
});

test("[mls-extensions §4.2, §5, §6.2] labels, lists and framing of components read and write", () => {
  expect(hex(componentLabel(0x8001, bytes("x")))).toBe(`0d${hex(bytes("MLS Component"))}80010178`);
  expect(hex(encode(componentIds, [1, 2]))).toBe("0400010002");
  const mediaType = {
    type: bytes("text/plain"),
    parameters: [{ name: bytes("charset"), value: bytes("UTF-8") }],
  };
  expect(decode(mediaTypes, encode(mediaTypes, [mediaType]))).toEqual([mediaType]);
  const framed = { mediaType, content: bytes("hi") };
  expect(decode(applicationFraming, encode(applicationFraming, framed))).toEqual(framed);
});

test("[mls-extensions §4.5] a dictionary out of order or with a component twice is refused", () => {
  const entry = (componentId: number) => ({ componentId, data: bytes("x") });
  expect(appDataDictionary([appDataExtension([entry(2), entry(1)])]).map((one) => one.componentId)).toEqual([
    1, 2,
  ]);
  const twice = appDataExtension([entry(1), entry(1)]);
  expect(() => appDataDictionary([twice])).toThrow("ascending");
});

test("[RFC 9420 §12.1.8] an external sender that the group names may propose; a member commits it", () => {
  const world = new World({ seed: "external sender" });
  const [alice, bob, carol] = groupOf(world, "alice", "bob", "carol");
  const bot = world.client("bot").identity;
  const signatureKey = suiteFor(alice).signaturePublicKey(bot.signaturePrivateKey);
  const data = encode(externalSenders, [{ signatureKey, credential: bot.credential }]);
  const extensions = [{ type: EXTENSION.externalSenders, data }];
  const named = alice.commit({ proposals: [{ type: "group_context_extensions", extensions }] });
  for (const client of [bob, carol]) want(client.receive(named.commit), "commit");
  alice.accept(named);
  const group = alice.state.context;
  const { signaturePrivateKey } = bot;
  const removal = { type: "remove", removed: leafIndex(2) } as const;
  const asked = { cipherSuite: 1, group, senderIndex: 0, signaturePrivateKey, proposal: removal };
  const { message } = want(proposeExternally(asked, world.env()), "proposed-from-outside");
  for (const client of [alice, bob, carol]) want(client.receive(message), "proposal");
  const committed = bob.commit();
  want(alice.receive(committed.commit), "commit");
  want(carol.receive(committed.commit), "removed");
});

test("[RFC 9420 §12.4] a member may turn to a new signature key and credential where the application agrees", () => {
  const world = new World({
    seed: "rotation",
    policy: policy({ ...TRUSTING, acceptsSuccessor: () => true }),
  });
  const [alice, bob] = groupOf(world, "alice", "bob");
  const { capabilities, extensions } = alice.identity;
  const fresh = world.client("alice of today").identity;
  const identity = { ...fresh, capabilities, extensions };
  const committed = alice.commit({ identity });
  want(bob.receive(committed.commit), "commit");
  alice.accept(committed);
  expect(bob.read(alice.send("with a new key"))).toBe("with a new key");
  const update = bob.propose({
    type: "update",
    identity: { ...world.client("bob of today").identity, capabilities },
  });
  want(alice.receive(update), "proposal");
  const second = alice.commit();
  want(bob.receive(second.commit), "commit");
  alice.accept(second);
  expect(alice.read(bob.send("me too"))).toBe("me too");
});
