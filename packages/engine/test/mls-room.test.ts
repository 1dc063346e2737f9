/** Rooms of many on real MLS: what each step does for everybody in the room, and for those who are not any more. */
import { nodePrimitives as primitives, nodeRandom as random } from "@fedchat/protocol/primitives/node";
import { describe, expect, test } from "vitest";
import { changed, makeDevice } from "../../homeserver/test/test-account.ts";
import type { RoomSuite } from "../src/mls/room-crypto.ts";
import type { RoomUpdate } from "../src/room-state/room-update.ts";
import { participantOf, serversOf } from "../src/room-state/room-state.ts";
import { rolesOf } from "./room-people.ts";
import { clock, RoomWorld, roomWith, Seat, textOf } from "./room-world.ts";

const five = () => {
  const { world, seats } = roomWith(
    [
      ["olga", "owner"],
      ["mona", "moderator"],
      ["emma", "member", 2],
      ["emil", "member"],
      ["gina", "guest"],
    ],
    { invite: "members" },
  );
  const [olga, mona, emil, gina] = ["olga", "mona", "emil", "gina"].map((name) => seats[name]![0]!);
  const [emma, tablet] = seats["emma"] as [Seat, Seat];
  return { world, olga: olga!, mona: mona!, emma, tablet, emil: emil!, gina: gina! };
};

describe.each(["classical", "hybrid"] as const)("%s", (suite) => {
  test("[W1] those who are added hold the same room as its maker, and all hear each other", () => {
    const { world, seats } = roomWith(
      [
        ["olga", "owner"],
        ["mona", "moderator"],
        ["emma", "member", 2],
      ],
      { suite },
    );
    expect(world.crypto.suite(world.present[0]!.state)).toBe(suite);
    expect(world.present).toHaveLength(4);
    expect(world.present[0]!.room).toMatchObject({ room: world.id, name: "a room" });
    expect([...rolesOf(world.present[3]!.room).values()].toSorted()).toEqual([
      "member",
      "moderator",
      "owner",
    ]);
    for (const seat of world.present) world.expectHeard(seat, `from ${seat.account.record.handle}`);
    const [emma, tablet] = seats["emma"]!;
    expect(emma!.receive(tablet!.send("hi"))).toMatchObject({
      sender: { account: emma!.id, device: emma!.account.devices[1]!.id, own: false },
      generation: 1,
    });
  });

  test("[W4] a device is removed with its account, reads nothing from then on, and cannot come back by itself", () => {
    const { world, seats } = roomWith(
      [
        ["olga", "owner"],
        ["emma", "member", 2],
        ["emil", "member"],
      ],
      { suite },
    );
    const [olga, emma, tablet] = [seats["olga"]![0]!, seats["emma"]![0]!, seats["emma"]![1]!];
    const former = { ...emma.room };
    const stolen = emma.mls;
    const summary = world.commit(olga, [{ kind: "remove", account: emma.id }]);
    expect(summary.changes).toEqual([
      { kind: "removed", by: olga.id, account: emma.id },
      { kind: "key", by: olga.id },
    ]);
    expect(summary.gone.map(({ device }) => device).toSorted()).toEqual(
      emma.account.devices.map(({ id }) => id).toSorted(),
    );
    expect([emma.isIn, tablet.isIn]).toEqual([false, false]);
    expect(olga.room.infoKey).not.toEqual(former.infoKey);
    // Somebody who kept the state in spite of it.
    emma.step(stolen as never, true);
    const message = olga.send("without you");
    expect(emma.receive(message)).toEqual({ kind: "future-epoch", epoch: 2n });
    expect(world.crypto.access(emma.state).publicKey).not.toEqual(world.access);
    emma.forget();
    expect(world.comeIn(emma, former.infoKey)).toMatchObject({ kind: "refused", rule: "sealed.closed" });
    // Not even with the key.
    expect(world.comeIn(emma)).toMatchObject({ kind: "refused", rule: "external.device" });
  });
});

