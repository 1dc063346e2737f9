/** `fedchat status`: one look at everything. */
import type { Command } from "commander";
import { formatAddress } from "../config/text-forms.ts";
import { cleanLine } from "../terminal/clean.ts";
import type { HostInfo } from "../control/host-methods.ts";
import type { Style } from "../terminal/style.ts";
import { columns } from "../terminal/style.ts";
import type { CommonOptions } from "./define.ts";
import { define } from "./define.ts";
import { ago, because, clock, day, directoryRow, serverRow } from "./describe.ts";
import type { Io } from "./io.ts";
import { relayingWords } from "./map.ts";

export function addStatus(program: Command, io: Io): void {
  define(program, {
    usage: "status",
    summary: "account, homeserver, links and directories at a glance; of a directory who registered",
    example: "fedchat status --json",
  }).action(async (flags: CommonOptions) => {
    using control = await io.control(flags);
    const host = await control.info();
    const status = host.engine ? await control.call("engine.status", {}) : null;
    const servers = status?.me ? await control.call("servers.list", {}) : [];
    const isReached = status?.me && status.homeserver.connection === "connected";
    const relaying = isReached ? await control.call("servers.relaying", {}) : null;
    const directories = host.directories ?? (isReached ? await control.call("servers.directories", {}) : []);
    if (flags.json) return io.printJson({ host, status, servers, relaying, directories });
    const { style } = io;
    const isFormer = status?.former?.some(({ serverId }) => serverId === host.serverId) ?? false;
    const rows = [
      [
        "Running since",
        `${ago(host.startedAt, Date.now())} ${style.dim(`process ${host.pid}, version ${host.version}`)}`,
      ],
      ...(host.directory === undefined ? [["Screen", host.screen ?? "none"]] : []),
      [
        host.directory === undefined ? "Server" : "Directory",
        `${style.bold(cleanLine(host.name))} ${style.dim(host.serverId)}${isFormer ? style.warn(" your former one") : ""}`,
      ],
      ["Reached at", host.addresses.map(formatAddress).join(", ") || `port ${host.port}`],
    ];
    if (host.directory !== undefined) rows.push(...directoryRows(host.directory));
    if (host.certificate !== undefined) rows.push(...certificateRows(host.certificate, style));
    if (host.nearby !== undefined && host.nearby.mode !== "off")
      rows.push(["Nearby", host.nearby.problem ?? nearbyWords(host.nearby.found, io)]);
    if (status !== null) {
      const { me, homeserver, former = [], reach, counts } = status;
      const who =
        me === null ? undefined : `${style.bold(cleanLine(me.displayName))} ${cleanLine(me.address)}`;
      // Where the server of this program is another one.
      const to = homeserver.serverId === host.serverId ? "" : ` to ${cleanLine(homeserver.name)}`;
      rows.push(
        ["Reach", cleanLine(reach.sentence)],
        ["Account", who ?? `none yet: ${io.command("account create NAME")}`],
        [
          "Connection",
          `${homeserver.connection === "connected" ? `connected${to}` : homeserver.connection} ${style.dim(because(homeserver.cause))}`,
        ],
        ...former.map(({ name, connected }) => [
          "Lived before at",
          `${cleanLine(name)}${connected ? "" : ", which is not reached"}: what still comes there for you is looked for`,
        ]),
        ["Unread", `${counts.unread} messages, ${counts.requests} requests`],
      );
    }
    if (relaying !== null) rows.push(["Relaying", relayingWords(relaying)]);
    for (const row of rows) row[0] = style.dim(row[0]!);
    io.print(columns(rows));
    const now = Date.now();
    const around = [
      ...servers.map((server) => serverRow(server, style, now)),
      ...directories.map((directory) => directoryRow(directory, style, now)),
    ];
    if (around.length > 0) io.print(`\n${columns(around)}`);
  });
}

/** What is shown on the homeserver's port, and below it what is wrong with it and what to do. */
function certificateRows(
  { kind, names, validUntil, problem }: NonNullable<HostInfo["certificate"]>,
  { bad }: Style,
): string[][] {
  const whose = { "self-signed": "made here", own: "your own", acme: "from an authority" }[kind];
  const named = names.length === 0 ? "" : ` for ${names.map(cleanLine).join(", ")}`;
  const rows = [["Certificate", `${whose}${named}, valid until ${day(validUntil)}`]];
  if (problem === null) return rows;
  const next = problem.nextTryAt;
  const when = next === null ? "" : ` Next try ${day(next)}, ${clock(next)}.`;
  return [...rows, ["", bad(cleanLine(problem.sentence))], ["", `→ ${cleanLine(problem.fix)}${when}`]];
}

/** Of a directory that runs here: who may register, and who has. */
function directoryRows({
  token,
  connected,
  servers,
  people,
}: NonNullable<HostInfo["directory"]>): string[][] {
  return [
    ["Registers", token ? "who knows the token" : "anybody"],
    ["Registered", `${servers} ${servers === 1 ? "homeserver" : "homeservers"}, ${connected} connected now`],
    ["People", `${people} may be found here`],
  ];
}

const nearbyWords = (found: number, io: Io): string =>
  found === 0 ? "no server in the local network" : `${found} in the local network: ${io.command("nearby")}`;
