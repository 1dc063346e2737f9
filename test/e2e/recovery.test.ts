/**
 * Everything lost but the homeserver: Alice writes her recovery kit down, the folder of her engine is deleted, and the
 * words bring her name, her contacts, her chats and her history back. And a history as a download, taken back.
 */
import { AxeBuilder } from "@axe-core/playwright";
import type { Page } from "playwright-core";
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openBrowser, openScreen, phone, picture } from "../harness/browser.ts";
import { openChat, send } from "../harness/chatting.ts";
import type { FedchatProcess } from "../harness/fedchat-process.ts";
import { befriend, startFedchat, until } from "../harness/fedchat-process.ts";

test("all devices lost: the words on paper bring name, contacts, chats and history back", async () => {
  await using alice = await startFedchat({ name: "alice" });
  await using bob = await startFedchat({ name: "bob" });
  await befriend(alice, bob);
  await using browser = await openBrowser();
  const before = await openScreen(browser, alice);
  const theirs = await openScreen(browser, bob, { viewport: phone, colorScheme: "dark" });

  // Nobody is asked for a kit before there is something to lose.
  await openChat(before.page, "Bob");
  await send(before.page, "Do you still have the old photographs?");
  expect(await before.page.getByTestId("kit-line").count()).toBe(0);
  await openChat(theirs.page, "Alice");
  await send(theirs.page, "All of them, in the blue box");
  await before.page.getByTestId("message-text").filter({ hasText: "blue box" }).waitFor();
  await before.page.getByTestId("kit-line").waitFor();
  await noSeriousFindings(before.page);
  await picture(before.page, "recovery-line-desktop-light");

  // Alice writes the words down, and shows that she has them.
  await before.page.getByTestId("kit-line-show").click();
  await before.page.getByTestId("show-kit").click();
  const words = (await before.page.getByTestId("kit-words").innerText()).trim().split(/\s+/);
  expect(words).toHaveLength(12);
  await everyLook(before.page, "recovery-kit");
  for (const n of [1, 2]) {
    const field = before.page.getByTestId(`kit-word-${n}`);
    const label = await before.page.locator(`label[for="${await field.getAttribute("id")}"]`).innerText();
    await field.fill(words[Number(/\d+/.exec(label)![0]) - 1]!);
  }
  await before.page.getByTestId("kit-kept").click();
  await until("the kit is kept", async () => (await alice.call("engine.status", {})).recoveryKit === "kept");
  await before.page.getByTestId("kit-line").waitFor({ state: "detached" });

  // A copy of everything, to keep, and the file in it taken back: nothing comes twice.
  await before.page.getByTestId("settings-history").click();
  const download = before.page.waitForEvent("download");
  await before.page.getByTestId("export-history").click();
  const zipped = await readFile(await (await download).path());
  expect(zipped.subarray(0, 4).toString("latin1")).toBe("PK\u0003\u0004");
  expect(zipped.toString("utf8")).toContain("All of them, in the blue box");
  const lines = zipped
    .toString("utf8")
    .split("\n")
    .filter((line) => line.startsWith('{"kind":'));
  const header = lines[0]!.slice(lines[0]!.indexOf("{"));
  await before.page.getByTestId("import-file").setInputFiles({
    name: "history.jsonl",
    mimeType: "application/jsonl",
    buffer: Buffer.from(
      [firstLine(zipped) ?? header, ...lines.filter((line) => !line.includes('"kind":"history"'))].join("\n"),
    ),
  });
  await before.page.getByText("0 messages came in").waitFor();
  await until("everything is archived", async () => (await alice.call("archive.state", {})).waiting === 0);
  await before.page.getByTestId("archive-standing").filter({ hasText: "Everything" }).waitFor();
  await everyLook(before.page, "recovery-history");
  expect(before.complaints).toEqual([]);
  await before.context.close();

  // Every device is lost: what the engine kept is gone, the homeserver is not.
  const me = (await alice.call("engine.status", {})).me!;
  await alice.stop();
  await loseEngine(alice);
  await alice.start();
  const after = await openScreen(browser, alice, { viewport: phone });
  await after.page.getByTestId("first-run-lost").click();
  await after.page.getByTestId("recover-words").fill(words.with(3, "fedchat").join(" "));
  await after.page.getByTestId("recover-start").click();
  await after.page.getByText("Word 4, 'fedchat'").waitFor();
  await everyLook(after.page, "recovery-first-run");
  await after.page.getByTestId("recover-words").fill(words.join(" ").toUpperCase());
  await after.page.getByTestId("recover-start").click();

  await openChat(after.page, "Bob");
  for (const text of ["Do you still have the old photographs?", "All of them, in the blue box"])
    await after.page.getByTestId("message-text").filter({ hasText: text }).waitFor();
  await picture(after.page, "recovery-back-phone-light");
  await noSeriousFindings(after.page);
  expect((await alice.call("engine.status", {})).me).toMatchObject({
    account: me.account,
    displayName: me.displayName,
    handle: me.handle,
  });
  expect(await after.page.getByTestId("kit-line").count()).toBe(0);
  expect(await alice.call("contacts.list", {})).toMatchObject([{ displayName: "Bob" }]);
  expect(after.complaints).toEqual([]);
});

/** The engine's store and what lies beside it; the homeserver's stays. */
async function loseEngine({ data }: FedchatProcess): Promise<void> {
  for (const name of ["engine.db", "engine.db-wal", "engine.db-shm"])
    await rm(join(data, name), { force: true });
}

/** The header stands behind the file's name in the download. */
function firstLine(zipped: Buffer): string | undefined {
  return /\{"kind":"history"[^\n]*/.exec(zipped.toString("utf8"))?.[0];
}

async function everyLook(page: Page, name: string): Promise<void> {
  await noSeriousFindings(page);
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme });
    await picture(page, `${name}-${colorScheme}`);
  }
  await noSeriousFindings(page);
  await page.emulateMedia({ colorScheme: "light" });
}

async function noSeriousFindings(page: Page): Promise<void> {
  const { violations } = await new AxeBuilder({ page }).analyze();
  const serious = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
  expect(serious.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)])).toEqual([]);
}
