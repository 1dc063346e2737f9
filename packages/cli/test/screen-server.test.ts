import { silentLog } from "@fedchat/engine/node";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import type { IncomingHttpHeaders } from "node:http";
import { request } from "node:http";
import { connect, createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { CommandError } from "../src/exit-codes.ts";
import { openTokenLifetimeMs, screenSessionLifetimeMs, screenSessionTouchMs } from "../src/limits.ts";
import type { ScreenFiles } from "../src/screen/files.ts";
import type { LocalScreen } from "../src/screen/server.ts";
import { startScreen } from "../src/screen/server.ts";
import { InTestEngine } from "./in-test-engine.ts";

const files: ScreenFiles = {
  index: "<!doctype html><html><head><title>FedChat</title></head><body></body></html>",
  app: "",
  landing: "<!doctype html><title>Invited</title>",
  assets: new Map([
    [
      "/assets/app-1a2b.js",
      {
        body: Buffer.from("1"),
        headers: {
          "Content-Type": "text/javascript",
          "Cache-Control": "public, max-age=31536000, immutable",
        },
      },
    ],
  ]),
};

let folder: string;
let screen: LocalScreen;
let engine: InTestEngine;
let now: number;
const paths = () => ({ open: join(folder, "open.html"), screens: join(folder, "screens.json") });
const begin = (port = 0) =>
  startScreen({
    port,
    portIsDefault: false,
    instance: "abcd",
    files: Promise.resolve(files),
    paths: paths(),
    engine,
    now: () => now,
    log: silentLog,
  });

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "fedchat-screen-"));
  engine = new InTestEngine();
  now = 1_800_000_000_000;
  screen = await begin();
});
afterEach(async () => {
  await screen[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  body: string;
}

function ask(path: string, given: { method?: string; headers?: Record<string, string>; body?: string } = {}) {
  return new Promise<Answer>((resolve, reject) => {
    const { method = "GET", headers = {}, body } = given;
    const asked = request({ host: "127.0.0.1", port: screen.port, path, method, headers }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
      response.on("end", () =>
        resolve({ status: response.statusCode!, headers: response.headers, body: text }),
      );
    });
    asked.on("error", reject);
    asked.end(body);
  });
}

/** As the form in the owner-only file does it. */
const post = (token: string, headers: Record<string, string> = {}) =>
  ask("/session", {
    method: "POST",
    headers: { "Content-Type": "application/x-www-form-urlencoded", Origin: "null", ...headers },
    body: new URLSearchParams({ token }).toString(),
  });

async function signIn(): Promise<{ cookie: string; secret: string }> {
  const { headers, body } = await post(screen.open().code);
  return {
    cookie: headers["set-cookie"]![0]!.split(";")[0]!,
    secret: /<meta name="fedchat-session" content="([^"]+)"/.exec(body)![1]!,
  };
}

/** Resolves with an open socket, or with the HTTP status that refused it. */
function openSocket(headers: Record<string, string>): Promise<WebSocket | number> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(`ws://127.0.0.1:${screen.port}/rpc`, { headers });
    socket.once("open", () => resolve(socket));
    socket.once("unexpected-response", (_request, response) => {
      resolve(response.statusCode!);
      socket.terminate();
    });
    socket.on("error", (error) => reject(error));
  });
}

function nextText(socket: WebSocket): Promise<string> {
  return new Promise((resolve) => socket.once("message", (data) => resolve(String(data))));
}
const closing = (socket: WebSocket) => new Promise<number>((resolve) => socket.once("close", resolve));
const rpc = (method: string, params: unknown, id = 1) =>
  JSON.stringify({ jsonrpc: "2.0", id, method, params });
const own = () => ({ Origin: screen.address });

