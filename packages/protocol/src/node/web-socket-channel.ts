/**
 * A byte channel over a WebSocket of the `ws` library, for links and client sessions. Pings keep the way open through
 * proxies and find dead peers: two unanswered in a row close the channel. [L5]
 */
import type { LookupFunction } from "node:net";
import { WebSocket } from "ws";
import type { RawData } from "ws";
import { ProtocolError } from "../errors.ts";
import { frameBytesMax } from "../limits.ts";
import type { ByteChannel } from "../ports.ts";

/** Below the idle time-outs of common proxies (nginx 60 s, Cloudflare 100 s). */
const pingEveryMs = 25_000;
const dialTimeoutMs = 8_000;

/** What both sides pass to `ws`: no compression, and nothing larger than a sealed frame is read. */
export const webSocketOptions = { perMessageDeflate: false, maxPayload: frameBytesMax + 16 } as const;

/** Wraps an open socket. */
export function webSocketChannel(socket: WebSocket): ByteChannel {
  let unanswered = 0;
  const pings = setInterval(() => {
    if (unanswered >= 2) return socket.terminate();
    unanswered++;
    socket.ping();
  }, pingEveryMs).unref();
  const channel: ByteChannel = {
    onMessage: undefined,
    onClose: undefined,
    send(frame) {
      if (socket.readyState === WebSocket.OPEN) socket.send(frame);
    },
    bufferedBytes: () => socket.bufferedAmount,
    close(reason = "closed") {
      clearInterval(pings);
      socket.close(1000, reason.slice(0, 120));
      // A peer that never answers the closing handshake must not hold the socket for ever.
      setTimeout(() => socket.terminate(), 2_000).unref();
    },
  };
  socket.binaryType = "nodebuffer";
  socket.on("pong", () => (unanswered = 0));
  socket.on("message", (data: RawData, isBinary) => {
    unanswered = 0;
    if (!isBinary) return socket.close(1003, "binary frames only");
    channel.onMessage?.(data as Buffer);
  });
  socket.on("error", () => undefined);
  socket.on("close", (code, reason) => {
    clearInterval(pings);
    channel.onClose?.(reason.toString() || `closed (${code})`);
  });
  return channel;
}

/**
 * Dials `wss://host:port/path` (`ws://` with `plain`, for loopback). The outer certificate is not checked: identity
 * and secrecy come from the Noise handshake inside. Rejects with `unreachable` (nothing answers, or only a proxy) or
 * `not-fedchat` (something else does, or a proxy that passes no WebSockets).
 */
export function dialWebSocket(
  address: { host: string; port: number },
  path: string,
  options: { plain?: boolean; lookup?: LookupFunction } = {},
): Promise<ByteChannel> {
  const host = address.host.includes(":") ? `[${address.host}]` : address.host;
  const scheme = options.plain ? "ws" : "wss";
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(`${scheme}://${host}:${address.port}${path}`, {
      ...webSocketOptions,
      rejectUnauthorized: false,
      ...(options.lookup && { lookup: options.lookup }),
    });
    const place = `${address.host}:${address.port}`;
    let answered = false;
    // `ws` counts silence, beginning anew with every byte; this counts from the call.
    const timer = setTimeout(() => {
      reject(new ProtocolError("unreachable", `${place}: no answer in time.`));
      socket.terminate();
    }, dialTimeoutMs);
    socket.once("close", () => clearTimeout(timer));
    socket.once("unexpected-response", (_request, response) => {
      answered = true;
      socket.terminate();
      reject(answerError(place, response.statusCode));
    });
    socket.once("error", (cause: NodeJS.ErrnoException) => {
      if (!answered) reject(dialError(place, cause));
    });
    socket.once("open", () => {
      clearTimeout(timer);
      resolve(webSocketChannel(socket));
    });
  });
}

/** A web server, or a proxy in front of a homeserver, answered the upgrade with something else. RFC 9110 §15 */
function answerError(place: string, status: number | undefined): ProtocolError {
  const said = `(HTTP status ${status})`;
  if (status === 426) {
    return new ProtocolError(
      "not-fedchat",
      `The proxy at ${place} does not pass WebSockets on: it has to pass the headers Upgrade and Connection ${said}.`,
    );
  }
  if (status === 502 || status === 504) {
    return new ProtocolError(
      "unreachable",
      `The proxy at ${place} gets no answer from the homeserver behind it ${said}.`,
    );
  }
  return new ProtocolError("not-fedchat", `${place} answers, but not as FedChat ${said}.`);
}

const networkErrors: Record<string, string> = {
  ECONNREFUSED: "nothing listens there",
  ENOTFOUND: "there is no host of this name",
  EAI_AGAIN: "the name could not be looked up",
  ETIMEDOUT: "no answer in time",
  EHOSTUNREACH: "there is no route to this host",
  ENETUNREACH: "this machine has no network that leads there",
  ECONNRESET: "the connection was cut",
};

function dialError(place: string, cause: NodeJS.ErrnoException): ProtocolError {
  const said = networkErrors[cause.code ?? ""];
  if (said !== undefined) return new ProtocolError("unreachable", `${place}: ${said}.`, { cause });
  return new ProtocolError("not-fedchat", `${place} answers, but not as FedChat.`, { cause });
}
