/**
 * Messages that disappear, as two people meet it: switched on in the details, an hourglass on each, gone on both screens
 * with what quoted them.
 */
import { AxeBuilder } from "@axe-core/playwright";
import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import { desktop, openBrowser, openScreen, phone, picture } from "../harness/browser.ts";
import { openChat, send } from "../harness/chatting.ts";
import { befriend, startFedchat } from "../harness/fedchat-process.ts";

test("messages that disappear carry an hourglass, and go from both screens and from what quotes them", async () => {
  await using serverA = await startFedchat({ name: "alice" });
  await using serverB = await startFedchat({ name: "bob" });
  const roomId = await befriend(serverA, serverB);
  await using browser = await openBrowser();
  const alice = await openScreen(browser, serverA);
  const bob = await openScreen(browser, serverB, { viewport: phone });
  await openChat(alice.page, "Bob");
  await openChat(bob.page, "Alice");
  await send(alice.page, "This one stays");

  await alice.page.getByRole("button", { name: "Details" }).click();
  await alice.page.getByTestId("chat-expiry").selectOption({ label: "1 day after they were read" });
  await alice.page.getByTestId("composer-expiry").waitFor();
  await send(alice.page, "Gone tomorrow");
  const mine = alice.page.getByTestId("message").filter({ hasText: "Gone tomorrow" });
  await mine.locator(".hourglass").waitFor();
  const theirs = bob.page.getByTestId("message").filter({ hasText: "Gone tomorrow" });
  await theirs.locator(".hourglass").waitFor();
  await everyLook(alice.page, "disappearing");

  // A time that is over soon: Bob quotes it meanwhile.
  await serverA.call("messages.send", {
    roomId,
    text: "Read this quickly",
    expires: { at: Date.now() + 20_000 },
  });
  const quick = bob.page.getByTestId("message").filter({ hasText: "Read this quickly" });
  await quick.press("q");
  await send(bob.page, "I have");
  await alice.page.getByTestId("message-text").filter({ hasText: "I have" }).waitFor();
  for (const { page } of [alice, bob]) {
    await page.getByText("Read this quickly").first().waitFor({ state: "hidden", timeout: 40_000 });
    expect(await page.getByText("Read this quickly").count()).toBe(0);
    await page.getByTestId("message-text").filter({ hasText: "Gone tomorrow" }).waitFor();
  }
  await picture(bob.page, "disappeared-phone-light");
  expect([...alice.complaints, ...bob.complaints]).toEqual([]);
}, 180_000);

async function everyLook(page: Page, name: string): Promise<void> {
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
