/** The state of a room of many: its one encoding, who may change what, and what becomes of it. */
import type { AccountId } from "@fedchat/protocol";
import { accountId, deviceId, serverId } from "@fedchat/protocol";
import { nodePrimitives as primitives, nodeRandom as random } from "@fedchat/protocol/primitives/node";
import { describe, expect, test } from "vitest";
import { decodeCbor, encodeCbor } from "../../protocol/src/cbor/cbor.ts";
import type { TestAccount } from "../../homeserver/test/test-account.ts";
import { changed, makeDevice } from "../../homeserver/test/test-account.ts";
import { applyUpdate, stateFault } from "../src/room-state/apply-update.ts";
import type { RoomLeaf } from "../src/room-state/leaves.ts";
import { checkLeaves, losesDevice } from "../src/room-state/leaves.ts";
import {
  bannedMax,
  hubsMax,
  participantsMax,
  roomServersMax,
  roomStateBytesMax,
} from "../src/room-state/limits.ts";
import type { Participant, Role, RoomState } from "../src/room-state/room-state.ts";
import {
  compareIds,
  decodeRoomState,
  encodeRoomState,
  participantOf,
  serversOf,
} from "../src/room-state/room-state.ts";
import type { RoomUpdate } from "../src/room-state/room-update.ts";
import { decodeRoomUpdate, encodeRoomUpdate } from "../src/room-state/room-update.ts";
import { ROOM_RULES } from "../src/room-state/rules.ts";
import { person, rolesOf, roomOf, someServer } from "./room-people.ts";

const [olga, otto, mona, mark, emma, emil, gina, gerd] = [
  ...["olga", "otto", "mona", "mark", "emma", "emil", "gina", "gerd"].map((name) =>
    person(name, { devices: 2 }),
  ),
] as [TestAccount, TestAccount, TestAccount, TestAccount, TestAccount, TestAccount, TestAccount, TestAccount];
const stranger = person("stranger");
const outcast = person("outcast");
const room = roomOf(
  [
    [olga, "owner"],
    [otto, "owner"],
    [mona, "moderator"],
    [mark, "moderator"],
    [emma, "member"],
    [emil, "member"],
    [gina, "guest"],
    [gerd, "guest"],
  ],
  { banned: [outcast.id] },
);

/** The state after it, or the rule that it breaks. */
function after(state: RoomState, update: RoomUpdate, by: TestAccount): RoomState | string {
  const outcome = applyUpdate(state, update, by.id, primitives);
  if (outcome.kind === "refused") {
    expect(outcome.reason).toBe(ROOM_RULES[outcome.rule]);
    return outcome.rule;
  }
  // What is accepted can be encoded, and read again as the same.
  expect(decodeRoomState(encodeRoomState(outcome.state))).toEqual(outcome.state);
  return outcome.state;
}

const verdict = (state: RoomState, update: RoomUpdate, by: TestAccount): string => {
  const outcome = after(state, update, by);
  return typeof outcome === "string" ? outcome : "yes";
};

describe("the encoding", () => {
  test("[W1] a state has one encoding and comes back as it was", () => {
    const bytes = encodeRoomState(room);
    expect(decodeRoomState(bytes)).toEqual(room);
    expect(encodeRoomState(decodeRoomState(bytes))).toEqual(bytes);
  });

  const [first, second, ...others] = room.participants;
  const devices = first!.devices.toReversed();
  const cases: [string, Partial<RoomState>][] = [
    ["participants out of order", { participants: [second!, first!, ...others] }],
    ["a participant twice", { participants: [first!, ...room.participants] }],
    ["devices out of order", { participants: [{ ...first!, devices }, second!, ...others] }],
    ["nobody", { participants: [] }],
    ["no owner", { participants: room.participants.filter(({ role }) => role !== "owner") }],
    ["a participant who is banned", { banned: [emma.id] }],
    ["somebody banned twice", { banned: [outcast.id, outcast.id] }],
    ["no hub", { hubs: [] }],
    ["a hub twice", { hubs: [room.hubs[0]!, room.hubs[0]!] }],
    ["more hubs than may be", { hubs: Array.from({ length: hubsMax + 1 }, someServer) }],
    ["a name of two lines", { name: "a\nroom" }],
    ["a name of 257 bytes", { name: "x".repeat(257) }],
    ["a key of 31 bytes", { infoKey: new Uint8Array(31) }],
  ];
  test.each(cases)("[W1] no state has %s", (_what, wrong) => {
    expect(() => encodeRoomState({ ...room, ...wrong })).toThrow(TypeError);
    expect(() => decodeRoomState(unchecked({ ...room, ...wrong }))).toThrow("value");
  });

  test("[W1] what a state says beyond that is refused, since it would be lost here and not elsewhere", () => {
    const map = decodeCbor(encodeRoomState(room)) as Map<string, never>;
    expect(() => decodeRoomState(encodeCbor(new Map([...map, ["topic", "new"]])))).toThrow(
      "more than a room",
    );
  });

  test("[W1] the order is that of the bytes, not of the text", () => {
    const ids = Array.from({ length: 200 }, () => accountId.fromBytes(random.bytes(32)));
    const byBytes = (a: AccountId, b: AccountId) =>
      Buffer.compare(accountId.toBytes(a), accountId.toBytes(b));
    expect(ids.toSorted(compareIds)).toEqual(ids.toSorted(byBytes));
    expect(ids.toSorted(compareIds)).not.toEqual(ids.toSorted());
  });

  test("[W2] an update comes back as it was; anything else is none", () => {
    const update: RoomUpdate = { kind: "admit", record: stranger.signed, role: "guest" };
    expect(decodeRoomUpdate(encodeRoomUpdate(update))).toEqual(update);
    for (const bytes of [
      new Uint8Array(),
      encodeCbor(new Map([["kind", "rule the world"]])),
      Uint8Array.from([...encodeRoomUpdate({ kind: "leave" }), 0]),
      encodeCbor(new Map<string, string>([["kind", "rename"]])),
    ])
      expect(decodeRoomUpdate(bytes)).toBeUndefined();
  });
});

