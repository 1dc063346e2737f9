/**
 * What a member with a program of its own could commit: made by the MLS package under a policy that allows everything,
 * and passed over by everybody else for the same reason.
 */
import * as mls from "@fedchat/mls";
import { nodePrimitives as primitives, nodeRandom as random } from "@fedchat/protocol/primitives/node";
import { describe, expect, test } from "vitest";
import { changed, makeDevice } from "../../homeserver/test/test-account.ts";
import { roomWelcomeBytesMax } from "../src/mls/limits.ts";
import { seal } from "../src/mls/sealed-for-members.ts";
import { roomStateComponent, type RoomState } from "../src/room-state/room-state.ts";
import { addProposal, careless, updateProposal } from "./careless.ts";
import { clock, mlsPrimitives, roomWith, Seat } from "./room-world.ts";

const { world, seats } = roomWith([
  ["olga", "owner"],
  ["otto", "owner"],
  ["mona", "moderator"],
  ["emma", "member", 2],
  ["emil", "member"],
  ["gina", "guest"],
]);
const [olga, otto, mona, emma, emil, gina] = ["olga", "otto", "mona", "emma", "emil", "gina"].map(
  (name) => seats[name]![0]!,
) as [Seat, Seat, Seat, Seat, Seat, Seat];
const tablet = seats["emma"]![1]!;
const [stranger] = world.person("stranger") as [Seat];
const other = roomWith([["olga", "owner"]]);

/** Allows everything; the room's state becomes whatever is said here. */
const permissive = (after: RoomState = olga.room): mls.Environment => careless(after, clock.at);

const update = updateProposal;
const remove = (seat: Seat): mls.Proposal => ({ type: "remove", removed: seat.mls.ownLeaf });
const add = (seat: Seat, identity = seat.identity): mls.Proposal =>
  addProposal(identity, "classical", clock.at);
const key = update({ kind: "key", key: random.bytes(32) });
const admit = (seat: Seat, record = seat.account.signed) => update({ kind: "admit", record, role: "member" });

const unlisted = makeDevice({ primitives, random }, emil.account);
const ghost = new Seat(world, { ...emil.account, devices: [unlisted] });
const renewed = makeDevice({ primitives, random }, emil.account, emil.account.devices[0]!.id);
const twin = new Seat(world, { ...emil.account, devices: [renewed] });
const fewer = changed({ primitives }, emma.account, { devices: [emma.account.devices[0]!.certificate] });
const forged = stranger.account.signed.with(100, stranger.account.signed[100]! ^ 1);
const lastStand = [update({ kind: "role", account: olga.id, role: "guest" })];

