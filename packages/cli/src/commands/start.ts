/** `fedchat start` and `fedchat server`: the program itself, in the foreground, until Ctrl+C. */
import type { Command } from "commander";
import openInBrowser from "open";
import type { ConfigFlags, LoadedConfig } from "../config/load.ts";
import type { Config } from "../config/schema.ts";
import type { HostOpen } from "../control/host-methods.ts";
import type { ControlClient } from "../control/client.ts";
import { connectControl } from "../control/client.ts";
import { CommandError, exitCodes } from "../exit-codes.ts";
import type { Box } from "../host/box.ts";
import { tryLock } from "../host/lock.ts";
import { openLog } from "../host/log.ts";
import { startFailure } from "../host/start-failure.ts";
import { stopSignals } from "../host/stop-signals.ts";
import { startSummary } from "../host/summary.ts";
import { closeTimeoutMs, startingWaitMs } from "../limits.ts";
import { dataFiles, ensureDataFolder } from "../owner-files.ts";
import { version } from "../version.ts";
import { define } from "./define.ts";
import type { Io } from "./io.ts";

interface StartFlags {
  data?: string;
  config?: string;
  json?: boolean;
  name?: string;
  host?: string;
  port?: string;
  screenPort?: string;
  open?: boolean;
  directory?: string;
  nearby?: string | false;
  portMapping?: boolean;
  log?: string;
  registration?: string;
  tlsCert?: string;
  tlsKey?: string;
  acmeDomain?: string;
  acmeEmail?: string;
  acmeAgreeTerms?: boolean;
}

export function addStart(program: Command, io: Io): void {
  homeserverOptions(
    define(program, {
      usage: "start",
      summary: "start homeserver, engine and screen on this machine",
      example: "fedchat start\nfedchat start --data ~/second --name second --no-open",
    }),
  )
    .option("--screen-port <number>", "port of the local screen")
    .option("--no-open", "do not open the screen in the browser")
    .action(async (flags: StartFlags) => {
      const loaded = io.config(configFlags(flags));
      await run(io, loaded, { headless: false, json: flags.json === true });
    });

  homeserverOptions(
    define(program, {
      usage: "server",
      summary: "start a homeserver alone, for several people",
      example: "fedchat server --data /srv/fedchat --name chat.example.com --registration token",
    }),
  )
    .option("--registration <policy>", "who may open an account: closed, token or open")
    .action(async (flags: StartFlags) => {
      const loaded = io.config(configFlags(flags));
      await run(io, loaded, { headless: true, json: flags.json === true });
    });
}

/** What `start` and `server` have in common. */
function homeserverOptions(command: Command): Command {
  return command
    .option("--name <name>", "what this homeserver calls itself")
    .option("--host <address>", "address that the homeserver listens on")
    .option("--port <number>", "the homeserver's port")
    .option("--tls-cert <file>", "certificate of your own (PEM)")
    .option("--tls-key <file>", "its private key (PEM)")
    .option(
      "--acme-domain <domain>",
      "get a certificate for this domain, from Let's Encrypt unless configured",
    )
    .option("--acme-email <address>", "where the authority may write to")
    .option("--acme-agree-terms", "agree to the authority's terms of service")
    .option("--nearby <how>", "in the local network: announce this server and look for others, or look")
    .option("--no-nearby", "neither look for servers in the local network nor be seen there")
    .option("--port-mapping", "ask the router to let others reach the homeserver's port")
    .option("--directory <host:port,…>", "directories to register with; with /SERVERID where it is known")
    .option("--log <level>", "debug, info, warn or error");
}

export function addOpen(program: Command, io: Io): void {
  define(program, {
    usage: "open",
    summary: "open the screen of the FedChat that runs",
    example: "fedchat open\nfedchat open --code   # a code to type, where the browser cannot read the file",
  })
    .option("--code", "print a one-time code instead of opening a browser")
    .action(async (flags: { data?: string; config?: string; json?: boolean; code?: boolean }) => {
      using control = await io.control(flags);
      const way = await control.open();
      if (flags.json) return io.printJson(way);
      if (flags.code) return io.print(`Open ${way.address}/session and paste this code:\n${way.code}`);
      await browse(way);
      io.print(`${way.address}\nIf no browser opened, open this file: ${way.path}`);
    });
}

function configFlags(flags: StartFlags): ConfigFlags {
  return {
    config: flags.config,
    data: flags.data,
    name: flags.name,
    host: flags.host,
    port: flags.port,
    "screen.port": flags.screenPort,
    // Commander's default for --no-open is true, which is not something that the person said.
    "screen.open": flags.open === false ? false : undefined,
    directory: flags.directory,
    nearby: flags.nearby,
    port_mapping: flags.portMapping,
    "log.level": flags.log,
    registration: flags.registration,
    "tls.cert": flags.tlsCert,
    "tls.key": flags.tlsKey,
    "acme.domain": flags.acmeDomain,
    "acme.email": flags.acmeEmail,
    "acme.agree_terms": flags.acmeAgreeTerms,
  };
}

