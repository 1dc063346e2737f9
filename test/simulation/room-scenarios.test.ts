/** What seeds have shown of rooms of many, as short stories. */
import { expect, test } from "vitest";
import { becomeContacts } from "./meeting.ts";
import { agreement } from "./room-checkers.ts";
import { stateOf } from "./room-deeds.ts";
import { linesOf, roomOf } from "./room-scenes.ts";
import { simulate } from "./simulate.ts";

const threeAroundAlice = { homeservers: 3, topology: "star" } as const;

test("[W3] whoever leaves while the hub is away, and is made the only owner meanwhile, is in again and is told so", async () => {
  await using network = await simulate({ seed: 26, ...threeAroundAlice });
  const room = await network.during(roomOf(network, "alice", ["bob", "carol"]));
  const [alice, bob] = [network.device("alice"), network.device("bob")];
  network.network.partition(["bob"], ["alice", "carol"]);
  await network.during(bob.call("rooms.leave", { roomId: room }));
  const asked = { roomId: room, account: bob.account, role: "owner" } as const;
  await network.during(alice.call("rooms.setRole", asked));
  await network.clock.advance(30_000);
  await network.during(alice.call("rooms.leave", { roomId: room }));
  await network.clock.advance(60_000);
  network.network.heal(["bob"], ["alice", "carol"]);
  await network.clock.advance(600_000);
  expect(stateOf(bob, room)).toBe("open");
  expect(linesOf(network, "bob", room, "notice").join("\n")).toMatch(/Leaving was not possible/);
  expect(agreement(network, room)).toEqual([]);
});

test("[O7] a message that somebody refuses who has just left has not failed: the others have it", async () => {
  await using network = await simulate({ seed: 19, ...threeAroundAlice });
  const room = await network.during(roomOf(network, "alice", ["bob", "carol"]));
  const [bob, carol] = [network.device("bob"), network.device("carol")];
  // So that bob cannot know yet.
  network.network.partition(["alice"], ["bob"]);
  await network.during(carol.call("rooms.leave", { roomId: room }));
  await network.clock.advance(30_000);
  await network.during(bob.tries("messages.send", { roomId: room, text: "who is here?" }));
  await network.clock.advance(30_000);
  network.network.heal(["alice"], ["bob"]);
  await network.clock.advance(600_000);
  const { messages } = await network.during(bob.call("messages.list", { roomId: room, limit: 500 }));
  expect(messages.filter(({ kind }) => kind === "text")).toMatchObject([{ state: "delivered" }]);
  expect(bob.database.get("SELECT count(*) AS n FROM outgoing")).toEqual({ n: 0 });
  expect(linesOf(network, "alice", room, "text")).toEqual(["who is here?"]);
});

test("[Z2] [O7] what was written before an invitation came is asked for as soon as its person says yes", async () => {
  await using network = await simulate({ seed: 243, ...threeAroundAlice });
  const room = await network.during(roomOf(network, "alice", ["bob"]));
  const [alice, bob, carol] = ["alice", "bob", "carol"].map((name) => network.device(name));
  network.acquaintance.acquaint("bob", "carol");
  await network.during(becomeContacts(network, ["alice", "carol"]));
  await network.clock.advance(10_000);
  // Her homeserver, which is not linked with Bob's, lets in what is of rooms that she follows.
  carol!.crash();
  await network.during(alice!.call("rooms.invite", { roomId: room, who: carol!.account }));
  await network.clock.advance(30_000);
  await network.during(bob!.call("messages.send", { roomId: room, text: "before", clientId: "before" }));
  await network.clock.advance(30_000);
  carol!.start();
  await network.clock.advance(30_000);
  await network.during(bob!.call("messages.send", { roomId: room, text: "behind", clientId: "behind" }));
  await network.clock.advance(30_000);
  expect([stateOf(carol!, room), linesOf(network, "carol", room, "text")]).toEqual(["invited", ["behind"]]);

  await network.during(carol!.call("rooms.join", { roomId: room }));
  await network.clock.advance(30_000);
  expect(linesOf(network, "carol", room, "text")).toEqual(["before", "behind"]);
});
