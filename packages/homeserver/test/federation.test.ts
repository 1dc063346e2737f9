/** The direct path: link, submit, deliver, acknowledge. */
import { expect, test } from "vitest";
import { World } from "./federation-world.ts";

test("[B14] an envelope submitted here lies in the recipient's inbox there, and its sender is told", async () => {
  const world = new World();
  const [alice, bob] = await world.linkedPair();

  await world.clock.settle(alice.send(bob, "hello"));
  await world.clock.until(() => alice.events("progress").length > 0, "progress is told");

  expect(await bob.inbox()).toEqual(["hello"]);
  expect(alice.events("progress")).toMatchObject([{ server: bob.id, state: "forwarded" }]);
  expect(await alice.store.outboxPage(bob.id, "messages", 0, 10)).toEqual([]);
});

test("[B9] envelopes of one turn leave in one bundle", async () => {
  const world = new World();
  const [alice, bob] = await world.linkedPair();

  await world.clock.settle(Promise.all(["one", "two", "three"].map((text) => alice.send(bob, text))));
  await world.clock.until(() => alice.events("progress").length === 3, "all are forwarded");

  expect(await bob.inbox()).toEqual(["one", "two", "three"]);
  expect((await bob.store.load()).incoming).toMatchObject([{ source: alice.id, committed: 1 }]);
});

test("[B20] what is submitted while the other side is down waits on disk and arrives later", async () => {
  const world = new World();
  const [alice, bob] = await world.linkedPair();
  bob.crash();

  await world.clock.settle(alice.send(bob, "are you there?"));
  await world.clock.advance(60_000);
  expect(alice.link(bob)).toMatchObject({ queueDepth: 1, error: { code: "unreachable" } });
  await bob.start();
  await world.clock.until(() => alice.events("progress").length === 1, "it is forwarded");

  expect(await bob.inbox()).toEqual(["are you there?"]);
});

test("an envelope for a server that nobody linked is refused", async () => {
  const world = new World();
  const alice = await world.homeserver("alice");
  const bob = await world.homeserver("bob");

  await expect(alice.send(bob, "hello")).rejects.toMatchObject({ code: "unknown-server" });
});