describe("rights", () => {
  const by = { owner: olga, moderator: mona, member: emma, guest: gina };
  const roles: Role[] = ["owner", "moderator", "member", "guest"];
  const open = { ...room, invite: "members" } as const;
  const admit = (role: Role): RoomUpdate => ({ kind: "admit", record: stranger.signed, role });
  const remove = (who: TestAccount): RoomUpdate => ({ kind: "remove", account: who.id });
  const ban = (who: TestAccount): RoomUpdate => ({ kind: "ban", account: who.id });
  const give = (who: TestAccount, role: Role): RoomUpdate => ({ kind: "role", account: who.id, role });
  const newer = changed({ primitives }, emil, {});

  /** What each role is told: owner, moderator, member, guest. */
  const table: [string, RoomState, RoomUpdate, [string, string, string, string]][] = [
    ["renames", room, { kind: "rename", name: "new" }, ["yes", "yes", "right.rename", "right.rename"]],
    [
      "changes the rules",
      room,
      { kind: "rules", join: "open", invite: "members" },
      ["yes", "right.rules", "right.rules", "right.rules"],
    ],
    [
      "changes the hubs",
      room,
      { kind: "hubs", hubs: [someServer(), someServer()] },
      ["yes", "right.hubs", "right.hubs", "right.hubs"],
    ],
    ["admits an owner", open, admit("owner"), ["yes", "right.admit", "right.admit", "right.admit"]],
    ["admits a moderator", open, admit("moderator"), ["yes", "right.admit", "right.admit", "right.admit"]],
    ["admits a member", room, admit("member"), ["yes", "yes", "right.admit", "right.admit"]],
    ["admits a member where members may", open, admit("member"), ["yes", "yes", "yes", "right.admit"]],
    ["admits a guest where members may", open, admit("guest"), ["yes", "yes", "right.admit", "right.admit"]],
    ["removes a guest", room, remove(gerd), ["yes", "yes", "right.remove", "right.remove"]],
    ["removes a member", room, remove(emil), ["yes", "yes", "right.remove", "right.remove"]],
    ["removes a moderator", room, remove(mark), ["yes", "right.remove", "right.remove", "right.remove"]],
    ["removes an owner", room, remove(otto), ["owner.other", "right.remove", "right.remove", "right.remove"]],
    ["bans a guest", room, ban(gerd), ["yes", "yes", "right.ban", "right.ban"]],
    ["bans a member", room, ban(emil), ["yes", "yes", "right.ban", "right.ban"]],
    ["bans a stranger", room, ban(stranger), ["yes", "yes", "right.ban", "right.ban"]],
    ["bans a moderator", room, ban(mark), ["yes", "right.ban", "right.ban", "right.ban"]],
    ["bans an owner", room, ban(otto), ["owner.other", "right.ban", "right.ban", "right.ban"]],
    [
      "lifts a ban",
      room,
      { kind: "unban", account: outcast.id },
      ["yes", "yes", "right.unban", "right.unban"],
    ],
    ["makes an owner", room, give(emil, "owner"), ["yes", "right.role", "right.role", "right.role"]],
    [
      "makes a guest of a member",
      room,
      give(emil, "guest"),
      ["yes", "right.role", "right.role", "right.role"],
    ],
    [
      "makes a member of another owner",
      room,
      give(otto, "member"),
      ["owner.other", "right.role", "right.role", "right.role"],
    ],
    [
      "brings a newer record of somebody",
      room,
      { kind: "record", record: newer.signed },
      ["yes", "yes", "yes", "yes"],
    ],
    ["renews the key", room, { kind: "key", key: random.bytes(32) }, ["yes", "yes", "yes", "yes"]],
    ["leaves", room, { kind: "leave" }, ["yes", "yes", "yes", "yes"]],
  ];
  for (const [what, state, update, answers] of table) {
    for (const [at, role] of roles.entries()) {
      const answer = answers[at]!;
      test(`[W3] ${role} ${what}: ${answer}`, () => {
        expect(verdict(state, update, by[role])).toBe(answer);
      });
    }
  }

  test("[W3] nobody gives themselves a role, but owners step down", () => {
    for (const who of [mona, emma, gina]) expect(verdict(room, give(who, "owner"), who)).toBe("right.role");
    expect(rolesOf(after(room, give(olga, "guest"), olga) as RoomState).get(olga.id)).toBe("guest");
  });

  test("[W3] who is not in the room changes nothing", () => {
    for (const update of [
      { kind: "leave" },
      { kind: "rename", name: "mine" },
      admit("member"),
    ] as RoomUpdate[]) {
      expect(verdict(open, update, stranger)).toBe("right.participant");
      expect(verdict(open, update, outcast)).toBe("right.participant");
    }
  });

  test("[W3] nobody removes or bans themselves: that is leaving", () => {
    for (const who of Object.values(by)) {
      expect(verdict(room, remove(who), who)).toBe("remove.self");
      expect(verdict(room, ban(who), who)).toBe("remove.self");
    }
  });

  test("[W3] the last owner neither leaves nor steps down; with another owner it may", () => {
    const alone = after(room, { kind: "leave" }, otto) as RoomState;
    expect(verdict(alone, { kind: "leave" }, olga)).toBe("owner.last");
    expect(verdict(alone, give(olga, "moderator"), olga)).toBe("owner.last");
    expect(verdict(alone, give(olga, "owner"), olga)).toBe("yes");
    const helped = after(alone, give(emma, "owner"), olga) as RoomState;
    expect(verdict(helped, { kind: "leave" }, olga)).toBe("yes");
  });
});

