/**
 * The screen on the homeserver's own HTTPS port, for screens on other devices. Nothing of it is there while it is
 * switched off. It answers only to names under which browsers trust us; strangers get the page that pairs and nothing
 * else; the engine is reached only with a paired screen's cookie and secret, from a page of that same origin. What it
 * guards against: strangers who guess, other sites in the same browser, foreign names that lead here, and a screen that
 * was removed.
 */
import type { Cause } from "@fedchat/engine/interface";
import type { Callable, Log } from "@fedchat/engine/node";
import { rpcTextBytesMax } from "@fedchat/engine/node";
import type { SecondDoor } from "@fedchat/homeserver/node";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { WebSocketServer } from "ws";
import { z } from "zod";
import {
  pairingBytesMax,
  pairingTextMax,
  screenConnectionsMax,
  screenCookieSeconds,
  screenCutOffMs,
} from "../limits.ts";
import type { ScreenFiles } from "./files.ts";
import { answerFile, htmlHeaders, pathOf } from "./files.ts";
import { remoteScreenHeaders } from "./headers.ts";
import { cookiesNamed } from "./origin.ts";
import { PairingFailures } from "./pairing-failures.ts";
import { pageHeaders, signedOutPage, unknownNamePage } from "./plain-page.ts";
import type { RemoteScreens } from "./remote-screens.ts";
import { clientRoute, refuseUpgrade } from "./requests.ts";
import { serveScreenSocket } from "./rpc-socket.ts";
import { withScreens } from "./screen-methods.ts";

export interface RemoteServerOptions {
  screens: RemoteScreens;
  /** Hosts under which browsers trust us, without ports. */
  names(): ReadonlySet<string>;
  /** Tells the cookies of several programs on one host apart. */
  instance: string;
  files: Promise<ScreenFiles>;
  engine: Callable;
  now: () => number;
  log: Log;
}

const pairingForm = z.strictObject({
  token: z.string().min(1).max(128),
  password: z.string().min(1).max(pairingTextMax),
  /** Nothing that moves a cursor or turns the direction of text. */
  name: z
    .string()
    .trim()
    .min(1)
    .max(64)
    .regex(/^[^\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]+$/u),
});

