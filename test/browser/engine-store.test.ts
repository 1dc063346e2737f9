/** The engine's store in real Chromium: it answers as on Node, and outlives what browsers do to it. */
import type { Page } from "playwright-core";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { openSqliteDatabase } from "../../packages/engine/src/node/sqlite-database.ts";
import { databaseAnswers } from "../../packages/engine/test/database-contract.ts";
import { openBrowser } from "../harness/browser.ts";
import { servePage } from "../harness/built-page.ts";
import type { StorePage } from "./store/main.ts";
import type { Asked } from "./store/worker.ts";

declare const storePage: StorePage;

const resources = new AsyncDisposableStack();
const complaints: string[] = [];
let url: string;
let browser: Awaited<ReturnType<typeof openBrowser>>;
let page: Page;

beforeAll(async () => {
  ({ url } = resources.use(await servePage(new URL("store", import.meta.url).pathname)));
  browser = resources.use(await openBrowser());
});
afterAll(() => resources.disposeAsync());

/** An origin without anything in it. */
beforeEach(async () => {
  page = await (await browser.newContext()).newPage();
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("console", (message) => complaints.push(message.text()));
  await page.goto(url);
  await page.waitForFunction(() => "storePage" in globalThis);
});

const ask = (worker: string, asked: Asked) =>
  page.evaluate(([name, what]) => storePage.ask(name, what), [worker, asked] as const);
const kill = (worker: string) => page.evaluate((name) => storePage.kill(name), worker);
const texts = (worker: string) =>
  ask(worker, { what: "all", sql: "SELECT name FROM settings ORDER BY name" });
const put = (name: string): Asked => ({
  what: "run",
  sql: `INSERT INTO settings (name, value) VALUES ('${name}', zeroblob(20000))`,
});

test("[J7] Chromium and Node give the same answers", async () => {
  const inNode = await databaseAnswers(async () => openSqliteDatabase(":memory:"));
  expect(await ask("one", { what: "contract" })).toEqual(inNode);
  expect(inNode["values come back as they went in"]).toMatchObject([[1, 1, 1, 1, 1, 1], { length: 6 }]);
  expect(
    inNode["messages are found by their words, without their accents, and no more when they are gone"],
  ).toEqual([[[{ rowid: 1 }], [{ rowid: 2 }], []], []]);
});

test("[J7] what was committed outlives a worker that is killed; what was not is gone", async () => {
  await ask("first", { what: "open" });
  await ask("first", put("committed"));
  await ask("first", { what: "begin", sql: "INSERT INTO settings VALUES ('half', zeroblob(200000))" });
  await kill("first");
  await ask("second", { what: "open" });
  expect(await texts("second")).toEqual([{ name: "committed" }]);
});

test("[J6] while one worker has the store a second gets nothing, and harms nothing", async () => {
  await ask("first", { what: "open" });
  await ask("first", put("mine"));
  await expect(ask("second", { what: "open" })).rejects.toThrow("StoreUnusableError: Another window");
  await ask("first", put("still mine"));
  await kill("first");
  await kill("second");
  await ask("third", { what: "open" });
  expect(await texts("third")).toEqual([{ name: "mine" }, { name: "still mine" }]);
});

test("[J6] a worker that waits gets the store when the other dies", async () => {
  await ask("first", { what: "open" });
  await ask("first", put("handed on"));
  const second = ask("second", { what: "open" });
  await kill("first");
  await second;
  expect(await texts("second")).toEqual([{ name: "handed on" }]);
});

test("[J7] [X4] what was deleted stands in no file once the log is emptied", async () => {
  await ask("one", { what: "open" });
  const secret = "vermilion-heron-secret-31";
  await ask("one", { what: "run", sql: `INSERT INTO settings VALUES ('s', CAST('${secret}' AS BLOB))` });
  const holds = () => page.evaluate((text) => storePage.files().then((all) => all.includes(text)), secret);
  expect(await holds()).toBe(true);
  await ask("one", { what: "run", sql: "DELETE FROM settings WHERE name = 's'" });
  expect(await ask("one", { what: "empty" })).toBe(true);
  expect(await holds()).toBe(false);
});

test("[J7] a damaged store is refused and left as it is", async () => {
  await ask("one", { what: "open" });
  for (const name of ["a", "b", "c"]) await ask("one", put(name));
  await ask("one", { what: "empty" });
  await kill("one");
  await page.evaluate(() => storePage.damage());
  const before = await page.evaluate(() => storePage.files());
  await expect(ask("two", { what: "open" })).rejects.toThrow(
    /StoreUnusableError: .* is damaged\. Nothing was changed/,
  );
  await kill("two");
  expect((await page.evaluate(() => storePage.files())) === before).toBe(true);
});

test("[J7] a spent quota refuses what is new, keeps what there is, and goes on when there is room", async () => {
  await ask("one", { what: "open" });
  await ask("one", put("before"));
  const devtools = await page.context().newCDPSession(page);
  const origin = new URL(url).origin;
  await devtools.send("Storage.overrideQuotaForOrigin", { origin, quotaSize: 300_000 });
  const large: Asked = { what: "run", sql: "INSERT INTO settings VALUES ('large', zeroblob(2000000))" };
  await expect(ask("one", large)).rejects.toThrow("StoreFullError");
  expect(await texts("one")).toEqual([{ name: "before" }]);
  await devtools.send("Storage.overrideQuotaForOrigin", { origin });
  await ask("one", large);
  expect(await texts("one")).toEqual([{ name: "before" }, { name: "large" }]);
});

test("nothing broke the content security policy, and nothing was complained of", () => {
  expect(complaints).toEqual([]);
});
