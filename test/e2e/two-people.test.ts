/**
 * The main job, as two people meet it: two homeservers started with `fedchat start`, two screens in real Chromium, from
 * the first run to messages that are read, through a reload and through a restart of everything.
 */
import { AxeBuilder } from "@axe-core/playwright";
import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import type { Screen } from "../harness/browser.ts";
import { desktop, openBrowser, openScreen, phone, picture } from "../harness/browser.ts";
import { everythingRead, openChat, send } from "../harness/chatting.ts";
import { startFedchat, until } from "../harness/fedchat-process.ts";

const messagesEachWay = 10;

test("first run, link by host, port and server id, request, accept, ten messages each way, reload, restart", async () => {
  await using browser = await openBrowser();
  await using serverA = await startFedchat({ name: "alice" });
  await using serverB = await startFedchat({ name: "bob" });
  const alice = await openScreen(browser, serverA);
  const bob = await openScreen(browser, serverB);
  await firstRun(alice.page, "Alice");
  await firstRun(bob.page, "Bob");

  // Alice links Bob's homeserver; at Bob's the incoming link shows at once, with both fingerprints.
  await link(alice.page, { host: "127.0.0.1", port: serverB.info.port, serverId: serverB.info.serverId });
  const incoming = bob.page.getByTestId("incoming-link");
  await incoming.waitFor();
  const shown = (await incoming.innerText()).replaceAll(/\s/g, "");
  expect(shown).toContain(serverA.info.serverId);
  expect(shown).toContain(serverB.info.serverId);
  await picture(bob.page, "incoming-link");
  await incoming.getByTestId("link-back").click();

  // People appear by themselves, and one asks the other for a chat.
  await alice.page.getByTestId("nav-people").click();
  await alice.page.getByTestId("person-row").filter({ hasText: "Bob" }).click();
  await alice.page.getByTestId("request-text").fill("Hello Bob, it is Alice.");
  await picture(alice.page, "request");
  await alice.page.getByTestId("request-chat").click();
  await alice.page.getByTestId("request-pending").waitFor();

  const dialog = bob.page.getByTestId("request-dialog");
  await dialog.waitFor();
  expect(await dialog.innerText()).toContain("Hello Bob, it is Alice.");
  await picture(bob.page, "request-arrives");
  await dialog.getByTestId("accept").click();

  await openChat(bob.page, "Alice");
  await openChat(alice.page, "Bob");
  for (let index = 0; index < messagesEachWay; index++) {
    await send(alice.page, `alice says ${index}`);
    await send(bob.page, `bob says ${index}`);
  }
  await everythingRead(alice.page);
  await everythingRead(bob.page);
  await picture(alice.page, "conversation");

  // A window of its own for the conversation, which shows the same.
  const [popOut] = await Promise.all([
    alice.context.waitForEvent("page"),
    alice.page.getByTestId("pop-out").click(),
  ]);
  await popOut.getByTestId("message-text").filter({ hasText: "bob says 9" }).waitFor();
  await send(popOut, "from the window");
  await bob.page.getByTestId("message-text").filter({ hasText: "from the window" }).waitFor();
  await picture(popOut, "pop-out");
  await popOut.close();

  // A reload loses nothing.
  await alice.page.reload();
  await expectHistory(alice.page);

  // Neither does a restart of both processes: the screens come back by themselves.
  await Promise.all([serverA.stop(), serverB.stop()]);
  await picture(alice.page, "not-connected");
  await Promise.all([serverA.start(), serverB.start()]);
  await expectHistory(alice.page);
  await expectHistory(bob.page);
  await send(bob.page, "after the restart");
  await alice.page.getByTestId("message-text").filter({ hasText: "after the restart" }).waitFor();

  // Search finds a word and leads to its place.
  await alice.page.getByTestId("search-field").fill("window");
  const hit = alice.page.getByTestId("search-hit").first();
  await hit.waitFor();
  expect(await hit.innerText()).toContain("from the window");
  await picture(alice.page, "search");
  await hit.click();
  await alice.page.getByTestId("message-text").filter({ hasText: "from the window" }).waitFor();

  await noSeriousFindings(alice.page);
  expect([...alice.complaints, ...bob.complaints]).toEqual([]);
});

