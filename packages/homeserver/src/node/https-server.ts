/**
 * The homeserver's one port: HTTPS with WebSocket upgrades for links and client sessions, the well-known document, and
 * pages for whoever comes with a browser. Nothing that arrives here is trusted; everything is bounded: sockets in all
 * and from one address, the size of headers, and the time until they are there.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:https";
import type { Server } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { clientPath, linkPath, protocolVersion, wellKnownPath } from "@fedchat/protocol";
import type { ByteChannel, ServerId } from "@fedchat/protocol";
import { webSocketChannel, webSocketOptions } from "@fedchat/protocol/node";
import { WebSocketServer } from "ws";
import type { Remote } from "../core/federation/options.ts";
import type { AnswerOverAlpn } from "./acme/alpn-challenge.ts";
import { alpnChallenges } from "./acme/alpn-challenge.ts";
import { ConnectionCounts } from "./connection-counts.ts";
import {
  connectionsMax,
  headerBytesMax,
  headersTimeoutMs,
  keepAliveTimeoutMs,
  requestTimeoutMs,
  tlsHandshakeTimeoutMs,
} from "./limits.ts";
import { listen } from "./listen.ts";
import type { AddressRange } from "./remote-address.ts";
import { remoteOf, TrustedProxies } from "./remote-address.ts";
import type { TlsCredentials } from "./tls-credentials.ts";

export interface HttpsServerOptions {
  host: string;
  /** 0: any free one. */
  port: number;
  /** Nobody asked for this very port: the next free one will do. */
  portIsDefault: boolean;
  credentials: TlsCredentials;
  /** In front of this server; absent: only what this machine itself runs. */
  proxies?: readonly AddressRange[];
  onLink(channel: ByteChannel, remote: Remote): void;
  onClient(channel: ByteChannel, remote: Remote): void;
  /** Who this is; undefined until it is known: then everything is answered with 503. */
  identity(): { server: ServerId; record: Uint8Array } | undefined;
  /** Takes what is not the protocol's before it is refused or becomes a page. */
  door?: SecondDoor | undefined;
  /** Answers GET and HEAD of everything else. */
  page: ((request: IncomingMessage, response: ServerResponse) => void) | undefined;
}

/** Somebody else who serves on this port. Each says whether it took what came. */
export interface SecondDoor {
  request(request: IncomingMessage, response: ServerResponse, remote: Remote): boolean;
  upgrade(request: IncomingMessage, socket: Socket, head: Buffer, remote: Remote): boolean;
}

export interface HttpsServer extends AsyncDisposable {
  /** The one that it got. */
  readonly port: number;
  /** From the next connection on; those that are open stay. */
  replaceCertificate(credentials: TlsCredentials): void;
  /** Shows a certificate authority what it asks for, until that is disposed. */
  readonly answerOverAlpn: AnswerOverAlpn;
}

