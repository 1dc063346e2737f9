/** `fedchat status`: one look at everything. */
import type { Command } from "commander";
import { formatAddress } from "../config/text-forms.ts";
import { cleanLine } from "../terminal/clean.ts";
import { columns } from "../terminal/style.ts";
import type { CommonOptions } from "./define.ts";
import { define } from "./define.ts";
import { ago, because, serverRow } from "./describe.ts";
import type { Io } from "./io.ts";

export function addStatus(program: Command, io: Io): void {
  define(program, {
    usage: "status",
    summary: "account, homeserver, links and counts at a glance",
    example: "fedchat status --json",
  }).action(async (flags: CommonOptions) => {
    using control = await io.control(flags);
    const host = await control.info();
    const status = host.engine ? await control.call("engine.status", {}) : null;
    const servers = status?.me ? await control.call("servers.list", {}) : [];
    if (flags.json) return io.printJson({ host, status, servers });
    const { style } = io;
    const rows = [
      [
        "Running since",
        `${ago(host.startedAt, Date.now())} ${style.dim(`process ${host.pid}, version ${host.version}`)}`,
      ],
      ["Screen", host.screen ?? "none"],
      ["Server", `${style.bold(cleanLine(host.name))} ${style.dim(host.serverId)}`],
      ["Reached at", host.addresses.map(formatAddress).join(", ") || `port ${host.port}`],
    ];
    if (status !== null) {
      const { me, homeserver, reach, counts } = status;
      const who =
        me === null ? undefined : `${style.bold(cleanLine(me.displayName))} ${cleanLine(me.address)}`;
      rows.push(
        ["Reach", cleanLine(reach.sentence)],
        ["Account", who ?? "none yet: fedchat account create NAME"],
        ["Connection", `${homeserver.connection} ${style.dim(because(homeserver.cause))}`],
        ["Unread", `${counts.unread} messages, ${counts.requests} requests`],
      );
    }
    for (const row of rows) row[0] = style.dim(row[0]!);
    io.print(columns(rows));
    if (servers.length > 0)
      io.print(`\n${columns(servers.map((server) => serverRow(server, style, Date.now())))}`);
  });
}
