/** `fedchat chat`: an engine and its screen on this machine, for an account on a homeserver that runs elsewhere. */
import { fingerprint } from "@fedchat/protocol";
import type { Command } from "commander";
import type { FoundHomeserver } from "../host/find-homeserver.ts";
import { clientSummary } from "../host/summary.ts";
import type { CommonOptions } from "./define.ts";
import { define } from "./define.ts";
import { runProgram } from "./foreground.ts";
import type { Io } from "./io.ts";

interface ChatFlags extends CommonOptions {
  server?: string;
  screenPort?: string;
  open?: boolean;
  log?: string;
}

export function addChat(program: Command, io: Io): void {
  define(program, {
    usage: "chat",
    summary: "start an engine and its screen alone, for a homeserver that runs elsewhere",
    example:
      "fedchat chat --server chat.example.com:8443\nfedchat chat --server 'https://chat.example.com/app#…'   # an account invitation",
  })
    .option("--server <where>", serverHelp)
    .option("--screen-port <number>", "port of the local screen")
    .option("--no-open", "do not open the screen in the browser")
    .option("--log <level>", "debug, info, warn or error")
    .action(async (flags: ChatFlags) => {
      const loaded = io.config({
        config: flags.config,
        data: flags.data,
        "screen.port": flags.screenPort,
        // Commander's default for --no-open is true, which is not something that the person said.
        "screen.open": flags.open === false ? false : undefined,
        "log.level": flags.log,
      });
      let found: FoundHomeserver | undefined;
      await runProgram(io, loaded, {
        headless: false,
        json: flags.json === true,
        async start(surroundings) {
          // Loaded here only: other commands start without homeserver and engine.
          const { findHomeserver } = await import("../host/find-homeserver.ts");
          const { startClient } = await import("../host/client-box.ts");
          found = await findHomeserver(loaded.config.data, flags.server);
          sayWho(io, found);
          return startClient({ ...surroundings, homeserver: found });
        },
        summary: (info, way) =>
          clientSummary(info, { way, command: (words) => io.command(words), style: io.style }),
      });
    });
}

export const serverHelp =
  "the homeserver: HOST, HOST:PORT, HOST:PORT/SERVERID, or an account invitation; once is enough for a data folder";

/** Of a homeserver of which only the address was known, people have to compare the key. */
export function sayWho(io: Io, { place, atFirstSight }: FoundHomeserver): void {
  if (!atFirstSight) return;
  io.note(
    io.style.warn(`First contact with ${place.host}:${place.port}. Its key, which is pinned from now on:`),
  );
  io.note(`  ${fingerprint(place.server)}`);
  io.note("Compare it with what its administrator sees ('fedchat status' there) before you open an account.");
}
