/**
 * What holds for the real groups only: that keys are gone once used, that lengths tell little, and that whatever a
 * peer could make ts-mls do beyond a pair is refused. The hostile peers here speak ts-mls directly.
 */
import { limits } from "@fedchat/protocol";
import { noblePrimitives } from "@fedchat/protocol/primitives/noble";
import { nodePrimitives, nodeRandom } from "@fedchat/protocol/primitives/node";
import {
  createApplicationMessage,
  createCommit,
  createGroup,
  createProposal,
  decodeGroupState,
  decodeMlsMessage,
  defaultLifetime,
  encodeGroupState,
  encodeMlsMessage,
  generateKeyPackageWithKey,
  getCiphersuiteFromName,
  getCiphersuiteImpl,
  type CiphersuiteImpl,
  type CiphersuiteName,
  type ClientState,
  type Extension,
  type KeyPackage,
  type PrivateMessage,
} from "ts-mls";
import { defaultClientConfig } from "ts-mls/clientConfig.js";
import { signKeyPackage } from "ts-mls/keyPackage.js";
import { decryptSenderData, encryptSenderData } from "ts-mls/privateMessage.js";
import { beforeAll, describe, expect, test } from "vitest";
import { KeyUseLedger, StubGroupCrypto } from "../../../test/simulation/stub-group.ts";
import {
  storedGroupState,
  type GroupCrypto,
  type GroupState,
  type MemberIdentity,
} from "../src/mls/group-crypto.ts";
import {
  keyPackageLifetimeMs,
  plaintextBytesMax,
  skippedGenerationsMax,
  skippedKeysMax,
} from "../src/mls/limits.ts";
import { paddedContentBytes } from "../src/mls/padding.ts";
import { loadTsMlsGroupCrypto } from "../src/mls/ts-mls-group.ts";
import { loadSuite, suiteName } from "../src/mls/ts-mls-suite.ts";

const nowMs = Date.now();
const groupId = nodeRandom.bytes(32);
const alice = identity("alice");
const bob = identity("bob");
const carol = identity("carol");

let crypto: GroupCrypto;
let suite: CiphersuiteImpl;
beforeAll(async () => {
  crypto = await loadTsMlsGroupCrypto(nodePrimitives);
  suite = await getCiphersuiteImpl(getCiphersuiteFromName(suiteName));
});

describe("keys", () => {
  test("after decryption the state holds neither the key's secret nor anything to derive it from", async () => {
    const { aliceState, bobState } = await pair();
    const { message } = await crypto.encrypt(aliceState, text("hi"));
    const aliceRatchet = opened(bobState).secretTree[0]!.application;
    const secret = Buffer.from(aliceRatchet.secret);
    expect(Buffer.from(bobState).includes(secret)).toBe(true);
    const outcome = await crypto.decrypt(bobState, message);
    if (outcome.kind !== "message") throw new Error(outcome.kind);
    expect(Buffer.from(outcome.state).includes(secret)).toBe(false);
    expect(opened(outcome.state).secretTree[0]!.application.generation).toBe(aliceRatchet.generation + 1);
  });

  test("a message that comes late leaves nothing of its key either", async () => {
    const { aliceState, bobState } = await pair();
    const first = await crypto.encrypt(aliceState, text("first"));
    const second = await crypto.encrypt(first.state, text("second"));
    const skipped = await crypto.decrypt(bobState, second.message);
    if (skipped.kind !== "message") throw new Error(skipped.kind);
    expect(Object.keys(opened(skipped.state).secretTree[0]!.application.unusedGenerations)).toEqual(["0"]);
    const late = await crypto.decrypt(skipped.state, first.message);
    if (late.kind !== "message") throw new Error(late.kind);
    expect(opened(late.state).secretTree[0]!.application.unusedGenerations).toEqual({});
  });

  test("the sender's state forgets its key as well", async () => {
    const { aliceState } = await pair();
    const secret = Buffer.from(opened(aliceState).secretTree[0]!.application.secret);
    const { state } = await crypto.encrypt(aliceState, text("hi"));
    expect(Buffer.from(state).includes(secret)).toBe(false);
  });

  test("the creator keeps nothing of the epoch in which it was alone", async () => {
    const { aliceState } = await pair();
    expect(opened(aliceState).historicalReceiverData.size).toBe(0);
    expect(opened(aliceState).groupContext.epoch).toBe(1n);
  });

  test("an identity whose public key is not its seed's is our mistake", async () => {
    const mixed = { ...alice, signaturePublicKey: bob.signaturePublicKey };
    await expect(crypto.createKeyPackage(mixed, nowMs)).rejects.toThrow("belongs to its seed");
  });
});

