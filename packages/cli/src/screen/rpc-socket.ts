/**
 * One window of the screen: a WebSocket that must first show its session's secret, then speaks the engine's JSON-RPC.
 * Trust: the cookie was checked when the socket was opened; nothing reaches the engine before the secret was.
 */
import type { Callable, Log, TextChannel } from "@fedchat/engine/node";
import { rpcCodes, serveRpc } from "@fedchat/engine/node";
import { WebSocket } from "ws";
import { z } from "zod";
import { screenPingEveryMs, sessionOpenWithinMs, unreadBytesMax } from "../limits.ts";

const opening = z.object({
  jsonrpc: z.literal("2.0"),
  id: z.union([z.string().max(128), z.number()]),
  method: z.literal("session.open"),
  params: z.strictObject({ secret: z.string().max(256) }),
});

export interface ScreenSocketOptions {
  accepts(secret: string): boolean;
  /** What is said to whoever cannot show it. */
  refusal: string;
  engine: Callable;
  log: Log;
  /** The secret was shown. */
  onOpened?(): void;
}

export function serveScreenSocket(socket: WebSocket, options: ScreenSocketOptions): void {
  const { accepts, refusal, engine, log, onOpened } = options;
  const channel: TextChannel = {
    onText: undefined,
    onClose: undefined,
    send(text) {
      if (socket.readyState !== WebSocket.OPEN) return;
      if (socket.bufferedAmount > unreadBytesMax) return socket.terminate();
      socket.send(text);
    },
  };
  const refuse = (id: string | number | null) => {
    const error = { code: rpcCodes.session, message: refusal };
    channel.send(JSON.stringify({ jsonrpc: "2.0", id, error }));
    socket.close(4401, "session unknown");
  };
  const tooLate = setTimeout(() => refuse(null), sessionOpenWithinMs).unref();
  let opened = false;

  channel.onText = (text) => {
    const asked = opening.safeParse(parseJson(text));
    if (!asked.success) return refuse(null);
    if (!accepts(asked.data.params.secret)) return refuse(asked.data.id);
    clearTimeout(tooLate);
    opened = true;
    serveRpc(engine, channel, log);
    onOpened?.();
    channel.send(JSON.stringify({ jsonrpc: "2.0", id: asked.data.id, result: {} }));
  };

  let unanswered = 0;
  const pings = setInterval(() => {
    if (unanswered >= 2) return socket.terminate();
    unanswered++;
    socket.ping();
  }, screenPingEveryMs).unref();
  socket.on("pong", () => (unanswered = 0));
  socket.on("message", (data: Buffer, isBinary) => {
    unanswered = 0;
    if (isBinary) return socket.close(1003, "text only");
    // What is still on its way after a refusal or a sign-out is not taken for a new try.
    if (socket.readyState !== WebSocket.OPEN) return;
    channel.onText?.(data.toString("utf8"));
  });
  socket.on("error", (error) => log.debug("a screen's socket failed", { error: error.message }));
  socket.on("close", () => {
    clearTimeout(tooLate);
    clearInterval(pings);
    if (opened) channel.onClose?.();
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
