/**
 * A member who means ill, by a program of their own, in a room of real engines on three homeservers: the others stay
 * together, read each other, and are told whose doing it was.
 */
import * as mls from "@fedchat/mls";
import { expect, test } from "vitest";
import { decodeRoomLogItem, roomEntry, type RoomId, type RoomLogItem } from "@fedchat/protocol";
import { nodePrimitives as primitives, nodeRandom as random } from "@fedchat/protocol/primitives/node";
import type { GroupState } from "../src/mls/group-records.ts";
import type { MemberIdentity } from "../src/mls/room-crypto.ts";
import type { RoomState } from "../src/room-state/room-state.ts";
import { addProposal, careless, updateProposal } from "./careless.ts";
import { appends, type HostileAppend } from "./hostile-member.ts";
import { presentRecords, recordsIn } from "../src/store/group-records.ts";
import { waitingMessagesMax } from "../src/core/limits.ts";
import { realGroups } from "./real-groups.ts";
import { person } from "./room-people.ts";
import { group, lines, opened, texts } from "./room-scene.ts";
import { type Person, World } from "./world.ts";

/** Bob is a moderator, and it is he who means ill. */
async function roomWithBob(world: World) {
  const room = await opened(world);
  const { alice, bob, carol, roomId } = room;
  await alice.call("rooms.setRole", { roomId, account: await bob.account(), role: "moderator" });
  await world.until(async () => (await group(bob)).group?.role === "moderator", "bob's role");
  await together([alice, carol, bob], roomId, "before");
  return { ...room, honest: [alice, carol] };
}

/** Each of these reads what each of them writes, and a change of the room comes to all. */
async function together(people: Person[], roomId: string, mark: string): Promise<void> {
  const [first] = people;
  const { world } = first!.home;
  for (const by of people) {
    const text = `${mark}, ${await by.account()}`;
    await by.call("messages.send", { roomId, text });
    for (const other of people)
      await world.until(
        async () => (await texts(other, roomId)).some((line) => line.endsWith(text)),
        `'${mark}'`,
      );
  }
  await first!.call("rooms.rename", { roomId, name: mark });
  for (const other of people)
    await world.until(async () => (await group(other)).title === mark, `'${mark}' as the room's name`);
}

async function told(people: Person[], roomId: string, line: string | RegExp): Promise<void> {
  const fits = (said: string) => (typeof line === "string" ? said === line : line.test(said));
  for (const one of people)
    await one.home.world.until(async () => (await lines(one, roomId)).some(fits), `the line '${line}'`);
}

interface Hostile {
  world: World;
  state: GroupState & mls.GroupState;
  room: RoomState;
  /** Puts it into what the log takes; what the log says of the access key stays as it is. */
  commit: (message: Uint8Array, more?: Partial<Extract<RoomLogItem, { kind: "commit" }>>) => HostileAppend;
  /** By the MLS of ours, without any of the room's rules. */
  make: (proposals: mls.Proposal[], after?: RoomState) => mls.Committed;
}

function hostile(world: World, state: GroupState & mls.GroupState): Hostile {
  const room = world.groups.room(state);
  const { access, servers, info, epoch } = world.groups.epochForLog(state);
  const place = { group: world.groups.groupId(state), epoch: Number(epoch), access, servers: [...servers] };
  return {
    ...{ world, state, room },
    commit: (message, more = {}) => ({
      item: { kind: "commit", external: false, message, ...place, ...more },
      info,
    }),
    make: (proposals, after = room) => {
      const made = mls.commit(state, { proposals }, careless(after, world.clock.now()));
      if (made.kind === "refused") throw new Error(`not even made: ${made.rule}`);
      return made;
    },
  };
}

/** A device of an account that nobody knows. */
const ghost = (): MemberIdentity => {
  const other = person("ghost");
  const [device] = other.devices;
  const signaturePublicKey = primitives.ed25519.publicKey(device!.signatureSeed);
  return {
    signaturePrivateKey: device!.signatureSeed,
    signaturePublicKey,
    credential: device!.certificate,
  };
};

const key = () => updateProposal({ kind: "key", key: random.bytes(32) });

const byBob = (reason: string): string =>
  `Bob's FedChat made a change that the room's rules do not allow: ${reason} Everybody's FedChat passes over it.`;
const inBobsName =
  /^A change came from .+ in Bob's name that is not valid\. Everybody's FedChat passes over it\.$/;

