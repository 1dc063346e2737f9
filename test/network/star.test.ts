/**
 * A star: four homes behind routers, each linked with one server in the middle and with nothing else. Nobody can dial
 * anybody but that one; everybody talks with everybody through it, and it reads nothing of that.
 */
import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import { openBrowserInside, openScreen, picture } from "../harness/browser.ts";
import { everythingRead, openChat, send } from "../harness/chatting.ts";
import { filesOf } from "../harness/engine-secrets.ts";
import { until } from "../harness/fedchat-process.ts";
import { formsOf } from "../harness/forms-of.ts";
import { openLab } from "../harness/namespaces.ts";
import { star } from "./labs.ts";
import type { Pair, Resident } from "./residents.ts";
import {
  becomeContacts,
  expectNothingLostOrTwice,
  invite,
  link,
  requestText,
  settleAll,
  stopwatch,
  talk,
} from "./residents.ts";

const meanwhile = "Said while the relay was dead: quillfeather";
const waiting = "The heron waits at lock 7741";

test("[C1] [C3] [C10] [L24] every pair of a star of 5 talks through the relay, which dies once, and reads nothing", async () => {
  using lab = openLab();
  const { relay, leaves } = star(lab);
  await using stack = new AsyncDisposableStack();
  const lap = stopwatch();
  const [middle, anna, bert, cora, dora] = (await settleAll(stack, [
    ["middle", relay, "--log", "debug"],
    ...(["anna", "bert", "cora", "dora"] as const).map((name, at) => [name, leaves[at]!] as const),
  ])) as [Resident, Resident, Resident, Resident, Resident];
  const homes = [anna, bert, cora, dora];
  await Promise.all(homes.map((home) => link(home, middle)));
  lap("linked");
  for (const { name, fedchat } of homes) {
    await until(`${name} is told to be reached through a relay`, async () => {
      const { reach } = await fedchat.call("engine.status", {});
      return reach.kind === "relay";
    });
  }
  lap("everybody's record lists the relay");

  const asked = homes.flatMap((a, at) => homes.slice(at + 1).map((b) => [a, b] as const));
  const pairs: Pair[] = await Promise.all(
    asked.map(async ([a, b]) => ({
      a,
      b,
      roomId: await (b === dora && a === cora ? invite : becomeContacts)(a, b),
    })),
  );
  await Promise.all(
    homes.map(async (home) => pairs.push({ a: home, b: middle, roomId: await becomeContacts(home, middle) })),
  );
  await Promise.all(pairs.map((pair) => talk(pair, "hello")));
  lap("every pair has talked");

  // An invitation links the two servers. The link says which way it takes.
  expect(await cora.linkWith(dora)).toMatchObject({ trust: "mutual", state: "connected", via: ["middle"] });
  expect(await cora.linkWith(middle)).toMatchObject({ via: [] });

  const others = pairs.filter(({ b }) => b !== middle);
  await middle.fedchat.kill();
  await Promise.all(others.map(({ a, roomId }) => a.say(roomId, meanwhile)));
  await middle.fedchat.start();
  lap("the relay is killed and started again");
  await Promise.all(others.map(({ b, roomId }) => b.hears(roomId, meanwhile)));
  lap("what was said meanwhile has arrived");
  await Promise.all(pairs.map((pair) => talk(pair, "again")));
  lap("every pair has talked again");
  await expectNothingLostOrTwice(pairs);

  // At the relay lies what waits for somebody who is away.
  const { roomId } = pairs.find(({ a, b }) => a === anna && b === dora)!;
  await dora.fedchat.kill();
  await anna.say(roomId, waiting);
  await until("the relay has it", async () => {
    const { custodyBundles } = await middle.fedchat.call("servers.relaying", {});
    return custodyBundles > 0;
  });
  lap("what is said to somebody away lies at the relay");
  const texts = [requestText(anna, bert), "anna to bert: hello", meanwhile, waiting];
  expect(textsIn(middle, texts)).toEqual([]);
  expect(textsIn(anna, texts)).toEqual(texts);
  lap("nothing of it can be read there");
  await dora.fedchat.start();
  lap("she is back");
  await dora.hears(roomId, waiting);
  lap("what waited at the relay has arrived");
});

test("[L24] [C11] from the screen a leaf finds another leaf's person, asks, is accepted in the other's screen, and they talk", async () => {
  using lab = openLab();
  const { relay, leaves } = star(lab, 2);
  await using stack = new AsyncDisposableStack();
  const lap = stopwatch();
  const [middle, anna, bert] = (await settleAll(stack, [
    ["middle", relay],
    ["anna", leaves[0]!],
    ["bert", leaves[1]!],
  ])) as [Resident, Resident, Resident];
  await Promise.all([link(anna, middle), link(bert, middle)]);
  await bert.fedchat.call("people.setVisibility", { visibility: "linked" });
  const screens = await Promise.all(
    [anna, bert].map(async ({ host, fedchat }) =>
      openScreen(stack.use(await openBrowserInside(host)), fedchat),
    ),
  );
  const [annas, berts] = screens.map(({ page }) => page) as [Page, Page];
  lap("screens are open");

  // He is not shown as long as he does not want to be.
  await annas.getByTestId("nav-people").click();
  const people = annas.getByTestId("person-row");
  await people.filter({ hasText: "Middle" }).waitFor();
  expect(await people.filter({ hasText: "Bert" }).count()).toBe(0);
  await berts.getByTestId("nav-settings").click();
  await berts.getByTestId("settings-visibility").click();
  await berts.getByTestId("visibility-beyond").check();

  await people.filter({ hasText: "Bert" }).click();
  await annas.getByTestId("request-text").fill("Hello Bert, it is Anna.");
  await picture(annas, "star-request");
  await annas.getByTestId("request-chat").click();
  const dialog = berts.getByTestId("request-dialog");
  await dialog.waitFor();
  expect(await dialog.innerText()).toContain("Hello Bert, it is Anna.");
  await picture(berts, "star-request-arrives");
  await dialog.getByTestId("accept").click();
  lap("asked and accepted");

  await openChat(annas, "Bert");
  await openChat(berts, "Anna");
  await send(annas, "through the middle");
  await send(berts, "and back");
  await everythingRead(annas);
  await everythingRead(berts);
  lap("talked");

  // His server sleeps, so that the message stays on its way: the X-ray tells by whom it goes.
  bert.fedchat.pause();
  await send(annas, "while you sleep");
  const message = annas.getByTestId("message").filter({ hasText: "while you sleep" });
  await message.press("x");
  const way = annas.getByTestId("xray-path");
  await way.first().waitFor();
  expect(await way.first().innerText()).toContain("middle");
  await picture(annas, "star-xray");
  bert.fedchat.resume();
  await berts.getByTestId("message-text").filter({ hasText: "while you sleep" }).waitFor();
  lap("woken");
  expect(screens.flatMap(({ complaints }) => complaints)).toEqual([]);
});

/** Which of these lie in a server's folder, in whatever form. */
function textsIn({ fedchat }: Resident, texts: readonly string[]): string[] {
  const files = filesOf(fedchat);
  return texts.filter((text) =>
    files.some(({ bytes }) => formsOf(text).some((form) => bytes.includes(form.bytes))),
  );
}
