/**
 * A room of three, as people meet it: three homeservers started with `fedchat start`, three screens in real Chromium.
 * Bob and Carol do not know each other; Alice knows both. Opened, joined, talked in, renamed, with one removed and one
 * who leaves.
 */
import { AxeBuilder } from "@axe-core/playwright";
import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import { desktop, openBrowser, openScreen, phone, picture } from "../harness/browser.ts";
import { openChat, send } from "../harness/chatting.ts";
import type { FedchatProcess } from "../harness/fedchat-process.ts";
import { befriend, linkBoth, startFedchat, until } from "../harness/fedchat-process.ts";

test("three people on three servers open a room, join it, talk, and see who is in it and who is not any more", async () => {
  await using serverA = await startFedchat({ name: "alice" });
  await using serverB = await startFedchat({ name: "bob" });
  await using serverC = await startFedchat({ name: "carol" });
  await accounts(serverA, serverB, serverC);
  await using browser = await openBrowser();
  const alice = await openScreen(browser, serverA);
  const bob = await openScreen(browser, serverB, { viewport: phone });
  const carol = await openScreen(browser, serverC, { viewport: phone, colorScheme: "dark" });

  await openRoom(alice.page);

  // Both are told who invites them to what, and are in only when they say so.
  await bob.page.getByTestId("room-card").waitFor();
  await noSeriousFindings(bob.page);
  await picture(bob.page, "rooms-card-phone-light");
  await bob.page.getByTestId("room-card").getByTestId("join-room").click();
  await bob.page.getByTestId("composer").waitFor();

  await carol.page.getByTestId("room-card").getByRole("button", { name: "Later" }).click();
  await openChat(carol.page, "Weekend");
  const invitation = carol.page.getByTestId("room-invitation");
  await invitation.waitFor();
  expect(await invitation.innerText()).toContain("Alice took you into this room");
  expect(await invitation.innerText()).toContain("3 people");
  expect(await carol.page.getByTestId("composer").count()).toBe(0);
  await everyLook(carol.page, "rooms-invited");
  await invitation.getByTestId("join-room").click();
  await carol.page.getByTestId("composer").waitFor();

  // All three talk, and each sees the others by their names.
  await send(alice.page, "Shall we take the early train?");
  await send(bob.page, "Bob says yes");
  await send(carol.page, "Carol brings the map");
  await send(carol.page, "and the stove");
  await sees(alice.page, { Bob: "Bob says yes", Carol: "Carol brings the map" });
  await sees(bob.page, { Alice: "Shall we take the early train?", Carol: "Carol brings the map" });
  await sees(carol.page, { Alice: "Shall we take the early train?", Bob: "Bob says yes" });
  await everyLook(carol.page, "rooms-conversation");

  // A name opens who that is: Carol may ask Bob for a chat, whom she does not know.
  await carol.page.getByTestId("sender").filter({ hasText: "Bob" }).first().click();
  await carol.page.getByTestId("room-person-view").getByTestId("request-chat").waitFor();
  await everyLook(carol.page, "rooms-person");
  await carol.page.getByTestId("request-text").fill("We are both in Weekend");
  await carol.page.getByTestId("request-chat").click();
  await carol.page.getByTestId("request-pending").waitFor();
  await bob.page.getByTestId("request-dialog").filter({ hasText: "We are both in Weekend" }).waitFor();
  await bob.page.getByTestId("request-dialog").getByRole("button", { name: "Later" }).click();
  await carol.page.getByTestId("person-back").click();
  await people(carol.page, ["Carol:member", "Alice:owner", "Bob:member"]);
  await carol.page.getByRole("button", { name: "Close" }).click();

  // Another name, for all.
  await alice.page.getByTestId("details").click();
  await people(alice.page, ["Alice:owner", "Bob:member", "Carol:member"]);
  await alice.page.getByTestId("rename-room").click();
  await alice.page.getByTestId("rename-field").fill("Mountains");
  await alice.page.getByTestId("rename-do").click();
  await openChat(bob.page, "Mountains");
  await openChat(carol.page, "Mountains");
  await everyLook(alice.page, "rooms-people");

  // Alice removes Carol: her screen says so, keeps what she read, and gets nothing new.
  await alice.page.getByRole("button", { name: "What to do with Carol" }).click();
  await alice.page.getByTestId("remove-person").click();
  await picture(alice.page, "rooms-remove-desktop-light");
  await alice.page.getByTestId("confirm-action").click();
  await people(alice.page, ["Alice:owner", "Bob:member"]);
  const closed = carol.page.getByTestId("composer-closed");
  await closed.filter({ hasText: "You are not in this room any more." }).waitFor();
  await send(alice.page, "Carol does not see this");
  await bob.page.getByTestId("message-text").filter({ hasText: "Carol does not see this" }).waitFor();
  await carol.page.getByTestId("message-text").filter({ hasText: "Bob says yes" }).waitFor();
  expect(await carol.page.getByText("Carol does not see this").count()).toBe(0);
  await everyLook(carol.page, "rooms-removed");

  // Bob leaves. Alice, the last owner with nobody else in it, stays.
  await bob.page.getByTestId("details").click();
  await bob.page.getByTestId("leave-room").click();
  await bob.page.getByTestId("leave-do").click();
  await bob.page.getByTestId("composer-closed").filter({ hasText: "You left this room." }).waitFor();
  await people(alice.page, ["Alice:owner"]);
  await alice.page.getByText("Bob left.").first().waitFor();

  expect([...alice.complaints, ...bob.complaints, ...carol.complaints]).toEqual([]);
});

