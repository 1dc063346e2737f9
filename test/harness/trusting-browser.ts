/**
 * A browser on another device: it knows the box by a name, and trusts the test's own authority because that was imported
 * into its certificate store, as a person would. Certificate errors stay errors.
 */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Browser } from "playwright-core";
import { openBrowser } from "./browser.ts";
import type { TestCa } from "./test-ca.ts";

const run = promisify(execFile);

/** @param trusted undefined: a browser that trusts only what all browsers do */
export async function openBrowserElsewhere(
  host: string,
  trusted: TestCa | undefined,
): Promise<{ browser: Browser } & AsyncDisposable> {
  const home = await mkdtemp(join(tmpdir(), "fedchat-elsewhere-"));
  const store = join(home, ".pki/nssdb");
  await mkdir(store, { recursive: true });
  if (trusted !== undefined) await importRoot(store, trusted.certificate);
  // Playwright starts one program; it inherits the pipes that the browser is driven through.
  const wrapper = join(home, "chromium");
  const rules = `--host-resolver-rules='MAP ${host} 127.0.0.1'`;
  await writeFile(wrapper, `#!/bin/sh\nHOME='${home}' exec /usr/bin/chromium ${rules} "$@"\n`, {
    mode: 0o700,
  });
  const browser = await openBrowser({ started: wrapper });
  return {
    browser,
    async [Symbol.asyncDispose]() {
      await browser.close();
      await rm(home, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** Chromium on Linux reads the roots that a person added from here. */
async function importRoot(store: string, root: string): Promise<void> {
  if (!existsSync("/usr/bin/certutil")) {
    throw new Error("These tests need certutil. Debian: apt-get install libnss3-tools");
  }
  await run("certutil", ["-d", `sql:${store}`, "-N", "--empty-password"]);
  await run("certutil", ["-d", `sql:${store}`, "-A", "-t", "C,,", "-n", "FedChat test", "-i", root]);
}
