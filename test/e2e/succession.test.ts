/**
 * A room whose homeserver dies, as people meet it: three homeservers started with `fedchat start`, screens in real
 * Chromium. Alice's server, which keeps the room in order, is killed; Bob's goes on, Carol comes in under it, they talk;
 * Alice is back and has what she missed; the room is handed to Carol's server.
 */
import { AxeBuilder } from "@axe-core/playwright";
import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import { desktop, openBrowser, openScreen, phone, picture } from "../harness/browser.ts";
import { openChat, send } from "../harness/chatting.ts";
import type { FedchatProcess } from "../harness/fedchat-process.ts";
import { linkBoth, startFedchat, until } from "../harness/fedchat-process.ts";

test("a room goes on when its homeserver is killed: somebody comes in under another, and all meet when it is back", async () => {
  await using serverA = await impatient("alice");
  await using serverB = await impatient("bob");
  await using serverC = await impatient("carol");
  const [, bobs, carols] = [
    await serverA.call("account.create", { displayName: "Alice" }),
    await serverB.call("account.create", { displayName: "Bob" }),
    await serverC.call("account.create", { displayName: "Carol" }),
  ];
  await contacts(serverA, serverB, bobs.account);
  await contacts(serverB, serverC, carols.account);
  await using browser = await openBrowser();
  const bob = await openScreen(browser, serverB);
  const carol = await openScreen(browser, serverC, { viewport: phone });

  const { roomId } = await serverA.call("rooms.create", { name: "Weekend", people: [bobs.account] });
  await bob.page.getByTestId("room-card").getByTestId("join-room").click();
  await bob.page.getByTestId("composer").waitFor();
  await serverA.call("rooms.setRole", { roomId, account: bobs.account, role: "owner" });
  await bob.page.getByTestId("details").click();
  await hubIs(bob.page, serverA);
  await bob.page.locator('[data-testid="room-person"][data-name="Bob"][data-role="owner"]').waitFor();
  await looks(bob.page, "succession-panel");

  // Nobody says goodbye: its process is gone. Bob takes Carol in all the same.
  await serverA.kill();
  await bob.page.getByTestId("add-people").click();
  await bob.page.locator('[data-testid="picker-row"][data-name="Carol"]').click();
  await bob.page.getByTestId("add-people-do").click();
  await bob.page.getByTestId("add-people-dialog").waitFor({ state: "hidden" });
  await bob.page
    .getByTestId("underway")
    .filter({ hasText: "alice, which keeps this room's changes in order, is not reached." })
    .waitFor();
  await looks(bob.page, "succession-waiting");
  await hubIs(bob.page, serverB);
  await bob.page.getByText("alice was not reached: the room goes on under bob.").first().waitFor();
  await bob.page.getByTestId("underway").waitFor({ state: "hidden" });
  await carol.page.getByTestId("room-card").getByTestId("join-room").click();
  await carol.page.getByTestId("composer").waitFor();
  await send(carol.page, "Carol brings the key");
  await send(bob.page, "Then we can go");
  await reads(bob.page, "Carol brings the key");
  await reads(carol.page, "Then we can go");

  // The former hub is back, with what it had: it follows, and its person has everything.
  await serverA.start();
  const alice = await openScreen(browser, serverA, { colorScheme: "dark" });
  await openChat(alice.page, "Weekend");
  for (const text of ["Carol brings the key", "Then we can go"]) await reads(alice.page, text);
  await alice.page.getByText("alice was not reached: the room goes on under bob.").first().waitFor();
  await send(alice.page, "Here I am again");
  for (const { page } of [bob, carol]) await reads(page, "Here I am again");
  await alice.page.getByTestId("details").click();
  await hubIs(alice.page, serverB);
  await looks(alice.page, "succession-back");

  // An owner hands it to a server of their choice.
  await bob.page.getByTestId("room-hub-choice").selectOption(serverC.info.serverId);
  for (const { page } of [bob, alice]) await hubIs(page, serverC);
  await carol.page.getByTestId("details").click();
  await hubIs(carol.page, serverC);
  await serverA.call("rooms.rename", { roomId, name: "Mountains" });
  for (const { page } of [bob, alice, carol])
    await page.getByTestId("room-title").filter({ hasText: "Mountains" }).waitFor();
  expect([...alice.complaints, ...bob.complaints, ...carol.complaints]).toEqual([]);
});

/** One whose engine gives a room's homeserver three seconds. */
async function impatient(name: string): Promise<FedchatProcess> {
  const data = await mkdtemp(join(tmpdir(), `fedchat-${name}-`));
  await writeFile(join(data, "fedchat.toml"), "room_takeover_seconds = 3\n");
  return await startFedchat({ name, data });
}

/** The first one asks whoever lives at the other, who says yes. */
async function contacts(a: FedchatProcess, b: FedchatProcess, account: string): Promise<void> {
  await linkBoth(a, b);
  await until("they are listed", async () =>
    (await a.call("people.list", {})).some((person) => person.account === account),
  );
  await a.call("requests.send", { who: account, text: "May I?" });
  const request = await until("the request arrives", async () =>
    (await b.call("requests.list", {})).find(({ state }) => state === "pending"),
  );
  await b.call("requests.accept", { requestId: request.requestId });
  await until("they are contacts", async () =>
    (await a.call("contacts.list", {})).some((contact) => contact.account === account),
  );
}

const reads = (page: Page, text: string): Promise<void> =>
  page.getByTestId("message-text").filter({ hasText: text }).waitFor();

/** The room's panel says that this server keeps it in order. */
const hubIs = (page: Page, server: FedchatProcess): Promise<void> =>
  page
    .locator(`[data-testid="room-hub"][data-server="${server.info.serverId}"]`)
    .waitFor({ timeout: 60_000 });

/** On a desktop and on a phone, light and dark, without a serious finding. */
async function looks(page: Page, name: string): Promise<void> {
  const size = page.viewportSize()!;
  const isDark = await page.evaluate(() => matchMedia("(prefers-color-scheme: dark)").matches);
  for (const [device, one] of Object.entries({ desktop, phone })) {
    await page.setViewportSize(one);
    for (const colorScheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme });
      await page.getByTestId("room-hub").scrollIntoViewIfNeeded();
      await picture(page, `${name}-${device}-${colorScheme}`);
      const { violations } = await new AxeBuilder({ page }).analyze();
      const serious = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
      expect(serious.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`)).toEqual([]);
    }
  }
  await page.setViewportSize(size);
  await page.emulateMedia({ colorScheme: isDark ? "dark" : "light" });
}
