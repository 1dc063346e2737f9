import type { Screens } from "@fedchat/engine/interface";
import { silentLog } from "@fedchat/engine/node";
import { argon2Sync } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import type { IncomingHttpHeaders, Server } from "node:http";
import { createServer, request } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import {
  pairedScreenLifetimeMs,
  pairedScreensMax,
  pairingFailuresMax,
  pairingFailuresWithinMs,
  pairingLifetimeMs,
  pairingPasswordsMax,
} from "../src/limits.ts";
import type { ScreenFiles } from "../src/screen/files.ts";
import type { ScreenId } from "../src/screen/paired-screens.ts";
import type { ScreenPlaces } from "../src/screen/places.ts";
import { RemoteScreens } from "../src/screen/remote-screens.ts";
import { RemoteServer } from "../src/screen/remote-server.ts";
import { withScreens } from "../src/screen/screen-methods.ts";
import { InTestEngine } from "./in-test-engine.ts";

const host = "box.example.com:8443";
const origin = `https://${host}`;
const password = "granite lantern orbit velvet";
const files: ScreenFiles = {
  index: "<!doctype html><title>the screen</title>",
  app: "",
  landing: "",
  assets: new Map(),
};
const reachable: ScreenPlaces = { addresses: [origin], throughProxy: false, cause: null };

let folder: string;
let engine: InTestEngine;
let screens: RemoteScreens;
let remote: RemoteServer;
let server: Server;
let now: number;
let places: ScreenPlaces;
const path = () => join(folder, "paired-screens.json");

/** The program, as after a start: what carries TLS and counts addresses is the homeserver's, tested there. */
function begin(): void {
  screens = new RemoteScreens({
    path: path(),
    places: () => places,
    weakness: async (tried) => (tried === "password" ? "This password is easy to guess." : null),
    now: () => now,
  });
  remote = new RemoteServer({
    screens,
    names: () => new Set(places.addresses.map((address) => new URL(address).hostname)),
    instance: "abcd",
    files: Promise.resolve(files),
    engine,
    now: () => now,
    log: silentLog,
  });
}

/** As after `enable`, with a hash that costs little: many tests check a password many times. */
function switchedOn(): void {
  writeFileSync(path(), JSON.stringify({ enabled: true, password: cheapHash, screens: [] }), { mode: 0o600 });
  begin();
}
const cheap = { memory: 8_192, passes: 1, parallelism: 1 };
const salt = Buffer.alloc(16, 7);
const derived = argon2Sync("argon2id", { ...cheap, message: password, nonce: salt, tagLength: 32 });
const cheapHash = {
  algorithm: "argon2id",
  ...cheap,
  salt: salt.toString("base64url"),
  hash: derived.toString("base64url"),
};

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "fedchat-remote-"));
  engine = new InTestEngine();
  now = 1_800_000_000_000;
  places = reachable;
  begin();
  server = createServer((asked, response) => {
    const address = String(asked.headers["x-test-address"] ?? "192.0.2.1");
    if (!remote.request(asked, response, { address })) response.writeHead(404).end("not taken");
  });
  server.on("upgrade", (asked, socket, head) => {
    if (!remote.upgrade(asked, socket as Socket, head)) socket.end("HTTP/1.1 404 Not Found\r\n\r\n");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
});
afterEach(async () => {
  remote.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  rmSync(folder, { recursive: true, force: true });
});

const port = () => (server.address() as AddressInfo).port;

interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  body: string;
}

