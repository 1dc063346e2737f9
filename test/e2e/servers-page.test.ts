/**
 * What the servers' pages say of servers that are not linked, that blocked us, or that are elsewhere than was told: real
 * processes, on a phone and on a desktop.
 */
import { AxeBuilder } from "@axe-core/playwright";
import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import { desktop, openBrowser, openScreen, phone, picture } from "../harness/browser.ts";
import type { FedchatProcess } from "../harness/fedchat-process.ts";
import { freePorts, linkBoth, startFedchat, until } from "../harness/fedchat-process.ts";

const targetMin = 44;

test("a contact's server without a link is listed, linked, and told truly when it blocks us", async () => {
  await using hub = await startFedchat({ name: "hub" });
  await using ada = await startFedchat({ name: "ada" });
  await using ben = await startFedchat({ name: "ben" });
  await ada.call("account.create", { displayName: "Ada" });
  await ben.call("account.create", { displayName: "Ben" });
  await hub.call("account.create", { displayName: "Hubert" });
  await linkBoth(ada, hub);
  await linkBoth(ben, hub);
  await askFromAfar(ben, ada);
  await using browser = await openBrowser();

  // On a phone requests stand among people, and say truly why they are seen.
  const { page, complaints } = await openScreen(browser, ada, { viewport: phone, colorScheme: "dark" });
  await page.getByTestId("request-dialog").waitFor();
  await page.getByTestId("request-dialog").getByRole("button", { name: "Later" }).click();
  const items = await page.locator(".rail .rail-item:visible").all();
  expect(items).toHaveLength(5);
  for (const item of items) {
    const { width, height } = (await item.boundingBox())!;
    expect(Math.min(width, height)).toBeGreaterThanOrEqual(targetMin);
  }
  await page.getByTestId("nav-people").click();
  await page.getByTestId("people-requests").click();
  expect(await page.getByTestId("nav-people").getAttribute("aria-current")).toBe("page");
  await picture(page, "phone-requests");
  await noSeriousFindings(page);
  await page.getByTestId("requests-back").click();
  await page.getByTestId("people-requests").click();
  await page.getByTestId("request-row").click();
  expect(await page.getByTestId("request").innerText()).toContain("is not linked with yours");
  await page.getByTestId("accept").click();
  await page.waitForURL("**/r/*");
  await page.getByTestId("back").click();

  // The contact's server stands in a section of its own.
  await page.getByTestId("nav-servers").click();
  const row = page.getByTestId("unlinked-row");
  await row.filter({ hasText: "connected directly" }).waitFor();
  expect(await row.innerText()).toContain(`ben·${ben.info.serverId.slice(0, 8)}`);
  await picture(page, "phone-unlinked");
  await noSeriousFindings(page);
  await row.click();
  expect(await page.getByTestId("unlinked-why").innerText()).toContain("Ben lives there");
  await noSeriousFindings(page);
  await page.getByTestId("link-known").click();
  const trust = page.getByTestId("server-trust");
  await trust.filter({ hasText: "You link them; they do not link you" }).waitFor();
  await page.getByTestId("not-linked-back").waitFor();
  await ben.call("servers.linkBack", { serverId: ada.info.serverId });
  await trust.filter({ hasText: /^Linked both ways$/ }).waitFor();
  expect(await page.getByTestId("not-linked-back").count()).toBe(0);

  // Who blocks us lets nothing of ours in and sees nothing, and that is what stands here.
  await ben.call("servers.block", { serverId: ada.info.serverId });
  await trust.filter({ hasText: "they have blocked your server" }).waitFor();
  const pane = await page.getByTestId("server").innerText();
  expect(pane).toContain("They have blocked your server.");
  expect(pane).toContain("Ask its owner");
  expect(pane).not.toContain("your people and who is online");
  await picture(page, "phone-blocked-us");
  await noSeriousFindings(page);
  await page.getByTestId("unlink").click();
  await page.getByTestId("confirm-action").click();
  await until("it is no link any more", async () => (await ada.call("servers.list", {})).length === 1);
  expect(complaints).toEqual([]);
});

test("a link with a wrong address is put right on the server's page", async () => {
  await using ada = await startFedchat({ name: "ada" });
  await using ben = await startFedchat({ name: "ben" });
  await ada.call("account.create", { displayName: "Ada" });
  const [wrong] = await freePorts(1);
  const { serverId } = ben.info;
  await ada.call("servers.link", { host: "127.0.0.1", port: wrong!, serverId });
  await using browser = await openBrowser();
  const { page, complaints } = await openScreen(browser, ada, { viewport: desktop });
  await page.getByTestId("nav-servers").click();
  await page.getByTestId("server-row").click();
  await page.getByTestId("change-address").click();
  const field = page.getByTestId("address-field");
  await until("the field shows what was told", async () => (await field.inputValue()).endsWith(`:${wrong}`));
  await field.fill("nowhere");
  await page.getByTestId("address-save").click();
  await page.getByText("Write host:port").waitFor();
  await noSeriousFindings(page);
  await field.fill(`127.0.0.1:${ben.info.port}/${serverId}`);
  await page.getByTestId("address-save").click();
  await page.locator('[data-testid="server"][data-state="connected"]').waitFor();
  expect(await page.getByTestId("server").innerText()).not.toContain(`:${wrong}`);
  expect(complaints).toEqual([]);
});

/** Shown one hop beyond, to be asked by somebody whose server is not linked with theirs. */
async function askFromAfar(from: FedchatProcess, to: FedchatProcess): Promise<void> {
  await to.call("people.setVisibility", { visibility: "beyond" });
  const { me } = await to.call("engine.status", {});
  await until("they appear", async () => {
    await from.call("people.look", {});
    return (await from.call("people.list", {})).some(({ account }) => account === me!.account);
  });
  await from.call("requests.send", { who: me!.account, text: "May I?" });
}

async function noSeriousFindings(page: Page): Promise<void> {
  const { violations } = await new AxeBuilder({ page }).analyze();
  const serious = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
  expect(serious.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`)).toEqual([]);
}