async function run(io: Io, loaded: LoadedConfig, how: { headless: boolean; json: boolean }): Promise<void> {
  const { config } = loaded;
  ensureDataFolder(config.data);
  const paths = dataFiles(config.data);
  using lock = tryLock(paths.lock);
  if (lock === undefined) return alreadyRunning(io, loaded, how);

  using log = openLog(paths.log, config["log.level"], (line) => io.note(io.style.warn(line)));
  const signals = stopSignals();
  let crash: Error | undefined;
  // Loaded here only: other commands start without homeserver and engine.
  const { startBox } = await import("../host/box.ts");
  const box = await startBox({
    loaded,
    headless: how.headless,
    log,
    onProgress: (sentence) => io.note(io.style.dim(sentence)),
    onCrash(error) {
      crash = error;
      signals.stop();
    },
  }).catch(async (error: unknown) => {
    const failure = await startFailure(error);
    log.info("could not start", {
      reason: failure.message,
      stack: error instanceof Error ? error.stack : undefined,
    });
    throw failure;
  });
  log.info("started", { version, pid: process.pid, port: box.info().port, headless: how.headless });
  await announce(io, loaded, box, how);
  await signals.stopped;
  if (!how.json) io.note(io.style.dim("Stopping. Press Ctrl+C again to end at once."));
  setTimeout(() => process.exit(exitCodes.failed), closeTimeoutMs).unref();
  await box[Symbol.asyncDispose]();
  log.info("stopped");
  if (crash !== undefined) {
    const sentence = `FedChat cannot go on: ${crash.message}`;
    throw new CommandError(
      exitCodes.failed,
      sentence,
      `Nothing was lost. Start again; details are in ${paths.log}`,
    );
  }
}

async function announce(io: Io, loaded: LoadedConfig, box: Box, how: { headless: boolean; json: boolean }) {
  const info = box.info();
  const way = loaded.config["screen.open"] && !how.json ? wayIn(io, box) : undefined;
  if (how.json) io.printJson(info);
  else
    io.print(
      startSummary(info, {
        way,
        registration: registrationLine(loaded.config),
        command: (words) => io.command(words),
        style: io.style,
      }),
    );
  if (way !== undefined) await browse(way);
}

/** Undefined on a full disk, which keeps nothing else from running. */
function wayIn(io: Io, box: Box): HostOpen | undefined {
  try {
    return box.open();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    io.note(io.style.warn(`The screen was not opened: ${reason}`));
    return undefined;
  }
}

function registrationLine({ registration, data }: Config): string | undefined {
  const token = dataFiles(data).registrationToken;
  return {
    closed: undefined,
    token: `opened by the token in ${token}`,
    open: "opened by anybody; the administrator's by the token in " + token,
  }[registration];
}

async function alreadyRunning(io: Io, { config }: LoadedConfig, how: { headless: boolean; json: boolean }) {
  using control = await whenAnswering(config.data);
  const info = await control.info();
  if (how.headless || !info.engine) {
    throw new CommandError(
      exitCodes.failed,
      `FedChat already runs for ${config.data} (process ${info.pid}).`,
      `Look at it: ${io.command("status")}; or choose another folder with --data.`,
    );
  }
  if (how.json) return io.printJson(info);
  if (!config["screen.open"])
    return io.print(`FedChat already runs: ${info.screen}\nTo open it: ${io.command("open")}`);
  const way = await control.open();
  await browse(way);
  io.print(`FedChat already runs: ${way.address}\nIf no browser opened, open this file: ${way.path}`);
}

/** The other program may just be starting. */
async function whenAnswering(data: string): Promise<ControlClient> {
  const giveUpAt = Date.now() + startingWaitMs;
  for (;;) {
    try {
      return await connectControl(data);
    } catch (cause) {
      if (Date.now() > giveUpAt) {
        const sentence = `Another FedChat holds ${data}, but does not answer.`;
        throw new CommandError(exitCodes.failed, sentence, "Wait a moment, or end that process.", { cause });
      }
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
}

/** The browser is given a file's name, never the token. A machine without a browser is no failure: the path is printed. */
async function browse({ path }: HostOpen): Promise<void> {
  try {
    const browser = await openInBrowser(path);
    browser.on("error", () => undefined);
  } catch {
    // Said by whoever prints the path.
  }
}