describe("the cipher suite", () => {
  test("[X2] is 0x0003", async () => {
    const { keyPackage } = await crypto.createKeyPackage(bob, nowMs);
    // MLSMessage and KeyPackage each begin with a version; between them stands the wire format (RFC 9420 §6, §10).
    expect([...keyPackage.subarray(0, 8)]).toEqual([0, 1, 0, 5, 0, 1, 0, 3]);
  });

  test("gives what the library's own gives", async () => {
    const [key, info] = [nodeRandom.bytes(32), nodeRandom.bytes(90)];
    for (const primitives of [nodePrimitives, noblePrimitives]) {
      const ours = await loadSuite(primitives);
      expect(await ours.hash.digest(info)).toEqual(await suite.hash.digest(info));
      const mac = await suite.hash.mac(key, info);
      expect(await ours.hash.mac(key, info)).toEqual(mac);
      expect(await ours.hash.verifyMac(key, mac, info)).toBe(true);
      expect(await ours.hash.verifyMac(key, mac.toReversed(), info)).toBe(false);
      expect(await ours.kdf.extract(key, info)).toEqual(await suite.kdf.extract(key, info));
      for (const length of [12, 32]) {
        expect(await ours.kdf.expand(key, info, length)).toEqual(await suite.kdf.expand(key, info, length));
      }
      const signature = await ours.signature.sign(alice.signaturePrivateKey, info);
      expect(signature).toEqual(await suite.signature.sign(alice.signaturePrivateKey, info));
      expect(await ours.signature.verify(alice.signaturePublicKey, info, signature)).toBe(true);
      expect(await ours.signature.verify(bob.signaturePublicKey, info, signature)).toBe(false);
    }
  });

  test("a browser's backend and Node's talk to each other", async () => {
    const { aliceState, bobState } = await pair(crypto, await loadTsMlsGroupCrypto(noblePrimitives));
    const { message } = await crypto.encrypt(aliceState, text("hi"));
    expect((await crypto.decrypt(bobState, message)).kind).toBe("message");
  });
});

describe("lengths", () => {
  test("[X5] every message up to 188 bytes has one length, a longer one that of its bucket", async () => {
    const { aliceState } = await pair();
    const lengthOf = async (size: number) =>
      (await crypto.encrypt(aliceState, nodeRandom.bytes(size))).message.length;
    const least = await lengthOf(0);
    for (const size of [1, 63, 64, 188]) expect(await lengthOf(size), `${size} bytes`).toBe(least);
    for (const size of [189, 300, 444]) expect(await lengthOf(size), `${size} bytes`).toBe(least + 256);
    expect(await lengthOf(445)).toBeGreaterThan(least + 256);
  });

  test("[X5] content is padded to powers of two from 256 to 4096, then to multiples of 4096", () => {
    const sizes = [0, 188, 189, 444, 445, 956, 957, 1980, 1981, 4028, 4029, 8124, 8125, 60_000];
    const padded = [256, 256, 512, 512, 1024, 1024, 2048, 2048, 4096, 4096, 8192, 8192, 12_288, 61_440];
    expect(sizes.map(paddedContentBytes)).toEqual(padded);
  });

  test("the longest message fits an envelope", async () => {
    const { aliceState } = await pair();
    const { message } = await crypto.encrypt(
      aliceState,
      new Uint8Array(plaintextBytesMax),
      new Uint8Array(4096),
    );
    expect(message.length).toBeLessThanOrEqual(limits.envelopePayloadBytesMax);
  });
});