describe("what updates do", () => {
  test("[W2] name, rules and hubs are as the update says", () => {
    const hubs = [someServer(), room.hubs[0]!];
    expect(after(room, { kind: "rename", name: "" }, olga)).toEqual({ ...room, name: "" });
    expect(after(room, { kind: "hubs", hubs }, olga)).toEqual({ ...room, hubs });
    const rules = { join: "approval", invite: "members" } as const;
    expect(after(room, { kind: "rules", ...rules }, olga)).toEqual({ ...room, ...rules });
  });

  test("[W2] who is admitted stands there with the record's server and devices", () => {
    const state = after(room, { kind: "admit", record: stranger.signed, role: "guest" }, mona) as RoomState;
    expect(participantOf(state, stranger.id)).toEqual({
      account: stranger.id,
      server: stranger.record.server,
      handle: stranger.record.handle,
      displayName: stranger.record.displayName,
      role: "guest",
      sequence: stranger.record.sequence,
      devices: [{ device: stranger.devices[0]!.id, key: keyOf(stranger) }],
    });
    expect(state.participants).toHaveLength(room.participants.length + 1);
  });

  test("[W2] nobody is admitted twice, or while banned", () => {
    const admit = (who: TestAccount) =>
      verdict(room, { kind: "admit", record: who.signed, role: "member" }, olga);
    expect(admit(emma)).toBe("participant.already");
    expect(admit(outcast)).toBe("participant.banned");
  });

  test("[W2] a ban takes the person out, and lasts until it is lifted", () => {
    const banned = after(room, { kind: "ban", account: emma.id }, mona) as RoomState;
    expect(participantOf(banned, emma.id)).toBeUndefined();
    expect(verdict(banned, { kind: "ban", account: emma.id }, mona)).toBe("ban.already");
    const admit: RoomUpdate = { kind: "admit", record: emma.signed, role: "member" };
    expect(verdict(banned, admit, olga)).toBe("participant.banned");
    const lifted = after(banned, { kind: "unban", account: emma.id }, mona) as RoomState;
    expect(verdict(lifted, admit, olga)).toBe("yes");
    expect(verdict(lifted, { kind: "unban", account: emma.id }, mona)).toBe("ban.unknown");
  });

  test("[W2] who is not in the room cannot be removed or given a role", () => {
    expect(verdict(room, { kind: "remove", account: stranger.id }, olga)).toBe("participant.unknown");
    expect(verdict(room, { kind: "role", account: stranger.id, role: "guest" }, olga)).toBe(
      "participant.unknown",
    );
  });

  const record = (signed: Uint8Array): RoomUpdate => ({ kind: "record", record: signed });
  const moved = changed({ primitives }, emma, {
    server: someServer(),
    devices: [emma.devices[1]!.certificate],
  });

  test("[W2] a newer record brings server and devices, and leaves the role", () => {
    const state = after(room, record(moved.signed), gina) as RoomState;
    expect(participantOf(state, emma.id)).toMatchObject({
      server: moved.record.server,
      role: "member",
      sequence: moved.record.sequence,
      devices: [{ device: emma.devices[1]!.id }],
    });
    expect(serversOf(state)).toContain(moved.record.server);
    expect(serversOf(state)).not.toContain(emma.record.server);
  });

  const forged = moved.signed.with(100, moved.signed[100]! ^ 1);
  const ofAnother = changed({ primitives }, emma, { devices: [emil.devices[0]!.certificate] });
  const broken = emma.devices[0]!.certificate.with(60, emma.devices[0]!.certificate[60]! ^ 1);
  const records: [string, Uint8Array, string][] = [
    ["the same record again", emma.signed, "record.older"],
    [
      "another of the same sequence",
      changed({ primitives }, emma, { sequence: 1_000, handle: "e" }).signed,
      "record.older",
    ],
    ["an older one", changed({ primitives }, emma, { sequence: 999 }).signed, "record.older"],
    ["a forged one", forged, "record.invalid"],
    [
      "one signed by another account",
      changed({ primitives }, { ...emma, seed: emil.seed }, {}).signed,
      "record.invalid",
    ],
    ["one with another account's device", ofAnother.signed, "record.invalid"],
    [
      "one with a forged certificate",
      changed({ primitives }, emma, { devices: [broken] }).signed,
      "record.invalid",
    ],
    ["no record", random.bytes(200), "record.invalid"],
    ["one of somebody who is not there", stranger.signed, "participant.unknown"],
  ];
  test.each(records)("[W2] %s is refused", (_what, signed, rule) => {
    expect(verdict(room, record(signed), emma)).toBe(rule);
    const admitted = verdict(
      { ...room, participants: room.participants.filter((one) => one.account !== emma.id) },
      {
        kind: "admit",
        record: signed,
        role: "member",
      },
      olga,
    );
    expect(admitted === "yes").toBe(rule !== "record.invalid");
  });

  test("[W2] no clock is read: a record counts however far ahead its sequence is", () => {
    const ahead = changed({ primitives }, emma, { sequence: Number.MAX_SAFE_INTEGER });
    expect(verdict(room, record(ahead.signed), emma)).toBe("yes");
  });
});

