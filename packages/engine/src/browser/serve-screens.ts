/** Serves the engine's JSON-RPC to the windows of this origin, each on a channel of its own. [J6] */
import { z } from "zod";
import type { Log } from "../core/log.ts";
import type { Callable, TextChannel } from "../core/rpc-server.ts";
import { serveRpc } from "../core/rpc-server.ts";
import type { Calling, FromScreen, ToScreen } from "./rendezvous.ts";
import { callsChannel, screenChannel } from "./rendezvous.ts";

/** Windows of one browser: more are opened by nobody. */
const screensMax = 64;

/** @param engine or, in words for people, why there is none */
export function serveScreens(engine: Callable | string, log: Log): void {
  const calls = new BroadcastChannel(callsChannel);
  const screens = new Set<string>();
  calls.onmessage = ({ data }: MessageEvent<Calling>) => {
    if (data.kind !== "hello" || screens.has(data.id) || screens.size >= screensMax) return;
    screens.add(data.id);
    serveScreen(data.id, engine, log, () => screens.delete(data.id));
  };
  calls.postMessage({ kind: "serving" } satisfies Calling);
}

function serveScreen(id: string, engine: Callable | string, log: Log, onGone: () => void): void {
  const port = new BroadcastChannel(screenChannel(id));
  const tell = (message: ToScreen) => port.postMessage(message);
  const channel: TextChannel = {
    onText: undefined,
    onClose: undefined,
    send: (text) => tell({ kind: "text", text }),
  };
  let gone = false;
  const end = () => {
    if (gone) return;
    gone = true;
    channel.onClose?.();
    port.close();
    onGone();
  };
  port.onmessage = ({ data }: MessageEvent<FromScreen>) => {
    if (data.kind === "close") end();
    else if (!answeredGreeting(data.text, channel)) channel.onText?.(data.text);
  };
  // Given to us only once the screen has let go of it: when it was closed, or died.
  void navigator.locks.request(screenChannel(id), end);
  if (typeof engine === "string") return tell({ kind: "failed", sentence: engine });
  serveRpc(engine, channel, log);
  tell({ kind: "open" });
}

/** Screens elsewhere show a secret first. Here whoever can open a channel of this origin is this origin. */
const greeting = z.object({ id: z.union([z.string(), z.number()]), method: z.literal("session.open") });

function answeredGreeting(text: string, channel: TextChannel): boolean {
  if (!text.includes('"session.open"')) return false;
  const asked = greeting.safeParse(JSON.parse(text));
  if (asked.success) channel.send(JSON.stringify({ jsonrpc: "2.0", id: asked.data.id, result: {} }));
  return asked.success;
}