test("the last owner of a room with others in it is told to make somebody else an owner first", async () => {
  await using serverA = await startFedchat({ name: "alice" });
  await using serverB = await startFedchat({ name: "bob" });
  await using serverC = await startFedchat({ name: "carol" });
  await accounts(serverA, serverB, serverC);
  await using browser = await openBrowser();
  const alice = await openScreen(browser, serverA, { colorScheme: "dark" });
  const bob = await openScreen(browser, serverB);
  await openRoom(alice.page);
  await bob.page.getByTestId("join-room").first().click();
  await bob.page.getByTestId("composer").waitFor();

  // Bob is to own the room should its owners be gone. Alice is not.
  await alice.page.getByTestId("details").click();
  await alice.page.getByTestId("room-heir").selectOption({ label: "Bob" });
  await alice.page.getByTestId("room-heir-days").waitFor();
  await alice.page.getByTestId("room-succession").scrollIntoViewIfNeeded();
  await everyLook(alice.page, "rooms-heir");
  await bob.page.getByTestId("details").click();
  await bob.page.getByTestId("room-claim").click();
  await picture(bob.page, "rooms-claim-desktop-light");
  await bob.page.getByTestId("confirm-action").click();
  await bob.page.getByText("Alice is here: nobody claims the room any more.").first().waitFor();
  for (const { page } of [alice, bob]) await page.getByRole("button", { name: "Close" }).click();

  await command(alice.page, "Leave this room");
  await alice.page.getByTestId("leave-do").click();
  await alice.page.getByText("Make somebody else an owner first").waitFor();
  await picture(alice.page, "rooms-last-owner-desktop-dark");
  await alice.page.getByTestId("leave-people").click();
  await alice.page.getByRole("button", { name: "What to do with Bob" }).click();
  await alice.page.getByTestId("make-owner").click();
  await alice.page.getByTestId("confirm-action").click();
  await alice.page.locator('[data-testid="room-person"][data-name="Bob"][data-role="owner"]').waitFor();
  await command(alice.page, "Leave this room");
  await alice.page.getByTestId("leave-do").click();
  await alice.page.getByTestId("composer-closed").filter({ hasText: "You left this room." }).waitFor();

  // Whoever is banned stands in a list, and is let in again from there.
  await bob.page.getByTestId("details").click();
  await bob.page.getByRole("button", { name: "What to do with Carol" }).click();
  await bob.page.getByTestId("ban-person").click();
  await bob.page.getByTestId("confirm-action").click();
  await bob.page.getByTestId("banned").filter({ hasText: "Carol" }).waitFor();
  await picture(bob.page, "rooms-banned-desktop-light");
  await noSeriousFindings(bob.page);
  // That Alice left is committed by whoever stays, whatever else was changed meanwhile.
  await people(bob.page, ["Bob:owner"]);
  await bob.page.getByTestId("unban").click();
  await bob.page.getByTestId("banned").waitFor({ state: "hidden" });
  expect([...alice.complaints, ...bob.complaints]).toEqual([]);
});

