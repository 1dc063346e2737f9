/** The MLS working group's vectors, and our recording of the hybrid suite, in real Chromium: the same code as in Node. */
import { readFileSync } from "node:fs";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { node } from "../../packages/mls/test/backends.ts";
import { ABSENT, publishedText } from "../../packages/mls/test/published/folder.ts";
import { PUBLISHED } from "../../packages/mls/test/published/index.ts";
import { recordedGroup } from "../../packages/mls/test/published/joining.ts";
import { AGREES, type PublishedFile } from "../../packages/mls/test/published/published-file.ts";
import { openBrowser } from "../harness/browser.ts";
import { servePage } from "../harness/built-page.ts";
import type { VectorPage } from "./page/main.ts";

declare const vectorPage: VectorPage;

const own = new URL("../../packages/mls/test/vectors/mlkem768-x25519-group.json", import.meta.url);

const textOf = ({ name }: PublishedFile): string | undefined =>
  name === recordedGroup.name ? readFileSync(own, "utf8") : publishedText(name);

const files = [...PUBLISHED, recordedGroup];
const resources = new AsyncDisposableStack();
const complaints: string[] = [];
let page: Page;

beforeAll(async () => {
  const served = await servePage(new URL("page", import.meta.url).pathname, (path) => {
    const file = files.find(({ name }) => path === `/vectors/${name}.json`);
    return file && textOf(file);
  });
  resources.use(served);
  const browser = resources.use(await openBrowser());
  page = await browser.newPage();
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("console", (message) => {
    if (message.type() === "error") complaints.push(message.text());
  });
  await page.goto(served.url);
  await page.waitForFunction(() => "vectorPage" in globalThis);
});

afterAll(() => resources.disposeAsync());

for (const file of files) {
  const text = textOf(file);
  if (text === undefined) console.warn(`${file.name}: ${ABSENT}`);
  describe.skipIf(text === undefined)(`vectors: ${file.name}`, () => {
    test(`${file.title}: Chromium and Node agree on each case`, async () => {
      const inNode = file.verdicts([JSON.parse(text!)].flat(), node);
      const inChromium = await page.evaluate((name) => vectorPage.verdicts(name), file.name);
      const agreeing = inChromium.filter((verdict) => verdict === AGREES);
      console.log(`${file.name}: ${agreeing.length} of ${inChromium.length} cases agree in Chromium`);
      expect(inChromium).toEqual(inNode);
      expect(agreeing.length).toBeGreaterThan(0);
      expect(agreeing).toHaveLength(inChromium.length);
    });
  });
}

test("nothing broke the content security policy, and no error was left over", () => {
  expect(complaints).toEqual([]);
});
