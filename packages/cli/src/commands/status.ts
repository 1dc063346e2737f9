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
        style.dim("Running since"),
        ago(host.startedAt, Date.now()),
        style.dim(`process ${host.pid}, version ${host.version}`),
      ],
      [style.dim("Screen"), host.screen ?? "none"],
      [style.dim("Server"), style.bold(cleanLine(host.name)), style.dim(host.serverId)],
      [style.dim("Reached at"), host.addresses.map(formatAddress).join(", ") || `port ${host.port}`],
    ];
    if (status !== null) {
      const { me, homeserver, reach, counts } = status;
      rows.push(
        [style.dim("Reach"), cleanLine(reach.sentence)],
        [
          style.dim("Account"),
          me === null
            ? "none yet: fedchat account create NAME"
            : `${style.bold(cleanLine(me.displayName))} ${cleanLine(me.address)}`,
        ],
        [style.dim("Connection"), homeserver.connection, style.dim(because(homeserver.cause))],
        [style.dim("Unread"), `${counts.unread} messages, ${counts.requests} requests`],
      );
    }
    io.print(columns(rows));
    if (servers.length > 0)
      io.print(`\n${columns(servers.map((server) => serverRow(server, style, Date.now())))}`);
  });
}