function ask(at: string, given: { method?: string; headers?: Record<string, string>; body?: string } = {}) {
  return new Promise<Answer>((resolve, reject) => {
    const { method = "GET", headers = {}, body } = given;
    const options = {
      host: "127.0.0.1",
      port: port(),
      path: at,
      method,
      headers: { Host: host, ...headers },
    };
    const asked = request(options, (response) => {
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

const newToken = () => screens.add().link.split("#")[1]!;

function postPair(form: object, headers: Record<string, string> = {}) {
  return ask("/pair", {
    method: "POST",
    headers: { "Content-Type": "application/json", Origin: origin, ...headers },
    body: JSON.stringify(form),
  });
}
const form = (change: { token?: string } & Record<string, unknown> = {}) => ({
  password,
  name: "Phone",
  ...change,
  token: change.token ?? newToken(),
});
const causeOf = ({ body }: Answer) => (JSON.parse(body) as { cause: { code: string } }).cause.code;

async function pairPhone(name = "Phone"): Promise<{ cookie: string; secret: string; id: ScreenId }> {
  const answer = await postPair(form({ name }));
  expect(answer.status).toBe(200);
  const { id } = screens.paired.list().at(-1)!;
  const cookie = answer.headers["set-cookie"]![0]!.split(";")[0]!;
  return { cookie, secret: (JSON.parse(answer.body) as { secret: string }).secret, id };
}

/** Resolves with an open socket, or with the HTTP status that refused it. */
function openSocket(headers: Record<string, string>): Promise<WebSocket | number> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(`ws://127.0.0.1:${port()}/rpc`, {
      headers: { Host: host, Origin: origin, ...headers },
    });
    socket.once("open", () => resolve(socket));
    socket.once("unexpected-response", (_request, response) => {
      resolve(response.statusCode!);
      socket.terminate();
    });
    socket.on("error", reject);
  });
}
const nextText = (socket: WebSocket) =>
  new Promise<string>((resolve) => socket.once("message", (data) => resolve(String(data))));
const closing = (socket: WebSocket) => new Promise<number>((resolve) => socket.once("close", resolve));
const rpc = (method: string, params: unknown, id = 1) =>
  JSON.stringify({ jsonrpc: "2.0", id, method, params });

async function openScreen(cookie: string, secret: string): Promise<WebSocket> {
  const socket = (await openSocket({ Cookie: cookie })) as WebSocket;
  socket.send(rpc("session.open", { secret }));
  expect(JSON.parse(await nextText(socket))).toMatchObject({ result: {} });
  return socket;
}

describe("switched off", () => {
  test("nothing of the screen is there", async () => {
    for (const at of ["/", "/pair", "/session", "/settings"]) expect((await ask(at)).body).toBe("not taken");
    expect((await postPair({ token: "x", password, name: "Phone" })).body).toBe("not taken");
    expect(await openSocket({})).toBe(404);
    expect(() => screens.add()).toThrow("switched off");
  });

  test("paired screens are closed at once and stay out, until it is switched on again", async () => {
    await screens.enable(password);
    const { cookie, secret } = await pairPhone();
    const socket = await openScreen(cookie, secret);
    const closed = closing(socket);
    screens.disable();
    expect(await closed).toBe(4401);
    expect(await openSocket({ Cookie: cookie })).toBe(404);
    await screens.enable(undefined);
    (await openScreen(cookie, secret)).terminate();
  });

  test("it is switched on only with a password, which is not a weak one", async () => {
    await expect(screens.enable(undefined)).rejects.toThrow("none is set yet");
    await expect(screens.enable("password")).rejects.toThrow("easy to guess");
    expect(screens.view("here")).toMatchObject({ enabled: false, hasPassword: false });
  });
});

describe("strangers", () => {
  beforeEach(switchedOn);

  test("get the page that pairs, and a sentence instead of the screen", async () => {
    expect((await ask("/pair")).body).toContain("the screen");
    for (const at of ["/", "/r/abc", "/settings/screens"]) {
      const answer = await ask(at);
      expect(answer.status).toBe(403);
      expect(answer.body).toContain("not signed in");
      expect(answer.body).not.toContain("<title>the screen");
    }
    expect((await ask("/session")).status).toBe(200);
    expect((await ask("/i")).body).toBe("not taken");
    expect((await ask("/", { method: "POST" })).status).toBe(405);
  });

  test.each(["evil.example", "evil.example:8443", "127.0.0.1:8443", "box.example.com@evil.example", ""])(
    "who come under the name '%s' get nothing",
    async (name) => {
      const { cookie } = await pairPhone();
      for (const at of ["/", "/pair"]) {
        expect((await ask(at, { headers: { Host: name, Cookie: cookie } })).status).toBe(421);
      }
      const answer = await postPair(form(), { Host: name, Origin: `https://${name}` });
      expect(answer.status).toBe(421);
      expect(await openSocket({ Host: name, Origin: `https://${name}`, Cookie: cookie })).toBe(421);
    },
  );

  test("pages come with the strict policy, and are not stored", async () => {
    const { headers } = await ask("/pair");
    expect(headers["content-security-policy"]).toContain(`connect-src 'self' wss://${host};`);
    expect(headers["content-security-policy"]).not.toContain("unsafe");
    expect(headers).toMatchObject({ "cache-control": "no-store", "referrer-policy": "no-referrer" });
  });
});

describe("[T6] a link", () => {
  beforeEach(switchedOn);

  test("carries its secret in the fragment, and pairs one screen with cookie and secret", async () => {
    const { link, expiresAt } = screens.add();
    expect(link).toMatch(/^https:\/\/box\.example\.com:8443\/pair#[A-Za-z0-9_-]{22}$/);
    expect(expiresAt).toBe(now + pairingLifetimeMs);
    const token = link.split("#")[1]!;
    const first = await postPair(form({ token }));
    expect(first.headers["set-cookie"]![0]).toMatch(
      /^__Host-fedchat-abcd=[A-Za-z0-9_-]{43}; Secure; HttpOnly; SameSite=Strict; Path=\/; Max-Age=34560000$/,
    );
    expect(JSON.parse(first.body)).toEqual({ secret: expect.stringMatching(/^[A-Za-z0-9_-]{43}$/) });
    expect(first.headers["cache-control"]).toBe("no-store");
    const second = await postPair(form({ token }));
    expect([second.status, causeOf(second)]).toEqual([403, "link-spent"]);
    expect(second.headers["set-cookie"]).toBeUndefined();
    expect(screens.paired.list()).toHaveLength(1);
  });

  test("used twice at the same time pairs once", async () => {
    const token = newToken();
    const answers = await Promise.all([1, 2, 3].map(() => postPair(form({ token }))));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 403, 403]);
    expect(screens.paired.list()).toHaveLength(1);
  });

  test("expires, and ends when the password changes or screens are switched off", async () => {
    const first = newToken();
    now += pairingLifetimeMs;
    expect(causeOf(await postPair(form({ token: first })))).toBe("link-spent");
    const second = newToken();
    await screens.enable("another good one entirely");
    expect(causeOf(await postPair(form({ token: second })))).toBe("link-spent");
    const third = newToken();
    screens.disable();
    await screens.enable(undefined);
    expect(causeOf(await postPair(form({ token: third })))).toBe("link-spent");
  });

  test("takes a few wrong passwords and then is spent, for the right one too", async () => {
    const token = newToken();
    for (let i = 1; i < pairingPasswordsMax; i++) {
      expect(causeOf(await postPair(form({ token, password: `wrong ${i}` })))).toBe("wrong-password");
    }
    expect(causeOf(await postPair(form({ token, password: "the last" })))).toBe("link-spent");
    expect(causeOf(await postPair(form({ token })))).toBe("link-spent");
  });

  test("is not taken from another origin, and stays good", async () => {
    const token = newToken();
    for (const from of ["https://evil.example", "null", "https://box.example.com", `http://${host}`]) {
      expect((await postPair(form({ token }), { Origin: from })).status).toBe(403);
    }
    const nameless = { method: "POST", headers: { "Content-Type": "application/json" } };
    expect((await ask("/pair", { ...nameless, body: JSON.stringify(form({ token })) })).status).toBe(403);
    expect((await postPair(form({ token }))).status).toBe(200);
  });

  test.each<[string, object]>([
    ["no name", { name: "  " }],
    ["a name that turns text", { name: "Phone\u202e" }],
    ["a name with a line end", { name: "a\nb" }],
    ["a long name", { name: "x".repeat(65) }],
    ["too much", { password: "x".repeat(100_000) }],
    ["something else", { more: 1 }],
  ])("with %s is refused and stays good", async (_what, change) => {
    const token = newToken();
    expect((await postPair(form({ token, ...change }))).status).toBe(400);
    expect((await postPair(form({ token }))).status).toBe(200);
  });

  test("is not made where no browser elsewhere could use it, nor for more screens than there may be", async () => {
    const cause = { code: "no-trusted-address", sentence: "No name.", fix: null, retry: "later" } as const;
    places = { addresses: [], throughProxy: false, cause };
    expect(() => screens.add()).toThrow("No name.");
    places = reachable;
    const token = newToken();
    for (let i = 0; i < pairedScreensMax; i++) screens.paired.pair(`Phone ${i}`);
    expect(() => screens.add()).toThrow("as many screens");
    expect(causeOf(await postPair(form({ token })))).toBe("too-many-screens");
  });

  test("tried with wrong passwords from one network address is refused unheard after some time, from others not", async () => {
    let token = newToken();
    for (let i = 0; i < pairingFailuresMax; i++) {
      if (i > 0 && i % pairingPasswordsMax === 0) token = newToken();
      expect(causeOf(await postPair(form({ token, password: "wrong" })))).toMatch(/^(wrong-pass|link-spent)/);
    }
    expect((await postPair(form())).status).toBe(429);
    expect((await postPair(form(), { "X-Test-Address": "192.0.2.2" })).status).toBe(200);
    now += pairingFailuresWithinMs;
    expect((await postPair(form())).status).toBe(200);
  });
});

test("[T6] who guesses links locks nobody out: behind a proxy that says nothing all have one address", async () => {
  switchedOn();
  const guess = { token: "A".repeat(22), password, name: "Phone" };
  for (let i = 0; i < 2 * pairingFailuresMax; i++) expect((await postPair(guess)).status).toBe(403);
  expect((await postPair(form())).status).toBe(200);
});

describe("[T7] a paired screen", () => {
  beforeEach(switchedOn);

  test("reaches the engine with cookie and secret, and its own page", async () => {
    const { cookie, secret } = await pairPhone();
    expect((await ask("/", { headers: { Cookie: cookie } })).body).toContain("the screen");
    expect((await ask("/session", { headers: { Cookie: cookie } })).status).toBe(303);
    const socket = await openScreen(cookie, secret);
    socket.send(rpc("rooms.list", {}, 2));
    expect(JSON.parse(await nextText(socket))).toMatchObject({ id: 2, result: [] });
    socket.terminate();
  });

  test("without the one or the other reaches nothing", async () => {
    const one = await pairPhone("One");
    const other = await pairPhone("Other");
    expect(await openSocket({})).toBe(401);
    expect(await openSocket({ Cookie: "__Host-fedchat-abcd=forged" })).toBe(401);
    expect(await openSocket({ Cookie: one.cookie.replace("abcd", "efgh") })).toBe(401);
    for (const from of ["https://evil.example", "null", "https://box.example.com"]) {
      expect(await openSocket({ Cookie: one.cookie, Origin: from })).toBe(403);
    }
    for (const secret of ["", "wrong", other.secret]) {
      const socket = (await openSocket({ Cookie: one.cookie })) as WebSocket;
      const closed = closing(socket);
      socket.send(rpc("session.open", { secret }));
      expect(JSON.parse(await nextText(socket))).toMatchObject({ error: { code: -32001 } });
      expect(await closed).toBe(4401);
    }
    expect(engine.calls).toEqual([]);
  });

  test("[T8] that is removed is closed in the same moment, is not heard any more, and its session is dead", async () => {
    const { cookie, secret, id } = await pairPhone();
    const kept = await pairPhone("Kept");
    const socket = await openScreen(cookie, secret);
    const other = await openScreen(kept.cookie, kept.secret);
    const closed = closing(socket);
    screens.remove(id);
    socket.send(rpc("rooms.list", {}, 2));
    expect(await closed).toBe(4401);
    expect(engine.calls).toEqual([]);
    expect(await openSocket({ Cookie: cookie })).toBe(401);
    expect((await ask("/", { headers: { Cookie: cookie } })).status).toBe(403);
    expect((await ask("/session", { headers: { Cookie: cookie } })).status).toBe(200);
    expect(() => screens.remove(id)).toThrow("no such screen");
    other.send(rpc("rooms.list", {}, 2));
    expect(JSON.parse(await nextText(other))).toMatchObject({ result: [] });
    begin();
    expect(await openSocket({ Cookie: cookie })).toBe(401);
    other.terminate();
  });

  test("that is removed while the disk is full is closed all the same", async () => {
    const { cookie, secret, id } = await pairPhone();
    const socket = await openScreen(cookie, secret);
    const closed = closing(socket);
    rmSync(folder, { recursive: true });
    expect(() => screens.remove(id)).toThrow();
    expect(await closed).toBe(4401);
    expect(await openSocket({ Cookie: cookie })).toBe(401);
  });

  test("survives a restart; its file is the owner's, and opens nothing", async () => {
    const { cookie, secret } = await pairPhone();
    const file = readFileSync(path(), "utf8");
    expect(statSync(path()).mode & 0o777).toBe(0o600);
    for (const kept of [secret, cookie.split("=")[1]!, password]) expect(file).not.toContain(kept);
    begin();
    (await openScreen(cookie, secret)).terminate();
  });

  test("that was away too long is signed out; one that is used stays", async () => {
    const lost = await pairPhone("Lost");
    const used = await pairPhone("Used");
    for (let day = 0; day < 2; day++) {
      now += pairedScreenLifetimeMs / 2;
      (await openScreen(used.cookie, used.secret)).terminate();
    }
    expect(await openSocket({ Cookie: lost.cookie })).toBe(401);
    expect(screens.view("here").screens.map(({ name }) => name)).toEqual(["Used"]);
  });

  test("a damaged file lets nobody in and switches screens off", async () => {
    const { cookie } = await pairPhone();
    writeFileSync(path(), `{"enabled":true,"screens":[{"cookie":`);
    begin();
    expect(await openSocket({ Cookie: cookie })).toBe(404);
    expect(screens.view("here")).toMatchObject({ enabled: false, hasPassword: false, screens: [] });
  });
});

describe("the list of screens", () => {
  beforeEach(switchedOn);

  test("says when each was added and seen, which is open, and which one asks", async () => {
    const one = await pairPhone("One");
    now += 5_000;
    const two = await pairPhone("Two");
    const socket = await openScreen(one.cookie, one.secret);
    now += 60_000;
    const [first, second] = screens.view(two.id).screens;
    expect(first).toEqual({
      screenId: one.id,
      name: "One",
      addedAt: now - 65_000,
      seenAt: now,
      connected: true,
      isThis: false,
    });
    expect(second).toMatchObject({ name: "Two", seenAt: now - 60_000, connected: false, isThis: true });
    const gone = closing(socket);
    socket.close();
    await gone;
    await expect.poll(() => screens.view("here").screens[0]!.connected).toBe(false);
  });

  test("is told to whoever subscribed, each from where it is", async () => {
    const { cookie, secret } = await pairPhone();
    const socket = await openScreen(cookie, secret);
    const heard: Screens[] = [];
    const stop = withScreens(engine, screens, "here").onEvent((event) => {
      if (event.type === "screens.changed") heard.push(event.screens);
    });
    socket.send(rpc("engine.subscribe", {}, 2));
    await nextText(socket);
    const told = nextText(socket);
    await pairPhone("Another");
    expect(JSON.parse(await told)).toMatchObject({
      method: "event",
      params: { type: "screens.changed", screens: { isHere: false } },
    });
    expect(heard.at(-1)).toMatchObject({ isHere: true });
    expect(heard.at(-1)!.screens.map(({ name }) => name)).toEqual(["Phone", "Another"]);
    stop();
    socket.terminate();
  });

  test("[T9] from elsewhere a screen can be signed out, but none be added or let in", async () => {
    const phone = await pairPhone("Phone");
    const lost = await pairPhone("Lost");
    const there = withScreens(engine, screens, phone.id);
    for (const method of ["screens.add", "screens.disable", "screens.enable"] as const) {
      await expect(there.call(method, {})).rejects.toMatchObject({ data: { code: "only-here" } });
    }
    const left = (await there.call("screens.remove", { screenId: lost.id })) as Screens;
    expect(left.screens.map(({ name }) => name)).toEqual(["Phone"]);
    await there.call("rooms.list", {});
    expect(engine.calls.map(({ method }) => method)).toEqual(["rooms.list"]);
  });
});
