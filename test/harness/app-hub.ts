/** A homeserver that serves FedChat with an engine in the browser, and people who come to it, each with their own browser. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, BrowserContext, Page } from "playwright-core";
import type { FedchatProcess } from "./fedchat-process.ts";
import { startFedchat, until } from "./fedchat-process.ts";
import { testCa } from "./test-ca.ts";

const authority = mkdtempSync(join(tmpdir(), "fedchat-ca-"));
process.once("exit", () => rmSync(authority, { recursive: true, force: true }));
/** To be trusted by the browsers. */
export const ca = testCa(authority);
export const hubHost = "hub.fedchat.example";
const { certificate, key } = ca.issue(hubHost);

/** Of everybody who opens an account here. */
export const password = "granite lantern orbit velvet seven";

export interface Hub extends AsyncDisposable {
  process: FedchatProcess;
  origin: string;
}

export async function startHub(...args: string[]): Promise<Hub> {
  const tls = ["--tls-cert", certificate, "--tls-key", key];
  const process = await startFedchat({
    name: "hub",
    command: "server",
    args: ["--app", "--log", "debug", ...tls, ...args],
  });
  return {
    process,
    origin: `https://${hubHost}:${process.info.port}`,
    [Symbol.asyncDispose]: () => process[Symbol.asyncDispose](),
  };
}

export interface Person {
  context: BrowserContext;
  page: Page;
  /** Uncaught errors and console errors, content security policy included. */
  complaints: string[];
}

export async function openPerson(
  browser: Browser,
  url: string,
  viewport: { width: number; height: number },
): Promise<Person> {
  const context = await browser.newContext({ viewport, reducedMotion: "reduce" });
  const complaints: string[] = [];
  context.on("page", (page) => {
    page.on("pageerror", (error) => complaints.push(String(error)));
    page.on("console", (message) => {
      if (message.type() === "error") complaints.push(message.text());
    });
  });
  const page = await context.newPage();
  // Where the page is older than its sources the homeserver builds it first.
  await page.goto(url, { timeout: 120_000 });
  await page.getByTestId("first-run").waitFor();
  return { context, page, complaints };
}

/** @param secret empty: the account has no password */
export async function register(page: Page, name: string, secret = password): Promise<void> {
  await page.getByTestId("first-run-name").fill(name);
  await page.getByTestId("first-run-password").fill(secret);
  await until("the account can be opened", () => page.getByTestId("first-run-start").isEnabled());
  await page.getByTestId("first-run-start").click();
  await page.getByTestId("chat-list").waitFor();
}

/** What a browser keeps of the site is deleted while nothing of it is open. @param storageTypes as the browser calls them */
export async function deleteOf(
  { context, page }: Person,
  { origin }: Hub,
  storageTypes: "all" | "file_systems",
): Promise<void> {
  const devtools = await context.newCDPSession(page);
  await page.goto("about:blank");
  await devtools.send("Storage.clearDataForOrigin", { origin, storageTypes });
  await page.goto(`${origin}/app`);
  await page.getByTestId("first-run").waitFor();
}
