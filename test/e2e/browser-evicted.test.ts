/**
 * A browser deletes what FedChat keeps in it, as browsers do where space runs low and as people do in its settings: who
 * comes back has everything again, in their rooms too, and the device that is gone is gone for everybody.
 */
import AxeBuilder from "@axe-core/playwright";
import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import type { Hub } from "../harness/app-hub.ts";
import { ca, deleteOf, hubHost, openPerson, password, register, startHub } from "../harness/app-hub.ts";
import { desktop, phone, picture } from "../harness/browser.ts";
import { openChat, send } from "../harness/chatting.ts";
import type { FedchatProcess } from "../harness/fedchat-process.ts";
import { startClient, until } from "../harness/fedchat-process.ts";
import { openBrowserElsewhere } from "../harness/trusting-browser.ts";

test("[J7] [F10] [U6] [U7] what a browser deleted comes back by the password: contacts, rooms and history, and the former device is out", async () => {
  await using hub = await startHub("--registration", "open");
  await using bob = await friend("Bob", hub);
  await using carol = await friend("Carol", hub);
  await using elsewhere = await openBrowserElsewhere(hubHost, ca);
  const alice = await openPerson(elsewhere.browser, `${hub.origin}/app`, desktop);
  const { page, context } = alice;
  await register(page, "Alice");
  for (const who of [bob, carol]) await meet(page, who);
  await openChat(page, "Bob");
  await send(page, "Bring the blue rope");
  await openRoom(page, [bob, carol]);
  await send(page, "We meet at the mill");
  await heard(carol, "Weekend", "We meet at the mill");
  await archived(page, hub);

  // The engine's files alone: this browser still knows whose account it was, and as which device.
  await deleteOf(alice, hub, "file_systems");
  await page.getByText("Your browser deleted what FedChat kept").waitFor();
  await looks(page, "evicted-first-run");
  await page.getByTestId("sign-in-password").fill(password);
  await page.getByTestId("sign-in-start").click();
  await isBack(page, { bob, carol }, "back the first time");
  expect(await devices(page, hub)).toBe(1);
  expect(await page.getByTestId("perhaps-gone").count()).toBe(0);
  await archived(page, hub);

  // Everything of this site: it cannot know which of the account's devices it was, and asks.
  await deleteOf(alice, hub, "all");
  await page.getByRole("button", { name: "I have an account on this server" }).click();
  await page.getByTestId("sign-in-handle").fill("alice");
  await page.getByTestId("sign-in-password").fill(password);
  await page.getByTestId("sign-in-start").click();
  await page.getByTestId("perhaps-gone").waitFor();
  await looks(page, "evicted-perhaps-gone");
  expect(await devices(page, hub)).toBe(2);
  await page.getByTestId("gone-revoke").click();
  // Right after the password was given the account's key may be here still.
  const asked = page.getByTestId("device-password-field");
  const isOff = async () => (await page.getByTestId("device").count()) === 1;
  await until("the password is asked for", async () => (await asked.isVisible()) || (await isOff()));
  if (!(await isOff())) {
    await asked.fill(password);
    await asked.press("Enter");
  }
  await until("it is off the list", isOff);
  await page.getByTestId("perhaps-gone").waitFor({ state: "hidden" });
  await page.getByTestId("nav-chats").click();
  await isBack(page, { bob, carol }, "back the second time");
  await archived(page, hub);

  // While FedChat is open: it notices by itself, says so, and comes back the same way.
  await page.goto(`${hub.origin}/app`);
  await openChat(page, "Weekend");
  const devtools = await context.newCDPSession(page);
  await devtools.send("Storage.clearDataForOrigin", { origin: hub.origin, storageTypes: "all" });
  await page.getByText("Your browser deleted what FedChat kept").waitFor();
  expect(await page.getByTestId("sign-in-handle").inputValue()).toBe("alice");
  await page.getByTestId("sign-in-password").fill(password);
  await page.getByTestId("sign-in-start").click();
  await isBack(page, { bob, carol }, "back the third time");
  expect(await devices(page, hub)).toBe(1);
  // What an engine complains of in the moment in which its files go is the browser's doing.
  expect(alice.complaints.filter((one) => !/SQLITE_|SAH|access handle/i.test(one))).toEqual([]);
});