test("[W5] whoever commits against the room's rules changes nothing, and everybody is told that it was they, and why", async () => {
  await using world = new World("real");
  const { alice, bob, carol, roomId, honest } = await roomWithBob(world);
  const accounts = { alice: await alice.account(), bob: await bob.account() };
  const people = async () => (await group(alice)).group?.people;
  const memberOf = (of: Hostile, account: string): mls.LeafIndex =>
    mls.leafIndex(world.groups.members(of.state).find((member) => member.account === account)!.index);
  const cases: [string, (of: Hostile) => HostileAppend, string | RegExp][] = [
    [
      "a role that it may not give itself",
      (of) =>
        of.commit(of.make([updateProposal({ kind: "role", account: accounts.bob, role: "owner" })]).commit),
      byBob("Only owners may give roles."),
    ],
    [
      "a removal beyond its role",
      (of) => {
        const remove = updateProposal({ kind: "remove", account: accounts.alice });
        const leaf: mls.Proposal = { type: "remove", removed: memberOf(of, accounts.alice) };
        return of.commit(of.make([remove, leaf, key()]).commit);
      },
      byBob("Your role may not remove people with this role."),
    ],
    [
      "a ghost device, of an account that is in the room or not",
      (of) => of.commit(of.make([addProposal(ghost(), "hybrid", world.clock.now())]).commit),
      byBob("A device of an account that is not in the room would be a member."),
    ],
    [
      "a forged certificate",
      (of) => {
        const mine = ghost();
        const { credential } = world.groups
          .members(of.state)
          .find(({ account }) => account === accounts.alice)!;
        return of.commit(of.make([addProposal({ ...mine, credential }, "hybrid", world.clock.now())]).commit);
      },
      inBobsName,
    ],
    [
      "a wrong signature",
      (of) => {
        const [other] = person("other").devices;
        const unsigned = { ...of.state, signaturePrivateKey: other!.signatureSeed };
        const proposal = updateProposal({ kind: "leave" });
        const sent = mls.propose(
          unsigned,
          { proposal: proposal as never },
          careless(of.room, world.clock.now()),
        );
        if (sent.kind === "refused") throw new Error(sent.rule);
        const { group: groupId, epoch } = of.commit(sent.message).item as Extract<
          RoomLogItem,
          { kind: "commit" }
        >;
        return { item: { kind: "proposal", group: groupId, epoch, message: sent.message }, info: null };
      },
      inBobsName,
    ],
    [
      "bytes that nobody can open",
      (of) => {
        const { commit } = of.make([]);
        return of.commit(commit.with(commit.length - 1, commit.at(-1)! ^ 1));
      },
      inBobsName,
    ],
    [
      "a jump over epochs",
      (of) => {
        const { commit } = of.make([]);
        const epoch = Number(of.state.context.epoch) + 7;
        const jump = commit.slice();
        // version ‖ wire format ‖ length and group id ‖ epoch (RFC 9420 §6, §6.3.1)
        new DataView(jump.buffer).setBigUint64(2 + 2 + 1 + 32, BigInt(epoch));
        return of.commit(jump, { epoch });
      },
      inBobsName,
    ],
  ];
  for (const [what, make, line] of cases) {
    const before = await people();
    const said = new Map<Person, number>();
    for (const one of honest) said.set(one, (await lines(one, roomId)).length);
    await appends(bob, roomId, (state) => make(hostile(world, state)));
    for (const one of honest)
      await world.until(async () => (await lines(one, roomId)).length > said.get(one)!, `a line of ${what}`);
    await told(honest, roomId, line);
    expect(await people(), what).toBe(before);
    await together([alice, carol], roomId, `after ${what}`);
    // The next such thing is told anew.
    world.clock.skip(3_600_000);
  }
  // He is in the room still, as what he was.
  await together([alice, carol, bob], roomId, "in the end");
  expect((await group(bob)).group?.role).toBe("moderator");
});

test("[W5] a Commit that is put into the log once more changes nothing, and whoever did it is named", async () => {
  await using world = new World("real");
  const { alice, bob, carol, roomId, honest } = await roomWithBob(world);
  const rows = await alice.home.store.roomEntries(
    { room: roomId as RoomId, hub: alice.home.id },
    0,
    1_000_000,
  );
  const items = rows.map(({ signed }) => decodeRoomLogItem(roomEntry.read(signed).value.item));
  const old = items.findLast(({ kind }) => kind === "commit");
  await appends(bob, roomId, (state) => {
    if (old?.kind !== "commit") throw new Error("assertion: the room has a Commit");
    const { access, info, servers } = world.groups.epochForLog(state);
    return { item: { ...old, access, servers: [...servers] }, info };
  });
  await told(honest, roomId, inBobsName);
  await together([alice, carol, bob], roomId, "after it");
});

test("[W5] [W9] a Commit that nobody can follow, and whose info leads nowhere, stops nobody: all go on from before it", async () => {
  await using world = new World("real");
  world.takeoverAfterMs = 3_000;
  const { alice, bob, carol, roomId, honest } = await roomWithBob(world);
  await appends(bob, roomId, (state) => {
    const of = hostile(world, state);
    const participants = of.room.participants.map((one) => ({ ...one, role: "owner" as const }));
    const rename = updateProposal({ kind: "rename", name: "mine" });
    const made = of.make([rename], { ...of.room, participants });
    const { access, info } = world.groups.epochForLog(made.next as never);
    return { ...of.commit(made.commit, { access }), info };
  });
  await told(honest, roomId, /^A change by Bob could not be followed here\./);
  await told(
    honest,
    roomId,
    /goes on with the room from before a change that nobody could follow\. \w+ asked for it\.$|goes on under/,
  );
  await together([alice, carol], roomId, "without it");
  expect((await group(alice)).group?.people).toBe(3);
  expect((await group(carol)).group?.role).toBe("member");
  await together([alice, carol, bob], roomId, "with him");
});