export class RemoteServer implements SecondDoor {
  readonly #options: RemoteServerOptions;
  readonly #failures: PairingFailures;
  readonly #cookie: string;
  readonly #sockets = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    maxPayload: rpcTextBytesMax,
  });

  constructor(options: RemoteServerOptions) {
    this.#options = options;
    this.#failures = new PairingFailures(options.now);
    // RFC 6265bis §4.1.3.2: only this very host could have set it, over TLS.
    this.#cookie = `__Host-fedchat-${options.instance}`;
  }

  request(request: IncomingMessage, response: ServerResponse, { address }: { address: string }): boolean {
    const path = pathOf(request);
    const isOurs = path === "/pair" || path === "/session" || clientRoute.test(path);
    if (!this.#options.screens.paired.enabled || !isOurs) return false;
    this.#answer(request, response, path, address).catch((error: unknown) => {
      this.#options.log.warn("a screen elsewhere could not be answered", { error: String(error) });
      if (!response.headersSent) response.writeHead(500);
      response.end();
    });
    return true;
  }

  async #answer(
    request: IncomingMessage,
    response: ServerResponse,
    path: string,
    address: string,
  ): Promise<void> {
    const host = this.#trustedHost(request);
    if (host === undefined) return answerFile(request, response, unknownNamePage, pageHeaders, 421);
    const headers = remoteScreenHeaders(host);
    if (request.method === "POST" && path === "/pair") return this.#pair(request, response, host, address);
    if (request.method !== "GET" && request.method !== "HEAD") {
      return void response.writeHead(405, { ...headers, Allow: "GET, HEAD" }).end();
    }
    const known = this.#screenOf(request) !== undefined;
    if (path === "/session" && known)
      return void response.writeHead(303, { ...headers, Location: "/" }).end();
    if (path === "/session" || (path !== "/pair" && !known)) {
      // Asked for by the screen itself, which only needs to know that it is not signed in.
      const status = path === "/session" ? 200 : 403;
      return answerFile(request, response, signedOutPage, pageHeaders, status);
    }
    const { index } = await this.#options.files;
    answerFile(request, response, index, { ...headers, ...htmlHeaders });
  }

  async #pair(
    request: IncomingMessage,
    response: ServerResponse,
    host: string,
    address: string,
  ): Promise<void> {
    const answer = (status: number, body: object, cookie?: string) =>
      answerFile(
        request,
        response,
        JSON.stringify(body),
        {
          ...remoteScreenHeaders(host),
          "Content-Type": "application/json",
          "Cache-Control": "no-store",
          ...(cookie === undefined ? {} : { "Set-Cookie": cookie }),
        },
        status,
      );
    if (request.headers.origin !== `https://${host}`) return answer(403, { cause: foreign });
    if (this.#failures.tooMany(address)) return answer(429, { cause: tooMany });
    const form = pairingForm.safeParse(await jsonOf(request));
    if (!form.success) return answer(400, { cause: malformed });
    const pairing = await this.#options.screens.pair(form.data);
    switch (pairing.kind) {
      case "spent":
        // Nobody guesses a link. Behind a proxy that says nothing all have one address, and strangers would lock out the person.
        return answer(403, { cause: spent });
      case "wrong-password":
        this.#failures.add(address);
        return answer(403, { cause: wrongPassword(pairing.triesLeft) });
      case "full":
        return answer(409, { cause: full });
      case "paired": {
        this.#options.log.info("a screen on another device was added");
        const attributes = `Secure; HttpOnly; SameSite=Strict; Path=/; Max-Age=${screenCookieSeconds}`;
        return answer(200, { secret: pairing.secret }, `${this.#cookie}=${pairing.cookie}; ${attributes}`);
      }
    }
  }

  upgrade(request: IncomingMessage, socket: Socket, head: Buffer): boolean {
    const { screens, engine, log } = this.#options;
    if (!screens.paired.enabled || pathOf(request) !== "/rpc") return false;
    const host = this.#trustedHost(request);
    const id = this.#screenOf(request);
    const refused =
      host === undefined
        ? "421 Misdirected Request"
        : request.headers.origin !== `https://${host}`
          ? "403 Forbidden"
          : this.#sockets.clients.size >= screenConnectionsMax
            ? "503 Service Unavailable"
            : undefined;
    if (refused !== undefined || id === undefined) {
      refuseUpgrade(socket, refused ?? "401 Unauthorized");
      return true;
    }
    const cookies = cookiesNamed(request, this.#cookie);
    this.#sockets.handleUpgrade(request, socket, head, (webSocket) => {
      serveScreenSocket(webSocket, {
        accepts: (secret) => screens.paired.enabled && screens.paired.accepts(cookies, secret),
        refusal: "This screen is not signed in. Add it again on the machine where FedChat runs.",
        engine: withScreens(engine, screens, id),
        log,
        onOpened() {
          const gone = screens.connected(id, () => {
            webSocket.close(4401, "signed out");
            setTimeout(() => webSocket.terminate(), screenCutOffMs).unref();
          });
          webSocket.once("close", gone);
        },
      });
    });
    return true;
  }

  /** Ends every connection, when the program stops. */
  close(): void {
    for (const socket of this.#sockets.clients) socket.close(1001, "FedChat stops");
    for (const socket of this.#sockets.clients) setTimeout(() => socket.terminate(), screenCutOffMs).unref();
  }

  #screenOf(request: IncomingMessage) {
    return this.#options.screens.paired.knows(cookiesNamed(request, this.#cookie));
  }

  /** `Host` as sent, where it is one of our names; a foreign name that leads here gets nothing. */
  #trustedHost({ headers: { host } }: IncomingMessage): string | undefined {
    const url = host === undefined ? null : URL.parse(`https://${host}`);
    if (url === null || url.host !== host || !this.#options.names().has(url.hostname)) return undefined;
    return host;
  }
}

/** Undefined where it is none, or too much. */
async function jsonOf(request: IncomingMessage): Promise<unknown> {
  if (request.headers["content-type"]?.split(";", 1)[0] !== "application/json") return undefined;
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > pairingBytesMax) return undefined;
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString("utf8"));
  } catch {
    return undefined;
  }
}

const again = "On the machine where FedChat runs, choose Settings, Screens, 'Add a screen' for a new link.";
const cause = (code: string, sentence: string, fix: string | null): Cause => ({
  code,
  sentence,
  fix,
  retry: "never",
});
const spent = cause("link-spent", "This link was used already, or is older than ten minutes.", again);
const foreign = cause("foreign-origin", "This did not come from FedChat's own page.", again);
const malformed = cause("malformed", "Something is missing or too long.", "Give this screen a short name.");
const full = cause(
  "too-many-screens",
  "There are as many screens as there can be.",
  "Remove one on the machine where FedChat runs.",
);
const tooMany = cause(
  "too-many-attempts",
  "Too many attempts failed from this network.",
  "Wait ten minutes and make a new link.",
);
const wrongPassword = (triesLeft: number): Cause =>
  triesLeft === 0
    ? cause("link-spent", "This was not the screen password either, so this link is spent.", again)
    : cause(
        "wrong-password",
        "This is not the screen password.",
        `${triesLeft === 1 ? "One try is" : `${triesLeft} tries are`} left with this link.`,
      );
