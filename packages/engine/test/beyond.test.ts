/** People one hop beyond, and to whom one is shown. */
import { expect, test } from "vitest";
import { causeOf } from "../src/core/causes.ts";
import { friends, type Person, World } from "./world.ts";

/** Carol's server is linked with Alice's and with Bob's, which are not linked with each other. */
async function star(world: World): Promise<{ alice: Person; bob: Person; carol: Person }> {
  const alice = await (await world.home("alice.example")).person("Alice");
  const bob = await (await world.home("bob.example")).person("Bob");
  const carol = await (await world.home("carol.example")).person("Carol");
  await alice.link(carol);
  await bob.link(carol);
  return { alice, bob, carol };
}

const namesOf = async (person: Person): Promise<string[]> =>
  (await person.call("people.list", {})).map(({ displayName, shownBy }) => `${displayName} ${shownBy ?? ""}`);

test("[L23] [L24] who chose to be shown beyond appears while somebody looks, with the server that shows them", async () => {
  await using world = new World();
  const { alice, bob } = await star(world);
  expect(await bob.call("people.visibility", {})).toEqual({ visibility: "linked" });
  await alice.call("people.look", {});
  await world.pass(3_000);
  expect(await namesOf(alice)).toEqual(["Alice ", "Carol "]);

  await bob.call("people.setVisibility", { visibility: "beyond" });
  await world.until(() => alice.knows(bob), "Bob appears");
  expect(await namesOf(alice)).toEqual(["Alice ", "Carol ", "Bob carol"]);
  const found = await alice.call("people.search", { text: "bo" });
  expect(found).toMatchObject([{ displayName: "Bob", shownBy: "carol" }]);
  const serverName = `bob·${bob.home.id.slice(0, 8)}`;
  expect(found[0]).toMatchObject({ serverName, address: `bob@${serverName}` });

  await bob.call("people.setVisibility", { visibility: "hidden" });
  await world.until(async () => !(await alice.knows(bob)), "Bob is gone");
});

test("[H17] searches that come too fast are refused with how long to wait as the one thing to do", async () => {
  await using world = new World();
  const alice = await (await world.home("alice.example")).person("Alice");
  await alice.call("people.look", {});
  const search = () => alice.engine.call("people.search", { text: "bo" }).then(() => undefined, causeOf);
  const causes = await world.during(Promise.all(Array.from({ length: 40 }, search)));
  expect(causes[0]).toBeUndefined();
  expect(causes.at(-1)).toMatchObject({
    code: "rate-limited",
    fix: expect.stringMatching(/^Try again in (a second|\d+ seconds)\.$/),
    retry: "later",
  });
});

test("[L23] whoever hides stays among the people of their contacts, without presence", async () => {
  await using world = new World();
  const { alice, bob } = await friends(world);
  const account = await bob.account();
  const seen: string[] = [];
  alice.engine.onEvent((event) => {
    if (event.type === "people.changed" && event.serverId === bob.home.id)
      seen.push(event.people.map(({ displayName, presence }) => `${displayName} ${presence}`).join());
  });
  await bob.call("people.setVisibility", { visibility: "hidden" });
  await world.until(async () => seen.length > 0, "the list changes");
  expect(seen.at(-1)).toBe("Bob unknown");
  const people = await alice.call("people.list", {});
  expect(people.find((person) => person.account === account)).toMatchObject({ presence: "unknown" });
});

test("[L24] nobody looks for ever: two minutes after the last look people beyond are gone", async () => {
  await using world = new World();
  const { alice, bob } = await star(world);
  await bob.call("people.setVisibility", { visibility: "beyond" });
  await alice.call("people.look", {});
  await world.until(() => alice.knows(bob), "Bob appears");
  await world.pass(125_000);
  expect(await alice.knows(bob)).toBe(false);
});
