/**
 * The local screen: plain HTTP on 127.0.0.1, for browsers on this machine. Files are for everybody who asks by our own
 * name; a session is opened by a one-time token; the engine is reached only with cookie and secret. What it guards
 * against: other users of this machine, other sites in the same browser, foreign names that resolve to 127.0.0.1, and
 * other programs on other ports of this host.
 */
import type { Callable, Log } from "@fedchat/engine/node";
import { rpcTextBytesMax } from "@fedchat/engine/node";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:http";
import type { Duplex } from "node:stream";
import { WebSocketServer } from "ws";
import { listenOn } from "../host/listen.ts";
import {
  httpRequestTimeoutMs,
  screenConnectionsMax,
  screenSessionLifetimeMs,
  sessionFormBytesMax,
} from "../limits.ts";
import type { ScreenFiles } from "./files.ts";
import { answerFile, htmlHeaders, pathOf } from "./files.ts";
import { screenHeaders } from "./headers.ts";
import { OpenTokens, removeOpenFile, writeOpenFile } from "./open-tokens.ts";
import { cookiesNamed, OwnOrigin } from "./origin.ts";
import { codePage, foreignPage, pageHeaders, spentPage } from "./plain-page.ts";
import { clientRoute, refuseUpgrade } from "./requests.ts";
import { serveScreenSocket } from "./rpc-socket.ts";
import { ScreenSessions } from "./sessions.ts";
import { commandName } from "../terminal/command-name.ts";

export interface ScreenOptions {
  port: number;
  /** A default port that is taken gives way to the next free one. */
  portIsDefault: boolean;
  /** Tells the cookies of several programs on one host apart. */
  instance: string;
  /** May still be under way: requests wait for it. */
  files: Promise<ScreenFiles>;
  /** Owner-only files. */
  paths: { open: string; screens: string };
  engine: Callable;
  now: () => number;
  log: Log;
}

export interface LocalScreen extends AsyncDisposable {
  port: number;
  /** `http://127.0.0.1:8080` */
  address: string;
  /** A new one-time way in: a file that opens the screen by itself, and the same as a code to type. */
  open(): { path: string; code: string };
}

