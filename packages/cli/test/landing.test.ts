import type { Server } from "node:http";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test } from "vitest";
import type { ScreenFiles } from "../src/screen/files.ts";
import { answerLanding } from "../src/screen/landing.ts";

const files: ScreenFiles = {
  index: "the screen",
  app: "the app",
  landing: "the landing page",
  assets: new Map([
    ["/assets/a-1.css", { body: Buffer.from("b{}"), headers: { "Content-Type": "text/css" } }],
  ]),
};

let server: Server;
afterEach(() => new Promise((resolve) => server.close(resolve)));

async function serve(pending: Promise<ScreenFiles>, app = false): Promise<string> {
  server = createServer((request, response) => void answerLanding(pending, app, request, response));
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

test("[J5] FedChat in the browser is served where that is switched on, and nowhere else, under a policy without strangers", async () => {
  const closed = await serve(Promise.resolve(files));
  const refused = await fetch(`${closed}/app`);
  expect(refused.status).toBe(404);
  expect(await refused.text()).toContain("fedchat chat --server");
  await new Promise((resolve) => server.close(resolve));

  const base = await serve(Promise.resolve(files), true);
  for (const path of ["/app", "/app/people", `/app/r/${"a".repeat(26)}`]) {
    const page = await fetch(base + path);
    expect(page.status, path).toBe(200);
    expect(await page.text()).toBe("the app");
    const policy = page.headers.get("content-security-policy")!;
    expect(policy).toContain("default-src 'none'; script-src 'self'; worker-src 'self'; connect-src 'self'");
    expect(policy).not.toMatch(/unsafe|https?:|wss?:/);
  }
  // A worker's policy comes with its own file: there WebAssembly may be compiled, and nothing else be evaluated.
  const file = (await fetch(`${base}/assets/a-1.css`)).headers.get("content-security-policy");
  expect(file).toContain("script-src 'self' 'wasm-unsafe-eval'; ");
  for (const path of ["/app/x", "/app/../r", "/apple", "/rpc", "/"])
    expect((await fetch(base + path)).status, path).toBe(404);
});

test("a screen that could not be built leaves the homeserver without a page, not without an answer", async () => {
  const failed = Promise.reject<ScreenFiles>(new Error("no build"));
  failed.catch(() => undefined);
  const base = await serve(failed);
  expect((await fetch(`${base}/i`)).status).toBe(404);
});
