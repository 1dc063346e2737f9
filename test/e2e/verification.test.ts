/**
 * Two people make sure of each other at their screens, and are warned when another key answers at one's address: real
 * processes and real Chromium. Bob's machine is lost but for his server's keys; whoever has these can say that anybody
 * is Bob.
 */
import { AxeBuilder } from "@axe-core/playwright";
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import { desktop, openBrowser, openScreen, phone, picture } from "../harness/browser.ts";
import { openChat } from "../harness/chatting.ts";
import { befriend, startFedchat, until } from "../harness/fedchat-process.ts";

test("a code that was read verifies, another one does not; another key at the address is told in the chat", async () => {
  await using serverA = await startFedchat({ name: "alice" });
  await using serverB = await startFedchat({ name: "bob" });
  await befriend(serverA, serverB);
  const account = (await serverA.call("contacts.list", {}))[0]!.account;
  const own = (await serverA.call("engine.status", {})).me!.account;
  await using browser = await openBrowser();
  const { page, complaints } = await openScreen(browser, serverA);
  await openChat(page, "Bob");

  await page.getByTestId("details").click();
  await page.getByTestId("safety-number").click();
  const dialog = page.getByTestId("safety-dialog");
  await dialog.getByTestId("safety-qr").waitFor();
  expect(await dialog.locator(".safety-emoji li").count()).toBe(7);
  await everyLook(page, "verify-dialog");

  // The code of somebody else, then Bob's own.
  await dialog.getByTestId("code-text").fill(`fedchat:verify/${own}/${account}`);
  await dialog.getByTestId("code-check").click();
  await dialog.getByTestId("verify-failed").filter({ hasText: "your own code" }).waitFor();
  const { code } = await serverB.call("contacts.safetyNumber", { account: own });
  await dialog.getByTestId("code-text").fill(code);
  await dialog.getByTestId("code-check").click();
  await dialog.getByTestId("verified").filter({ hasText: "you read Bob's code" }).waitFor();
  expect(await dialog.getByTestId("verify-failed").count()).toBe(0);
  await everyLook(page, "verify-done");
  await page.keyboard.press("Escape");
  await page.getByTestId("is-verified").waitFor();
  await page.getByRole("button", { name: "Close" }).click();
  expect(await page.getByTestId("key-change").count()).toBe(0);

  // All of Bob's is lost but his server's keys.
  await serverB.stop();
  for (const file of await readdir(serverB.data))
    if (/\.db|\.sqlite|^engine/.test(file)) await rm(join(serverB.data, file), { recursive: true });
  await serverB.start();
  const { account: other } = await serverB.call("account.create", { displayName: "Bob" });
  expect(other).not.toBe(account);
  const link = await until("Alice's server is heard of", async () => {
    const [server] = await serverB.call("servers.list", {});
    return server;
  });
  await serverB.call("servers.linkBack", { serverId: link.serverId });
  await page.getByTestId("key-change").filter({ hasText: "another key answers" }).waitFor();
  await everyLook(page, "key-change");

  await page.getByTestId("key-change-verify").click();
  await dialog.getByTestId("verify").click();
  await dialog.getByTestId("verified").waitFor();
  await picture(page, "key-change-dialog");
  await page.keyboard.press("Escape");
  await page.getByTestId("key-change-ask").waitFor();
  await picture(page, "key-change-verified");
  await page.getByTestId("key-change-ask").click();
  await page.getByTestId("request-chat").waitFor();
  expect(complaints).toEqual([]);
});

/** What is on this screen on a desktop and on a phone, light and dark, without a serious finding. */
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