describe("files", () => {
  test("pages come with the strict policy and are not stored; hashed assets are kept for ever", async () => {
    const page = await ask("/");
    expect(page.status).toBe(200);
    expect(page.body).toContain("<title>FedChat</title>");
    const policy = page.headers["content-security-policy"]!;
    for (const rule of [
      "default-src 'self'",
      "script-src 'self'",
      "frame-ancestors 'none'",
      "base-uri 'none'",
      `ws://127.0.0.1:${screen.port}`,
    ]) {
      expect(policy).toContain(rule);
    }
    expect(policy).not.toContain("unsafe");
    expect(page.headers).toMatchObject({
      "x-content-type-options": "nosniff",
      "referrer-policy": "no-referrer",
      "cross-origin-opener-policy": "same-origin",
      "cross-origin-resource-policy": "same-origin",
      "cache-control": "no-store",
    });
    const asset = await ask("/assets/app-1a2b.js");
    expect(asset.headers["cache-control"]).toContain("immutable");
    expect(asset.headers["content-security-policy"]).toBe(policy);
  });

  test("the app's own routes are its page; anything else is not there", async () => {
    for (const path of [
      "/r/abc",
      "/w/abc?m=1",
      "/people",
      "/requests/x",
      "/servers/link",
      "/settings",
      "/invite",
    ]) {
      expect((await ask(path)).status, path).toBe(200);
    }
    for (const path of [
      "/open.html",
      "/../engine.db",
      "/..%2fengine.db",
      "/assets/",
      "/i",
      "/rpc",
      "//evil",
      "/r/a/b",
    ]) {
      expect((await ask(path)).status, path).toBe(404);
    }
  });

  test("the page that anybody gets carries no secret", async () => {
    await signIn();
    expect((await ask("/")).body).not.toContain("fedchat-session");
  });

  test("other methods are refused", async () => {
    expect((await ask("/", { method: "PUT" })).status).toBe(405);
    expect((await ask("/", { method: "POST" })).status).toBe(405);
    const head = await ask("/", { method: "HEAD" });
    expect([head.status, head.body]).toEqual([200, ""]);
  });
});

describe("[T2] a foreign name that resolves to this machine", () => {
  test.each([
    "evil.example",
    "evil.example:PORT",
    "127.0.0.1",
    "127.0.0.1:1",
    "localhost.evil.example:PORT",
    "127.0.0.2:PORT",
  ])("Host %s gets nothing", async (name) => {
    const host = name.replace("PORT", String(screen.port));
    expect((await ask("/", { headers: { Host: host } })).status).toBe(421);
    expect((await post(screen.open().code, { Host: host })).status).toBe(421);
    const { cookie } = await signIn();
    expect(await openSocket({ Host: host, Origin: `http://${host}`, Cookie: cookie })).toBe(421);
  });

  test("our own names are answered", async () => {
    for (const name of ["127.0.0.1", "localhost", "[::1]"]) {
      expect((await ask("/", { headers: { Host: `${name}:${screen.port}` } })).status).toBe(200);
    }
  });
});

describe("the one-time token", () => {
  test("[T4] lies in an owner-only file, opens one session, and is gone", async () => {
    const { path, code } = screen.open();
    const file = readFileSync(path, "utf8");
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(file).toContain(`action="${screen.address}/session"`);
    expect(file).toContain(code);
    expect(Buffer.from(code, "base64url")).toHaveLength(32);

    const first = await post(code);
    expect(first.status).toBe(200);
    expect(first.headers["set-cookie"]![0]).toMatch(
      /^fedchat-abcd=[A-Za-z0-9_-]{43}; HttpOnly; SameSite=Strict; Path=\/; Max-Age=2592000$/,
    );
    expect(first.headers["cache-control"]).toBe("no-store");
    expect(first.body).toMatch(/<meta name="fedchat-session" content="[A-Za-z0-9_-]{43}" \/><\/head>/);
    expect(() => statSync(path)).toThrow("ENOENT");

    const second = await post(code);
    expect(second.status).toBe(403);
    expect(second.headers["set-cookie"]).toBeUndefined();
  });

  test("expires", async () => {
    const { code } = screen.open();
    now += openTokenLifetimeMs;
    expect((await post(code)).status).toBe(403);
  });

  test("is taken from our own page too, where a person types it", async () => {
    const form = await ask("/session");
    expect(form.status).toBe(200);
    expect(form.headers["content-security-policy"]).toContain("default-src 'none'");
    expect((await post(screen.open().code, own())).status).toBe(200);
  });

  test("[T2] is not taken from another origin, and stays good", async () => {
    const { code } = screen.open();
    for (const origin of ["https://evil.example", "http://127.0.0.1:1", `http://localhost:${screen.port}`]) {
      expect((await post(code, { Origin: origin })).status).toBe(403);
    }
    const nameless = await ask("/session", {
      method: "POST",
      headers: { "Content-Type": "application/x-www-form-urlencoded" },
      body: `token=${code}`,
    });
    expect(nameless.status).toBe(403);
    expect((await post(code)).status).toBe(200);
  });

  test.each(["", "wrong", "A".repeat(43), "A".repeat(100_000)])(
    "a wrong one opens nothing",
    async (token) => {
      screen.open();
      const answer = await post(token);
      expect(answer.status).toBe(403);
      expect(answer.headers["set-cookie"]).toBeUndefined();
    },
  );

  test("posted as anything but a form it opens nothing", async () => {
    const { code } = screen.open();
    expect((await post(code, { "Content-Type": "text/plain" })).status).toBe(403);
  });

  test("a page that is loaded again goes on with its session", async () => {
    const { code } = screen.open();
    const cookie = (await post(code)).headers["set-cookie"]![0]!.split(";")[0]!;
    const again = await post(code, { Cookie: cookie });
    expect([again.status, again.headers.location]).toEqual([303, "/"]);
    const got = await ask("/session", { headers: { Cookie: cookie } });
    expect([got.status, got.headers.location]).toEqual([303, "/"]);
  });
});

