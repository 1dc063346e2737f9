/**
 * Everything lost but the homeserver: Alice writes her recovery kit down, the folder of her engine is deleted, and the
 * words bring her name, her contacts, her chats and her history back, and her into each of them again. And a history as a
 * download, taken back.
 */
import { AxeBuilder } from "@axe-core/playwright";
import type { Page } from "playwright-core";
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openBrowser, openScreen, phone, picture } from "../harness/browser.ts";
import { openChat, send } from "../harness/chatting.ts";
import type { FedchatProcess } from "../harness/fedchat-process.ts";
import { befriend, linkBoth, startFedchat, until } from "../harness/fedchat-process.ts";

test("all devices lost: the words on paper bring name, contacts, chats and history back, and messages go both ways", async () => {
  await using alice = await startFedchat({ name: "alice" });
  await using bob = await startFedchat({ name: "bob" });
  await using carol = await startFedchat({ name: "carol" });
  await befriend(alice, bob);
  await meets(carol, bob);
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
  const hiking = await roomOfThree(bob, [alice, carol]);
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

  await theirs.context.close();

  // Every device is lost: what the engine kept is gone, the homeserver is not.
  const me = (await alice.call("engine.status", {})).me!;
  await alice.stop();
  await bob.stop();
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

  // While nobody is there who could let her in, the chat says who was asked; then she is in by herself.
  await openChat(after.page, "Bob");
  for (const text of ["Do you still have the old photographs?", "All of them, in the blue box"])
    await after.page.getByTestId("message-text").filter({ hasText: text }).waitFor();
  await after.page.getByTestId("composer-closed").filter({ hasText: "Bob has to let it in" }).waitFor();
  await everyLook(after.page, "recovery-waiting");
  await bob.start();
  await after.page.getByTestId("composer").waitFor();
  await after.page.getByTestId("timeline").getByText("You are back in this chat").waitFor();
  await picture(after.page, "recovery-back-phone-light");
  await noSeriousFindings(after.page);
  expect((await alice.call("engine.status", {})).me).toMatchObject({
    account: me.account,
    displayName: me.displayName,
    handle: me.handle,
  });
  expect(await after.page.getByTestId("kit-line").count()).toBe(0);
  expect(await alice.call("contacts.list", {})).toMatchObject([{ displayName: "Bob" }]);
  await send(after.page, "I have them all again");
  const pairOfBob = (await bob.call("rooms.list", {})).find(({ peer }) => peer?.displayName === "Alice")!;
  await says(bob, pairOfBob.roomId, "I have them all again");
  await bob.call("messages.send", { roomId: pairOfBob.roomId, text: "The blue box, too?" });
  await after.page.getByTestId("message-text").filter({ hasText: "The blue box, too?" }).waitFor();
  await after.page.getByTestId("back").click();
  await openChat(after.page, "Hiking");
  await send(after.page, "Back with all of you");
  for (const person of [bob, carol]) await says(person, hiking, "Back with all of you");
  await carol.call("messages.send", { roomId: hiking, text: "We waited" });
  await after.page.getByTestId("message-text").filter({ hasText: "We waited" }).waitFor();
  await noSeriousFindings(after.page);
  await picture(after.page, "recovery-room-phone-light");
  expect(after.complaints).toEqual([]);
});

/** Opens the account of a further person, who gets a chat with somebody who is there. */
async function meets(carol: FedchatProcess, bob: FedchatProcess): Promise<void> {
  await carol.call("account.create", { displayName: "Carol" });
  await linkBoth(carol, bob);
  const who = (await bob.call("engine.status", {})).me!.account;
  await until("Bob is listed", async () =>
    (await carol.call("people.list", {})).some(({ account }) => account === who),
  );
  await carol.call("requests.send", { who, text: "It is me, Carol" });
  const request = await until("the request", async () =>
    (await bob.call("requests.list", {})).find(({ state }) => state === "pending"),
  );
  await bob.call("requests.accept", { requestId: request.requestId });
  await until("they are contacts", async () => (await carol.call("contacts.list", {})).length === 1);
}

/** A room that its first person opens, with everybody in it. */
async function roomOfThree(owner: FedchatProcess, others: FedchatProcess[]): Promise<string> {
  const people = (await owner.call("contacts.list", {})).map(({ account }) => account);
  // As soon as their engines have told how they are taken in.
  const { roomId } = await until("the room", () => owner.call("rooms.create", { name: "Hiking", people }));
  for (const person of others) {
    const isInvited = async () => (await person.call("rooms.list", {})).some((one) => one.roomId === roomId);
    await until("the invitation", isInvited);
    await person.call("rooms.join", { roomId });
  }
  await others.at(-1)!.call("messages.send", { roomId, text: "Who brings the map?" });
  for (const person of others) await says(person, roomId, "Who brings the map?");
  return roomId;
}

async function says(person: FedchatProcess, roomId: string, text: string): Promise<void> {
  await until(`'${text}'`, async () => {
    const { messages } = await person.call("messages.list", { roomId, limit: 20 });
    return messages.some((one) => one.text === text);
  });
}

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
