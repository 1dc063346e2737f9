/** `fedchat servers`, `link`, `unlink` and `nearby`: which homeservers ours talks with, and which it might. */
import type { Server } from "@fedchat/engine/interface";
import type { Command } from "commander";
import { parseAddress } from "../config/text-forms.ts";
import type { ControlClient } from "../control/client.ts";
import { CommandError, exitCodes } from "../exit-codes.ts";
import { linkWaitMs } from "../limits.ts";
import { cleanLine } from "../terminal/clean.ts";
import { commandName } from "../terminal/command-name.ts";
import { columns } from "../terminal/style.ts";
import type { CommonOptions } from "./define.ts";
import { define, durationOption } from "./define.ts";
import { because, directoryRow, nearbyRow, serverRow, unlinkedRow } from "./describe.ts";
import type { Io } from "./io.ts";

export function addServers(program: Command, io: Io): void {
  define(program, {
    usage: "servers",
    summary:
      "list linked homeservers, contacts' homeservers without a link, and directories: the way they are reached, or when they are tried again",
    example: "fedchat servers --json",
  }).action(async (flags: CommonOptions) => {
    using control = await io.control(flags);
    const servers = await control.call("servers.list", {});
    const unlinked = await control.call("servers.unlinked", {});
    const directories = await control.call("servers.directories", {});
    if (flags.json) return io.printJson({ servers, unlinked, directories });
    const now = Date.now();
    const rows = [
      ...servers.map((server) => serverRow(server, io.style, now)),
      ...unlinked.map((server) => unlinkedRow(server, io.style, now)),
      ...directories.map((directory) => directoryRow(directory, io.style, now)),
    ];
    io.print(rows.length === 0 ? `No server is linked. See: ${commandName} link --help` : columns(rows));
  });

  define(program, {
    usage: "link <where> [serverId...]",
    summary:
      "link a homeserver by HOST:PORT SERVERID or by the ID of one nearby, or use an invitation link; one that is linked already gets the address as well",
    example:
      "fedchat link chat.example.com:8443 nfxw4ylcmuqgc3ren5xgk4tbnvsseidboqqg63ramjsxe43foq\nfedchat link 'https://chat.example.com:8443/i#oWlp…'",
  })
    .option("--name <name>", "what to call it here")
    .addOption(durationOption("--timeout <duration>", "how long to wait for the connection", linkWaitMs))
    .action(
      async (
        where: string,
        id: string[],
        flags: CommonOptions & { name?: string; timeout: number },
      ): Promise<void> => {
        if (id.length === 0 && where.includes("#")) return useInvitation(io, where, flags);
        const isNearby = id.length === 0 && nearbyIdPattern.test(where);
        const target = isNearby ? undefined : linkTarget(where, id);
        using control = await io.control(flags);
        const server =
          target === undefined
            ? await linkedNearby(control, where, flags.name, flags.timeout)
            : await linked(control, target, flags.name, flags.timeout);
        tellLinked(io, server, flags);
      },
    );

  define(program, {
    usage: "nearby",
    summary: "homeservers in the local network, which anybody there can name as they like",
    example: "fedchat nearby\nfedchat link nfxw4ylc   # by the first letters of an id that it shows",
  }).action(async (flags: CommonOptions) => {
    using control = await io.control(flags);
    const nearby = await control.call("servers.nearby", {});
    if (flags.json) return io.printJson(nearby);
    if (nearby.problem !== null) io.note(io.style.warn(cleanLine(nearby.problem)));
    if (nearby.servers.length > 0)
      return io.print(columns(nearby.servers.map((server) => nearbyRow(server, io.style))));
    io.print(
      nearby.mode === "off"
        ? 'Nobody looks for servers nearby: the setting nearby is false. To look, set nearby = "look" in fedchat.toml, then start FedChat again.'
        : `No server is nearby. Others are linked by their address: ${io.command("link")} --help`,
    );
  });

  define(program, {
    usage: "unlink <server>",
    summary: "withdraw the link to a homeserver, by its id or name",
    example: "fedchat unlink bob",
  }).action(async (word: string, flags: CommonOptions) => {
    using control = await io.control(flags);
    const server = serverNamed(await control.call("servers.list", {}), word);
    await control.call("servers.unlink", { serverId: server.serverId });
    if (flags.json) io.printJson({ serverId: server.serverId });
    else io.print(`${cleanLine(server.shownName)} is not linked any more.`);
  });
}

/**
 * `HOST:PORT ID`, `HOST PORT ID`, or `HOST:PORT/ID` as the screen shows it; the id may be written in groups. Throws
 * `CommandError` (usage).
 */
export function linkTarget(
  written: string,
  more: readonly string[],
): { host: string; port: number; serverId: string } {
  const [where = "", ...slashed] = written.split("/");
  const rest = [...slashed, ...more];
  const separatePort = rest.length > 1 && /^\d{1,5}$/.test(rest[0]!);
  const address = parseAddress(separatePort ? `${where}:${rest[0]}` : where);
  const serverId = rest
    .slice(separatePort ? 1 : 0)
    .join("")
    .replace(/[\s-]/g, "")
    .toLowerCase();
  const help = `Write: ${commandName} link HOST:PORT SERVERID, or an invitation link in quotes.`;
  if (address === undefined)
    throw new CommandError(exitCodes.usage, `'${cleanLine(written)}' is not HOST:PORT.`, help);
  if (!/^[a-z2-7]{52}$/.test(serverId)) {
    throw new CommandError(exitCodes.usage, "A server id is 52 letters and digits (a-z, 2-7).", help);
  }
  return { host: address.host, port: address.port, serverId };
}

