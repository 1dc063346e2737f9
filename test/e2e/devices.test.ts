/**
 * Two devices of one account, as people meet them: Alice's own FedChat, and an engine alone elsewhere, whose camera
 * reads the code; both in real Chromium. What one writes shows on the other, a device that was added is told of, and one that is
 * revoked reads nothing new.
 */
import { AxeBuilder } from "@axe-core/playwright";
import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import { desktop, openBrowser, openScreen, phone, picture } from "../harness/browser.ts";
import { openBrowserWithCamera } from "../harness/camera.ts";
import { openChat, send } from "../harness/chatting.ts";
import type { FedchatProcess } from "../harness/fedchat-process.ts";
import { befriend, startClient, startFedchat, until } from "../harness/fedchat-process.ts";

test("a second device is linked by a code, shows the chats, writes in them, and is revoked", async () => {
  await using serverA = await startFedchat({ name: "alice" });
  await using serverB = await startFedchat({ name: "bob" });
  const roomId = await befriend(serverA, serverB);
  // What the second device is to show as well, the last of it just written.
  const told = Array.from({ length: 120 }, (_, at) => `Day ${at + 1} of the journey`);
  for (const [at, text] of told.entries())
    await (at % 2 === 0 ? serverA : serverB).call("messages.send", { roomId, text });
  await until("Alice has all of it", async () => (await textsOf(serverA, roomId)).length === told.length);
  await serverA.call("account.setPassword", { password: passwords[0] });
  await using elsewhere = await startClient("phone", serverA);
  await using browser = await openBrowser();
  await using filming = await openBrowserWithCamera();
  const desk = await openScreen(browser, serverA);
  const bob = await openScreen(browser, serverB);
  const small = await openScreen(filming.browser, elsewhere, { viewport: phone, colorScheme: "dark" });

  // The code is shown at the desk, and used on the phone.
  await desk.page.getByTestId("nav-settings").click();
  await desk.page.getByTestId("settings-devices").click();
  await everyLook(desk.page, "devices-list");
  await desk.page.getByTestId("devices-link").click();
  const code = await desk.page.getByTestId("device-code").innerText();
  await everyLook(desk.page, "devices-code");
  await small.page.getByTestId("first-run-code").click();
  // The phone films what is on the desk's screen.
  await filming.pointAt(desk.page.getByTestId("device-qr"));
  await small.page.getByTestId("scan-code").click();
  await until("the phone has read the code", async () => {
    return (await small.page.getByTestId("join-code").inputValue()) === code;
  });
  await small.page.getByTestId("join-name").fill("Alice's phone");
  await everyLook(small.page, "devices-join");
  const began = Date.now();
  await small.page.getByTestId("join-start").click();

  // Both show the same signs, and the person says so.
  await desk.page.getByTestId("device-asks").waitFor();
  await small.page.getByTestId("join-waiting").waitFor();
  const signs = (page: Page) => page.getByTestId("signs").innerText();
  expect(await signs(small.page)).toBe(await signs(desk.page));
  const askedAfter = Date.now() - began;
  expect(await desk.page.getByTestId("device-asks").innerText()).toContain("Alice's phone");
  await everyLook(desk.page, "devices-asks");
  await everyLook(small.page, "devices-compare");
  const confirmed = Date.now();
  await desk.page.getByTestId("device-confirm").click();
  await openChat(small.page, "Bob");
  await small.page
    .getByTestId("message-text")
    .filter({ hasText: told.at(-1)! })
    .waitFor();
  const history = await until("the whole history is there", async () => {
    const texts = await textsOf(elsewhere, roomId);
    return texts.length === told.length && texts;
  });
  // But for the time that a person takes to compare the signs.
  const seconds = (askedAfter + Date.now() - confirmed) / 1_000;
  console.log(`linked, with ${told.length} messages, in ${seconds.toFixed(1)} s`);
  expect(seconds).toBeLessThan(10);
  expect(history.toSorted()).toEqual(told.toSorted());
  await until("both devices are listed", async () => (await desk.page.getByTestId("device").count()) === 2);
  await everyLook(desk.page, "devices-two");
  expect(await desk.page.getByTestId("unknown-device").count()).toBe(0);

  // What is written anywhere shows everywhere.
  await until("the phone is in the chat", async () => {
    const { devices } = await elsewhere.call("devices.list", {});
    return devices.length === 2;
  });
  await openChat(bob.page, "Alice");
  await send(bob.page, "Where are you?");
  await small.page.getByTestId("message-text").filter({ hasText: "Where are you?" }).waitFor();
  await send(small.page, "On my way");
  await bob.page.getByTestId("message-text").filter({ hasText: "On my way" }).waitFor();
  await openChat(desk.page, "Bob");
  const own = desk.page.locator("[data-testid=message][data-mine=true]").filter({ hasText: "On my way" });
  await own.waitFor();
  await everyLook(small.page, "devices-chat");

  // What needs the account's key asks the phone for the password, this once.
  await small.page.getByTestId("back").click();
  await small.page.getByTestId("nav-settings").click();
  await small.page.getByTestId("settings-password").click();
  await small.page.getByTestId("new-password").fill(passwords[1]);
  await small.page.getByRole("button", { name: "Change the password" }).click();
  await small.page.getByTestId("device-password-field").fill("not this one at all");
  await everyLook(small.page, "devices-present-password");
  await small.page.getByRole("button", { name: "Go on" }).click();
  await small.page.getByText("Name or password is wrong.").waitFor();
  await givePassword(small.page, passwords[0]);
  await small.page.getByText("The password is set").waitFor();
  await small.page.getByTestId("back").click();
  await small.page.getByTestId("settings-profile").click();
  await small.page.getByTestId("display-name").fill("Alice Liddell");
  await small.page.getByRole("button", { name: "Save" }).click();
  await givePassword(small.page, passwords[1]);
  await until("the name is the same on both", async () => {
    const { me } = await serverA.call("engine.status", {});
    return me?.displayName === "Alice Liddell";
  });

  // The phone is lost.
  await desk.page.getByTestId("nav-settings").click();
  await desk.page.getByTestId("settings-devices").click();
  await desk.page.getByTestId("device-revoke").click();
  await desk.page.getByTestId("confirm-action").click();
  await until("one device is left", async () => (await desk.page.getByTestId("device").count()) === 1);
  await until("the phone is cut off", async () => {
    const { homeserver } = await elsewhere.call("engine.status", {});
    return homeserver.connection !== "connected";
  });
  await send(bob.page, "Only for your desk");
  await openChat(desk.page, "Bob");
  await desk.page.getByTestId("message-text").filter({ hasText: "Only for your desk" }).waitFor();
  expect(await small.page.getByText("Only for your desk").count()).toBe(0);
  for (const { complaints } of [desk, bob, small]) expect(complaints).toEqual([]);
});

const passwords = ["granite lantern orbit velvet seven", "copper meadow violin harbor twelve"] as const;

async function givePassword(page: Page, password: string): Promise<void> {
  await page.getByTestId("device-password-field").fill(password);
  await page.getByRole("button", { name: "Go on" }).click();
  await page.getByTestId("device-password").waitFor({ state: "detached" });
}

async function textsOf(engine: FedchatProcess, roomId: string): Promise<string[]> {
  const { messages } = await engine.call("messages.list", { roomId, limit: 200 });
  return messages.filter(({ kind }) => kind === "text").map(({ text }) => text);
}

/** As both sizes and both themes show it; the page stays as it was. */
async function everyLook(page: Page, name: string): Promise<void> {
  const { violations } = await new AxeBuilder({ page }).analyze();
  const serious = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
  expect(serious.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)])).toEqual([]);
  if (process.env["SCREENSHOTS"] === undefined) return;
  const before = page.viewportSize() ?? desktop;
  for (const [size, viewport] of Object.entries({ phone, desktop })) {
    await page.setViewportSize(viewport);
    await page.emulateMedia({ colorScheme: size === "phone" ? "dark" : "light" });
    await picture(page, `${name}-${size}`);
  }
  await page.setViewportSize(before);
}
