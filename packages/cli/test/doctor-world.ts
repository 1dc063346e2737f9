/** What the doctor looks at, for its tests: a homeserver's port that proves its key, and proxies in front of it. */
import { openHttpsServer, TlsCertificate } from "@fedchat/homeserver/node";
import { silentLog } from "@fedchat/homeserver";
import type { ServerId } from "@fedchat/protocol";
import { answerChannel, serverId, serverRecord } from "@fedchat/protocol";
import { nodeClock, nodeRandom } from "@fedchat/protocol/node";
import { nodePrimitives as primitives } from "@fedchat/protocol/primitives/node";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, request } from "node:https";
import type { Server } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "node:tls";

export interface Port extends AsyncDisposable {
  server: ServerId;
  port: number;
}

/** A homeserver's HTTPS port that answers devices' handshakes and closes the channel behind them. */
export async function openPort(): Promise<Port> {
  const seed = nodeRandom.bytes(32);
  const noise = nodeRandom.bytes(32);
  const server = serverId.fromBytes(primitives.ed25519.publicKey(seed));
  const now = Date.now();
  const record = serverRecord.sign(primitives, seed, {
    key: server,
    name: "alice",
    noiseKey: primitives.x25519.publicKey(noise),
    addresses: [],
    relays: [],
    relaysFor: "nobody",
    neighbours: [],
    software: "test",
    sequence: now,
    issued: now,
    expires: now + 86_400_000,
  });
  const https = await openHttpsServer({
    host: "127.0.0.1",
    port: 0,
    portIsDefault: false,
    credentials: selfSigned(),
    onLink: (channel) => channel.close(),
    onClient: (channel) =>
      void answerChannel({
        channel,
        protocol: "fedchat-client",
        self: server,
        staticKey: noise,
        record: () => record,
        features: [],
        primitives,
        random: nodeRandom,
        clock: nodeClock,
      }).catch(() => undefined),
    identity: () => ({ server, record }),
    page: undefined,
  });
  return { server, port: https.port, [Symbol.asyncDispose]: () => https[Symbol.asyncDispose]() };
}

export interface Front extends AsyncDisposable {
  port: number;
}

export interface FrontOptions {
  /** Of the homeserver behind it; undefined: it is a web server of its own. */
  target?: number;
  /** Whether it passes WebSockets on, as a proxy does that was told to. */
  webSockets: boolean;
  /** A WebSocket on which nobody says anything for so long is closed. */
  idleMs?: number;
}

/** A web server, or a proxy that terminates TLS and makes a request of its own of each, as nginx does. */
export async function openFront({ target, webSockets, idleMs }: FrontOptions): Promise<Front> {
  const server = createServer(selfSigned(), (asked, response) => {
    if (target === undefined) return void response.writeHead(200).end("a shop");
    const { upgrade: _upgrade, connection: _connection, ...headers } = asked.headers;
    const passed = request(
      { host: "127.0.0.1", port: target, path: asked.url, headers, rejectUnauthorized: false },
      (answer) => {
        response.writeHead(answer.statusCode ?? 500, answer.headers);
        answer.pipe(response);
      },
    );
    passed.on("error", () => response.writeHead(502).end());
    passed.end();
  });
  if (webSockets && target !== undefined) passWebSockets(server, target, idleMs);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

function passWebSockets(server: Server, target: number, idleMs: number | undefined): void {
  server.on("upgrade", (asked, near, head) => {
    const far = connect({ host: "127.0.0.1", port: target, rejectUnauthorized: false });
    const headers = asked.rawHeaders.flatMap((name, at, all) =>
      at % 2 === 0 ? [`${name}: ${all[at + 1]}\r\n`] : [],
    );
    far.write(`GET ${asked.url} HTTP/1.1\r\n${headers.join("")}\r\n`);
    far.write(head);
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      from.pipe(to);
      from.on("error", () => to.destroy());
      from.on("close", () => to.destroy());
    }
    if (idleMs !== undefined) (near as typeof far).setTimeout(idleMs, () => near.destroy());
  });
}

let credentials: { cert: string; key: string } | undefined;

function selfSigned() {
  if (credentials !== undefined) return credentials;
  const folder = mkdtempSync(join(tmpdir(), "fedchat-doctor-"));
  using certificate = new TlsCertificate({ folder, own: undefined, clock: nodeClock, log: silentLog });
  credentials = certificate.current;
  rmSync(folder, { recursive: true });
  return credentials;
}
