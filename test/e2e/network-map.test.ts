/**
 * The network on the screen, with three real servers of which two reach each other only through the third: servers,
 * map, relaying and a directory that is away, on a desktop and on a phone.
 */
import { AxeBuilder } from "@axe-core/playwright";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import { desktop, openBrowser, openScreen, phone, picture } from "../harness/browser.ts";
import type { FedchatProcess } from "../harness/fedchat-process.ts";
import { freePorts, linkBoth, startFedchat, until } from "../harness/fedchat-process.ts";

/** A relay says in its record whom it is linked with once that has stood for half a minute. */
const settlesWithinMs = 90_000;

test("servers, map and relaying show how three servers are linked, and what is done there is done", async () => {
  await using hub = await startFedchat({ name: "hub" });
  const [nobody, noDirectory] = await freePorts(2);
  await using ada = await unreachable("ada", nobody!, ["--directory", `127.0.0.1:${noDirectory}`]);
  await using ben = await unreachable("ben", nobody!);
  for (const [box, name] of [
    [hub, "Hubert"],
    [ada, "Ada"],
    [ben, "Ben"],
  ] as const)
    await box.call("account.create", { displayName: name });
  await linkBoth(ada, hub);
  await linkBoth(ben, hub);
  await using browser = await openBrowser();
  const { page, complaints } = await openScreen(browser, ada, { viewport: desktop });

  // The directory that is away says why, and when it is tried again.
  await page.getByTestId("nav-servers").click();
  const directory = page.getByTestId("directory-row");
  await until("the directory is given up for now", async () =>
    (await directory.innerText()).includes("Next try"),
  );
  expect(await directory.innerText()).toContain("Not reached");
  await noSeriousFindings(page);

  // Ben's server is heard of through the hub, with the hub's link to it.
  await page.getByTestId("open-map").click();
  const sign = (box: FedchatProcess) =>
    page.locator(`[data-testid="map-server"][data-server="${box.info.serverId}"]`);
  const row = (box: FedchatProcess) =>
    page.locator(`[data-testid="map-row"][data-server="${box.info.serverId}"]`);
  await until(
    "the hub's links are heard of",
    async () => (await ada.call("network.map", {})).edges.some(({ kind }) => kind === "heard"),
    settlesWithinMs,
  );
  await row(ben).waitFor();
  expect(await row(ada).innerText()).toContain("This server");
  expect(await row(hub).innerText()).toContain("direct");
  expect(await row(ben).innerText()).toContain("2 links away");
  expect(await page.getByTestId("map-server").count()).toBe(3);
  await picture(page, "map-heard");
  await row(ben).click();
  await page
    .getByTestId("map-selected")
    .and(page.locator(`[data-server="${ben.info.serverId}"]`))
    .waitFor();
  expect(await page.getByTestId("their-key").innerText()).toContain(ben.info.serverId.slice(0, 4));
  expect(await page.getByTestId("relays-for").innerText()).toBe("servers linked with it");
  await page.getByTestId("map-back").click();

  // Linked, the two have a connection through the hub.
  await ada.call("servers.link", { host: "127.0.0.1", port: nobody!, serverId: ben.info.serverId });
  await until(
    "ben hears of the link",
    async () => (await ben.call("servers.list", {})).some(({ serverId }) => serverId === ada.info.serverId),
    settlesWithinMs,
  );
  await ben.call("servers.linkBack", { serverId: ada.info.serverId });
  await until("they are linked through the hub", async () => {
    const link = (await ada.call("servers.list", {})).find(({ serverId }) => serverId === ben.info.serverId);
    return link?.trust === "mutual" && link.state === "connected" && link.via.join() === "hub";
  });
  await row(ben).filter({ hasText: "through hub" }).waitFor();
  expect(await sign(ben).getAttribute("data-look")).toBe("connected");
  await picture(page, "map-relayed");
  await noSeriousFindings(page);

  // The drawing is picked with a pointer, too, and shows the same detail as the server's page.
  await sign(ben).hover();
  await picture(page, "map-hover");
  await sign(ben).click();
  expect(await page.getByTestId("server-way").innerText()).toBe("through hub");
  expect(await page.getByTestId("last-contact").innerText()).toBe("now");
  await picture(page, "map-selected");
  await noSeriousFindings(page);

  // For whom this server relays is decided here, and others hear of it.
  await page.getByTestId("open-relaying").click();
  await page.getByTestId("relaying-linked").and(page.locator(":checked")).waitFor({ state: "attached" });
  await page.getByTestId("relaying-anyone").check({ force: true });
  await until("the hub hears of it", async () => {
    const { servers } = await hub.call("network.map", {});
    return servers.find(({ serverId }) => serverId === ada.info.serverId)?.relaysFor === "anyone";
  });
  expect((await ada.call("servers.relaying", {})).relaysFor).toBe("anyone");
  expect(await page.getByTestId("relaying-kept").innerText()).toBe("nothing");
  await picture(page, "relaying");
  await noSeriousFindings(page);

  // A server that stopped is shown so; it is unlinked and blocked from the map.
  await ben.stop();
  await page.getByTestId("open-map").click();
  await until("ben is not connected", async () => (await sign(ben).getAttribute("data-look")) === "waiting");
  await row(ben).click();
  await page.getByTestId("retry-server").waitFor();
  await picture(page, "map-waiting");
  await page.getByTestId("unlink").click();
  await page.getByTestId("confirm-action").click();
  // Ben's server still has its link: what is left here is one that linked us, and it can be blocked.
  await until("ben's link is theirs only", async () => (await sign(ben).getAttribute("data-look")) === "off");
  await page.getByTestId("server-trust").filter({ hasText: "They linked you" }).waitFor();
  await page.getByTestId("block-server").click();
  await page.getByTestId("confirm-action").click();
  await until("ben is blocked", async () => (await sign(ben).getAttribute("data-look")) === "blocked");
  await page.getByTestId("unblock-server").waitFor();

  // An address that leaves its server out says it in words.
  await page.getByTestId("nav-people").click();
  const hubert = page.getByTestId("person-row").filter({ hasText: "Hubert" });
  expect(await hubert.innerText()).toContain("@hubert on hub");

  // A desktop opens settings at their first section.
  await page.getByTestId("nav-settings").click();
  expect(await page.getByTestId("settings-profile").getAttribute("aria-current")).toBe("page");

  await onPhone(browser, ada, hub);
  expect(complaints).toEqual([]);
});