describe("key packages that ts-mls would take, or trip over, are refused", () => {
  const cases: [string, (valid: KeyPackage) => KeyPackage][] = [
    ["with an init key of small order", (valid) => ({ ...valid, initKey: new Uint8Array(32) })],
    ["with a short init key", (valid) => ({ ...valid, initKey: new Uint8Array(31).fill(9) })],
    ["with one key for both purposes", (valid) => ({ ...valid, initKey: valid.leafNode.hpkePublicKey })],
    ["with an unknown extension", (valid) => ({ ...valid, extensions: [extension(0xff01)] })],
    ["for another suite", (valid) => ({ ...valid, cipherSuite: otherSuite })],
  ];
  test.each(cases)("%s", async (_what, change) => {
    const valid = await foreignKeyPackage(carol);
    const signed = await signKeyPackage(
      change(valid.publicPackage),
      carol.signaturePrivateKey,
      suite.signature,
    );
    await expectRefused(signed);
  });

  test("with a lifetime without end", async () => {
    await expectRefused((await foreignKeyPackage(carol, { lifetime: defaultLifetime })).publicPackage);
  });

  test("with an X.509 credential", async () => {
    const credential = { credentialType: "x509" as const, certificates: [carol.credential] };
    await expectRefused((await foreignKeyPackage(carol, { credential })).publicPackage);
  });

  test("with a leaf that another key signed", async () => {
    const mixed = { ...carol, signaturePublicKey: bob.signaturePublicKey };
    await expectRefused((await foreignKeyPackage(mixed)).publicPackage);
  });

  test("while the same without the fault is taken", async () => {
    const { publicPackage } = await foreignKeyPackage(carol);
    expect(await crypto.inspectKeyPackage(wire(publicPackage), nowMs)).toBeDefined();
  });

  async function expectRefused(keyPackage: KeyPackage): Promise<void> {
    const peerKeyPackage = wire(keyPackage);
    expect(await crypto.inspectKeyPackage(peerKeyPackage, nowMs)).toBeUndefined();
    const outcome = await crypto.createPair({ groupId, identity: alice, peerKeyPackage, nowMs });
    expect(outcome.kind).toBe("refused");
  }
});

describe("Welcomes that ts-mls would take are refused", () => {
  test("[X2] to a group of three", async () => {
    const others = [(await foreignKeyPackage(carol)).publicPackage];
    expect(await joinReason({ others })).toBe("not a group of two");
  });

  test("to a group with an extension", async () => {
    // Three empty lists: it requires nothing, so every member supports it (RFC 9420 §7.2).
    const required = { extensionType: "required_capabilities" as const, extensionData: new Uint8Array(3) };
    expect(await joinReason({ extensions: [required] })).toBe("unknown extensions");
  });

  test("with something added to the GroupInfo", async () => {
    expect(await joinReason({ groupInfoExtensions: [extension(0xff01)] })).toBe("unknown extensions");
  });

  test("without the tree", async () => {
    expect(await joinReason({ ratchetTreeExtension: false })).toBe("unknown extensions");
  });

  test("to a group that went on before", async () => {
    expect(await joinReason({ commitsBefore: 1 })).toBe("not a group's first commit");
  });

  test("while the same without the fault is taken", async () => {
    expect(await joinReason({})).toBe("joined");
  });

  async function joinReason({
    others = [],
    extensions = [],
    groupInfoExtensions = [],
    ratchetTreeExtension = true,
    commitsBefore = 0,
  }: {
    others?: KeyPackage[];
    extensions?: Extension[];
    groupInfoExtensions?: Extension[];
    ratchetTreeExtension?: boolean;
    commitsBefore?: number;
  }): Promise<string> {
    const invited = await crypto.createKeyPackage(bob, nowMs);
    const decoded = decodeMlsMessage(invited.keyPackage, 0)![0];
    if (decoded.wireformat !== "mls_key_package") throw new Error("no key package");
    const own = await foreignKeyPackage(alice);
    let state = await createGroup(groupId, own.publicPackage, own.privatePackage, extensions, suite);
    const context = () => ({ state, cipherSuite: suite });
    for (let i = 0; i < commitsBefore; i++) state = (await createCommit(context(), {})).newState;
    const proposals = [decoded.keyPackage, ...others].map((keyPackage) => ({
      proposalType: "add" as const,
      add: { keyPackage },
    }));
    const { welcome } = await createCommit(context(), {
      extraProposals: proposals,
      ratchetTreeExtension,
      groupInfoExtensions,
    });
    const outcome = await crypto.join({
      welcome: encodeMlsMessage({ version: "mls10", wireformat: "mls_welcome", welcome: welcome! }),
      identity: bob,
      keyPackage: invited.keyPackage,
      privatePart: invited.privatePart,
    });
    return outcome.kind === "refused" ? outcome.reason : outcome.kind;
  }
});