describe("steps", () => {
  test("[W10] back to before a proposal of the same epoch it is forgotten, and no key seals twice", () => {
    const { world, olga, emma, emil } = five();
    const kept = new Map([...olga.records].map(([name, value]) => [name, Uint8Array.from(value)]));
    const left = world.crypto.leave(emma.state);
    if (left.kind !== "proposed") throw new Error(`she may leave: ${left.kind}`);
    olga.receive(left.message);
    const before = olga.send("while emma leaves");
    olga.commit({});
    const back = world.crypto.backTo(world.crypto.restore(kept), olga.state);
    olga.step(back);
    expect(world.crypto.epoch(back)).toBe(1n);
    const after = olga.send("as if she did not");
    expect(emil.receive(before)).toMatchObject({ kind: "application", generation: 0 });
    expect(emil.receive(after)).toMatchObject({ kind: "application", generation: 1 });
    // What is committed now takes nobody out, and is of a key that was not used for the former Commit.
    const { message, summary } = olga.commit({ updates: [{ kind: "rename", name: "all of us" }] });
    expect(summary.gone).toEqual([]);
    expect(emil.receive(message)).toMatchObject({ kind: "commit" });
    expect(emil.room).toMatchObject({ name: "all of us" });
  });

  test("[W2] names, rules, hubs and roles change for everybody alike", () => {
    const { world, olga, mona, emil } = five();
    expect(world.commit(mona, [{ kind: "rename", name: "the kitchen" }]).changes).toEqual([
      { kind: "renamed", by: mona.id, name: "the kitchen", former: "a room" },
    ]);
    const role: RoomUpdate = { kind: "role", account: emil.id, role: "owner" };
    const hubs: RoomUpdate = { kind: "hubs", hubs: [emil.account.record.server] };
    const rules: RoomUpdate = { kind: "rules", join: "open", invite: "moderators" };
    expect(world.commit(olga, [role, hubs, rules]).changes.map(({ kind }) => kind)).toEqual([
      "role",
      "hubs",
      "rules",
    ]);
    expect(mona.room).toMatchObject({
      name: "the kitchen",
      join: "open",
      hubs: [emil.account.record.server],
    });
    // The new owner uses what it may do now.
    expect(emil.refusal({ updates: [{ kind: "role", account: olga.id, role: "guest" }] })).toBe(
      "owner.other",
    );
    world.commit(emil, [{ kind: "role", account: mona.id, role: "guest" }]);
    world.commit(olga, [{ kind: "role", account: olga.id, role: "guest" }]);
    expect(rolesOf(mona.room).get(olga.id)).toBe("guest");
  });

  test("[W2] a banned account is out with all devices, and is not admitted until the ban is lifted", () => {
    const { world, mona, emma } = five();
    world.commit(mona, [{ kind: "ban", account: emma.id }]);
    expect(mona.room.banned).toEqual([emma.id]);
    expect(emma.isIn).toBe(false);
    const admit: RoomUpdate = { kind: "admit", record: emma.account.signed, role: "member" };
    expect(mona.refusal({ updates: [admit] })).toBe("participant.banned");
    world.commit(mona, [{ kind: "unban", account: emma.id }]);
    world.admit(mona, [emma]);
    world.expectHeard(emma, "back again");
  });

  test("[W3] what a role may not do is refused before anything leaves", () => {
    const { emil, gina, olga } = five();
    expect(emil.refusal({ updates: [{ kind: "rename", name: "mine" }] })).toBe("right.rename");
    expect(gina.refusal({ updates: [{ kind: "remove", account: emil.id }] })).toBe("right.remove");
    expect(olga.refusal({ updates: [{ kind: "role", account: olga.id, role: "member" }] })).toBe(
      "owner.last",
    );
    expect(gina.refusal({ updates: [{ kind: "rename", name: "mine" }, { kind: "leave" }] })).toBe(
      "right.rename",
    );
  });

  test("[W4] an empty commit renews its maker's keys and changes nothing else", () => {
    const { world, gina } = five();
    const { room } = gina;
    const key = gina.mls.tree.nodes[2 * gina.mls.ownLeaf];
    expect(world.commit(gina)).toMatchObject({ changes: [], joined: [], gone: [] });
    expect(gina.room).toEqual(room);
    expect(gina.mls.tree.nodes[2 * gina.mls.ownLeaf]).not.toEqual(key);
  });

  test("[W6] each epoch has an access key of its own; the info key stays until somebody goes or renews it", () => {
    const { world, olga, gina } = five();
    const [{ infoKey }, access] = [olga.room, world.access];
    world.commit(olga);
    expect(world.access).not.toEqual(access);
    expect(olga.room.infoKey).toEqual(infoKey);
    world.commit(gina, [], [], { renewKey: true });
    expect(olga.room.infoKey).not.toEqual(infoKey);
  });

  test("[W2] a newer record moves its account, and takes out the devices that it does not list any more", () => {
    const { world, emma, tablet, gina } = five();
    const server = gina.account.record.server;
    const newer = changed({ primitives }, emma.account, {
      devices: [emma.account.devices[0]!.certificate],
      server,
    });
    const summary = world.commit(gina, [{ kind: "record", record: newer.signed }]);
    expect(summary.gone.map(({ device }) => device)).toEqual([tablet.account.devices[1]!.id]);
    expect(tablet.isIn).toBe(false);
    expect(serversOf(gina.room)).not.toContain(emma.account.record.server);
    expect(participantOf(gina.room, emma.id)?.server).toBe(server);
    world.expectHeard(emma, "from elsewhere");
  });

  test("[W4] a device takes out a sibling, but not itself", () => {
    const { world, emma, tablet } = five();
    const index = (seat: Seat) => seat.mls.ownLeaf;
    expect(emma.refusal({ remove: [index(emma)] })).toBe("commit.own-leaf");
    world.commit(emma, [], [], { remove: [index(tablet)] });
    expect(tablet.isIn).toBe(false);
    // It stays on the list, and may be added again.
    world.commit(emma, [], [tablet]);
    world.expectHeard(tablet, "again");
  });

  test("[W4] whoever adds checks the key package's lifetime; nobody's clock has a say behind that", () => {
    const { world, olga, emma } = five();
    const [stranger] = world.person("stranger") as [Seat];
    const { keyPackage } = world.crypto.createKeyPackage(stranger.identity, world.suite);
    const admit: RoomUpdate = { kind: "admit", record: stranger.account.signed, role: "member" };
    const made = olga.commit({ updates: [admit], add: [keyPackage] });
    const start = clock.at;
    clock.at = start + 1_000 * 86_400_000;
    expect(emma.receive(made.message).kind).toBe("commit");
    expect(emma.refusal({ add: [keyPackage] })).toBe("key-package.invalid");
    clock.at = start;
  });

  test("[W1] a hybrid room takes hybrid key packages, and no others", () => {
    const world = new RoomWorld({ suite: "hybrid" });
    const [olga, emma] = [world.person("olga")[0]!, world.person("emma")[0]!];
    world.create(olga);
    const admit = { kind: "admit", record: emma.account.signed, role: "guest" } as const;
    const taking = (suite: RoomSuite) => ({
      updates: [admit],
      add: [world.crypto.createKeyPackage(emma.identity, suite).keyPackage],
    });
    expect(olga.refusal(taking("classical"))).toBe("key-package.invalid");
    expect(olga.commit(taking("hybrid")).summary.joined).toHaveLength(1);
  });

  test("[W7] a Welcome leads into the room that it is said to, or nowhere", () => {
    const world = new RoomWorld();
    const [olga, emma] = [world.person("olga")[0]!, world.person("emma")[0]!];
    world.create(olga);
    const keys = world.crypto.createKeyPackage(emma.identity, world.suite);
    const { welcome } = olga.commit({
      updates: [{ kind: "admit", record: emma.account.signed, role: "guest" }],
      add: [keys.keyPackage],
    });
    const other = new RoomWorld().id;
    const join = (room: typeof other) =>
      world.crypto.join({ room, welcome: welcome!, identity: emma.identity, ...keys });
    expect(join(other)).toMatchObject({ kind: "refused", rule: "group.form" });
    expect(join(world.id)).toMatchObject({ kind: "joined", adder: { account: olga.id } });
  });

  test("[W7] a Welcome that would not fit into a note comes without the tree, and info has it", () => {
    const world = new RoomWorld({ suite: "hybrid" });
    const [olga] = world.person("olga") as [Seat];
    world.create(olga);
    const [first, ...rest] = Array.from({ length: 24 }, (_, at) => world.person(`person-${at}`)[0]!);
    const updates = [first!, ...rest].map(({ account }): RoomUpdate => ({
      kind: "admit",
      record: account.signed,
      role: "member",
    }));
    world.commit(olga, updates, [first!]);
    const packages = rest.map(({ identity }) => world.crypto.createKeyPackage(identity, "hybrid"));
    const made = olga.commit({ add: packages.map(({ keyPackage }) => keyPackage) });
    expect(made.welcomeHasTree).toBe(false);
    world.take(olga, made);
    const common = { room: world.id, welcome: made.welcome!, identity: rest[0]!.identity, ...packages[0]! };
    expect(world.crypto.join(common)).toMatchObject({ rule: "welcome.tree-missing" });
    const key = olga.room.infoKey;
    const wrong = { sealed: world.info, key: random.bytes(32) };
    expect(world.crypto.join({ ...common, info: wrong })).toMatchObject({ rule: "sealed.closed" });
    const joined = world.crypto.join({ ...common, info: { sealed: world.info, key } });
    if (joined.kind !== "joined") throw new Error(joined.rule);
    rest[0]!.step(joined.state);
    world.expectHeard(rest[0]!, "here");
  });
});