async function onPhone(
  browser: Awaited<ReturnType<typeof openBrowser>>,
  ada: FedchatProcess,
  hub: FedchatProcess,
): Promise<void> {
  const { page, complaints } = await openScreen(browser, ada, { viewport: phone, colorScheme: "dark" });
  await page.getByTestId("nav-servers").click();
  await picture(page, "phone-servers");
  await noSeriousFindings(page);
  await page.getByTestId("open-map").click();
  await page.getByTestId("map-row").first().waitFor();
  await picture(page, "phone-map");
  const sign = page.locator(`[data-testid="map-server"][data-server="${hub.info.serverId}"]`);
  const before = await sign.boundingBox();
  await page.getByTestId("map-zoom-in").click();
  const after = await sign.boundingBox();
  expect(after!.width).toBeCloseTo(before!.width, 0);
  expect([after!.x, after!.y]).not.toEqual([before!.x, before!.y]);
  await page.getByTestId("map-zoom-all").click();
  await sign.click();
  await page.getByTestId("map-selected").getByRole("heading", { name: "hub" }).waitFor();
  await picture(page, "phone-map-selected");
  await noSeriousFindings(page);
  await page.getByTestId("map-back").click();
  await page.getByTestId("back").click();
  await page.getByTestId("open-relaying").click();
  await page.getByTestId("relaying-anyone").waitFor({ state: "attached" });
  await picture(page, "phone-relaying");
  await noSeriousFindings(page);
  // A phone shows the list of settings, and nothing behind it.
  await page.getByTestId("back").click();
  await page.getByTestId("nav-settings").click();
  expect(await page.getByTestId("settings-profile").getAttribute("aria-current")).toBeNull();
  expect(complaints).toEqual([]);
}

/** A server that others cannot dial: the only address that it tells is one where nobody is. */
async function unreachable(name: string, port: number, args: string[] = []): Promise<FedchatProcess> {
  const box = await startFedchat({ name, args });
  writeFileSync(join(box.data, "fedchat.toml"), `addresses = ["127.0.0.1:${port} lan"]\n`, { mode: 0o600 });
  await box.stop();
  await box.start();
  return box;
}

async function noSeriousFindings(page: Page): Promise<void> {
  const { violations } = await new AxeBuilder({ page }).analyze();
  const serious = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
  expect(serious.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`)).toEqual([]);
}