describe("a long way forward", () => {
  test("[X6] opens the same message as step by step, and keeps the keys within the bound", async () => {
    const { aliceState, bobState } = await pair();
    const { sent } = await sendMany(aliceState, 600);
    const jumped = await crypto.decrypt(bobState, sent[599]!);
    expect(jumped).toMatchObject({ kind: "message", plaintext: text("599"), generation: 599 });
    if (jumped.kind !== "message") throw new Error(jumped.kind);
    const kept = Object.keys(opened(jumped.state).secretTree[0]!.application.unusedGenerations).map(Number);
    expect(kept).toEqual(Array.from({ length: skippedKeysMax }, (_, i) => 599 - skippedKeysMax + i));
    for (const late of [598, 599 - skippedKeysMax]) {
      const plaintext = text(`${late}`);
      expect(await crypto.decrypt(jumped.state, sent[late]!)).toMatchObject({ kind: "message", plaintext });
    }
    expect(await crypto.decrypt(jumped.state, sent[598 - skippedKeysMax]!)).toEqual({ kind: "duplicate" });
  });

  test("by a forged message as far as is allowed is soon refused", async () => {
    const { aliceState, bobState } = await pair();
    const { message } = await crypto.encrypt(aliceState, text("hi"));
    const forged = await withSender(aliceState, message, { generation: skippedGenerationsMax });
    expect((await crypto.decrypt(bobState, forged)).kind).toBe("corrupt");
    expect((await crypto.decrypt(bobState, message)).kind).toBe("message");
  });

  async function sendMany(state: GroupState, count: number) {
    const sent: Uint8Array[] = [];
    for (let i = 0; i < count; i++) {
      const sealed = await crypto.encrypt(state, text(`${i}`));
      sent.push(sealed.message);
      state = sealed.state;
    }
    return { sent, state };
  }
});

describe("messages that only a member could make are refused", () => {
  test("[X2] a commit and a proposal, so that the epoch never changes", async () => {
    const { aliceState, bobState } = await pair();
    const state = opened(aliceState);
    const { commit } = await createCommit({ state, cipherSuite: suite }, {});
    const proposal = { proposalType: "remove" as const, remove: { removed: 1 } };
    const { message } = await createProposal(state, false, proposal, suite);
    for (const [bytes, name] of [
      [encodeMlsMessage(commit), "commit"],
      [encodeMlsMessage(message), "proposal"],
    ] as const) {
      const reason = `a ${name} in a group of two`;
      expect(await crypto.decrypt(bobState, bytes)).toEqual({ kind: "corrupt", reason });
    }
  });

  test("one that says it comes from the receiver, or from nobody", async () => {
    const { aliceState, bobState } = await pair();
    const { message } = await crypto.encrypt(aliceState, text("hi"));
    expect(await crypto.decrypt(bobState, await withSender(aliceState, message, { leafIndex: 1 }))).toEqual({
      kind: "own",
    });
    for (const leafIndex of [2, 0xffff_ffff]) {
      const outcome = await crypto.decrypt(bobState, await withSender(aliceState, message, { leafIndex }));
      expect(outcome).toEqual({ kind: "corrupt", reason: "a sender who is no member" });
    }
  });

  test("[X6] one from further ahead than keys are derived for, before any is derived", async () => {
    const { aliceState, bobState } = await pair();
    const { message } = await crypto.encrypt(aliceState, text("hi"));
    for (const generation of [skippedGenerationsMax + 1, 0xffff_ffff]) {
      const ahead = await withSender(aliceState, message, { generation });
      expect(await crypto.decrypt(bobState, ahead)).toEqual({ kind: "too-far-ahead" });
    }
  });

  test("one that the sender's device key did not sign", async () => {
    const { aliceState, bobState } = await pair();
    const forger: ClientState = { ...opened(aliceState), signaturePrivateKey: carol.signaturePrivateKey };
    const { privateMessage } = await createApplicationMessage(forger, text("hi"), suite);
    const outcome = await crypto.decrypt(bobState, wireMessage(privateMessage));
    expect(outcome).toMatchObject({ kind: "corrupt", reason: expect.stringContaining("ignature") });
  });

  test("one of another epoch, which is told apart by its clear header", async () => {
    const { aliceState, bobState } = await pair();
    const { message } = await crypto.encrypt(aliceState, text("hi"));
    const withEpoch = (epoch: bigint) => wireMessage({ ...privateMessageOf(message), epoch });
    expect(await crypto.decrypt(bobState, withEpoch(2n))).toEqual({ kind: "future-epoch" });
    expect(await crypto.decrypt(bobState, withEpoch(0n))).toEqual({ kind: "past-epoch" });
    expect(crypto.header(withEpoch(2n ** 64n - 1n))?.epoch).toBe(2n ** 64n - 1n);
  });

  test("one whose lengths take more bytes than they need", async () => {
    const { aliceState, bobState } = await pair();
    const { message } = await crypto.encrypt(aliceState, text("hi"));
    // Version and wire format take 4 bytes; then the group id's length, here 32 in two bytes instead of one.
    const longer = Uint8Array.from([...message.subarray(0, 4), 0x40, 32, ...message.subarray(5)]);
    expect(decodeMlsMessage(longer, 0)).toBeDefined();
    expect(await crypto.decrypt(bobState, longer)).toEqual({
      kind: "corrupt",
      reason: "not a PrivateMessage",
    });
  });

  test("one that the stub made", async () => {
    const stub = new StubGroupCrypto({ ledger: new KeyUseLedger(), random: nodeRandom });
    const { aliceState } = await pair(stub, stub);
    const { bobState } = await pair();
    const { message } = await stub.encrypt(aliceState, text("hi"));
    expect((await crypto.decrypt(bobState, message)).kind).toBe("corrupt");
    const { keyPackage } = await stub.createKeyPackage(alice, nowMs);
    expect(await crypto.inspectKeyPackage(keyPackage, nowMs)).toBeUndefined();
  });
});