test("an invitation link links the servers and opens the conversation in one step, on a phone in the dark", async () => {
  await using browser = await openBrowser();
  await using serverA = await startFedchat({ name: "alice" });
  await using serverB = await startFedchat({ name: "bob" });
  const alice = await openScreen(browser, serverA);
  const bob = await openScreen(browser, serverB, { viewport: phone, colorScheme: "dark" });
  await firstRun(alice.page, "Alice");
  await firstRun(bob.page, "Bob");

  await alice.page.getByTestId("home-invite").click();
  await alice.page.getByTestId("invite-make").click();
  const inviteLink = await until("the link is there", async () => {
    const field = alice.page.getByTestId("invite-link");
    const tag = await field.evaluate((element) => element.tagName);
    const text = tag === "INPUT" || tag === "TEXTAREA" ? await field.inputValue() : await field.innerText();
    return text.startsWith("https://") && text;
  });
  await picture(alice.page, "invite");
  await alice.page.keyboard.press("Escape");

  await paste(bob, inviteLink);
  await openChat(bob.page, "Alice");
  await send(bob.page, "I came by the link");
  await openChat(alice.page, "Bob");
  await alice.page.getByTestId("message-text").filter({ hasText: "I came by the link" }).waitFor();
  await send(alice.page, "Welcome");
  await bob.page.getByTestId("message-text").filter({ hasText: "Welcome" }).waitFor();
  await everythingRead(alice.page);
  await everythingRead(bob.page);
  await picture(bob.page, "phone-conversation");

  const trust = await serverA.call("servers.list", {});
  expect(trust.map(({ trust: kind }) => kind)).toEqual(["mutual"]);
  await noSeriousFindings(bob.page);
  expect([...alice.complaints, ...bob.complaints]).toEqual([]);
});

async function firstRun(page: Page, name: string): Promise<void> {
  await page.getByTestId("first-run-name").fill(name);
  await picture(page, "first-run");
  await page.getByTestId("first-run-start").click();
  await page.getByTestId("home").or(page.getByTestId("chat-list")).first().waitFor();
}

async function link(page: Page, to: { host: string; port: number; serverId: string }): Promise<void> {
  await page.getByTestId("nav-servers").click();
  if (!(await page.getByTestId("link-form").isVisible()))
    await page.getByTestId("link-server").first().click();
  await page.getByTestId("link-host").fill(to.host);
  await page.getByTestId("link-port").fill(String(to.port));
  await page.getByTestId("link-server-id").fill(to.serverId);
  await picture(page, "link");
  await page.getByTestId("link-submit").click();
  await page.getByTestId("server").waitFor();
}

async function paste({ page }: Screen, inviteLink: string): Promise<void> {
  await page.getByTestId("home-paste").or(page.getByTestId("commands-button")).first().waitFor();
  if (await page.getByTestId("home-paste").isVisible()) await page.getByTestId("home-paste").click();
  else {
    await page.getByTestId("commands-button").click();
    await page.getByTestId("commands-field").fill("invitation");
    await page.getByTestId("command").filter({ hasText: "Paste" }).click();
  }
  await page.getByTestId("paste-link").fill(inviteLink);
  await page.getByTestId("invitation-preview").waitFor();
  await picture(page, "paste");
  await page.getByTestId("paste-accept").click();
  await page.getByTestId("paste-dialog").waitFor({ state: "hidden" });
}

async function expectHistory(page: Page): Promise<void> {
  for (const text of ["alice says 9", "bob says 9", "from the window"]) {
    await page.getByTestId("message-text").filter({ hasText: text }).waitFor({ timeout: 60_000 });
  }
}

async function noSeriousFindings(page: Page): Promise<void> {
  await page.setViewportSize(page.viewportSize() ?? desktop);
  const { violations } = await new AxeBuilder({ page }).analyze();
  const serious = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
  expect(serious.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`)).toEqual([]);
}