/** Rejects with `ListenError` where the port cannot be had. */
export async function openHttpsServer(options: HttpsServerOptions): Promise<HttpsServer> {
  const proxies = new TrustedProxies(options.proxies ?? []);
  const server = createServer(
    {
      ...options.credentials,
      ALPNProtocols: ["http/1.1"],
      handshakeTimeout: tlsHandshakeTimeoutMs,
      headersTimeout: headersTimeoutMs,
      requestTimeout: requestTimeoutMs,
      keepAliveTimeout: keepAliveTimeoutMs,
      maxHeaderSize: headerBytesMax,
    },
    (request, response) => answer(request, response, options, proxies),
  );
  const answerOverAlpn = alpnChallenges(server);
  const sockets = countConnections(server, proxies);
  const webSockets = new WebSocketServer({ noServer: true, clientTracking: false, ...webSocketOptions });
  server.on("upgrade", (request: IncomingMessage, socket: Socket, head: Buffer) => {
    socket.on("error", () => socket.destroy());
    const accept = acceptorOf(request, options);
    const remote = remoteOf(request.socket.remoteAddress, request.headers, proxies);
    if (accept === 404 && options.door?.upgrade(request, socket, head, remote) === true) return;
    if (typeof accept === "number") return refuseUpgrade(socket, accept);
    webSockets.handleUpgrade(request, socket, head, (opened) => accept(webSocketChannel(opened), remote));
  });
  await listen(server, options);
  return {
    port: (server.address() as AddressInfo).port,
    replaceCertificate: (credentials) => server.setSecureContext(credentials),
    answerOverAlpn,
    async [Symbol.asyncDispose]() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

/** Every open socket, from before its TLS handshake on. */
function countConnections(server: Server, proxies: TrustedProxies): ReadonlySet<Socket> {
  const sockets = new Set<Socket>();
  const counts = new ConnectionCounts(proxies);
  server.maxConnections = connectionsMax;
  server.on("connection", (carrier) => {
    const socket = carrier as Socket;
    const address = socket.remoteAddress ?? "";
    if (!counts.enter(address)) return socket.destroy();
    sockets.add(socket);
    socket.once("close", () => {
      sockets.delete(socket);
      counts.leave(address);
    });
  });
  return sockets;
}

type Acceptor = HttpsServerOptions["onLink"];

/** Or the status to refuse with. */
function acceptorOf(request: IncomingMessage, options: HttpsServerOptions): Acceptor | number {
  if (options.identity() === undefined) return 503;
  switch (pathOf(request)) {
    case linkPath:
      return options.onLink;
    case clientPath:
      return options.onClient;
    default:
      return 404;
  }
}

function refuseUpgrade(socket: Socket, status: number): void {
  const reason = status === 404 ? "Not Found" : "Service Unavailable";
  socket.end(`HTTP/1.1 ${status} ${reason}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}

function answer(
  request: IncomingMessage,
  response: ServerResponse,
  options: HttpsServerOptions,
  proxies: TrustedProxies,
): void {
  for (const [name, value] of Object.entries(safeHeaders)) response.setHeader(name, value);
  const remote = remoteOf(request.socket.remoteAddress, request.headers, proxies);
  if (pathOf(request) !== wellKnownPath && options.door?.request(request, response, remote) === true) return;
  if (request.method !== "GET" && request.method !== "HEAD") {
    response.setHeader("Allow", "GET, HEAD");
    return answerText(response, 405, "Only GET is answered here.");
  }
  const identity = options.identity();
  if (identity === undefined) return answerText(response, 503, "This homeserver is starting.");
  const path = pathOf(request);
  if (path === wellKnownPath) {
    return request.headers.accept === "application/cbor"
      ? answerRecord(response, identity.record)
      : answerWellKnown(response, identity);
  }
  if (path === linkPath || path === clientPath) return askForUpgrade(response);
  if (options.page === undefined) return answerText(response, 404, "This is a FedChat homeserver.");
  options.page(request, response);
}

/** [N4] The signed record itself, for homeservers: it proves its own key, and a proxy cannot change it. */
function answerRecord(response: ServerResponse, record: Uint8Array): void {
  response.writeHead(200, {
    "Content-Type": "application/cbor",
    "Cache-Control": "no-store",
    Vary: "Accept",
  });
  response.end(record);
}

/** [N4] Binds a domain to this server's key, over WebPKI. Public, so that engines in browsers may read it too. */
function answerWellKnown(
  response: ServerResponse,
  { server, record }: { server: ServerId; record: Uint8Array },
): void {
  const document = {
    serverId: server,
    record: Buffer.from(record).toString("base64"),
    version: protocolVersion,
  };
  response.writeHead(200, {
    "Content-Type": "application/json",
    "Access-Control-Allow-Origin": "*",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "Cache-Control": "no-cache",
    Vary: "Accept",
  });
  response.end(JSON.stringify(document));
}

/** RFC 9110 §15.5.22. A dialler that asked for the upgrade concludes that a proxy took its headers away. */
function askForUpgrade(response: ServerResponse): void {
  response.setHeader("Upgrade", "websocket").setHeader("Connection", "Upgrade");
  answerText(
    response,
    426,
    "This is a FedChat homeserver; here it takes WebSockets. A proxy has to pass Upgrade and Connection on.",
  );
}

function answerText(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, {
    "Content-Type": "text/plain; charset=utf-8",
    "Content-Security-Policy": "default-src 'none'",
  });
  response.end(`${text}\n`);
}

/** Pages bring a content security policy of their own. No HSTS: a self-signed certificate may come back any day. */
const safeHeaders = {
  "X-Content-Type-Options": "nosniff",
  "X-Frame-Options": "DENY",
  "Referrer-Policy": "no-referrer",
  "Cross-Origin-Resource-Policy": "same-origin",
};

function pathOf(request: IncomingMessage): string {
  return (request.url ?? "").split("?", 1)[0]!;
}
