/** `fedchat directory`: runs a directory, in the foreground, until Ctrl+C. */
import type { ServerId } from "@fedchat/protocol";
import { fingerprint } from "@fedchat/protocol";
import type { Command } from "commander";
import { directoryLobby } from "../config/directory-lobby.ts";
import type { Config } from "../config/schema.ts";
import { formatAddress } from "../config/text-forms.ts";
import type { HostInfo } from "../control/host-methods.ts";
import { CommandError, exitCodes } from "../exit-codes.ts";
import { tryLock } from "../host/lock.ts";
import { openLog } from "../host/log.ts";
import { startFailure } from "../host/start-failure.ts";
import { stopSignals } from "../host/stop-signals.ts";
import { closeTimeoutMs } from "../limits.ts";
import { dataFiles, ensureDataFolder } from "../owner-files.ts";
import { commandName, quoted } from "../terminal/command-name.ts";
import { columns } from "../terminal/style.ts";
import { version } from "../version.ts";
import { define } from "./define.ts";
import type { Io } from "./io.ts";

interface DirectoryFlags {
  data?: string;
  config?: string;
  json?: boolean;
  name?: string;
  host?: string;
  port?: string;
  token?: string;
  lobby?: string;
  log?: string;
}

export function addDirectory(program: Command, io: Io): void {
  define(program, {
    usage: "directory",
    summary: "run a directory: homeservers register with it and find each other",
    example:
      "fedchat directory --data /srv/fedchat-directory --name directory.example.com\nfedchat start --directory directory.example.com:8443",
  })
    .option("--name <name>", "what this directory calls itself")
    .option("--host <address>", "address that it listens on")
    .option("--port <number>", "its port")
    .option("--token <text>", "only homeservers that know this may register")
    .option("--lobby <link>", "a link into the open room that everybody is shown")
    .option("--log <level>", "debug, info, warn or error")
    .action(async (flags: DirectoryFlags) => {
      const loaded = io.config({
        config: flags.config,
        data: flags.data,
        name: flags.name,
        host: flags.host,
        port: flags.port,
        directory_token: flags.token,
        directory_lobby: flags.lobby,
        "log.level": flags.log,
      });
      // Beside a homeserver's data, not among them.
      const data = loaded.isDefault("data") ? `${loaded.config.data}-directory` : loaded.config.data;
      await run(io, { ...loaded.config, data }, loaded.isDefault("port"), flags.json === true);
    });
}

async function run(io: Io, config: Config, portIsDefault: boolean, json: boolean): Promise<void> {
  if (config.directory_lobby !== undefined && directoryLobby(config) === undefined)
    throw new CommandError(
      exitCodes.usage,
      "The lobby is to be a link into a room, and this is none.",
      "Copy the whole link, which an owner of the room makes under its details.",
    );
  ensureDataFolder(config.data);
  const paths = dataFiles(config.data);
  using lock = tryLock(paths.lock);
  if (lock === undefined)
    throw new CommandError(
      exitCodes.failed,
      `A FedChat already runs for ${config.data}.`,
      `Look at it: ${io.command("status")}; or choose another folder with --data.`,
    );
  using log = openLog(paths.log, config["log.level"], (line) => io.note(io.style.warn(line)));
  const signals = stopSignals();
  let crash: Error | undefined;
  const onCrash = (error: Error) => {
    crash = error;
    signals.stop();
  };
  // Loaded here only: other commands start without it.
  const { startDirectoryHost } = await import("../host/directory-host.ts");
  const running = await startDirectoryHost({ config, portIsDefault, log, onCrash }).catch(
    async (error: unknown) => {
      throw await startFailure(error);
    },
  );
  const info = running.info();
  log.info("started", { version, pid: process.pid, port: info.port, directory: true });
  announce(io, config, info, json);
  await signals.stopped;
  if (!json) io.note(io.style.dim("Stopping. Press Ctrl+C again to end at once."));
  setTimeout(() => process.exit(exitCodes.failed), closeTimeoutMs).unref();
  await running[Symbol.asyncDispose]();
  log.info("stopped");
  if (crash !== undefined)
    throw new CommandError(
      exitCodes.failed,
      `The directory cannot go on: ${crash.message}`,
      `Start it again; details are in ${paths.log}`,
    );
}

function announce(
  io: Io,
  config: Config,
  { serverId, name, port, addresses }: HostInfo,
  json: boolean,
): void {
  if (json) return io.printJson({ serverId, name, port, addresses, data: config.data, pid: process.pid });
  const { style } = io;
  const place = addresses[0] === undefined ? `HOST:${port}` : formatAddress(addresses[0]);
  const rows = [
    [style.dim("Directory"), style.bold(name)],
    [style.dim("Its ID"), fingerprint(serverId as ServerId)],
    [style.dim("Registers"), config.directory_token === undefined ? "anybody" : "who knows the token"],
    [style.dim("Data"), config.data],
  ];
  const data = ` --data ${quoted(config.data)}`;
  io.print(
    [
      "",
      `  ${style.bold("FedChat")} ${style.dim(version)} ${style.good("runs a directory")}`,
      "",
      columns(rows, "  "),
      "",
      `  Register a homeserver   ${style.bold(`${commandName} start --directory ${place}/${serverId}`)}`,
      ...(config.directory_token === undefined
        ? []
        : ['                          with directory_token = "…" in its fedchat.toml']),
      `  How it is               ${style.bold(`${commandName} status${data}`)}`,
      `  Stop                    ${style.bold("Ctrl+C")}`,
      "",
    ].join("\n"),
  );
}
