/** A phone becomes a screen of a box elsewhere: paired by link and password, used, signed out. */
import AxeBuilder from "@axe-core/playwright";
import { execFile } from "node:child_process";
import { mkdtempDisposable } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import type { PairingLink, Screens } from "../../packages/engine/src/interface/index.ts";
import type { Screen } from "../harness/browser.ts";
import { desktop, openBrowser, openScreen, phone, picture } from "../harness/browser.ts";
import type { FedchatProcess } from "../harness/fedchat-process.ts";
import { startFedchat, until } from "../harness/fedchat-process.ts";
import { testCa } from "../harness/test-ca.ts";
import { openBrowserElsewhere } from "../harness/trusting-browser.ts";

const run = promisify(execFile);
const main = new URL("../../packages/cli/src/main.ts", import.meta.url).pathname;
const host = "box.fedchat.example";
const password = "granite lantern orbit velvet";

test("a phone is paired by link, writes a message, and is signed out with a plain sentence", async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), "fedchat-ca-"));
  const ca = testCa(folder.path);
  const { certificate, key } = ca.issue(host);
  await using box = await startFedchat({ name: "box", args: ["--tls-cert", certificate, "--tls-key", key] });
  await box.call("account.create", { displayName: "Alice" });
  const [notes] = await box.call("rooms.list", {});
  await using browserHere = await openBrowser();
  await using elsewhere = await openBrowserElsewhere(host, ca);
  const here = await openScreen(browserHere, box);
  const origin = `https://${host}:${box.info.port}`;

  // On the box: a screen password, then a link.
  await here.page.getByTestId("nav-settings").click();
  await here.page.getByTestId("settings-screens").click();
  await here.page.getByTestId("screens-password").fill("password1");
  await here.page.getByTestId("screens-password-keep").click();
  await here.page.getByText("easy to guess").waitFor();
  await here.page.getByTestId("screens-password").fill(password);
  await picture(here.page, "screens-password");
  await here.page.getByTestId("screens-password-keep").click();
  await here.page.getByTestId("screens-add").click();
  const link = await here.page.getByTestId("screens-link").innerText();
  expect(link).toMatch(new RegExp(`^${origin}/pair#[A-Za-z0-9_-]{22}$`));
  await picture(here.page, "screens-add");

  // On the phone: the link's secret is in no address and no history; a wrong password is told.
  const mobile = await openPhone(elsewhere.browser, "light");
  await mobile.page.goto(link);
  await mobile.page.getByTestId("pair-password").waitFor();
  expect(mobile.page.url()).toBe(`${origin}/pair`);
  expect(await mobile.page.getByTestId("pair-name").inputValue()).toBe("Chrome on Android");
  await mobile.page.getByTestId("pair-password").fill("not this one");
  await mobile.page.getByTestId("pair-submit").click();
  await mobile.page.getByText("This is not the screen password.").waitFor();
  await picture(mobile.page, "pair");
  await noSeriousFindings(mobile.page);
  await mobile.page.getByTestId("pair-name").fill("Alice's phone");
  await mobile.page.getByTestId("pair-password").fill(password);
  await mobile.page.getByTestId("pair-submit").click();
  await mobile.page.waitForURL(`${origin}/`);
  const asked = mobile.asked.map(({ url, body }) => `${url} ${body}`);
  const secret = link.split("#")[1]!;
  expect(asked.filter((line) => line.includes(secret)).map((line) => line.split(" ")[0])).toEqual([
    `${origin}/pair`,
    `${origin}/pair`,
  ]);
  expect(mobile.asked.filter(({ url }) => url.includes(secret))).toEqual([]);
  const [cookie] = await mobile.context.cookies();
  expect(cookie).toMatchObject({ httpOnly: true, secure: true, sameSite: "Strict", domain: host, path: "/" });
  expect(cookie!.name).toMatch(/^__Host-fedchat-/);

  // It is a screen like any other.
  await mobile.page.getByTestId("chat-row").first().click();
  await mobile.page.getByTestId("composer").fill("written on the phone");
  await mobile.page.getByTestId("send").click();
  await mobile.page.getByTestId("message-text").filter({ hasText: "written on the phone" }).waitFor();
  await picture(mobile.page, "remote-phone");
  await until("the box has it", async () => {
    const { messages } = await box.call("messages.list", { roomId: notes!.roomId });
    return messages.some(({ text }) => text === "written on the phone");
  });

  // The box lists it; from the phone nothing can be switched or added.
  const row = here.page.getByTestId("paired-screen").filter({ hasText: "Alice's phone" });
  await row.waitFor();
  await until("it shows as open", async () => (await row.getAttribute("data-connected")) === "true");
  await picture(here.page, "screens-list");
  await noSeriousFindings(here.page);
  await mobile.page.goto(`${origin}/settings/screens`);
  await mobile.page.getByTestId("paired-screen").filter({ hasText: "this one" }).waitFor();
  expect(await mobile.page.getByTestId("screens-add").count()).toBe(0);
  await picture(mobile.page, "screens-on-phone");
  await noSeriousFindings(mobile.page);

  // The link is spent.
  const second = await openPhone(elsewhere.browser, "dark");
  await second.page.goto(link);
  await second.page.getByTestId("pair-password").fill(password);
  await second.page.getByTestId("pair-submit").click();
  await second.page.getByText("This link was used already").waitFor();
  await picture(second.page, "pair-spent");

  // Signed out on the box: closed at once, said plainly, and a reload shows nothing either.
  await row.getByTestId("screen-remove").click();
  await here.page.getByTestId("confirm-action").click();
  await mobile.page.getByTestId("signed-out").waitFor({ timeout: 5_000 });
  expect(await mobile.page.getByTestId("signed-out").innerText()).toContain("This screen is not signed in");
  await picture(mobile.page, "signed-out-elsewhere");
  await mobile.page.reload();
  await mobile.page.getByRole("heading", { name: "This screen is not signed in" }).waitFor();
  await row.waitFor({ state: "detached" });
  expect([...here.complaints, ...unexpected(mobile), ...unexpected(second)]).toEqual([]);
});