test.for([
  ["a Welcome", true],
  ["a Welcome without its tree, and an info,", false],
] as const)(
  "[W7] %s into a group with a ghost in it is not followed, and whose it was is said in the chat with them",
  async ([, ratchetTree]) => {
    await using world = new World("real");
    const groups = realGroups(world.clock);
    const alice = await (await world.home("alice.example")).person("Alice", groups);
    const bob = await (await world.home("bob.example")).person("Bob");
    await alice.link(bob);
    await alice.call("requests.send", { who: await bob.account(), text: "Shall we talk?" });
    const { requestId } = await bob.request("pending");
    await bob.call("requests.accept", { requestId });
    const pair = await bob.pair();
    await world.pass(1_000);

    // From now on whoever she takes in comes with somebody else.
    const honest = groups.commit.bind(groups);
    groups.commit = (state, args) => {
      const made = honest(state, args);
      if (made.kind === "refused" || args.add === undefined || args.add.length === 0) return made;
      const proposals = [
        ...(args.updates ?? []).map(updateProposal),
        ...args.add.map((bytes): mls.Proposal => {
          const message = mls.decodeMessage(bytes);
          if (message.wireFormat !== "key_package") throw new Error("assertion: a key package");
          return { type: "add", keyPackage: message.keyPackage };
        }),
        addProposal(ghost(), "hybrid", world.clock.now()),
      ];
      const after = groups.room(made.next);
      const forged = mls.commit(
        state as never,
        { proposals, welcomeInfo: { ratchetTree } },
        careless(after, world.clock.now()),
      );
      if (forged.kind === "refused") throw new Error(forged.rule);
      const next = forged.next as never;
      const { commit: message, welcome } = forged;
      return { ...made, next, message, welcome, after: groups.epochForLog(next) };
    };
    await alice.call("rooms.create", { name: "Trap", people: [await bob.account()] });
    const line =
      "Alice wanted to take you into a room that is not as rooms have to be: A device of an account that is not in the room would be a member. You were not taken in.";
    await told([bob], pair.roomId, line);
    expect((await bob.call("rooms.list", {})).filter(({ kind }) => kind === "group")).toEqual([]);
    await bob.send("what was that?");
    await alice.sees("what was that?");
  },
);

test("[W4] a message of an epoch that no room comes to is passed over, and far ones keep no early one from waiting", async () => {
  await using world = new World("real");
  const { bob, carol, roomId } = await opened(world);
  const group = carol.groups.groupId(
    carol.groups.restore(recordsIn(carol.database, presentRecords(roomId as RoomId))),
  );
  /** Bob sends, and says in the message's head that it is of so much later an epoch. */
  const sendAhead = async (by: bigint) => {
    await bob.goOffline();
    await bob.call("messages.send", { roomId, text: "early" });
    // The same to each of the others' servers.
    const { payload } = bob.database.get<{ payload: Uint8Array }>(
      "SELECT payload FROM outgoing WHERE kind = 'room' ORDER BY seq DESC",
    )!;
    const head = Buffer.from(payload);
    const at = head.indexOf(group) + group.length;
    const epoch = head.readBigUInt64BE(at);
    head.writeBigUInt64BE(epoch + by, at);
    bob.database.run("UPDATE outgoing SET payload = ? WHERE payload = ?", head, payload);
    await bob.goOnline();
    await world.pass(2_000);
    return Number(epoch);
  };
  const waiting = () =>
    carol.database.all<{ epoch: number }>("SELECT epoch FROM waitingMessages").map(({ epoch }) => epoch);

  for (const by of [2n ** 64n - 100n, 2n ** 63n, 2n ** 53n, 2n ** 20n + 1n]) await sendAhead(by);
  expect(waiting()).toEqual([]);
  const present = await sendAhead(2n ** 20n);
  await world.until(() => waiting().length > 0, "what may come yet");
  expect(waiting()).toEqual([present + 2 ** 20]);
  carol.database.run(
    `WITH RECURSIVE more(n) AS (SELECT 2 UNION ALL SELECT n + 1 FROM more WHERE n < ?)
     INSERT INTO waitingMessages (room, epoch, envelope, sender, server, created, payload)
     SELECT room, epoch, envelope, sender, server, created, payload FROM waitingMessages, more`,
    waitingMessagesMax,
  );
  await sendAhead(1n);
  await world.until(() => waiting().includes(present + 1), "the nearest");
  await sendAhead(2n ** 20n);
  expect(waiting()).toHaveLength(waitingMessagesMax);
  expect(waiting().filter((epoch) => epoch === present + 1)).toHaveLength(1);
  expect(await carol.call("engine.notices", {})).toEqual([]);
});
