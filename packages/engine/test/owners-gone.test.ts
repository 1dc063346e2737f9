/** Rooms whose owners are gone: the heir, or most of the moderators, and only when the log says that it is time. */
import * as mls from "@fedchat/mls";
import { expect, test } from "vitest";
import { applyUpdate, timeFault } from "../src/room-state/apply-update.ts";
import type { RoomState } from "../src/room-state/room-state.ts";
import type { RoomUpdate } from "../src/room-state/room-update.ts";
import { careless, updateProposal } from "./careless.ts";
import { appends } from "./hostile-member.ts";
import { person, roomOf, rolesOf } from "./room-people.ts";
import { group, lines, opened } from "./room-scene.ts";
import { nodePrimitives as primitives } from "@fedchat/protocol/primitives/node";
import { type Person, World } from "./world.ts";

const dayMs = 86_400_000;

const succession = async (of: Person) => (await group(of)).group?.succession ?? null;
const roleOf = async (of: Person) => (await group(of)).group?.role;

/** Time passes in which nobody does anything. */
async function days(world: World, count: number): Promise<void> {
  world.clock.skip(count * dayMs);
  await world.pass(2_000);
}

async function said(person_: Person, roomId: string, line: string): Promise<void> {
  await person_.home.world.until(async () => (await lines(person_, roomId)).includes(line), line);
}

test("[W17] [W2] [W3] who may follow the owners is set by them, claimed by the heir or moderators, and counts by the log's time", () => {
  const [olga, mona, mira, emma] = ["olga", "mona", "mira", "emma"].map((name) => person(name)) as [
    ReturnType<typeof person>,
    ReturnType<typeof person>,
    ReturnType<typeof person>,
    ReturnType<typeof person>,
  ];
  const bare = roomOf([
    [olga, "owner"],
    [mona, "moderator"],
    [mira, "moderator"],
    [emma, "member"],
  ]);
  const outcome = (state: RoomState, update: RoomUpdate, by: typeof olga, logAt?: number) =>
    applyUpdate(state, update, by.id, primitives, logAt);
  const after = (state: RoomState, update: RoomUpdate, by: typeof olga, logAt?: number): RoomState => {
    const applied = outcome(state, update, by, logAt);
    if (applied.kind === "refused") throw new Error(applied.rule);
    return applied.state;
  };
  const rule = (...args: Parameters<typeof outcome>) => {
    const refused = outcome(...args);
    return refused.kind === "refused" ? refused.rule : refused.kind;
  };
  const claim = (at: number): RoomUpdate => ({ kind: "claim", at });

  expect(rule(bare, claim(0), mona)).toBe("claim.off");
  expect(rule(bare, { kind: "succession", days: 30 }, mona)).toBe("right.succession");
  expect(rule(bare, { kind: "succession", heir: olga.id, days: 30 }, olga)).toBe("heir.unknown");
  expect(rule(bare, { kind: "succession", heir: person("x").id, days: 30 }, olga)).toBe("heir.unknown");

  const heired = after(bare, { kind: "succession", heir: emma.id, days: 30 }, olga);
  const t = 1_800_000_000_000;
  expect(rule(heired, claim(t), emma, t + dayMs + 1)).toBe("claim.stamp");
  expect(rule(heired, claim(t), emma, t - dayMs - 1)).toBe("claim.stamp");
  const byHeir = after(heired, claim(t), emma, t + 5);
  expect(rule(byHeir, claim(t), emma)).toBe("claim.already");
  expect(rule(byHeir, { kind: "succeed" }, emma, t + 30 * dayMs - 1)).toBe("claim.time");
  expect(rule(byHeir, { kind: "succeed" }, mona, t + 30 * dayMs)).toBe("claim.none");
  const done = after(byHeir, { kind: "succeed" }, emma, t + 30 * dayMs);
  expect(rolesOf(done).get(emma.id)).toBe("owner");
  expect(rolesOf(done).get(olga.id)).toBe("owner");
  expect(done.claim).toBeUndefined();
  // An owner ends it; a claimant takes only their own part back.
  expect(after(byHeir, { kind: "unclaim" }, olga).claim).toBeUndefined();
  expect(rule(byHeir, { kind: "unclaim" }, mona)).toBe("claim.none");
  // One of two moderators is not most of them.
  const one = after(heired, claim(t), mona, t);
  expect(rule(one, { kind: "succeed" }, mona, t + 31 * dayMs)).toBe("claim.few");
  const both = after(one, claim(t + 9 * dayMs), mira, t + 9 * dayMs);
  const owned = after(both, { kind: "succeed" }, mira, t + 30 * dayMs);
  expect([mona, mira, emma].map(({ id }) => rolesOf(owned).get(id))).toEqual(["owner", "owner", "member"]);
  // Whoever moderates no more claims no more; an heir who goes is none.
  expect(after(one, { kind: "role", account: mona.id, role: "member" }, olga).claim).toBeUndefined();
  expect(after(byHeir, { kind: "remove", account: emma.id }, olga)).toMatchObject({
    succession: { days: 30 },
  });
  expect(after(byHeir, { kind: "succession", days: 0 }, olga)).not.toHaveProperty("succession");
  expect(timeFault({ kind: "renamed", by: olga.id, name: "", former: "" }, 0)).toBeUndefined();
});