describe("the engine's socket", () => {
  test("[T3] needs cookie and secret, then speaks JSON-RPC and tells events", async () => {
    const { cookie, secret } = await signIn();
    const socket = (await openSocket({ ...own(), Cookie: cookie })) as WebSocket;
    socket.send(rpc("session.open", { secret }));
    expect(JSON.parse(await nextText(socket))).toEqual({ jsonrpc: "2.0", id: 1, result: {} });
    socket.send(rpc("engine.subscribe", {}, 2));
    expect(JSON.parse(await nextText(socket))).toMatchObject({ id: 2, result: { position: 0 } });
    const event = { type: "server.removed", serverId: "a".repeat(52) } as const;
    engine.tell(event);
    expect(JSON.parse(await nextText(socket))).toEqual({ jsonrpc: "2.0", method: "event", params: event });
    socket.close();
    await closing(socket);
    await expect.poll(() => engine.listeners).toBe(0);
  });

  test("works under each of our names, where name and origin agree", async () => {
    const { cookie } = await signIn();
    const host = `localhost:${screen.port}`;
    const socket = (await openSocket({ Host: host, Origin: `http://${host}`, Cookie: cookie })) as WebSocket;
    expect(socket).toBeInstanceOf(WebSocket);
    socket.terminate();
    expect(await openSocket({ Host: host, Origin: screen.address, Cookie: cookie })).toBe(403);
  });

  test.each(["https://evil.example", "null", "http://127.0.0.1:1", "http://127.0.0.1"])(
    "is refused to origin %s, cookie or not",
    async (origin) => {
      const { cookie } = await signIn();
      expect(await openSocket({ Origin: origin, Cookie: cookie })).toBe(403);
    },
  );

  test("[T2] [T3] is refused without an origin, without a cookie, with a cookie of another program", async () => {
    const { cookie } = await signIn();
    expect(await openSocket({ Cookie: cookie })).toBe(403);
    expect(await openSocket(own())).toBe(401);
    expect(await openSocket({ ...own(), Cookie: cookie.replace("fedchat-abcd", "fedchat-efgh") })).toBe(401);
    expect(await openSocket({ ...own(), Cookie: "fedchat-abcd=forged" })).toBe(401);
  });

  test("[T3] a cookie without its own secret reaches nothing", async () => {
    const one = await signIn();
    const other = await signIn();
    for (const secret of ["", "wrong", other.secret]) {
      const socket = (await openSocket({ ...own(), Cookie: one.cookie })) as WebSocket;
      const closed = closing(socket);
      socket.send(rpc("session.open", { secret }));
      socket.send(rpc("session.open", { secret: one.secret }, 2));
      socket.send(rpc("rooms.list", {}, 3));
      expect(JSON.parse(await nextText(socket))).toMatchObject({ id: 1, error: { code: -32001 } });
      expect(await closed).toBe(4401);
    }
    expect(engine.calls).toEqual([]);
  });

  test("nothing is called before the secret was shown", async () => {
    const { cookie } = await signIn();
    const socket = (await openSocket({ ...own(), Cookie: cookie })) as WebSocket;
    const closed = closing(socket);
    socket.send(rpc("rooms.list", {}));
    expect(JSON.parse(await nextText(socket))).toMatchObject({ error: { code: -32001 } });
    expect(await closed).toBe(4401);
    expect(engine.calls).toEqual([]);
  });

  test("binary frames close it", async () => {
    const { cookie } = await signIn();
    const socket = (await openSocket({ ...own(), Cookie: cookie })) as WebSocket;
    const closed = closing(socket);
    socket.send(Buffer.from([1, 2, 3]));
    expect(await closed).toBe(1003);
  });
});

