/** `fedchat map` and `relay`: the network as this server knows it, and what it does for others there. */
import type { MapServer, NetworkMap, Relaying } from "@fedchat/engine/interface";
import { RelaysFor } from "@fedchat/engine/interface";
import type { Command } from "commander";
import { CommandError, exitCodes } from "../exit-codes.ts";
import { mapServersMax } from "../limits.ts";
import { cleanLine } from "../terminal/clean.ts";
import type { Style } from "../terminal/style.ts";
import { columns } from "../terminal/style.ts";
import type { CommonOptions } from "./define.ts";
import { define, numberOption } from "./define.ts";
import { relaysForWords, stateWord, wayWords } from "./describe.ts";
import type { Io } from "./io.ts";

export function addMap(program: Command, io: Io): void {
  define(program, {
    usage: "map",
    summary: "show the network as this server knows it, as a tree with this server as its root",
    example: "fedchat map\nfedchat map --json | jq '.servers[].shownName'",
  })
    .addOption(numberOption("--limit <number>", "servers at most, the nearest first", 1, mapServersMax))
    .action(async (flags: CommonOptions & { limit?: number }) => {
      using control = await io.control(flags);
      const limit = flags.limit === undefined ? {} : { limit: flags.limit };
      const map = await control.call("network.map", limit);
      if (flags.json) return io.printJson(map);
      io.print(columns(treeRows(map, io.style)));
      if (map.more > 0) io.note(`At least ${map.more} more are known: --limit shows more.`);
    });

  define(program, {
    usage: "relay [whom]",
    summary: "say for whom this server relays: nobody, linked or anyone; or see what it does",
    example: "fedchat relay anyone",
  }).action(async (whom: string | undefined, flags: CommonOptions) => {
    using control = await io.control(flags);
    if (whom !== undefined) {
      const chosen = RelaysFor.safeParse(whom);
      if (!chosen.success) {
        const choices = RelaysFor.options.join(", ");
        throw new CommandError(
          exitCodes.usage,
          `'${cleanLine(whom)}' is none of: ${choices}.`,
          `Write such as: ${io.command("relay linked")}`,
        );
      }
      await control.call("servers.setRelaying", { relaysFor: chosen.data });
    }
    const relaying = await control.call("servers.relaying", {});
    if (flags.json) return io.printJson(relaying);
    io.print(relayingWords(relaying));
  });
}

/** `for linked servers; passing through: 2; kept for others: 3 bundles, 1.2 of 256 MB`. */
export function relayingWords({
  relaysFor,
  circuits,
  custodyBundles,
  custodyBytes,
  custodyBytesMax,
}: Relaying): string {
  const used = `${megabytes(custodyBytes)} of ${megabytes(custodyBytesMax)} MB`;
  const kept =
    custodyBundles === 0 ? "nothing" : custodyBundles === 1 ? "1 bundle" : `${custodyBundles} bundles`;
  return `${relaysForWords[relaysFor]}; passing through: ${circuits}; kept for others: ${kept}, ${used}`;
}

/** Of 1,048,576 bytes, as the settings count. */
const megabytes = (bytes: number): string =>
  (bytes / 1_048_576).toLocaleString("en", { maximumFractionDigits: bytes < 10_485_760 ? 1 : 0 });

/** Each server below one that is a link nearer; what has no such way stands below the root. */
function treeRows({ servers, edges }: NetworkMap, style: Style): string[][] {
  const [root, ...others] = servers;
  if (root === undefined) return [];
  const hops = new Map(servers.map(({ serverId, hops: away }) => [serverId, away]));
  const parents = new Map<string, string>();
  for (const { a, b } of edges) {
    for (const [near, far] of [
      [a, b],
      [b, a],
    ] as const)
      if (hops.get(near)! + 1 === hops.get(far) && !parents.has(far)) parents.set(far, near);
  }
  const below = Map.groupBy(others, ({ serverId }) => parents.get(serverId) ?? root.serverId);
  const rows: string[][] = [];
  const add = (server: MapServer, lead: string, stem: string) => {
    rows.push([lead + nameOf(server, style), ...wordsOf(server, style)]);
    const children = below.get(server.serverId) ?? [];
    children.forEach((child, index) => {
      const isLast = index === children.length - 1;
      add(child, `${stem}${isLast ? "└─ " : "├─ "}`, `${stem}${isLast ? "   " : "│  "}`);
    });
  };
  add(root, "", "");
  return rows;
}

const nameOf = ({ shownName, hops }: MapServer, style: Style): string =>
  hops === 0 ? style.accent(cleanLine(shownName)) : style.bold(cleanLine(shownName));

function wordsOf({ hops, link, relaysFor }: MapServer, style: Style): string[] {
  const relays = relaysFor === "nobody" ? "" : style.dim(`relays ${relaysForWords[relaysFor]}`);
  if (hops === 0) return ["this server", "", relays];
  if (link === null) return [style.dim("· heard of"), style.dim(`${hops} links away`), relays];
  if (link.trust === "blocked") return [style.dim("⊘ blocked"), "", relays];
  const trip = link.roundTripMs === null ? "" : ` ${Math.round(link.roundTripMs)} ms`;
  return [stateWord(link, style), link.state === "connected" ? wayWords(link) + trip : "", relays];
}
