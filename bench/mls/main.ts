/**
 * `npm run bench:mls [-- --table] [--chromium] [--rounds N] [--suites 1,3,79] [--members 200] [--large 1000]`:
 * @fedchat/mls with libsodium, with node:crypto, and with native libsodium as well (where that is installed), beside
 * ts-mls 1.6.4, in rounds that take turns; in headless Chromium with libsodium alone. Everything includes wire encoding
 * and the erasing of former secrets; `+store` adds the encoding of what a database is told. One JSON line.
 *
 * primitives: what bounds the rest · messages: of 400 bytes, between two and in a group · commits: empty, with a path,
 * in a fresh and a settled tree (see rooms.ts) · joins: by a Welcome with the tree inside · written: bytes to be stored
 * for a message.
 */
import { sodiumPrimitives } from "@fedchat/mls";
import { nodePrimitives, withNativeSodium } from "@fedchat/mls/node";
import { nodeRandom } from "@fedchat/protocol/node";
import { parseArgs } from "node:util";
import { librariesBeside } from "./beside.ts";
import { figuresInChromium } from "./chromium.ts";
import { payload, type SuiteFigures } from "./measure.ts";
import { type Plan, suiteFigures } from "./suite-figures.ts";
import { table } from "./table.ts";

const { values } = parseArgs({
  options: {
    table: { type: "boolean", default: false },
    chromium: { type: "boolean", default: false },
    rounds: { type: "string", default: "15" },
    suites: { type: "string", default: "1,3,79" },
    members: { type: "string", default: "200" },
    large: { type: "string", default: "1000" },
  },
});
const plan: Plan = {
  rounds: Math.min(Number(values.rounds), 200),
  members: Number(values.members),
  large: Number(values.large),
};
const suiteIds = values.suites.split(",").map(Number);
const suites = values.chromium ? await figuresInChromium(suiteIds, plan) : await figuresHere();
if (values.table) console.log(table(suites));
const where = values.chromium ? "chromium" : "node";
console.log(JSON.stringify({ bench: "mls", where, payloadBytes: payload.length, ...plan, suites }));

async function figuresHere(): Promise<SuiteFigures[]> {
  const sodium = await sodiumPrimitives();
  const node = nodePrimitives(sodium);
  const backends = [...new Set([sodium, node, withNativeSodium(node)])].map((primitives) => ({
    primitives,
    random: nodeRandom,
  }));
  const beside = await librariesBeside();
  const figures: SuiteFigures[] = [];
  for (const suite of suiteIds) figures.push(await suiteFigures(suite, plan, backends, beside));
  return figures;
}