test("[W17] the heir owns the room when its owners were away for as long as they set, and not before", async () => {
  await using world = new World("real");
  const { alice, bob, carol, roomId } = await opened(world);
  expect(await succession(bob)).toBeNull();
  expect(await bob.failure("rooms.claim", { roomId })).toBe("room-rule");
  await alice.call("rooms.setSuccession", { roomId, heir: await bob.account(), days: 30 });
  await world.until(async () => (await succession(bob))?.mayClaim === true, "bob to be the heir");
  expect(await succession(carol)).toMatchObject({
    days: 30,
    heir: { name: "Bob" },
    claim: null,
    mayClaim: false,
  });
  await alice.close();
  await bob.call("rooms.claim", { roomId });
  await world.until(async () => (await succession(carol))?.claim?.by.length === 1, "the claim");
  await said(
    carol,
    roomId,
    "Bob said that the owners of this room are gone, and claims it. Any owner ends that by opening FedChat.",
  );
  await days(world, 29);
  expect(await roleOf(bob)).toBe("member");
  await days(world, 2);
  await world.until(async () => (await roleOf(bob)) === "owner", "bob to own it");
  await said(
    carol,
    roomId,
    "The owners were gone for as long as they had set: the room is now owned by Bob, too.",
  );
  await bob.call("rooms.rename", { roomId, name: "Inherited" });
  await world.until(async () => (await group(carol)).title === "Inherited", "the new name");
  alice.open();
  await alice.goOnline();
  await world.until(async () => (await group(alice)).title === "Inherited", "alice to follow");
});

test("[W17] an owner who opens FedChat ends a claim; moderators need most of them", async () => {
  await using world = new World("real");
  const { alice, bob, carol, roomId } = await opened(world);
  await alice.call("rooms.setSuccession", { roomId, heir: null, days: 30 });
  for (const other of [bob, carol])
    await alice.call("rooms.setRole", { roomId, account: await other.account(), role: "moderator" });
  await world.until(async () => (await roleOf(carol)) === "moderator", "carol's role");
  await world.until(async () => (await succession(bob))?.mayClaim === true, "bob's right");
  await bob.call("rooms.claim", { roomId });
  await said(bob, roomId, "Alice is here: nobody claims the room any more.");
  await alice.close();
  await bob.call("rooms.claim", { roomId });
  await world.until(async () => (await succession(carol))?.claim?.by.length === 1, "bob's claim");
  await days(world, 31);
  await days(world, 1);
  expect(await roleOf(bob)).toBe("moderator");
  await carol.call("rooms.claim", { roomId });
  for (const one of [bob, carol])
    await world.until(async () => {
      world.clock.skip(3_600_000);
      return (await roleOf(one)) === "owner";
    }, "both to own it");
});

test("[W17] [W5] who says that it is time before it is, or that it was long ago, is passed over and named", async () => {
  await using world = new World("real");
  const { alice, bob, carol, roomId } = await opened(world);
  await alice.call("rooms.setSuccession", { roomId, heir: await bob.account(), days: 30 });
  await world.until(async () => (await succession(bob))?.mayClaim === true, "bob to be the heir");
  await alice.close();
  const commits = async (update: RoomUpdate) => {
    await appends(bob, roomId, (state) => {
      const room = world.groups.room(state);
      const { access, servers, info, epoch } = world.groups.epochForLog(state);
      const proposals = [updateProposal(update)];
      const made = mls.commit(state, { proposals }, careless(room, world.clock.now()));
      if (made.kind === "refused") throw new Error(made.rule);
      const place = {
        group: world.groups.groupId(state),
        epoch: Number(epoch),
        access,
        servers: [...servers],
      };
      return { item: { kind: "commit", external: false, message: made.commit, ...place }, info };
    });
  };
  const passed = (reason: string) =>
    `Bob's FedChat made a change that the room's rules do not allow: ${reason} Everybody's FedChat passes over it.`;
  await commits({ kind: "claim", at: world.clock.now() - 40 * dayMs });
  await said(carol, roomId, passed("A claim's time is not that of the room's server."));
  await bob.call("rooms.claim", { roomId });
  await world.until(async () => (await succession(carol))?.claim?.by.length === 1, "the claim");
  await commits({ kind: "succeed" });
  await said(
    carol,
    roomId,
    passed("The time that the owners set has not come, by the clock of the room's server."),
  );
  expect(await roleOf(bob)).toBe("member");
});