describe("leaving", () => {
  test("[W2] who leaves proposes it, and the next commit takes out all its devices", () => {
    const { world, olga, emma, tablet, gina } = five();
    const left = world.crypto.leave(emma.state);
    if (left.kind !== "proposed") throw new Error(left.rule);
    emma.step(left.state);
    for (const seat of world.present.filter((one) => one !== emma))
      expect(seat.receive(left.message)).toMatchObject({ kind: "proposal", by: { account: emma.id } });
    expect(gina.receive(left.message)).toEqual({ kind: "duplicate" });
    // Meanwhile people write on.
    world.expectHeard(olga, "until then");
    // Its other device cannot take both out.
    expect(tablet.commit({}).summary.gone).toEqual([]);
    const summary = world.commit(gina, []);
    expect(summary.changes).toMatchObject([{ kind: "left", account: emma.id }, { kind: "key" }]);
    expect(summary.gone.map(({ account }) => account)).toEqual([emma.id, emma.id]);
    expect([emma.isIn, tablet.isIn]).toEqual([false, false]);
  });

  test("[W3] the last owner cannot leave; of two who want to at once one stays", () => {
    const { world, olga, mona } = five();
    expect(world.crypto.leave(olga.state)).toMatchObject({ kind: "refused", rule: "owner.last" });
    world.commit(olga, [{ kind: "role", account: mona.id, role: "owner" }]);
    for (const owner of [olga, mona]) {
      const left = world.crypto.leave(owner.state);
      if (left.kind !== "proposed") throw new Error(left.rule);
      owner.step(left.state);
      for (const seat of world.present.filter((one) => one !== owner))
        expect(seat.receive(left.message).kind).toBe("proposal");
    }
    const third = world.present.find((seat) => seat !== olga && seat !== mona)!;
    world.commit(third);
    expect([olga.isIn, mona.isIn]).toEqual([false, true]);
    expect(world.crypto.leave(mona.state)).toMatchObject({ rule: "owner.last" });
  });

  test("[W2] a removal wins over a proposal to leave that waits", () => {
    const { world, olga, emil, gina } = five();
    const left = world.crypto.leave(emil.state);
    if (left.kind !== "proposed") throw new Error(left.rule);
    for (const seat of [olga, gina]) seat.receive(left.message);
    emil.step(left.state);
    for (const seat of world.present.filter((one) => ![olga, gina, emil].includes(one)))
      seat.receive(left.message);
    const { changes } = world.commit(olga, [{ kind: "remove", account: emil.id }]);
    expect(changes.map(({ kind }) => kind)).toEqual(["removed", "key"]);
  });
});