/** By whom, what, and the rule that it breaks. */
const commits: [string, Seat, mls.Proposal[], string][] = [
  ["a member renames", emil, [update({ kind: "rename", name: "mine" })], "right.rename"],
  [
    "a guest removes somebody",
    gina,
    [update({ kind: "remove", account: emil.id }), remove(emil), key],
    "right.remove",
  ],
  [
    "a moderator removes an owner",
    mona,
    [update({ kind: "remove", account: otto.id }), remove(otto), key],
    "right.remove",
  ],
  [
    "an owner removes another",
    olga,
    [update({ kind: "remove", account: otto.id }), remove(otto), key],
    "owner.other",
  ],
  [
    "a moderator makes itself an owner",
    mona,
    [update({ kind: "role", account: mona.id, role: "owner" })],
    "right.role",
  ],
  [
    "a moderator changes the hubs",
    mona,
    [update({ kind: "hubs", hubs: [mona.account.record.server] })],
    "right.hubs",
  ],
  ["a member admits uninvited", emil, [admit(stranger), add(stranger)], "right.admit"],
  ["somebody is admitted with a forged record", olga, [admit(stranger, forged)], "record.invalid"],
  ["somebody is admitted twice", olga, [admit(stranger), admit(stranger)], "participant.already"],
  [
    "an old record comes again",
    gina,
    [update({ kind: "record", record: emma.account.signed })],
    "record.older",
  ],
  [
    "a second update breaks a right that the first took",
    olga,
    [...lastStand, update({ kind: "rename", name: "x" })],
    "right.rename",
  ],
  [
    "an update is not readable",
    olga,
    [{ type: "app_data_update", componentId: roomStateComponent, update: random.bytes(9) }],
    "update.malformed",
  ],
  [
    "the state is taken away",
    olga,
    [{ type: "app_data_update", componentId: roomStateComponent, update: undefined }],
    "commit.proposal",
  ],
  [
    "another component is written",
    olga,
    [{ type: "app_data_update", componentId: 0xf0c1, update: random.bytes(9) }],
    "commit.proposal",
  ],
  [
    "the group's extensions are replaced",
    olga,
    [{ type: "group_context_extensions", extensions: olga.mls.context.extensions }],
    "commit.proposal",
  ],
  [
    "the group is closed for another",
    olga,
    [{ type: "reinit", groupId: random.bytes(32), version: 1, cipherSuite: 3, extensions: [] }],
    "commit.proposal",
  ],
  [
    "something fleeting is said",
    olga,
    [{ type: "app_ephemeral", componentId: roomStateComponent, data: random.bytes(3) }],
    "proposal.app-component",
  ],
  [
    "somebody is removed and its device stays",
    olga,
    [update({ kind: "remove", account: emma.id }), remove(emma), key],
    "leaf.participant",
  ],
  [
    "a device goes from the list and stays a member",
    olga,
    [update({ kind: "record", record: fewer.signed }), key],
    "leaf.device",
  ],
  [
    "a device goes and the key stays",
    olga,
    [update({ kind: "record", record: fewer.signed }), remove(tablet)],
    "commit.key",
  ],
  [
    "somebody goes and the key stays",
    olga,
    [update({ kind: "remove", account: emil.id }), remove(emil)],
    "commit.key",
  ],
  ["a device is put out that may stay", mona, [remove(emil)], "commit.removes-staying"],
  ["a device of nobody in the room is added", olga, [add(stranger)], "leaf.participant"],
  ["a device is added that is on no list", olga, [add(ghost)], "leaf.device"],
  ["a device is added a second time, with a new key", olga, [add(twin)], "list.already-member"],
  [
    "a credential is no certificate",
    olga,
    [admit(stranger), add(stranger, { ...stranger.identity, credential: random.bytes(200) })],
    "leaf.credential",
  ],
  [
    "a certificate has another key",
    olga,
    [admit(stranger), add(stranger, { ...stranger.identity, credential: emil.identity.credential })],
    "leaf.credential",
  ],
];

describe("commits", () => {
  test.each(commits)("[W5] where %s, everybody passes over it", (_what, by, proposals, rule) => {
    const made = mls.commit(by.mls, { proposals }, permissive());
    if (made.kind === "refused") throw new Error(`not even made: ${made.rule}`);
    expectRefused(by, made.commit, rule);
  });

  test("[W5] without a path it is passed over, also where MLS needs none", () => {
    const proposals = [update({ kind: "rename", name: "lazily" })];
    const made = mls.commit(olga.mls, { proposals, path: "when-required" }, permissive());
    if (made.kind === "refused") throw new Error(made.rule);
    expect(made.summary.hasPath).toBe(false);
    expectRefused(olga, made.commit, "commit.path");
  });

  test("[W5] nobody follows into a state that is not what the updates come to, nor comes in there by itself", () => {
    const proposals = [update({ kind: "rename", name: "said" })];
    const seized = {
      ...emil.room,
      participants: emil.room.participants.map((one) => ({ ...one, role: "owner" as const })),
    };
    const made = mls.commit(mona.mls, { proposals }, permissive(seized));
    if (made.kind === "refused") throw new Error(made.rule);
    const { info } = world.crypto.epochForLog(made.next as never);
    const come = { room: world.id, identity: emil.identity, info, key: emil.room.infoKey };
    for (const seat of world.present.filter((one) => one !== mona)) {
      const outcome = world.crypto.receive(seat.state, made.commit);
      if (outcome.kind !== "diverged") throw new Error(outcome.kind);
      expect(outcome.expected).toEqual({ epoch: 2n, room: { ...seat.room, name: "said" } });
      const { expected } = outcome;
      expect(world.crypto.joinByItself({ ...come, expected })).toMatchObject({
        kind: "refused",
        rule: "group.state",
      });
    }
    const honest = mls.commit(mona.mls, { proposals }, permissive({ ...mona.room, name: "said" }));
    if (honest.kind === "refused") throw new Error(honest.rule);
    const expected = { epoch: 2n, room: { ...emil.room, name: "said" } };
    const { info: right } = world.crypto.epochForLog(honest.next as never);
    expect(world.crypto.joinByItself({ ...come, info: right, expected }).kind).toBe("joined-externally");
  });

  test("[W5] a member does not take another's device for its own leaf", () => {
    const identity = {
      credential: { type: "basic", identity: tablet.identity.credential } as const,
      signaturePrivateKey: tablet.identity.signaturePrivateKey,
      capabilities: mls.ownLeafNode(emma.mls).capabilities,
      extensions: mls.ownLeafNode(emma.mls).extensions,
    };
    const made = mls.commit(emma.mls, { proposals: [remove(tablet)], identity }, permissive());
    if (made.kind === "refused") throw new Error(made.rule);
    expectRefused(emma, made.commit, "leaf.credential-change");
  });

  test("[W5] a commit that MLS encrypts to nobody is passed over in the clear", () => {
    const made = mls.commit(olga.mls, { proposals: [], wireFormat: "public_message" }, permissive());
    if (made.kind === "refused") throw new Error(made.rule);
    expectRefused(olga, made.commit, "sealed.public");
    expectRefused(olga, sealed(made.commit, random.bytes(32)), "sealed.closed");
  });
});

