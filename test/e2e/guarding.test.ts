/** Alice's laptop was stolen: on another device's screen she takes its force from the account's key, and Bob is told. */
import { AxeBuilder } from "@axe-core/playwright";
import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import { desktop, openBrowser, openScreen, phone, picture } from "../harness/browser.ts";
import { openChat } from "../harness/chatting.ts";
import { befriend, startFedchat, until } from "../harness/fedchat-process.ts";

test("[A20] [A21] a stolen key loses its force by the words of the kit; contacts read so", async () => {
  await using alices = await startFedchat({ name: "alice" });
  await using bobs = await startFedchat({ name: "bob" });
  await befriend(alices, bobs);
  const words = (await alices.call("recovery.kit", {})).words.join(" ");
  await alices.call("recovery.settle", { kit: "kept" });
  await using browser = await openBrowser();
  const bob = await openScreen(browser, bobs, { viewport: phone });
  const alice = await openScreen(browser, alices);
  const at = (path: string) => alice.page.goto(`${new URL(alice.page.url()).origin}${path}`);

  await at("/settings/recovery");
  await alice.page.getByTestId("guard-words").fill(words);
  await looks(alice.page, "guarding");
  await alice.page.getByTestId("guard-start").click();
  await alice.page.getByText("Your account is guarded by your recovery kit.").waitFor();
  await openChat(bob.page, "Alice");
  await bob.page.getByRole("log").getByText("may have been stolen").waitFor();
  await looks(bob.page, "guarded");

  await at("/settings/profile");
  await alice.page.getByTestId("display-name").fill("Alice B.");
  await alice.page.getByRole("button", { name: "Save" }).click();
  await alice.page.getByTestId("device-password-field").fill(words);
  await alice.page.getByTestId("device-password").getByRole("button", { name: "Go on" }).click();
  await until("the new name", async () => {
    const [contact] = await bobs.call("contacts.list", {});
    return contact?.displayName === "Alice B.";
  });
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