describe("at once, late and early", () => {
  test("[W5] of two commits the log takes one; the other's maker drops its own and takes the winner's", () => {
    const { world, olga, mona } = five();
    const winner = mona.commit({ updates: [{ kind: "rename", name: "mona's" }] });
    const loser = olga.commit({ updates: [{ kind: "rename", name: "olga's" }] });
    world.crypto.erase(loser.next, loser.before);
    world.take(mona, winner);
    world.expectAgreement();
    expect(olga.room.name).toBe("mona's");
    for (const seat of world.present.filter((one) => one !== olga))
      expect(seat.receive(loser.message)).toEqual({ kind: "stale-epoch", epoch: 1n });
    // What the loser wanted is made again on the new epoch.
    world.commit(olga, [{ kind: "rename", name: "olga's" }]);
    expect(mona.room.name).toBe("olga's");
  });

  test("[W5] a commit that comes back to its maker is its own", () => {
    const { olga } = five();
    const made = olga.commit({});
    expect(olga.receive(made.message)).toEqual({ kind: "own" });
  });

  test("[W4] late messages open for five epochs; those of somebody removed only from before", () => {
    const { world, olga, emil, gina } = five();
    const old = emil.send("long ago");
    const kept = emil.send("kept");
    world.commit(olga, [{ kind: "remove", account: emil.id }]);
    expect(gina.receive(old)).toMatchObject({ kind: "application", epoch: 1n, sender: { account: emil.id } });
    expect(gina.receive(old)).toEqual({ kind: "duplicate" });
    for (let i = 0; i < 4; i++) world.commit(gina);
    expect(textOf(gina.receive(kept))).toBe("kept");
    world.commit(gina);
    expect(olga.receive(kept)).toEqual({ kind: "stale-epoch", epoch: 1n });
  });

  test("[W4] a message of an epoch that is not here yet waits for its commit", () => {
    const { world, olga, emil, gina } = five();
    const made = olga.commit({});
    for (const seat of world.present.filter((one) => one !== olga && one !== gina))
      seat.receive(made.message);
    olga.step(made.next);
    const early = emil.send("early");
    expect(gina.receive(early)).toEqual({ kind: "future-epoch", epoch: 2n });
    gina.receive(made.message);
    expect(textOf(gina.receive(early))).toBe("early");
  });

  test("clear data beside a message arrives as it was written, and another room's message is told apart", () => {
    const { world, olga, gina } = five();
    const clear = new TextEncoder().encode("clear");
    const { state, message } = world.crypto.encrypt(olga.state, new Uint8Array(3), clear);
    olga.step(state);
    expect(gina.receive(message)).toMatchObject({ kind: "application", authenticatedData: clear });
    expect(olga.receive(message)).toEqual({ kind: "own" });
    expect(five().gina.receive(message)).toEqual({ kind: "wrong-group" });
    expect(world.crypto.header(message)).toEqual({ groupId: world.crypto.groupId(olga.state), epoch: 1n });
    expect(gina.receive(random.bytes(300)).kind).toBe("refused");
  });
});