const otherSuite: CiphersuiteName = "MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519";

async function pair(creator: GroupCrypto = crypto, joiner: GroupCrypto = creator) {
  const { keyPackage, privatePart } = await joiner.createKeyPackage(bob, nowMs);
  const created = await creator.createPair({ groupId, identity: alice, peerKeyPackage: keyPackage, nowMs });
  if (created.kind !== "created") throw new Error(created.reason);
  const joined = await joiner.join({ welcome: created.welcome, identity: bob, keyPackage, privatePart });
  if (joined.kind !== "joined") throw new Error(joined.reason);
  return { aliceState: created.state, bobState: joined.state };
}

/** The state as ts-mls has it, behind the version byte. */
function opened(state: GroupState): ClientState {
  const [decoded] = decodeGroupState(Uint8Array.from(state.subarray(1)), 0)!;
  expect(storedGroupState(Uint8Array.from([1, ...encodeGroupState(decoded)]))).toEqual(state);
  return { ...decoded, clientConfig: defaultClientConfig };
}

function privateMessageOf(message: Uint8Array): PrivateMessage {
  const decoded = decodeMlsMessage(message, 0)![0];
  if (decoded.wireformat !== "mls_private_message") throw new Error(decoded.wireformat);
  return decoded.privateMessage;
}

/** The message with other sender data, encrypted as a member could. */
async function withSender(
  state: GroupState,
  message: Uint8Array,
  change: { leafIndex?: number; generation?: number },
): Promise<Uint8Array> {
  const { senderDataSecret } = opened(state).keySchedule;
  const privateMessage = privateMessageOf(message);
  const data = (await decryptSenderData(privateMessage, senderDataSecret, suite))!;
  const encryptedSenderData = await encryptSenderData(
    senderDataSecret,
    { ...data, ...change },
    privateMessage,
    privateMessage.ciphertext,
    suite,
  );
  return wireMessage({ ...privateMessage, encryptedSenderData });
}

async function foreignKeyPackage(
  { signaturePrivateKey, signaturePublicKey, credential }: MemberIdentity,
  change: Partial<Pick<KeyPackage["leafNode"], "lifetime" | "credential">> = {},
) {
  const now = BigInt(Math.floor(nowMs / 1000));
  const days = BigInt(keyPackageLifetimeMs / 1000);
  return generateKeyPackageWithKey(
    change.credential ?? { credentialType: "basic", identity: credential },
    {
      versions: ["mls10"],
      ciphersuites: [suiteName],
      extensions: [],
      proposals: [],
      credentials: ["basic", "x509"],
    },
    change.lifetime ?? { notBefore: now - 60n, notAfter: now + days },
    [],
    { signKey: signaturePrivateKey, publicKey: signaturePublicKey },
    suite,
  );
}

function extension(extensionType: number): Extension {
  return { extensionType, extensionData: new Uint8Array() };
}

function wire(keyPackage: KeyPackage): Uint8Array {
  return encodeMlsMessage({ version: "mls10", wireformat: "mls_key_package", keyPackage });
}

function wireMessage(privateMessage: PrivateMessage): Uint8Array {
  return encodeMlsMessage({ version: "mls10", wireformat: "mls_private_message", privateMessage });
}

function identity(name: string): MemberIdentity {
  const seed = nodePrimitives.sha256(text(name));
  return {
    signaturePrivateKey: seed,
    signaturePublicKey: nodePrimitives.ed25519.publicKey(seed),
    credential: text(`device certificate of ${name}`),
  };
}

function text(content: string): Uint8Array {
  return new TextEncoder().encode(content);
}
