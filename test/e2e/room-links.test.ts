/**
 * Into a room by a link, as people do it: three homeservers that know nothing of each other, three screens in real
 * Chromium. Carol asks and is let in; Dave comes into the open room at once; Bob, whose server is linked, joins from the
 * list of rooms; Carol, banned, does not come back.
 */
import { AxeBuilder } from "@axe-core/playwright";
import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import { desktop, openBrowser, openScreen, phone, picture } from "../harness/browser.ts";
import { openChat, send } from "../harness/chatting.ts";
import { linkBoth, startFedchat, until } from "../harness/fedchat-process.ts";

test("a link into a room: asked, let in, at once where the room is open, and never for whoever is banned", async () => {
  await using serverA = await startFedchat({ name: "alice" });
  await using serverC = await startFedchat({ name: "carol" });
  await using serverD = await startFedchat({ name: "dave" });
  await serverA.call("account.create", { displayName: "Alice" });
  await serverC.call("account.create", { displayName: "Carol" });
  await serverD.call("account.create", { displayName: "Dave" });
  const { roomId } = await serverA.call("rooms.create", { name: "Choir", people: [] });
  await using browser = await openBrowser();
  const alice = await openScreen(browser, serverA);
  const carol = await openScreen(browser, serverC, { viewport: phone });

  // Alice says that others may ask, and makes a link.
  await openChat(alice.page, "Choir");
  await alice.page.getByTestId("details").click();
  await alice.page.getByTestId("room-joining").selectOption("approval");
  await alice.page.getByTestId("room-links").click();
  await alice.page.getByTestId("room-link-label").fill("For the noticeboard");
  await everyLook(alice.page, "room-link-new");
  await alice.page.getByTestId("room-link-make").click();
  const link = await alice.page.getByTestId("room-link").innerText();
  await alice.page.getByTestId("made-link").filter({ hasText: "For the noticeboard" }).waitFor();
  await everyLook(alice.page, "room-link-made");
  await alice.page.keyboard.press("Escape");

  // Carol sees what it leads into, and asks.
  await paste(carol.page, link);
  await carol.page.getByTestId("into-room").filter({ hasText: "Choir" }).waitFor();
  await everyLook(carol.page, "room-link-follow");
  await carol.page.getByTestId("paste-accept").click();
  await carol.page.getByTestId("asked-in").waitFor();
  expect((await serverC.call("rooms.list", {})).map(({ kind }) => kind)).toEqual(["notes"]);
  await everyLook(carol.page, "room-link-asked");

  const ask = alice.page.getByTestId("room-ask").filter({ hasText: "Carol" });
  await ask.first().waitFor();
  await everyLook(alice.page, "room-ask");
  await ask.first().getByTestId("admit").click();
  // Where she waited the room opens by itself.
  await carol.page.getByTestId("composer").waitFor();
  await send(carol.page, "Thank you for having me");
  await alice.page.getByTestId("message-text").filter({ hasText: "Thank you for having me" }).waitFor();
  expect(await alice.page.getByTestId("room-ask").count()).toBe(0);

  // Open: Dave is in at once.
  await alice.page.getByTestId("room-joining").selectOption("open");
  await until("the room is open", async () => (await joining()) === "open");
  const dave = await openScreen(browser, serverD, { colorScheme: "dark" });
  await paste(dave.page, link);
  await dave.page.getByTestId("paste-accept").click();
  await dave.page.getByTestId("composer").waitFor();
  await send(dave.page, "Dave sings bass");
  await carol.page.getByTestId("message-text").filter({ hasText: "Dave sings bass" }).waitFor();

  // Alice lets people of linked servers see it: Bob joins from the list.
  await using serverB = await startFedchat({ name: "bob" });
  await serverB.call("account.create", { displayName: "Bob" });
  await linkBoth(serverA, serverB);
  await alice.page.getByTestId("room-description").fill("Sundays at six, all voices");
  await alice.page.getByTestId("list-room").click();
  await alice.page.getByTestId("unlist-room").waitFor();
  await everyLook(alice.page, "room-listing");
  const bob = await openScreen(browser, serverB);
  await bob.page.getByTestId("nav-people").first().click();
  const listed = bob.page.getByTestId("listed-room").filter({ hasText: "all voices" });
  await listed.waitFor();
  expect(await listed.innerText()).toContain("3 people");
  await everyLook(bob.page, "listed-rooms");
  await listed.getByTestId("listed-ask").click();
  await listed.getByTestId("listed-open").click();
  await bob.page.getByTestId("composer").waitFor();
  await send(bob.page, "Bob saw it in the list");
  await dave.page.getByTestId("message-text").filter({ hasText: "Bob saw it in the list" }).waitFor();

  // Carol is banned: the link does not bring her back.
  await alice.page.getByRole("button", { name: "What to do with Carol" }).click();
  await alice.page.getByTestId("ban-person").click();
  await alice.page.getByTestId("confirm-action").click();
  await carol.page.getByTestId("composer-closed").waitFor();
  await serverC.call("rooms.ask", { link });
  await send(alice.page, "Three are left");
  await dave.page.getByTestId("message-text").filter({ hasText: "Three are left" }).waitFor();
  const room = await serverA.call("rooms.get", { roomId });
  expect(room.group).toMatchObject({ people: 3, asking: 0, underway: [] });
  expect((await serverC.call("rooms.get", { roomId })).state).toBe("closed");
  expect([...alice.complaints, ...carol.complaints, ...dave.complaints, ...bob.complaints]).toEqual([]);

  async function joining() {
    return (await serverA.call("rooms.get", { roomId })).group?.joining;
  }
});

async function paste(page: Page, link: string): Promise<void> {
  const field = page.getByTestId("commands-field");
  await page.getByTestId("nav-chats").first().waitFor();
  await until("the commands open", async () => {
    if (!(await field.isVisible())) await page.keyboard.press("Control+k");
    return field.isVisible();
  });
  await field.fill("Paste an invitation");
  await page.getByTestId("command").first().click();
  await page.getByTestId("paste-link").fill(link);
}

/** What is on this screen on a desktop and on a phone, light and dark, without a serious finding. */
async function everyLook(page: Page, name: string): Promise<void> {
  const usual = page.viewportSize()!;
  for (const [device, size] of Object.entries({ desktop, phone })) {
    await page.setViewportSize(size);
    for (const colorScheme of ["dark", "light"] as const) {
      await page.emulateMedia({ colorScheme });
      await picture(page, `${name}-${device}-${colorScheme}`);
      const { violations } = await new AxeBuilder({ page }).analyze();
      const serious = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
      expect(serious.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`)).toEqual([]);
    }
  }
  await page.setViewportSize(usual);
}
