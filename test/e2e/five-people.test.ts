/**
 * A room of five on three homeservers, through all that a room has to live through, on screens in real Chromium: one is
 * taken in and one removed, the hub's process is killed and talk goes on, a sixth comes in under its successor, the hub is
 * back, and all six have one room.
 */
import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import type { Screen } from "../harness/browser.ts";
import { openBrowser, openScreen, phone, picture } from "../harness/browser.ts";
import { openChat, send } from "../harness/chatting.ts";
import type { FedchatProcess } from "../harness/fedchat-process.ts";
import { linkBoth, startClient, startFedchat, until } from "../harness/fedchat-process.ts";

/** Somebody, and the process in which their engine runs. */
interface Person {
  name: string;
  engine: FedchatProcess;
  account: string;
}

test("five people on three homeservers keep one room through a removal, the loss of its hub, a sixth person and the hub's return", async () => {
  await using serverA = await impatient("alice");
  await using serverB = await impatient("bob");
  await using serverC = await impatient("carol");
  const alice = await opens("Alice", serverA);
  const bob = await opens("Bob", serverB);
  const carol = await opens("Carol", serverC);
  await using clientD = await startClient("dave", serverB);
  await using clientE = await startClient("erin", serverC);
  await using clientF = await startClient("frank", serverB);
  const dave = await opens("Dave", clientD, await invitation(serverB));
  const erin = await opens("Erin", clientE, await invitation(serverC));
  const frank = await opens("Frank", clientF, await invitation(serverB));
  await linkBoth(serverA, serverB);
  await linkBoth(serverA, serverC);
  await linkBoth(serverB, serverC);
  for (const other of [bob, carol, dave, erin]) await areContacts(alice, other);
  await areContacts(bob, frank);

  await using browser = await openBrowser();
  const screens: Record<string, Screen> = {};
  for (const [at, { name, engine }] of [alice, bob, carol, dave, erin].entries())
    screens[name] = await openScreen(browser, engine, at % 2 === 1 ? { viewport: phone } : {});
  const page = (name: string): Page => screens[name]!.page;

  // Four of them, and then Erin as well.
  const { roomId } = await serverA.call("rooms.create", {
    ...{ name: "Orchard", people: [bob.account, carol.account, dave.account] },
  });
  for (const name of ["Bob", "Carol", "Dave"]) await joins(page(name));
  await serverA.call("rooms.setRole", { roomId, account: bob.account, role: "owner" });
  await openChat(page("Alice"), "Orchard");
  await send(page("Alice"), "Before Erin came");
  await takesIn(page("Alice"), "Erin");
  await joins(page("Erin"));
  const five = ["Alice", "Bob", "Carol", "Dave", "Erin"];
  for (const name of five) await send(page(name), `${name} is here`);
  for (const reader of five) for (const name of five) await reads(page(reader), `${name} is here`);
  expect(await countOf(page("Erin"), "Before Erin came")).toBe(0);
  await picture(page("Alice"), "five-people");

  // Dave is removed, and gets nothing new: neither on his screen nor in his engine.
  await removes(page("Alice"), "Dave");
  await page("Dave").getByTestId("composer-closed").waitFor();
  await send(page("Alice"), "Without Dave");
  for (const name of ["Bob", "Carol", "Erin"]) await reads(page(name), "Without Dave");
  expect(await countOf(page("Dave"), "Without Dave")).toBe(0);
  expect(await texts(dave, roomId)).not.toContain("Without Dave");

  // The hub is gone without a word: they go on talking.
  await serverA.kill();
  await send(page("Bob"), "Alice is away");
  await send(page("Erin"), "We go on");
  for (const name of ["Bob", "Carol", "Erin"])
    for (const text of ["Alice is away", "We go on"]) await reads(page(name), text);

  // A sixth comes in under the successor.
  await takesIn(page("Bob"), "Frank");
  screens["Frank"] = await openScreen(browser, frank.engine, { colorScheme: "dark" });
  await joins(page("Frank"), 90_000);
  await send(page("Frank"), "Frank is here");
  for (const name of ["Bob", "Carol", "Erin"]) await reads(page(name), "Frank is here");
  await picture(page("Carol"), "five-people-sixth");

  // The old hub returns, with everything that it missed, and all have one room.
  await serverA.start();
  screens["Alice again"] = await openScreen(browser, serverA);
  await openChat(page("Alice again"), "Orchard");
  for (const text of ["Alice is away", "We go on", "Frank is here"]) await reads(page("Alice again"), text);
  await send(page("Alice again"), "Back again");
  const present = ["Bob", "Carol", "Erin", "Frank"];
  for (const name of present) await reads(page(name), "Back again");
  for (const name of present) await send(page(name), `${name} sees all`);
  for (const reader of [...present, "Alice again"])
    for (const name of present) await reads(page(reader), `${name} sees all`);

  const expected = await roomOf(alice, roomId);
  expect(expected).toMatchObject({ people: 5, hub: serverB.info.serverId, missing: 0, underway: [] });
  for (const one of [bob, carol, erin, frank])
    await until(`${one.name} has the same room`, async () => {
      const room = await roomOf(one, roomId);
      return JSON.stringify(room) === JSON.stringify(expected);
    });
  // Whoever was in it all the time has the same messages in their history.
  const history = (await texts(alice, roomId)).toSorted();
  for (const one of [bob, carol]) expect((await texts(one, roomId)).toSorted()).toEqual(history);
  expect(history).not.toContain("");
  expect(await texts(dave, roomId)).not.toContain("Alice is away");
  expect(Object.values(screens).flatMap(({ complaints }) => complaints)).toEqual([]);
});

