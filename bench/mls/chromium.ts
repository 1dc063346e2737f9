/** The same figures from headless Chromium, on a page with the content security policy of our screen. */
import { openBrowser } from "../../test/harness/browser.ts";
import { servePage } from "../../test/harness/built-page.ts";
import type { SuiteFigures } from "./measure.ts";
import type { BenchPage } from "./page/main.ts";
import type { Plan } from "./suite-figures.ts";

declare const benchPage: BenchPage;

export async function figuresInChromium(suiteIds: readonly number[], plan: Plan): Promise<SuiteFigures[]> {
  await using served = await servePage(new URL("page", import.meta.url).pathname);
  await using browser = await openBrowser();
  const page = await browser.newPage();
  page.on("console", (message) => console.error(message.text()));
  page.on("pageerror", (error) => console.error(String(error)));
  await page.goto(served.url);
  await page.waitForFunction(() => "benchPage" in globalThis);
  const figures: SuiteFigures[] = [];
  for (const suite of suiteIds) {
    figures.push(await page.evaluate(([id, how]) => benchPage.figures(id, how), [suite, plan] as const));
  }
  return figures;
}
