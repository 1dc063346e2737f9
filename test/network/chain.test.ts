/** A chain of four, wired and linked with their neighbours only: also its two ends talk, through the two between them. */
import { expect, test } from "vitest";
import { openLab } from "../harness/namespaces.ts";
import { chain } from "./labs.ts";
import type { Pair, Resident } from "./residents.ts";
import {
  becomeContacts,
  expectNothingLostOrTwice,
  invite,
  link,
  settleAll,
  stopwatch,
  talk,
} from "./residents.ts";

test("[C1] [C7] [G2] every pair of a chain of 4 talks; the ends do through both servers between them", async () => {
  using lab = openLab();
  const hosts = chain(lab);
  await using stack = new AsyncDisposableStack();
  const lap = stopwatch();
  const names = ["anna", "bert", "cora", "dora"] as const;
  const residents = await settleAll(
    stack,
    names.map((name, at) => [name, hosts[at]!] as const),
  );
  const [anna, bert, cora, dora] = residents as [Resident, Resident, Resident, Resident];
  lap("started");
  await Promise.all([link(anna, bert), link(bert, cora), link(cora, dora)]);
  lap("linked");
  const pairs: Pair[] = await Promise.all(
    [
      [anna, bert],
      [bert, cora],
      [cora, dora],
      [anna, cora],
      [bert, dora],
    ].map(async ([a, b]) => ({ a: a!, b: b!, roomId: await becomeContacts(a!, b!) })),
  );
  pairs.push({ a: anna, b: dora, roomId: await invite(anna, dora) });
  await Promise.all(pairs.map((pair) => talk(pair, "hello")));
  lap("every pair has talked");
  // The name of a server that is not linked here is shown with a piece of its key.
  expect(await anna.linkWith(dora)).toMatchObject({
    state: "connected",
    via: ["bert", expect.stringMatching(/^cora·/)],
  });
  // Whoever was called knows by whom the call came, and nothing of the way before that.
  expect(await dora.linkWith(anna)).toMatchObject({ state: "connected", via: ["cora"] });
  await expectNothingLostOrTwice(pairs);
});
