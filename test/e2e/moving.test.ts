/**
 * Alice's homeserver is gone; on her screen she moves to another one, with its invitation. Her chat with Bob goes on, and
 * he sees one line.
 */
import { AxeBuilder } from "@axe-core/playwright";
import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import { desktop, openBrowser, openScreen, phone, picture } from "../harness/browser.ts";
import { openChat, send } from "../harness/chatting.ts";
import { startClient, startFedchat, until } from "../harness/fedchat-process.ts";

test("[A13] [A15] an account moves from its screen while its homeserver is dead", async () => {
  await using formerly = await startFedchat({ name: "formerly", command: "server" });
  await using now = await startFedchat({ name: "now", command: "server" });
  await using bobs = await startFedchat({ name: "bob" });
  await using alices = await startClient("alice", formerly);
  const registrationToken = (await formerly.call("accountInvitations.create", {})).link;
  await alices.call("account.create", { displayName: "Alice", registrationToken });
  await bobs.call("account.create", { displayName: "Bob" });
  await alices.call("invitations.accept", { link: (await bobs.call("invitations.create", {})).link! });
  await until("they are contacts", async () => (await alices.call("contacts.list", {})).length === 1);
  await using browser = await openBrowser();
  const bob = await openScreen(browser, bobs, { viewport: phone });
  const alice = await openScreen(browser, alices);
  await openChat(alice.page, "Bob");
  await send(alice.page, "See you at the pier");
  await openChat(bob.page, "Alice");
  await bob.page.getByTestId("message-text").filter({ hasText: "See you at the pier" }).waitFor();

  await formerly.kill();
  await alice.page.goto(`${new URL(alice.page.url()).origin}/settings/home`);
  await alice.page.getByTestId("move-invitation").fill("https://nowhere.example/");
  await alice.page.getByTestId("move-start").click();
  await alice.page.getByText("This is not a complete account invitation.").waitFor();
  await looks(alice.page, "moving");
  await alice.page
    .getByTestId("move-invitation")
    .fill((await now.call("accountInvitations.create", {})).link);
  await alice.page.getByTestId("move-start").click();
  await alice.page.locator(`[data-testid="home-server"][data-server="${now.info.serverId}"]`).waitFor();
  await alice.page.goto(`${new URL(alice.page.url()).origin}/`);
  await openChat(alice.page, "Bob");
  await send(alice.page, "My server is gone, I am not");
  await bob.page.getByTestId("message-text").filter({ hasText: "My server is gone, I am not" }).waitFor();
  await bob.page.getByRole("log").getByText("Alice is now at alice@").waitFor();
  await looks(bob.page, "moved");
  await send(bob.page, "Good to hear");
  await alice.page.getByTestId("message-text").filter({ hasText: "Good to hear" }).waitFor();
  expect([...alice.complaints, ...bob.complaints]).toEqual([]);
});

/** On a desktop and on a phone, light and dark, without a serious finding. */
async function looks(page: Page, name: string): Promise<void> {
  const size = page.viewportSize()!;
  for (const [device, one] of Object.entries({ desktop, phone })) {
    await page.setViewportSize(one);
    for (const colorScheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme });
      await picture(page, `${name}-${device}-${colorScheme}`);
      const { violations } = await new AxeBuilder({ page }).analyze();
      const serious = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
      expect(serious.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`)).toEqual([]);
    }
  }
  await page.setViewportSize(size);
  await page.emulateMedia({ colorScheme: "light" });
}