test("whoever says no is out, and can be taken in again", async () => {
  await using serverA = await startFedchat({ name: "alice" });
  await using serverB = await startFedchat({ name: "bob" });
  await befriend(serverA, serverB);
  await using browser = await openBrowser();
  const alice = await openScreen(browser, serverA);
  const bob = await openScreen(browser, serverB, { viewport: phone });
  await alice.page.getByTestId("new-room").click();
  await alice.page.getByTestId("room-name").fill("Weekend");
  await alice.page.locator('[data-testid="picker-row"][data-name="Bob"]').click();
  await alice.page.getByTestId("open-room").click();
  await alice.page.getByTestId("composer").waitFor();

  await bob.page.getByTestId("room-card").getByTestId("decline-room").click();
  await bob.page.getByTestId("room-card").waitFor({ state: "hidden" });
  await openChat(bob.page, "Weekend");
  await bob.page.getByTestId("composer-closed").filter({ hasText: "You left this room." }).waitFor();
  await alice.page.getByTestId("details").click();
  await people(alice.page, ["Alice:owner"]);

  await alice.page.getByTestId("add-people").click();
  await alice.page.locator('[data-testid="picker-row"][data-name="Bob"]').click();
  await everyLook(alice.page, "rooms-add");
  await alice.page.getByTestId("add-people-do").click();
  await alice.page.getByTestId("add-people-dialog").waitFor({ state: "hidden" });
  await bob.page.getByTestId("join-room").first().click();
  await bob.page.getByTestId("composer").waitFor();
  await people(alice.page, ["Alice:owner", "Bob:member"]);
  await send(bob.page, "I am in now");
  await sees(alice.page, { Bob: "I am in now" });
  expect([...alice.complaints, ...bob.complaints]).toEqual([]);
});

/** Alice opens a room with both. */
async function openRoom(page: Page): Promise<void> {
  await page.getByTestId("new-room").click();
  await page.getByTestId("room-name").fill("Weekend");
  await page.getByTestId("picker-filter").fill("bo");
  await page.getByTestId("picker-filter").press("Enter");
  await page.locator('[data-testid="picker-row"][data-name="Carol"]').click();
  expect(await page.getByTestId("chosen").innerText()).toMatch(/Bob[^]*Carol/);
  await everyLook(page, "rooms-new");
  await page.getByTestId("open-room").click();
  await page.getByTestId("conversation").getByRole("heading", { name: "Weekend" }).waitFor();
}

async function accounts(a: FedchatProcess, b: FedchatProcess, c: FedchatProcess): Promise<void> {
  const alice = await a.call("account.create", { displayName: "Alice" });
  const servers = [
    [b, await b.call("account.create", { displayName: "Bob" })],
    [c, await c.call("account.create", { displayName: "Carol" })],
  ] as const;
  for (const [server, person] of servers) {
    await linkBoth(a, server);
    await until("they are listed", async () =>
      (await a.call("people.list", {})).some(({ account }) => account === person.account),
    );
    await a.call("requests.send", { who: person.account, text: "May I?" });
    const request = await until("the request arrives", async () =>
      (await server.call("requests.list", {})).find(({ account }) => account === alice.account),
    );
    const { roomId } = await server.call("requests.accept", { requestId: request.requestId });
    await until("the chat opens", async () =>
      (await a.call("rooms.list", {})).some((room) => room.roomId === roomId),
    );
  }
  await until("both can be taken in", async () => {
    const contacts = await a.call("contacts.list", {});
    return contacts.length === 2;
  });
}

/** Each of these wrote this, and their name stands above it. */
async function sees(page: Page, said: Record<string, string>): Promise<void> {
  for (const [name, text] of Object.entries(said)) {
    const message = page.getByTestId("message").filter({ hasText: text });
    await message.waitFor();
    expect(await message.getByTestId("sender").innerText()).toBe(name);
  }
}

/** The panel lists exactly these, in this order. */
async function people(page: Page, wanted: string[]): Promise<void> {
  await until(`these are listed: ${wanted.join(", ")}`, async () => {
    const rows = await page
      .getByTestId("room-person")
      .evaluateAll((all) => all.map((row) => `${row.dataset["name"]}:${row.dataset["role"]}`));
    return rows.join() === wanted.join();
  });
}

async function command(page: Page, name: string): Promise<void> {
  await page.keyboard.press("Control+k");
  await page.getByTestId("commands-field").fill(name);
  await page.getByTestId("command").filter({ hasText: name }).click();
}

/** What is on this screen on a desktop and on a phone, light and dark, without a serious finding. */
async function everyLook(page: Page, name: string): Promise<void> {
  const usual = {
    size: page.viewportSize()!,
    isDark: await page.evaluate(() => matchMedia("(prefers-color-scheme: dark)").matches),
  };
  for (const [device, size] of Object.entries({ desktop, phone })) {
    await page.setViewportSize(size);
    for (const colorScheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme });
      await picture(page, `${name}-${device}-${colorScheme}`);
      await noSeriousFindings(page);
    }
  }
  await page.setViewportSize(usual.size);
  await page.emulateMedia({ colorScheme: usual.isDark ? "dark" : "light" });
}

async function noSeriousFindings(page: Page): Promise<void> {
  const { violations } = await new AxeBuilder({ page }).analyze();
  const serious = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
  expect(serious.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`)).toEqual([]);
}