describe("bounds", () => {
  const crowd = (count: number, server = room.hubs[0]!): Participant[] =>
    Array.from({ length: count }, () => ({
      account: accountId.fromBytes(random.bytes(32)),
      server,
      handle: "x",
      displayName: "X",
      role: "member" as const,
      sequence: 1,
      devices: [{ device: deviceId.fromBytes(random.bytes(16)), key: random.bytes(32) }],
    }));
  const inOrder = (participants: readonly Participant[]) =>
    participants.toSorted((a, b) => compareIds(a.account, b.account));

  test("[W1] a full room takes nobody more, and nobody more is banned than the list can hold", () => {
    const full = { ...room, participants: inOrder([...room.participants, ...crowd(participantsMax - 8)]) };
    const admit: RoomUpdate = { kind: "admit", record: stranger.signed, role: "member" };
    expect(verdict(full, admit, olga)).toBe("room.full");
    const banned = crowd(bannedMax)
      .map(({ account }) => account)
      .toSorted(compareIds);
    expect(verdict({ ...room, banned }, { kind: "ban", account: emma.id }, olga)).toBe("room.banned-full");
    expect(verdict({ ...room, banned: banned.slice(1) }, { kind: "ban", account: emma.id }, olga)).toBe(
      "yes",
    );
  });

  test("[W1] participants live on at most 256 servers", () => {
    const more = Array.from(
      { length: roomServersMax },
      () => crowd(1, serverId.fromBytes(random.bytes(32)))[0]!,
    );
    const [most] = [roomOf([[olga, "owner"]])];
    const with256 = { ...most, participants: inOrder([...most.participants, ...more.slice(1)]) };
    expect(stateFault(with256)).toBeUndefined();
    expect(stateFault({ ...most, participants: inOrder([...most.participants, ...more]) })).toBe(
      "room.servers",
    );
  });

  test("[W1] a state is small enough for a Welcome", () => {
    const size = encodeRoomState({
      ...room,
      participants: inOrder([...room.participants, ...crowd(100)]),
    }).length;
    const each = (size - encodeRoomState(room).length) / 100;
    const fits = Math.floor((roomStateBytesMax - encodeRoomState(room).length) / each) - 1;
    expect(
      stateFault({ ...room, participants: inOrder([...room.participants, ...crowd(fits)]) }),
    ).toBeUndefined();
    expect(stateFault({ ...room, participants: inOrder([...room.participants, ...crowd(fits + 10)]) })).toBe(
      "room.large",
    );
  });
});

