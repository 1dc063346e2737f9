/** `fedchat start` and `fedchat server`: the program itself, in the foreground, until Ctrl+C. */
import type { Command } from "commander";
import type { ConfigFlags, LoadedConfig } from "../config/load.ts";
import type { Config } from "../config/schema.ts";
import { refuseClientFolder } from "../host/homeserver-pin.ts";
import { startSummary } from "../host/summary.ts";
import { define } from "./define.ts";
import { browse, runProgram } from "./foreground.ts";
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
  app?: boolean;
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
      example: "fedchat server --data /srv/fedchat --name chat.example.com --registration open",
    }),
  )
    .option("--registration <policy>", "who may open an account: closed, invited or open")
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
    .option("--app", "serve FedChat in the browser, with engines of its own, for the people of this server")
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
    app: flags.app,
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
  refuseClientFolder(loaded.config.data, io.command("chat"));
  await runProgram(io, loaded, {
    ...how,
    async start(surroundings) {
      // Loaded here only: other commands start without homeserver and engine.
      const { startBox } = await import("../host/box.ts");
      return startBox({ ...surroundings, headless: how.headless });
    },
    summary: (info, way) =>
      startSummary(info, {
        way,
        registration: how.headless ? registrationLine(loaded.config, io) : undefined,
        command: (words) => io.command(words),
        style: io.style,
      }),
  });
}

function registrationLine({ registration }: Config, io: Io): string {
  const first = `the administrator's first: ${io.command("account invite --owner")}`;
  return {
    closed: first,
    invited: `by invitation: ${io.command("account invite")}; ${first}`,
    open: `opened by anybody; ${first}`,
  }[registration];
}
