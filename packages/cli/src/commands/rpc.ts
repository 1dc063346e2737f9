/** `fedchat rpc`: the engine's JSON-RPC on standard input and output, for programs in any language. */
import type { Command } from "commander";
import { connect } from "node:net";
import { controlPlace } from "../control/place.ts";
import { CommandError, exitCodes } from "../exit-codes.ts";
import { tryLock } from "../host/lock.ts";
import { dataFiles, ensureDataFolder } from "../owner-files.ts";
import { version } from "../version.ts";
import { sayWho, serverHelp } from "./chat.ts";
import type { CommonOptions } from "./define.ts";
import { define } from "./define.ts";
import type { Io } from "./io.ts";

export function addRpc(program: Command, io: Io): void {
  define(program, {
    usage: "rpc",
    summary: "speak JSON-RPC 2.0 with the engine: one document a line in, one a line out",
    example: `echo '{"jsonrpc":"2.0","id":1,"method":"rooms.list"}' | fedchat rpc\nfedchat rpc --openrpc > fedchat.openrpc.json`,
    json: false,
  })
    .option("--openrpc", "print the interface as an OpenRPC document and end")
    .option("--server <where>", `with an engine of its own in this process; ${serverHelp}`)
    .action(async (flags: CommonOptions & { openrpc?: boolean; server?: string }) => {
      if (flags.openrpc) {
        const { openRpcDocument } = await import("@fedchat/engine/node");
        return io.printJson(openRpcDocument(version), 2);
      }
      const loaded = io.config(flags);
      const { data } = loaded.config;
      const speak = () => passThrough(io, data, io.command("start"));
      if (flags.server === undefined) return speak();
      ensureDataFolder(data);
      using lock = tryLock(dataFiles(data).lock);
      // The program that runs for this folder has the engine.
      if (lock === undefined) return speak();
      // Loaded here only: other commands start without homeserver and engine.
      const { findHomeserver } = await import("../host/find-homeserver.ts");
      const { withEngineAlone } = await import("../host/engine-alone.ts");
      const homeserver = await findHomeserver(data, flags.server);
      sayWho(io, homeserver);
      const warn = (line: string) => io.note(io.style.warn(line));
      await withEngineAlone({ loaded, homeserver, warn }, speak);
    });
}

/** Ends when the program stops, or when input ended and what was asked is answered. */
async function passThrough(io: Io, data: string, start: string): Promise<void> {
  const { input, output } = io.streams;
  const socket = connect(controlPlace(data));
  await new Promise<void>((resolve, reject) => {
    socket.once("connect", resolve);
    socket.once("error", (cause) => {
      const sentence = `FedChat is not running for ${data}.`;
      reject(new CommandError(exitCodes.notRunning, sentence, `Start it: ${start}`, { cause }));
    });
  });
  const answered = new Answered();
  socket.on("error", () => undefined);
  input.on("data", (chunk: Buffer) => {
    answered.asked(chunk);
    if (!socket.write(chunk)) {
      input.pause();
      socket.once("drain", () => input.resume());
    }
  });
  let inputEnded = false;
  const endWhenAnswered = () => inputEnded && answered.all && socket.end();
  input.on("end", () => {
    // A last line need not end in a line end.
    socket.write("\n");
    answered.asked("\n");
    inputEnded = true;
    endWhenAnswered();
  });
  socket.on("data", (chunk: Buffer) => {
    output.write(chunk);
    answered.got(chunk);
    endWhenAnswered();
  });
  await new Promise((resolve) => socket.once("close", resolve));
  input.destroy();
  if (!inputEnded) throw new CommandError(exitCodes.notRunning, "FedChat stopped.");
}

/** Counts requests that wait for an answer, so that `echo … | fedchat rpc` ends by itself and not too early. */
class Answered {
  readonly #waiting = new Set<string>();
  #input = "";
  #output = "";

  get all(): boolean {
    return this.#waiting.size === 0;
  }

  asked(chunk: Buffer | string): void {
    this.#input = eachLine(this.#input + chunk.toString(), ({ id, method }) => {
      if (id !== undefined && method !== undefined) this.#waiting.add(JSON.stringify(id));
    });
  }

  got(chunk: Buffer): void {
    this.#output = eachLine(this.#output + chunk.toString(), ({ id, method }) => {
      if (method === undefined && id !== undefined) this.#waiting.delete(JSON.stringify(id));
    });
  }
}

/** @returns what is left of an unfinished line */
function eachLine(text: string, look: (frame: { id?: unknown; method?: unknown }) => void): string {
  const lines = text.split("\n");
  const rest = lines.pop()!;
  for (const line of lines) {
    try {
      look(JSON.parse(line) as { id?: unknown; method?: unknown });
    } catch {
      // The program answers that it is no JSON; there is nothing to wait for.
    }
  }
  return rest;
}
