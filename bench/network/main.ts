/**
 * `npm run bench:network [-- --servers 10,100,1000,10000] [--paths 10,100]`: what records and paths cost as a network
 * grows. change: one server's record changes and all that hear of it have it · join: a new server hears of everybody ·
 * search: one server that knows everybody looks for ways · path: whole homeservers that reach only those that they are
 * linked with, virtual time until two others are connected. A table, then one JSON line.
 */
import { parseArgs } from "node:util";
import { simulatedPrimitives } from "../../test/simulation/simulated-primitives.ts";
import { paths } from "./paths.ts";
import type { PathCost } from "./paths.ts";
import { populationOf } from "./records.ts";
import { search } from "./search.ts";
import type { SearchCost } from "./search.ts";
import { shapes } from "./shapes.ts";
import type { JoinCost, SpreadCost } from "./spread.ts";
import { join, spread } from "./spread.ts";

const { values } = parseArgs({
  options: {
    servers: { type: "string", default: "10,100,1000,10000" },
    paths: { type: "string", default: "10,100" },
  },
});
const sizes = values.servers.split(",").map(Number);
const pathSizes = values.paths.split(",").map(Number);

interface Row {
  shape: string;
  servers: number;
  change: SpreadCost;
  join: JoinCost;
  search: SearchCost;
  path: PathCost | undefined;
}

const rows: Row[] = [];
for (const shape of shapes) {
  for (const servers of sizes) {
    // Signatures are real; the same one is verified once for all servers of the network.
    const population = populationOf(shape, servers, simulatedPrimitives());
    const row: Row = {
      shape: shape.name,
      servers,
      change: await spread(population),
      join: await join(population),
      search: search(population),
      path: pathSizes.includes(servers) ? await paths(population) : undefined,
    };
    rows.push(row);
    console.error(`${shape.name}, ${servers} servers: done`);
  }
}

const columns: [string, (row: Row) => string][] = [
  ["network", ({ shape }) => shape],
  ["servers", ({ servers }) => `${servers}`],
  ["record, bytes", (row) => row.search.recordBytes.toFixed(0)],
  ["change: messages", (row) => row.change.messages.toFixed(2)],
  ["bytes", (row) => row.change.bytes.toFixed(0)],
  ["seconds", (row) => row.change.seconds.toFixed(2)],
  ["reaches", (row) => `${(row.change.share * 100).toFixed(0)} %`],
  ["join: messages", (row) => `${row.join.messages}`],
  ["kilobytes", (row) => (row.join.bytes / 1_000).toFixed(0)],
  ["seconds", (row) => row.join.seconds.toFixed(1)],
  ["search: ms", (row) => row.search.ms.toFixed(3)],
  ["found", (row) => `${(row.search.found * 100).toFixed(0)} %`],
  ["relays", (row) => row.search.relays.toFixed(1)],
  ["path: ms", ({ path }) => (path === undefined ? "" : `${path.medianMs} (${path.longestMs})`)],
  ["found", ({ path }) => (path === undefined ? "" : `${(path.found * 100).toFixed(0)} %`)],
  ["relays", ({ path }) => (path === undefined ? "" : path.relays.toFixed(1))],
];
const line = (cells: string[]) => `| ${cells.join(" | ")} |`;
console.log(line(columns.map(([title]) => title)));
console.log(line(columns.map((_, at) => (at === 0 ? "---" : "---:"))));
for (const row of rows) console.log(line(columns.map(([, cell]) => cell(row))));
console.log(JSON.stringify({ bench: "network", rows }));