describe("sessions", () => {
  test("[T3] survive a restart, and their file opens nothing", async () => {
    const { cookie, secret } = await signIn();
    const file = readFileSync(paths().screens, "utf8");
    expect(statSync(paths().screens).mode & 0o777).toBe(0o600);
    expect(file).not.toContain(secret);
    expect(file).not.toContain(cookie.split("=")[1]);

    const { port } = screen;
    await screen[Symbol.asyncDispose]();
    screen = await begin(port);
    const socket = (await openSocket({ ...own(), Cookie: cookie })) as WebSocket;
    socket.send(rpc("session.open", { secret }));
    expect(JSON.parse(await nextText(socket))).toMatchObject({ result: {} });
    socket.terminate();
  });

  test("end when a browser was away too long", async () => {
    const { cookie } = await signIn();
    now += screenSessionLifetimeMs;
    expect(await openSocket({ ...own(), Cookie: cookie })).toBe(401);
  });

  test("a damaged file only costs signing in again", async () => {
    const { port } = screen;
    await screen[Symbol.asyncDispose]();
    const { writeFileSync } = await import("node:fs");
    writeFileSync(paths().screens, `{"sessions":[{"cookie":`);
    screen = await begin(port);
    const { cookie } = await signIn();
    const socket = (await openSocket({ ...own(), Cookie: cookie })) as WebSocket;
    expect(socket).toBeInstanceOf(WebSocket);
    socket.terminate();
  });
});

function connects(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: 2_000 });
    const end = (connected: boolean) => {
      socket.destroy();
      resolve(connected);
    };
    socket.once("connect", () => end(true));
    socket.once("error", () => end(false));
    socket.once("timeout", () => end(false));
  });
}

describe("its port", () => {
  test("[T1] is on 127.0.0.1 only", async () => {
    expect(screen.address).toBe(`http://127.0.0.1:${screen.port}`);
    const others = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
    const reached = [];
    for (const { address, family, scopeid } of others) {
      const host = family === "IPv6" && scopeid ? `${address}%${scopeid}` : address;
      if (await connects(host, screen.port)) reached.push(address);
    }
    expect(reached).toEqual(["127.0.0.1"]);
  });

  test("taken: a configured one is an error that says what to do, a default one gives way", async () => {
    const blocker = createServer();
    await new Promise<void>((resolve) => blocker.listen({ host: "127.0.0.1", port: 0 }, resolve));
    const { port } = blocker.address() as AddressInfo;
    await expect(begin(port)).rejects.toThrow(CommandError);
    await expect(begin(port)).rejects.toThrow(`Port ${port} is taken`);
    const options = {
      instance: "x",
      files: Promise.resolve(files),
      paths: paths(),
      engine,
      now: () => now,
      log: silentLog,
    };
    await using moved = await startScreen({ ...options, port, portIsDefault: true });
    expect(moved.port).toBeGreaterThan(port);
    await new Promise((resolve) => blocker.close(resolve));
  });
});

test("[T3] a session whose last use cannot be written opens its sockets all the same, and the program goes on", async () => {
  const { cookie } = await signIn();
  now += screenSessionTouchMs;
  rmSync(folder, { recursive: true });
  const socket = await openSocket({ ...own(), Cookie: cookie });
  expect(typeof socket).toBe("object");
  if (typeof socket === "object") socket.terminate();
  expect((await ask("/")).status).toBe(200);
});
