import type { Server } from "node:http";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test } from "vitest";
import type { ScreenFiles } from "../src/screen/files.ts";
import { answerLanding } from "../src/screen/landing.ts";

const files: ScreenFiles = {
  index: "the screen",
  landing: "the landing page",
  assets: new Map([
    ["/assets/a-1.css", { body: Buffer.from("b{}"), headers: { "Content-Type": "text/css" } }],
  ]),
};

let server: Server;
afterEach(() => new Promise((resolve) => server.close(resolve)));

async function serve(pending: Promise<ScreenFiles>): Promise<string> {
  server = createServer((request, response) => void answerLanding(pending, request, response));
  await new Promise<void>((resolve) => server.listen({ host: "127.0.0.1", port: 0 }, resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test("strangers get the landing page and its assets, and nothing of the screen", async () => {
  const base = await serve(Promise.resolve(files));
  const page = await fetch(`${base}/i?x=1`);
  expect(await page.text()).toBe("the landing page");
  const policy = page.headers.get("content-security-policy");
  expect(policy).toContain("default-src 'none'");
  expect(policy).not.toContain("connect-src");
  expect((await fetch(`${base}/assets/a-1.css`)).status).toBe(200);
  for (const path of [
    "/",
    "/index.html",
    "/session",
    "/r/abc",
    "/rpc",
    "/i/x",
    "/assets/",
    "/assets/../index.html",
  ]) {
    const answer = await fetch(base + path);
    expect(answer.status, path).toBe(404);
    expect(await answer.text()).not.toContain("the screen");
  }
});

test("a screen that could not be built leaves the homeserver without a page, not without an answer", async () => {
  const failed = Promise.reject<ScreenFiles>(new Error("no build"));
  failed.catch(() => undefined);
  const base = await serve(failed);
  expect((await fetch(`${base}/i`)).status).toBe(404);
});