describe("proposals", () => {
  const proposals: [string, mls.Proposal, string][] = [
    ["a rename", update({ kind: "rename", name: "later" }), "commit.proposal"],
    ["a removal of a leaf", { type: "remove", removed: mls.leafIndex(1) }, "commit.proposal"],
    ["an addition", add(stranger), "commit.proposal"],
    ["a leave of the last owner", update({ kind: "leave" }), "owner.last"],
  ];
  test.each(proposals)("[W2] %s does not wait for a commit", (_what, proposal, rule) => {
    const { world: room, seats: two } = roomWith([
      ["olga", "owner"],
      ["emma", "member", 2],
      ["emil", "member"],
    ]);
    const [by, receiver] = [two["olga"]![0]!, two["emil"]![0]!];
    const sent = mls.propose(by.mls, { proposal: proposal as never }, permissive());
    if (sent.kind === "refused") throw new Error(sent.rule);
    expect(room.crypto.receive(receiver.state, sent.message)).toMatchObject({ kind: "refused", rule });
  });
});

describe("from outside", () => {
  const identityOf = (seat: Seat): mls.Identity => ({
    credential: { type: "basic", identity: seat.identity.credential },
    signaturePrivateKey: seat.identity.signaturePrivateKey,
    capabilities: mls.ownLeafNode(olga.mls).capabilities,
    extensions: mls.ownLeafNode(olga.mls).extensions,
  });
  const come = (seat: Seat, more: Partial<mls.ExternalJoinInput> = {}) => {
    const info = mls.groupInfo(olga.mls, { externalPub: true }, permissive());
    if (info.kind === "refused") throw new Error(info.rule);
    const joined = mls.joinExternally(
      { groupInfo: info.message, identity: identityOf(seat), ...more },
      permissive(),
    );
    if (joined.kind === "refused") throw new Error(`not even made: ${joined.rule}`);
    return sealed(joined.commit);
  };

  const cases: [string, () => Uint8Array, string][] = [
    ["a stranger", () => come(stranger), "external.device"],
    ["a device that is on no list", () => come(ghost), "external.device"],
    [
      "a device in another's place",
      () => come(ghost, { replaces: emma.mls.ownLeaf }),
      "leaf.credential-change",
    ],
  ];
  test.each(cases)("[W5] %s does not come in", (_what, make, rule) => {
    expectRefused(undefined, make(), rule);
  });

  test("[W5] with a secret of its own no device comes in, though it is on the list", () => {
    const source = { type: "external", id: random.bytes(8) } as const;
    const env = { ...permissive(), psk: () => new Uint8Array(32) };
    const info = mls.groupInfo(olga.mls, { externalPub: true }, env);
    if (info.kind === "refused") throw new Error(info.rule);
    const input = { groupInfo: info.message, identity: identityOf(emil), replaces: emil.mls.ownLeaf };
    const joined = mls.joinExternally({ ...input, psks: [source] } as never, env);
    if (joined.kind === "refused") throw new Error(joined.rule);
    for (const seat of world.present.filter((one) => one !== emil))
      expect(world.crypto.receive(seat.state, sealed(joined.commit))).toMatchObject({
        rule: "external.changes",
      });
  });

  test("[W4] no member joins a group whose tree or state is not a room's", () => {
    const { crypto } = world;
    const [alone] = other.world.present as [Seat];
    const made = mls.commit(alone.mls, { proposals: [add(stranger)] }, permissive(alone.room));
    if (made.kind === "refused") throw new Error(made.rule);
    const keys = crypto.createKeyPackage(stranger.identity, "classical");
    const message = mls.decodeMessage(keys.keyPackage);
    if (message.wireFormat !== "key_package") throw new Error("assertion: a key package");
    const unlistedAdd = mls.commit(
      alone.mls,
      { proposals: [{ type: "add", keyPackage: message.keyPackage }] },
      permissive(alone.room),
    );
    if (unlistedAdd.kind === "refused") throw new Error(unlistedAdd.rule);
    const join = { room: other.world.id, identity: stranger.identity, ...keys };
    expect(crypto.join({ ...join, welcome: unlistedAdd.welcome! })).toMatchObject({
      rule: "leaf.participant",
    });
    const bare = mls.createGroup(ownPackage(alone), { groupId: random.bytes(32) }, permissive());
    if (bare.kind === "refused") throw new Error(bare.rule);
    const added = mls.commit(
      bare.state,
      { proposals: [{ type: "add", keyPackage: message.keyPackage }] },
      permissive(),
    );
    if (added.kind === "refused") throw new Error(added.rule);
    expect(crypto.join({ ...join, welcome: added.welcome! })).toMatchObject({ rule: "group.form" });
  });

  test("[W7] a Welcome longer than a note may carry is not looked into", () => {
    const { crypto } = world;
    const keys = crypto.createKeyPackage(stranger.identity, "classical");
    const [alone] = other.world.present as [Seat];
    const made = alone.commit({
      updates: [{ kind: "admit", record: stranger.account.signed, role: "member" }],
      add: [keys.keyPackage],
    });
    const longer = new Uint8Array(roomWelcomeBytesMax + 1);
    longer.set(made.welcome!);
    const join = { room: other.world.id, identity: stranger.identity, ...keys };
    expect(crypto.join({ ...join, welcome: longer })).toMatchObject({ rule: "welcome.size" });
    expect(crypto.welcomeReferences(longer)).toBeUndefined();
    expect(crypto.join({ ...join, welcome: made.welcome! }).kind).toBe("joined");
  });
});