describe("leaves", () => {
  const leaf = (who: TestAccount, device = 0): RoomLeaf => ({
    account: who.id,
    device: who.devices[device]!.id,
    signatureKey: keyOf(who, device),
  });

  test("[W4] each leaf is a listed device with its key; not every device needs one", () => {
    expect(checkLeaves(room, [leaf(olga), leaf(olga, 1), leaf(emma, 1)])).toBeUndefined();
    expect(checkLeaves(room, [])).toBeUndefined();
  });

  const foreign = { ...emma, devices: [makeDevice({ primitives, random }, emma)] };
  const cases: [string, RoomLeaf[], string][] = [
    ["of a stranger", [leaf(olga), leaf(stranger)], "leaf.participant"],
    ["of somebody banned", [leaf(outcast)], "leaf.participant"],
    ["of a device that is on no record", [leaf(foreign)], "leaf.device"],
    ["of another account's device", [{ ...leaf(emma), account: emil.id }], "leaf.device"],
    ["with another key", [{ ...leaf(emma), signatureKey: keyOf(emil) }], "leaf.key"],
    ["that is there twice", [leaf(emma), leaf(olga), leaf(emma)], "leaf.twice"],
    [
      "of no device that there is",
      [{ ...leaf(emma), device: deviceId.fromBytes(random.bytes(16)) }],
      "leaf.device",
    ],
  ];
  test.each(cases)("[W4] a leaf %s is refused", (_what, leaves, rule) => {
    expect(checkLeaves(room, leaves)).toBe(rule);
  });

  test("[W4] the key must be renewed where a person or a device goes, and otherwise not", () => {
    const step = (update: RoomUpdate, by = olga) => losesDevice(room, after(room, update, by) as RoomState);
    const fewer = changed({ primitives }, emma, { devices: [emma.devices[0]!.certificate] });
    const more = changed({ primitives }, emma, {
      devices: [...emma.record.devices, makeDevice({ primitives, random }, emma).certificate],
    });
    expect(step({ kind: "remove", account: emma.id })).toBe(true);
    expect(step({ kind: "ban", account: emma.id })).toBe(true);
    expect(step({ kind: "leave" }, emma)).toBe(true);
    expect(step({ kind: "record", record: fewer.signed })).toBe(true);
    expect(step({ kind: "record", record: more.signed })).toBe(false);
    expect(step({ kind: "admit", record: stranger.signed, role: "guest" })).toBe(false);
    expect(step({ kind: "ban", account: stranger.id })).toBe(false);
    expect(step({ kind: "rename", name: "new" })).toBe(false);
  });
});

function keyOf(who: TestAccount, device = 0): Uint8Array {
  return primitives.ed25519.publicKey(who.devices[device]!.signatureSeed);
}

/** As `encodeRoomState`, without its checks. */
function unchecked(state: RoomState): Uint8Array {
  return encodeCbor(
    new Map<string, never>(
      Object.entries({
        ...state,
        room: new Uint8Array(16),
        hubs: state.hubs.map((hub) => serverId.toBytes(hub)),
        participants: state.participants.map(
          ({ account, server, devices, ...said }) =>
            new Map<string, unknown>(
              Object.entries({
                account: accountId.toBytes(account),
                server: serverId.toBytes(server),
                ...said,
                devices: devices.map(
                  ({ device, key }) => new Map(Object.entries({ device: deviceId.toBytes(device), key })),
                ),
              }),
            ),
        ),
        banned: state.banned.map((account) => accountId.toBytes(account)),
      }) as [string, never][],
    ),
  );
}