describe("coming in by itself", () => {
  test("[W4] a device that its account lists comes in with the info, and is heard", () => {
    const { world, emma, olga } = five();
    const account = emma.account;
    const phone = makeDevice({ primitives, random }, account);
    const newer = changed({ primitives }, account, {
      devices: [...account.record.devices, phone.certificate],
    });
    const seat = new Seat(world, { ...newer, devices: [...account.devices, phone] }, 2);
    world.seats.push(seat);
    expect(world.comeIn(seat)).toMatchObject({ kind: "refused", rule: "external.device" });
    world.commit(emma, [{ kind: "record", record: newer.signed }]);
    const received = world.comesIn(seat);
    for (const outcome of received)
      expect(outcome).toMatchObject({
        kind: "commit",
        summary: { external: true, changes: [], joined: [{ account: emma.id, device: phone.id }], gone: [] },
      });
    world.expectHeard(seat, "from the phone");
    world.commit(olga, [{ kind: "remove", account: emma.id }]);
    expect(seat.isIn).toBe(false);
  });

  test("[W4] a device that lost its state comes back in its own place; the former copy is out", () => {
    const { world, emil, olga } = five();
    const former = emil.mls;
    const infoKey = emil.room.infoKey;
    emil.forget();
    world.commit(olga, [{ kind: "rename", name: "meanwhile" }]);
    expect(world.comeIn(emil, infoKey).kind).toBe("joined-externally");
    const copy = new Seat(world, emil.account);
    const received = world.comesIn(emil);
    for (const outcome of received)
      expect(outcome).toMatchObject({
        kind: "commit",
        summary: { joined: [{ account: emil.id }], gone: [{ account: emil.id }] },
      });
    expect(world.crypto.members(olga.state).filter(({ account }) => account === emil.id)).toHaveLength(1);
    world.expectHeard(emil, "back");
    // A copy that followed until then learns that another one stands in its place.
    copy.step(former as never);
    expect(copy.receive(olga.send("hi")).kind).toBe("future-epoch");
  });

  test("[W4] a copy of the state learns that the device came in again elsewhere", () => {
    const { world, emil } = five();
    const copy = new Seat(world, emil.account);
    copy.step(emil.mls as never);
    const outcome = world.comeIn(emil);
    if (outcome.kind !== "joined-externally") throw new Error(outcome.rule);
    expect(copy.receive(outcome.message)).toMatchObject({
      kind: "removed",
      summary: { external: true, by: { account: emil.id }, gone: [{ account: emil.id }] },
    });
  });

  test("[W6] info and commits from outside open under the room's key only, at their own place", () => {
    const { world, emil, olga, gina } = five();
    const outcome = world.comeIn(emil);
    if (outcome.kind !== "joined-externally") throw new Error(outcome.rule);
    const { message } = outcome;
    expect(world.crypto.header(message)).toEqual({ groupId: outcome.groupId, epoch: 1n });
    for (let at = 0; at < message.length; at += 5) {
      const damaged = message.with(at, message[at]! ^ 1);
      expect(["commit", "removed"], `byte ${at}`).not.toContain(
        world.crypto.receive(gina.state, damaged).kind,
      );
    }
    for (let at = 0; at < world.info.length; at += 97) {
      const info = world.info.with(at, world.info[at]! ^ 1);
      const come = world.crypto.joinByItself({
        room: world.id,
        identity: emil.identity,
        info,
        key: olga.room.infoKey,
      });
      expect(come.kind, `byte ${at}`).toBe("refused");
    }
    expect(Buffer.from(message).includes(Buffer.from(emil.identity.credential))).toBe(false);
    world.commit(olga);
    expect(gina.receive(message)).toEqual({ kind: "stale-epoch", epoch: 1n });
  });
});