/** Every member but its maker refuses it by this rule, and stands where it stood. */
function expectRefused(by: Seat | undefined, message: Uint8Array, rule: string): void {
  for (const seat of world.present.filter((one) => one !== by)) {
    const before = world.crypto.epochAuthenticator(seat.state);
    expect(world.crypto.receive(seat.state, message), seat.account.record.handle).toMatchObject({
      kind: "refused",
      rule,
    });
    expect(world.crypto.epochAuthenticator(seat.state)).toEqual(before);
  }
}

function sealed(plain: Uint8Array, infoKey = olga.room.infoKey): Uint8Array {
  const { groupId: group, epoch } = olga.mls.context;
  return seal(
    { primitives: mlsPrimitives, random },
    "message",
    { room: world.id, group, epoch, key: infoKey },
    plain,
  );
}

function ownPackage(seat: Seat): mls.OwnKeyPackage {
  const { capabilities, extensions } = mls.ownLeafNode(seat.mls);
  const identity: mls.Identity = {
    credential: { type: "basic", identity: seat.identity.credential },
    signaturePrivateKey: seat.identity.signaturePrivateKey,
    capabilities,
    extensions,
  };
  const seconds = BigInt(Math.floor(clock.at / 1000));
  const lifetime = { notBefore: seconds - 60n, notAfter: seconds + 60n };
  const made = mls.createKeyPackage({ cipherSuite: 3, identity, lifetime }, permissive());
  if (made.kind === "refused") throw new Error(made.rule);
  return made;
}
