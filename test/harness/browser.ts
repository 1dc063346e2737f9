/** People at real screens: Debian's Chromium, driven by Playwright, signed in as FedChat signs a person in. */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { chromium } from "playwright-core";
import { join } from "node:path";
import type { FedchatProcess } from "./fedchat-process.ts";
import type { Place } from "./lab-host.ts";

const executablePath = "/usr/bin/chromium";
const args = [
  ...["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"],
  ...["--disable-background-networking", "--disable-component-update", "--disable-sync"],
];

export const desktop = { width: 1280, height: 800 };
export const phone = { width: 390, height: 844 };

/** Throws with the fix where there is no Chromium: a suite that cannot run must say so. */
export async function openBrowser({
  started = executablePath,
  more = [],
}: { started?: string; more?: string[] } = {}): Promise<Browser & AsyncDisposable> {
  if (!existsSync(executablePath)) {
    throw new Error(`These tests need Chromium at ${executablePath}. Debian: apt-get install chromium`);
  }
  return chromium.launch({ executablePath: started, args: [...args, ...more], headless: true });
}

/** A browser on a host of a lab: it sees the networks and the names that are there. */
export async function openBrowserInside(place: Place): Promise<Browser & AsyncDisposable> {
  // Playwright starts one program; it inherits the pipes that the browser is driven through.
  const folder = mkdtempSync(join(tmpdir(), "fedchat-browser-"));
  const wrapper = join(folder, "chromium");
  writeFileSync(wrapper, `#!/bin/sh\nexec ${place.prefix.join(" ")} ${executablePath} "$@"\n`, {
    mode: 0o700,
  });
  try {
    return await openBrowser({ started: wrapper });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** One person's browser; what the page complains about is kept. */
export interface Screen {
  context: BrowserContext;
  page: Page;
  /** Uncaught errors and console errors, content security policy included. */
  complaints: string[];
}

/** Opens the screen of a running FedChat through its owner-only file, as `fedchat start` does. */
export async function openScreen(
  browser: Browser,
  fedchat: FedchatProcess,
  options: { viewport?: { width: number; height: number }; colorScheme?: "light" | "dark" } = {},
): Promise<Screen> {
  const context = await browser.newContext({
    viewport: options.viewport ?? desktop,
    colorScheme: options.colorScheme ?? "light",
    reducedMotion: "reduce",
  });
  const complaints: string[] = [];
  context.on("page", (page) => {
    page.on("pageerror", (error) => complaints.push(String(error)));
    page.on("console", (message) => {
      // While the program is stopped the browser says so for every attempt.
      const expected = /WebSocket connection to .* failed|ERR_CONNECTION_REFUSED/;
      if (message.type() === "error" && !expected.test(message.text())) complaints.push(message.text());
    });
  });
  const page = await context.newPage();
  const { path } = await fedchat.open();
  await page.goto(`file://${path}`);
  await page.waitForURL(`${fedchat.info.screen}/**`);
  return { context, page, complaints };
}

/** Where a test keeps pictures of screens, when `SCREENSHOTS` names a folder. */
export async function picture(page: Page, name: string): Promise<void> {
  const folder = process.env["SCREENSHOTS"];
  if (folder !== undefined) await page.screenshot({ path: join(folder, `${name}.png`) });
}