/** Resolves once it listens. Rejects with `CommandError` when the port is taken. */
export async function startScreen(options: ScreenOptions): Promise<LocalScreen> {
  const server = createServer({
    requestTimeout: httpRequestTimeoutMs,
    headersTimeout: httpRequestTimeoutMs,
    keepAliveTimeout: 5_000,
  });
  const port = await listenOn(server, {
    host: "127.0.0.1",
    port: options.port,
    portIsDefault: options.portIsDefault,
    setting: "screen.port",
  });
  if (port !== options.port && options.port !== 0) {
    options.log.warn("the screen's default port is in use by another program; the next free one was taken", {
      port,
    });
  }
  const address = `http://127.0.0.1:${port}`;
  const tokens = new OpenTokens(options.now);
  const handler = new ScreenHandler(options, port, tokens);
  server.on("request", (request, response) => void handler.request(request, response));
  server.on("upgrade", (request, socket, head) => handler.upgrade(request, socket, head));
  return {
    port,
    address,
    open() {
      const code = tokens.issue();
      writeOpenFile(options.paths.open, address, code);
      return { path: options.paths.open, code };
    },
    async [Symbol.asyncDispose]() {
      removeOpenFile(options.paths.open);
      handler.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

class ScreenHandler {
  readonly #options: ScreenOptions;
  readonly #origin: OwnOrigin;
  readonly #headers: ReturnType<typeof screenHeaders>;
  readonly #sessions: ScreenSessions;
  readonly #tokens: OpenTokens;
  readonly #cookie: string;
  readonly #sockets = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    maxPayload: rpcTextBytesMax,
  });

  constructor(options: ScreenOptions, port: number, tokens: OpenTokens) {
    this.#options = options;
    this.#origin = new OwnOrigin(port);
    this.#headers = screenHeaders(port);
    this.#sessions = new ScreenSessions(options.paths.screens, options.now);
    this.#tokens = tokens;
    this.#cookie = `fedchat-${options.instance}`;
  }

  async request(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      if (!this.#origin.isHost(request)) return answerFile(request, response, foreignPage, pageHeaders, 421);
      const path = pathOf(request);
      if (request.method === "POST" && path === "/session") return await this.#openSession(request, response);
      if (request.method === "GET" || request.method === "HEAD")
        return await this.#file(request, response, path);
      response.writeHead(405, { ...this.#headers, Allow: "GET, HEAD" }).end();
    } catch (error) {
      this.#options.log.warn("the screen could not answer", { error: String(error) });
      if (!response.headersSent) response.writeHead(500, this.#headers);
      response.end();
    }
  }

  async #file(request: IncomingMessage, response: ServerResponse, path: string): Promise<void> {
    const known = this.#sessions.knows(cookiesNamed(request, this.#cookie));
    if (path === "/session" && !known) return answerFile(request, response, codePage, pageHeaders);
    if (path === "/session") return void response.writeHead(303, { ...this.#headers, Location: "/" }).end();
    const files = await this.#options.files;
    const asset = files.assets.get(path);
    if (asset !== undefined) {
      return answerFile(request, response, asset.body, { ...this.#headers, ...asset.headers });
    }
    if (!clientRoute.test(path)) return void response.writeHead(404, this.#headers).end();
    answerFile(request, response, files.index, { ...this.#headers, ...htmlHeaders });
  }

  async #openSession(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (!this.#origin.isLocalFile(request) && !this.#origin.isSameOrigin(request)) {
      return answerFile(request, response, foreignPage, pageHeaders, 403);
    }
    const token = await tokenOf(request);
    if (token === undefined || !this.#tokens.take(token)) {
      // The page that a token opened was loaded again.
      if (this.#sessions.knows(cookiesNamed(request, this.#cookie))) {
        return void response.writeHead(303, { ...this.#headers, Location: "/" }).end();
      }
      return answerFile(request, response, spentPage, pageHeaders, 403);
    }
    removeOpenFile(this.#options.paths.open);
    const files = await this.#options.files;
    const { cookie, secret } = this.#sessions.open();
    const seconds = screenSessionLifetimeMs / 1_000;
    const body = files.index.replace("</head>", `<meta name="fedchat-session" content="${secret}" /></head>`);
    answerFile(request, response, body, {
      ...this.#headers,
      ...htmlHeaders,
      "Set-Cookie": `${this.#cookie}=${cookie}; HttpOnly; SameSite=Strict; Path=/; Max-Age=${seconds}`,
    });
  }

  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on("error", () => socket.destroy());
    const cookies = cookiesNamed(request, this.#cookie);
    if (pathOf(request) !== "/rpc") return refuseUpgrade(socket, "404 Not Found");
    if (!this.#origin.isHost(request)) return refuseUpgrade(socket, "421 Misdirected Request");
    if (!this.#origin.isSameOrigin(request)) return refuseUpgrade(socket, "403 Forbidden");
    if (!this.#sessions.knows(cookies)) return refuseUpgrade(socket, "401 Unauthorized");
    if (this.#sockets.clients.size >= screenConnectionsMax)
      return refuseUpgrade(socket, "503 Service Unavailable");
    this.#sockets.handleUpgrade(request, socket, head, (webSocket) =>
      serveScreenSocket(webSocket, {
        accepts: (secret) => this.#sessions.accepts(cookies, secret),
        refusal: `This screen's session is not known. Run '${commandName} open'.`,
        engine: this.#options.engine,
        log: this.#options.log,
      }),
    );
  }

  close(): void {
    for (const socket of this.#sockets.clients) socket.close(1001, "FedChat stops");
    for (const socket of this.#sockets.clients) setTimeout(() => socket.terminate(), 500).unref();
  }
}

/** The token in a posted form; undefined where there is none, or too much. */
async function tokenOf(request: IncomingMessage): Promise<string | undefined> {
  const type = request.headers["content-type"]?.split(";", 1)[0];
  if (type !== "application/x-www-form-urlencoded") return undefined;
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > sessionFormBytesMax) return undefined;
    chunks.push(chunk);
  }
  return new URLSearchParams(Buffer.concat(chunks).toString("utf8")).get("token")?.trim() || undefined;
}
