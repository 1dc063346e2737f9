/** Malformed input of every kind: a named refusal or another foreseen outcome, never a crash. MLS_FUZZ_ROUNDS sets how much. */
import { expect, test } from "vitest";
import { type Codec, decode, encode } from "../src/codec/codec.ts";
import { DecodeError } from "../src/codec/decode-error.ts";
import { decodeMessage, inspectMessage, join, joinExternally, receive, RULES } from "../src/index.ts";
import { ratchetTree } from "../src/tree/ratchet-tree.ts";
import { applicationFraming, componentDictionary, componentIds, mediaTypes } from "../src/wire/app-data.ts";
import { commit } from "../src/wire/commit.ts";
import { externalSenders } from "../src/wire/external-sender.ts";
import { authenticatedContent } from "../src/wire/framed-content.ts";
import { groupInfo } from "../src/wire/group-info.ts";
import { keyPackage } from "../src/wire/key-package.ts";
import { mlsMessage } from "../src/wire/message.ts";
import { senderData } from "../src/wire/private-message.ts";
import { proposal } from "../src/wire/proposal.ts";
import { requiredCapabilities } from "../src/wire/required-capabilities.ts";
import { type UpdatePath, updatePath } from "../src/wire/update-path.ts";
import { groupSecrets } from "../src/wire/welcome.ts";
import { type SeededRandom, seededRandom } from "./seeded-random.ts";
import { hex } from "./vectors.ts";
import { add, groupOf, World } from "./world.ts";

const ROUNDS = Number(globalThis.process.env["MLS_FUZZ_ROUNDS"] ?? 150);

/** The bytes with one to three wounds: flipped, set, cut, doubled or stuffed octets. */
function wounded(random: SeededRandom, bytes: Uint8Array): Uint8Array {
  let result = Array.from(bytes);
  for (let wounds = 1 + random.below(3); wounds > 0; wounds -= 1) {
    const at = random.below(Math.max(1, result.length));
    const kind = random.below(5);
    if (kind === 0) result[at] = (result[at] ?? 0) ^ (1 << random.below(8));
    else if (kind === 1) result[at] = [0, 1, 0x3f, 0x40, 0x7f, 0x80, 0xbf, 0xff][random.below(8)]!;
    else if (kind === 2) result = result.slice(0, at);
    else if (kind === 3) result.splice(at, 0, ...result.slice(at, at + random.below(40)));
    else result.splice(at, random.below(8));
  }
  return Uint8Array.from(result);
}

function scene() {
  const world = new World({ seed: "fuzz" });
  const [alice, bob, carol] = groupOf(world, "alice", "bob", "carol");
  const own = world.client("dave").keyPackage();
  const committed = alice.commit({ proposals: [add(own)], wireFormat: "public_message" });
  const messages = [
    alice.send("hello"),
    alice.propose({ type: "update" }),
    alice.propose({ type: "update" }, { wireFormat: "public_message" }),
    carol.propose({ type: "self_remove" }),
    alice.commit({ includePending: false }).commit,
    committed.commit,
    committed.welcome!,
    alice.groupInfo(),
  ];
  return { world, alice, bob, own, messages, welcome: committed.welcome!, info: alice.groupInfo() };
}

test("whatever comes, receiving and joining answer with a value, and a refusal names its rule", () => {
  const { world, bob, own, messages, welcome, info } = scene();
  const random = seededRandom("wounds");
  const kinds = new Map<string, number>();
  const identity = world.client("erin").identity;
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const message of messages) {
      const bytes = wounded(random, message);
      const outcomes = [receive(bob.state, bytes, world.env()), inspectMessage(bytes)];
      if (message === messages[6]) {
        outcomes.push(join({ welcome: wounded(random, welcome), keyPackages: [own] }, world.env()) as never);
      }
      if (message === messages[7]) {
        const joining = { groupInfo: wounded(random, info), identity };
        outcomes.push(joinExternally(joining, world.env()) as never);
      }
      for (const outcome of outcomes) {
        kinds.set(outcome.kind, (kinds.get(outcome.kind) ?? 0) + 1);
        if (outcome.kind === "refused") expect(RULES).toHaveProperty([outcome.rule]);
      }
    }
  }
  expect(kinds.get("refused")).toBeGreaterThan(ROUNDS);
});

test("every decoder refuses what is not an encoding, and reads nothing that it would write differently", () => {
  const { alice, own, messages, info } = scene();
  const message = decodeMessage(info);
  if (message.wireFormat !== "group_info") throw new Error("no GroupInfo");
  const [pending] = alice.state.proposals.values();
  const add_ = { type: "add", keyPackage: own.keyPackage } as const;
  const secrets = { joinerSecret: new Uint8Array(32), pathSecret: new Uint8Array(32), psks: [] };
  const seeds: [Codec<unknown>, Uint8Array][] = [
    [groupInfo, encode(groupInfo, message.groupInfo)],
    [ratchetTree, encode(ratchetTree, alice.state.tree)],
    [keyPackage, encode(keyPackage, own.keyPackage)],
    [proposal, encode(proposal, add_)],
    [commit, encode(commit, { proposals: [{ type: "proposal", proposal: add_ }], path: undefined })],
    [authenticatedContent, encode(authenticatedContent, pending!.authenticated)],
    [groupSecrets, encode(groupSecrets, secrets)],
    [
      requiredCapabilities,
      encode(requiredCapabilities, { extensions: [1], proposals: [2], credentials: [3] }),
    ],
    [
      externalSenders,
      encode(externalSenders, [
        { signatureKey: new Uint8Array(32), credential: own.keyPackage.leafNode.credential },
      ]),
    ],
    [componentDictionary, encode(componentDictionary, [{ componentId: 1, data: new Uint8Array(4) }])],
    [mediaTypes, encode(mediaTypes, [{ type: new Uint8Array(3), parameters: [] }])],
    [applicationFraming, messages[0]!],
    [componentIds, encode(componentIds, [1, 2, 0x8000])],
    [senderData, new Uint8Array(12)],
    [updatePath, encode(updatePath, pathOf(messages[5]!))],
    ...messages.map((bytes) => [mlsMessage, bytes]),
  ] as [Codec<unknown>, Uint8Array][];
  const random = seededRandom("decoders");
  for (let round = 0; round < ROUNDS * 4; round += 1) {
    for (const [codec, bytes] of seeds) {
      const input = wounded(random, bytes);
      try {
        expect(hex(encode(codec, decode(codec, input)))).toBe(hex(input));
      } catch (thrown) {
        if (!(thrown instanceof DecodeError)) throw thrown;
      }
    }
  }
});

/** Of a Commit in a PublicMessage. */
function pathOf(bytes: Uint8Array): UpdatePath {
  const message = decodeMessage(bytes);
  const body = message.wireFormat === "public_message" ? message.publicMessage.content.body : undefined;
  if (body?.type !== "commit" || body.commit.path === undefined) throw new Error("no Commit with a path");
  return body.commit.path;
}

test("noise of every length is refused at once", () => {
  const { world, bob } = scene();
  const random = seededRandom("noise");
  for (let length = 0; length < 200; length += 1) {
    const noise = random.bytes(length);
    // The beginning of a message makes the rest be read as one.
    for (const bytes of [noise, Uint8Array.of(0, 1, 0, 1 + (length % 5), ...noise)]) {
      expect(["refused", "wrong-group"]).toContain(receive(bob.state, bytes, world.env()).kind);
    }
  }
});