test("[J7] a spent quota is said where somebody writes, and what was written goes out once there is room; an account that is nowhere else is warned of", async () => {
  await using hub = await startHub("--registration", "open");
  await using bob = await friend("Bob", hub);
  await using elsewhere = await openBrowserElsewhere(hubHost, ca);
  const alice = await openPerson(elsewhere.browser, `${hub.origin}/app`, desktop);
  const { page, context } = alice;
  await register(page, "Alice", "");
  await page.getByTestId("nowhere-else").waitFor();
  await looks(page, "nowhere-else");
  await meet(page, bob);
  await openChat(page, "Bob");
  await send(page, "there is room");

  const { origin } = hub;
  const devtools = await context.newCDPSession(page);
  await devtools.send("Storage.overrideQuotaForOrigin", { origin, quotaSize: 100_000 });
  await page.getByTestId("composer").fill(`no room ${"for all of this ".repeat(4_000)}`);
  await page.getByTestId("composer").press("Enter");
  const why = "There is no room left for FedChat in this browser. Nothing was lost. Free some space.";
  await page.getByText(why).first().waitFor();
  await looks(page, "quota-spent");
  await devtools.send("Storage.overrideQuotaForOrigin", { origin });
  await page.getByTestId("composer").press("Enter");
  await heard(bob, "Alice", "no room for all of this");

  // With a password there is a way back, and nothing to warn of but what browsers do.
  await page.goto(`${origin}/app`);
  await page.getByTestId("nowhere-else").getByRole("button", { name: "Set the password" }).click();
  await page.getByTestId("new-password").fill(password);
  await page.getByTestId("new-password").press("Enter");
  await page.getByTestId("nav-chats").click();
  await page.getByTestId("may-delete").waitFor();
  expect(await page.getByTestId("nowhere-else").count()).toBe(0);
  await page.goto(`${origin}/app/settings/device`);
  await page.getByTestId("kept-here").getByText("The browser may delete it").waitFor();
  await looks(page, "kept-here");
  expect(alice.complaints).toEqual([]);
});

/** Somebody on the same homeserver with an engine of their own, driven without a screen. */
async function friend(name: string, hub: Hub): Promise<FedchatProcess> {
  const engine = await startClient(name.toLowerCase(), hub.process);
  await engine.call("account.create", { displayName: name });
  return engine;
}

/** They ask; whoever is at the screen says yes. */
async function meet(page: Page, who: FedchatProcess): Promise<void> {
  await who.call("requests.send", { who: "@alice", text: "May I?" });
  await page.getByTestId("request-dialog").getByTestId("accept").click();
  await until("they are contacts", async () => (await who.call("contacts.list", {})).length === 1);
}

async function openRoom(page: Page, people: FedchatProcess[]): Promise<void> {
  await page.getByTestId("nav-chats").click();
  await page.getByTestId("new-room").click();
  await page.getByTestId("room-name").fill("Weekend");
  for (const name of ["Bob", "Carol"])
    await page.locator(`[data-testid="picker-row"][data-name="${name}"]`).click();
  await page.getByTestId("open-room").click();
  for (const who of people) await who.call("rooms.join", { roomId: (await roomOf(who, "Weekend")).roomId });
}

const roomOf = (who: FedchatProcess, title: string) =>
  until(`${title} is there`, async () =>
    (await who.call("rooms.list", {})).find((room) => room.title === title),
  );

async function heard(who: FedchatProcess, title: string, text: string): Promise<void> {
  const { roomId } = await roomOf(who, title);
  await until(
    `'${text}' arrives`,
    async () =>
      (await who.call("messages.list", { roomId })).messages.some((one) => one.text?.startsWith(text)),
    60_000,
  );
}

/** Everything that is kept here stands in the archive. */
async function archived(page: Page, hub: Hub): Promise<void> {
  await page.goto(`${hub.origin}/app/settings/history`);
  await page.getByTestId("archive-standing").filter({ hasText: "Everything" }).waitFor({ timeout: 120_000 });
}

/** Contacts, rooms and history are there, and both ways are open in both chats. */
async function isBack(
  page: Page,
  { bob, carol }: { bob: FedchatProcess; carol: FedchatProcess },
  text: string,
): Promise<void> {
  await page.getByTestId("chat-list").waitFor({ timeout: 60_000 });
  for (const [title, former, who] of [
    ["Bob", "Bring the blue rope", bob],
    ["Weekend", "We meet at the mill", carol],
  ] as const) {
    await openChat(page, title);
    await textIn(page, former).waitFor({ timeout: 60_000 });
    await page.getByTestId("composer").waitFor({ timeout: 60_000 });
    await send(page, `${text} in ${title}`);
    const theirs = title === "Bob" ? "Alice" : title;
    await heard(who, theirs, `${text} in ${title}`);
    await who.call("messages.send", { roomId: (await roomOf(who, theirs)).roomId, text: `heard, ${text}` });
    await textIn(page, `heard, ${text}`).waitFor({ timeout: 60_000 });
  }
}

async function devices(page: Page, hub: Hub): Promise<number> {
  await page.goto(`${hub.origin}/app/settings/devices`);
  await page.getByTestId("device").first().waitFor();
  return page.getByTestId("device").count();
}

const textIn = (page: Page, text: string) => page.getByTestId("message-text").filter({ hasText: text });

/** On a desktop and on a phone, light and dark, without a serious finding. */
async function looks(page: Page, name: string): Promise<void> {
  for (const [device, size] of Object.entries({ phone, desktop })) {
    await page.setViewportSize(size);
    for (const colorScheme of ["dark", "light"] as const) {
      await page.emulateMedia({ colorScheme });
      await picture(page, `${name}-${device}-${colorScheme}`);
      const { violations } = await new AxeBuilder({ page }).analyze();
      const serious = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
      expect(serious.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`)).toEqual([]);
    }
  }
}