test("the same on the command line; switched off nobody gets in; whoever does not trust the authority sees an error", async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), "fedchat-ca-"));
  const ca = testCa(folder.path);
  const { certificate, key } = ca.issue(host);
  await using box = await startFedchat({ name: "box", args: ["--tls-cert", certificate, "--tls-key", key] });
  await box.call("account.create", { displayName: "Alice" });
  const origin = `https://${host}:${box.info.port}`;
  await using elsewhere = await openBrowserElsewhere(host, ca);
  await using stranger = await openBrowserElsewhere(host, undefined);

  const mobile = await openPhone(elsewhere.browser, "dark");
  expect((await mobile.page.goto(`${origin}/session`))!.status()).toBe(404);
  await fedchat(box, ["screen", "enable"], `${password}\n`);
  const { link } = JSON.parse(await fedchat(box, ["screen", "add", "--json"])) as PairingLink;

  const distrustful = await stranger.browser.newPage();
  await expect(distrustful.goto(link)).rejects.toThrow("ERR_CERT_AUTHORITY_INVALID");

  // A link that lost its end, then the whole one in the same tab, which browsers do not load anew.
  await mobile.page.goto(`${origin}/pair`);
  await mobile.page.getByText("This address has lost its second half.").waitFor();
  await mobile.page.goto(link);
  await mobile.page.getByTestId("pair-password").fill(password);
  await picture(mobile.page, "pair-dark");
  await mobile.page.getByTestId("pair-submit").click();
  await mobile.page.waitForURL(`${origin}/`);
  const screens = () =>
    fedchat(box, ["screen", "list", "--json"]).then((text) => JSON.parse(text) as Screens);
  await until("it is connected", async () => (await screens()).screens[0]?.connected);
  expect(await fedchat(box, ["screen", "list"])).toMatch(/Chrome on Android +● open now/);

  await fedchat(box, ["screen", "disable"]);
  await mobile.page.getByTestId("connection-bar").or(mobile.page.getByTestId("signed-out")).first().waitFor();
  expect((await mobile.page.goto(`${origin}/`))!.status()).toBe(404);
  await fedchat(box, ["screen", "enable"]);
  await mobile.page.goto(`${origin}/`);
  await mobile.page.getByTestId("chat-list").waitFor();

  await fedchat(box, ["screen", "remove", "Chrome on Android"]);
  await mobile.page.getByTestId("signed-out").waitFor();
  await picture(mobile.page, "signed-out-dark");
  expect((await screens()).screens).toEqual([]);
});

interface Phone extends Screen {
  asked: { url: string; body: string }[];
}

async function openPhone(
  browser: Parameters<typeof openScreen>[0],
  colorScheme: "light" | "dark",
): Promise<Phone> {
  const context = await browser.newContext({
    viewport: phone,
    colorScheme,
    reducedMotion: "reduce",
    userAgent:
      "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36",
    isMobile: true,
    hasTouch: true,
  });
  const page = await context.newPage();
  const complaints: string[] = [];
  const asked: Phone["asked"] = [];
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("console", (message) => {
    if (message.type() === "error") complaints.push(message.text());
  });
  page.on("request", (request) => asked.push({ url: request.url(), body: request.postData() ?? "" }));
  return { context, page, complaints, asked };
}

/** A browser itself says that something was refused: that is meant here. */
const unexpected = ({ complaints }: Screen): string[] =>
  complaints.filter((text) => !/status of 403|WebSocket connection to .* failed/.test(text));

function fedchat(box: FedchatProcess, words: string[], input = ""): Promise<string> {
  const running = run(process.execPath, [main, ...words, "--data", box.data]);
  running.child.stdin!.end(input);
  return running.then(({ stdout }) => stdout);
}

async function noSeriousFindings(page: Page): Promise<void> {
  await page.setViewportSize(page.viewportSize() ?? desktop);
  const { violations } = await new AxeBuilder({ page }).analyze();
  const serious = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
  expect(serious.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`)).toEqual([]);
}