/** One whose engines give a room's homeserver three seconds. */
async function impatient(name: string): Promise<FedchatProcess> {
  const data = await mkdtemp(join(tmpdir(), `fedchat-${name}-`));
  await writeFile(join(data, "fedchat.toml"), "room_takeover_seconds = 3\n");
  return await startFedchat({ name, data });
}

async function opens(name: string, engine: FedchatProcess, registrationToken?: string): Promise<Person> {
  const token = registrationToken === undefined ? {} : { registrationToken };
  const { account } = await engine.call("account.create", { displayName: name, ...token });
  return { name, engine, account };
}

/** What its administrator gives to somebody who comes to live there. */
async function invitation(server: FedchatProcess): Promise<string> {
  return (await server.call("accountInvitations.create", {})).link;
}

async function areContacts(asking: Person, asked: Person): Promise<void> {
  await until(`${asking.name} sees ${asked.name}`, async () =>
    (await asking.engine.call("people.list", { refresh: true })).some(
      ({ account }) => account === asked.account,
    ),
  );
  await asking.engine.call("requests.send", { who: asked.account, text: "May I?" });
  const request = await until("the request arrives", async () =>
    (await asked.engine.call("requests.list", {})).find(({ state }) => state === "pending"),
  );
  await asked.engine.call("requests.accept", { requestId: request.requestId });
  await until("they are contacts", async () =>
    (await asking.engine.call("contacts.list", {})).some(({ account }) => account === asked.account),
  );
}

async function joins(page: Page, timeout = 30_000): Promise<void> {
  await page.getByTestId("room-card").getByTestId("join-room").click({ timeout });
  await page.getByTestId("composer").waitFor();
}

async function takesIn(page: Page, name: string): Promise<void> {
  await withDetails(page);
  await page.getByTestId("add-people").click();
  await page.locator(`[data-testid="picker-row"][data-name="${name}"]`).click();
  await page.getByTestId("add-people-do").click();
  await page.getByTestId("add-people-dialog").waitFor({ state: "hidden" });
  await withoutDetails(page);
}

async function removes(page: Page, name: string): Promise<void> {
  await withDetails(page);
  await page.getByRole("button", { name: `What to do with ${name}` }).click();
  await page.getByTestId("remove-person").click();
  await page.getByTestId("confirm-action").click();
  await withoutDetails(page);
}

async function withDetails(page: Page): Promise<void> {
  if (!(await page.getByTestId("add-people").isVisible())) await page.getByTestId("details").click();
}

async function withoutDetails(page: Page): Promise<void> {
  const close = page.getByRole("button", { name: "Close" });
  if (await close.isVisible()) await close.click();
  // What lies under the pointer now tells what it is, over what is clicked next.
  await page.mouse.move(0, 0);
  await page.getByTestId("composer").waitFor();
}

const reads = (page: Page, text: string): Promise<void> =>
  page.getByTestId("message-text").filter({ hasText: text }).first().waitFor();

const countOf = (page: Page, text: string): Promise<number> =>
  page.getByTestId("message-text").filter({ hasText: text }).count();

async function texts({ engine }: Person, roomId: string): Promise<string[]> {
  const { messages } = await engine.call("messages.list", { roomId, limit: 200 });
  return messages.filter(({ kind }) => kind === "text").map(({ text }) => text);
}

/** What must be the same for everybody in it. */
async function roomOf({ engine }: Person, roomId: string) {
  const { group, missing, title } = await engine.call("rooms.get", { roomId });
  const { people, hub, underway } = group!;
  const members = await engine.call("rooms.people", { roomId });
  return {
    ...{ title, people, missing, underway, hub: hub?.serverId },
    members: members.map(({ person, role }) => `${person.account} ${role}`).toSorted(),
  };
}
