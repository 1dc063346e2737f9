/**
 * The control socket: JSON-RPC 2.0, one document a line, for commands and scripts of the same user. Trust: the socket's
 * file mode lets in its owner only, who may do everything.
 */
import type { Cause } from "@fedchat/engine/interface";
import type { Callable, Log, TextChannel } from "@fedchat/engine/node";
import { rpcCodes, rpcTextBytesMax, serveRpc } from "@fedchat/engine/node";
import { chmodSync } from "node:fs";
import type { Socket } from "node:net";
import { createServer } from "node:net";
import { z } from "zod";
import { controlConnectionsMax, unreadBytesMax } from "../limits.ts";
import type { Host } from "./host-methods.ts";
import { readLines } from "./lines.ts";
import { makeControlPlace } from "./place.ts";
import { commandName } from "../terminal/command-name.ts";

export interface ControlOptions {
  data: string;
  host: Host;
  /** Undefined where a directory runs. */
  engine: Callable | undefined;
  log: Log;
}

export async function startControl(options: ControlOptions): Promise<AsyncDisposable> {
  const place = makeControlPlace(options.data, process.platform);
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    socket.on("close", () => sockets.delete(socket));
    serve(socket, options);
  });
  server.maxConnections = controlConnectionsMax;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(place.path, () => {
      server.off("error", reject);
      resolve();
    });
  });
  // The folder lets in its owner only; the socket's own mode is a second wall.
  if (process.platform !== "win32") chmodSync(place.path, 0o600);
  return {
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of sockets) socket.destroySoon();
      await closed;
      place.remove();
    },
  };
}

function serve(socket: Socket, { host, engine, log }: ControlOptions): void {
  const channel: TextChannel = {
    onText: undefined,
    onClose: undefined,
    send(text) {
      if (socket.writableLength > unreadBytesMax) return void socket.destroy();
      if (socket.writable) socket.write(`${text}\n`);
    },
  };
  if (engine !== undefined) serveRpc(engine, channel, log);
  else {
    channel.onText = (text) => {
      const message = "A directory runs here: it has no accounts, no links and no messages.";
      const fix = `What can be looked at here: ${commandName} status; ${commandName} doctor`;
      const data: Cause = { code: "no-engine", sentence: message, fix, retry: "never" };
      const error = { code: rpcCodes.method, message, data };
      channel.send(JSON.stringify({ jsonrpc: "2.0", id: idOf(text), error }));
    };
  }
  readLines(
    socket,
    rpcTextBytesMax,
    (line) => {
      const answer = hostAnswer(host, line, log);
      if (answer === undefined) channel.onText?.(line);
      else channel.send(answer);
    },
    () => socket.destroy(),
  );
  socket.on("end", () => socket.end());
  socket.on("close", () => channel.onClose?.());
}

const hostRequest = z.object({
  id: z.union([z.string(), z.number()]),
  method: z.enum(["host.info", "host.open", "host.examine"]),
  params: z.object({ again: z.boolean().optional() }).optional(),
});

/** The answer to a method of the program itself; undefined for everything else. */
function hostAnswer(host: Host, line: string, log: Log): string | undefined {
  if (!line.includes('"host.')) return undefined;
  const asked = hostRequest.safeParse(parseJson(line));
  if (!asked.success) return undefined;
  return JSON.stringify({ jsonrpc: "2.0", id: asked.data.id, ...outcomeOf(host, asked.data, log) });
}

/** The way into the screen is a file: on a full disk it cannot be written, which must not end the program. */
function outcomeOf(host: Host, { method, params }: z.infer<typeof hostRequest>, log: Log): object {
  const answers = {
    "host.info": () => host.info(),
    "host.open": () => host.open(),
    "host.examine": () => host.examine?.(params?.again ?? false),
  };
  try {
    const result = answers[method]();
    if (result !== undefined) return { result };
    const missing = method === "host.examine" ? "There is no homeserver here." : "There is no screen here.";
    return { error: { code: rpcCodes.method, message: missing } };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    log.warn("the program could not answer", { method, error: message });
    return { error: { code: rpcCodes.engine, message } };
  }
}

function idOf(text: string): string | number | null {
  const id = (parseJson(text) as { id?: unknown } | undefined)?.id;
  return typeof id === "string" || typeof id === "number" ? id : null;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