/** Links, then waits until the connection stands or is refused; resolves with what is known when the time is over. */
export function linked(
  control: ControlClient,
  target: { host: string; port: number; serverId: string },
  localName: string | undefined,
  withinMs: number,
): Promise<Server> {
  const named = localName === undefined ? {} : { localName };
  return settled(control, target.serverId, withinMs, () =>
    control.call("servers.link", { ...target, ...named }),
  );
}

/** The same for a server that was heard of in the local network, by the beginning of its id. */
async function linkedNearby(
  control: ControlClient,
  start: string,
  localName: string | undefined,
  withinMs: number,
): Promise<Server> {
  const { servers } = await control.call("servers.nearby", {});
  const found = servers.filter((server) => server.serverId.startsWith(start));
  if (found.length !== 1) {
    throw new CommandError(
      exitCodes.failed,
      found.length === 0 ? "No server nearby has an id that begins so." : "Several ids nearby begin so.",
      `See: ${commandName} nearby. For another one write HOST:PORT SERVERID.`,
    );
  }
  const { serverId } = found[0]!;
  const named = localName === undefined ? {} : { localName };
  return settled(control, serverId, withinMs, () =>
    control.call("servers.linkNearby", { serverId, ...named }),
  );
}

/** At least what screens show of an id; a whole one, too. */
const nearbyIdPattern = /^[a-z2-7]{8,52}$/;

/** Prints a link as it stands. Throws `CommandError` where it is not connected: why, and one thing to do. */
export function tellLinked(io: Io, server: Server, { json }: CommonOptions): void {
  if (json) io.printJson(server);
  else io.print(columns([serverRow(server, io.style, Date.now())]));
  if (server.state === "connected") return;
  const shown = cleanLine(server.shownName);
  if (server.state === "refused") {
    const sentence = cleanLine(server.cause?.sentence ?? "It refused the link.");
    throw new CommandError(exitCodes.refused, `${shown}: ${sentence}`, server.cause?.fix);
  }
  const sentence = `${shown} is not reached yet. ${cleanLine(server.cause?.sentence ?? "")}`.trim();
  throw new CommandError(
    exitCodes.timedOut,
    sentence,
    `The link is kept and tried again by itself. If the address is wrong: ${io.command(`address ${wordFor(server)} HOST:PORT`)}`,
  );
}

/** By which commands find this server again. */
const wordFor = ({ shownName, serverId }: Server): string =>
  /^[\w.-]+$/.test(shownName) ? shownName : serverId.slice(0, 8);

/** Begins something that may connect a link, then waits until it is connected or refused, or the time is over. */
export async function settled(
  control: ControlClient,
  serverId: string,
  withinMs: number,
  link: () => Promise<Server>,
): Promise<Server> {
  await control.call("engine.subscribe", {});
  let latest: Server | undefined;
  let settle: () => void = () => undefined;
  const isSettled = new Promise<void>((resolve) => (settle = resolve));
  const look = (server: Server) => {
    if (server.serverId !== serverId) return;
    latest = server;
    if (server.state === "connected" || server.state === "refused") settle();
  };
  const stop = control.onEvent((event) => event.type === "server.changed" && look(event.server));
  const answer = await link();
  if (latest === undefined) look(answer);
  void control.closed.then(settle);
  const timer = setTimeout(settle, withinMs);
  await isSettled;
  clearTimeout(timer);
  stop();
  return latest ?? answer;
}

/** One of those that are linked, by its id or its start, or its name. Throws `CommandError`. */
export function serverNamed(servers: readonly Server[], word: string): Server {
  const wanted = word.toLowerCase();
  const found = servers.filter(
    ({ serverId, shownName, name }) =>
      serverId === wanted || shownName.toLowerCase() === wanted || name.toLowerCase() === wanted,
  );
  const byStart = found.length > 0 ? found : servers.filter(({ serverId }) => serverId.startsWith(wanted));
  if (byStart.length === 1) return byStart[0]!;
  const known = servers.map(({ shownName }) => cleanLine(shownName)).join(", ");
  throw new CommandError(
    exitCodes.failed,
    byStart.length === 0
      ? `No server '${cleanLine(word)}' is linked.`
      : `'${cleanLine(word)}' names several servers.`,
    known === ""
      ? `Link one first: ${commandName} link --help`
      : `Write one of: ${known}; or the server's id.`,
  );
}

async function useInvitation(io: Io, link: string, flags: CommonOptions): Promise<void> {
  using control = await io.control(flags);
  const preview = await control.call("invitations.inspect", { link });
  if (preview.room !== null) {
    const ask = await control.call("rooms.ask", { link });
    if (flags.json) return io.printJson({ preview, ask });
    return io.print(
      `${cleanLine(preview.displayName)} (${cleanLine(preview.address)}) is asked to let you into '${cleanLine(preview.room.name)}'.`,
    );
  }
  const request = await control.call("invitations.accept", { link });
  if (flags.json) return io.printJson({ preview, request });
  const from = `${cleanLine(preview.displayName)} (${cleanLine(preview.address)}) on ${cleanLine(preview.serverName)}`;
  io.print(`The invitation of ${from} is used.`);
  const text = {
    pending: "The chat opens as soon as their server answers.",
    accepted: `Say hello: ${io.command(`send '${cleanLine(request.address)}' "hello"`)}`,
    declined: "It was declined.",
    withdrawn: "It was taken back.",
    failed: because(request.cause),
  }[request.state];
  io.print(text);
  if (request.state === "failed")
    throw new CommandError(
      exitCodes.refused,
      "The invitation could not be used.",
      request.cause?.fix ?? "Ask for a new one.",
    );
}
