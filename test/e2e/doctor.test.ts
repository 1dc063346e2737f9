/** The doctor on the screen: reached from where the trouble shows, and from the servers; what it finds can be acted on. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { AxeBuilder } from "@axe-core/playwright";
import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import { desktop, openBrowser, openScreen, phone, picture } from "../harness/browser.ts";
import { linkBoth, startFedchat } from "../harness/fedchat-process.ts";

test("a wrong address is found, called by its cause, and gone once it was corrected", async () => {
  await using alice = await startFedchat({ name: "alice" });
  await using bob = await startFedchat({ name: "bob" });
  for (const box of [alice, bob]) await box.call("account.create", { displayName: box.info.name });
  await linkBoth(bob, alice);
  const settings = join(bob.data, "fedchat.toml");
  writeFileSync(settings, `addresses = ["127.0.0.1:${alice.info.port} lan"]\n`, { mode: 0o600 });
  await bob.stop();
  await bob.start();
  await using browser = await openBrowser();

  const { page, context, complaints } = await openScreen(browser, bob, { viewport: desktop });
  await page.getByTestId("why-reach").first().click();
  const doctor = page.getByTestId("doctor");
  const finding = (check: string) => page.locator(`[data-testid="finding"][data-check="${check}"]`);
  await doctor.and(page.locator('[data-running="false"]')).waitFor();
  await finding("address").waitFor();
  expect(await finding("address").getAttribute("data-code")).toBe("wrong-address");
  expect(await finding("address").textContent()).toContain("Another FedChat server answers there");
  expect(await page.getByTestId("doctor-verdict").textContent()).toMatch(/need/);
  await picture(page, "doctor-desktop");
  await expectAccessible(page);

  // What is wrong stands first.
  expect(await page.getByTestId("finding").first().getAttribute("data-result")).toBe("failed");
  await context.close();

  writeFileSync(settings, `addresses = ["127.0.0.1:${bob.info.port} lan"]\n`, { mode: 0o600 });
  await bob.stop();
  await bob.start();
  const again = await openScreen(browser, bob, { viewport: phone, colorScheme: "dark" });
  await again.page.getByTestId("nav-servers").click();
  await again.page.getByTestId("open-doctor").click();
  const ran = async () => {
    await again.page
      .locator('[data-testid="doctor"][data-running="false"] [data-testid="finding"]')
      .first()
      .waitFor();
    return await again.page.getByTestId("doctor-verdict").textContent();
  };
  expect(await ran()).not.toMatch(/need/);
  const address = again.page.locator('[data-testid="finding"][data-check="address"]');
  expect(await address.getAttribute("data-result")).toBe("passed");
  await again.page.getByTestId("doctor-again").click();
  await again.page.locator('[data-testid="doctor"][data-running="true"]').waitFor();
  expect(await ran()).not.toMatch(/need/);
  await picture(again.page, "doctor-phone");
  await expectAccessible(again.page);
  await again.page.getByTestId("back").click();
  await again.page.getByTestId("server-list").waitFor();
  expect([...complaints, ...again.complaints]).toEqual([]);
});

async function expectAccessible(page: Page): Promise<void> {
  const { violations } = await new AxeBuilder({ page }).analyze();
  const serious = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
  expect(serious.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`)).toEqual([]);
}
