import { once } from "node:events";
import { createServer as createHttpsServer, request } from "node:https";
import type { IncomingMessage } from "node:http";
import { connect as connectTcp, createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { connect } from "node:tls";
import { clientPath, linkPath, wellKnownPath } from "@fedchat/protocol";
import type { ByteChannel } from "@fedchat/protocol";
import { dialWebSocket } from "@fedchat/protocol/node";
import { describe, expect, test } from "vitest";
import type { Remote } from "../src/core/federation/options.ts";
import { webSocketDialer } from "../src/node/dialer.ts";
import type { HttpsServerOptions } from "../src/node/https-server.ts";
import { openHttpsServer } from "../src/node/https-server.ts";
import { ListenError } from "../src/node/listen.ts";
import { makeSelfSigned } from "../src/node/self-signed.ts";
import { here } from "./store-fixtures.ts";

const certificate = () => makeSelfSigned(Date.now() - 1_000, Date.now() + 86_400_000);
const credentials = certificate();
const record = Uint8Array.of(1, 2, 3);

function open(change: Partial<HttpsServerOptions> = {}) {
  return openHttpsServer({
    host: "127.0.0.1",
    port: 0,
    portIsDefault: false,
    credentials,
    onLink: () => undefined,
    onClient: () => undefined,
    identity: () => ({ server: here, record }),
    page: undefined,
    ...change,
  });
}

async function get(
  port: number,
  path: string,
  method = "GET",
  headers: Record<string, string> = {},
): Promise<{ answer: IncomingMessage; body: string }> {
  const asked = request({
    host: "127.0.0.1",
    port,
    path,
    method,
    headers,
    rejectUnauthorized: false,
    agent: false,
  }).end();
  const [answer] = (await once(asked, "response")) as [IncomingMessage];
  let body = "";
  for await (const chunk of answer) body += String(chunk);
  return { answer, body };
}

const local = (port: number) => ({ host: "127.0.0.1", port, kind: "lan" as const });

describe("the HTTPS port", () => {
  test("hands links and client sessions to their callbacks, as byte channels", async () => {
    const arrived: [string, Remote][] = [];
    const echo = (kind: string) => (channel: ByteChannel, remote: Remote) => {
      arrived.push([kind, remote]);
      channel.onMessage = (frame) => channel.send(frame);
    };
    await using server = await open({ onLink: echo("link"), onClient: echo("client") });
    for (const path of [linkPath, clientPath]) {
      const channel = await webSocketDialer.dial(local(server.port), path);
      const answer = new Promise<Uint8Array>((resolve) => (channel.onMessage = resolve));
      channel.send(new TextEncoder().encode(path));
      expect(new TextDecoder().decode(await answer)).toBe(path);
      const closed = new Promise((resolve) => (channel.onClose = resolve));
      channel.close("enough");
      await closed;
    }
    const remote = { address: "127.0.0.1", host: "127.0.0.1", fromOutside: false };
    expect(arrived).toEqual([
      ["link", remote],
      ["client", remote],
    ]);
  });

  test("[N4] says who it is", async () => {
    await using server = await open();
    const { answer, body } = await get(server.port, wellKnownPath);
    expect(JSON.parse(body)).toEqual({ serverId: here, record: "AQID", version: 1 });
    expect(answer.headers).toMatchObject({
      "content-type": "application/json",
      "access-control-allow-origin": "*",
      "x-content-type-options": "nosniff",
    });
    expect(answer.headers["strict-transport-security"]).toBeUndefined();
  });

  test("[N4] gives its signed record to homeservers, which is never cached", async () => {
    await using server = await open();
    const { answer, body } = await get(server.port, wellKnownPath, "GET", { Accept: "application/cbor" });
    expect(Buffer.from(body)).toEqual(Buffer.from([1, 2, 3]));
    expect(answer.headers).toMatchObject({
      "content-type": "application/cbor",
      "cache-control": "no-store",
      "cross-origin-resource-policy": "same-origin",
    });
  });

  test("gives other GETs to the page, and answers them itself without one", async () => {
    await using bare = await open();
    expect((await get(bare.port, "/")).answer.statusCode).toBe(404);
    await using server = await open({ page: (asked, response) => response.end(`page ${asked.url}`) });
    const { answer, body } = await get(server.port, "/i?x=1");
    expect(body).toBe("page /i?x=1");
    expect(answer.headers).toMatchObject({ "x-frame-options": "DENY", "referrer-policy": "no-referrer" });
    expect((await get(server.port, "/i", "POST")).answer.statusCode).toBe(405);
  });

  test("offers a second door what is not the protocol's; what that leaves is answered as without it", async () => {
    const offered: string[] = [];
    await using server = await open({
      page: (_asked, response) => response.end("page"),
      door: {
        request(asked, response, { address }) {
          offered.push(`${asked.method} ${asked.url} ${address}`);
          const isTaken = asked.url === "/taken";
          if (isTaken) response.end("taken");
          return isTaken;
        },
        upgrade(asked, socket) {
          offered.push(`upgrade ${asked.url}`);
          const isTaken = asked.url === "/taken";
          if (isTaken) socket.end("HTTP/1.1 403 Forbidden\r\n\r\n");
          return isTaken;
        },
      },
    });
    expect((await get(server.port, "/taken", "POST")).body).toBe("taken");
    expect((await get(server.port, "/left")).body).toBe("page");
    expect((await get(server.port, "/left", "POST")).answer.statusCode).toBe(405);
    expect((await get(server.port, wellKnownPath)).answer.statusCode).toBe(200);
    await expect(dialWebSocket(local(server.port), "/taken")).rejects.toMatchObject({ code: "not-fedchat" });
    await expect(dialWebSocket(local(server.port), "/left")).rejects.toMatchObject({ code: "not-fedchat" });
    (await webSocketDialer.dial(local(server.port), clientPath)).close("enough");
    expect(offered).toEqual([
      "POST /taken 127.0.0.1",
      "GET /left 127.0.0.1",
      "POST /left 127.0.0.1",
      "upgrade /taken",
      "upgrade /left",
    ]);
  });

  test("is not there yet until it knows who it is", async () => {
    await using server = await open({ identity: () => undefined });
    expect((await get(server.port, wellKnownPath)).answer.statusCode).toBe(503);
    await expect(dialWebSocket(local(server.port), linkPath)).rejects.toMatchObject({ code: "not-fedchat" });
  });

  test("says so when a proxy took the upgrade away, or gets no answer from the homeserver behind it", async () => {
    await using server = await open();
    expect((await get(server.port, linkPath)).answer).toMatchObject({
      statusCode: 426,
      headers: { upgrade: "websocket" },
    });
    const through = async (homeserver: number, path: string) => {
      const proxy = createHttpsServer(credentials, (asked, response) => {
        get(homeserver, asked.url!).then(
          ({ answer, body }) => response.writeHead(answer.statusCode!).end(body),
          () => response.writeHead(502).end(),
        );
      });
      await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
      const { port } = proxy.address() as AddressInfo;
      const failure = await dialWebSocket(local(port), path).catch((error: unknown) => error);
      proxy.close();
      return failure;
    };
    for (const path of [linkPath, clientPath]) {
      expect(await through(server.port, path)).toMatchObject({
        code: "not-fedchat",
        message: expect.stringContaining("does not pass WebSockets on"),
      });
    }
    expect(await through(server.port, "/else")).toMatchObject({
      code: "not-fedchat",
      message: expect.stringContaining("HTTP status 404"),
    });
    const { port } = server;
    await server[Symbol.asyncDispose]();
    expect(await through(port, linkPath)).toMatchObject({
      code: "unreachable",
      message: expect.stringContaining("no answer from the homeserver behind it"),
    });
  });

  test("refuses other upgrades and oversized headers, and goes on", async () => {
    await using server = await open();
    await expect(dialWebSocket(local(server.port), "/else")).rejects.toMatchObject({ code: "not-fedchat" });
    expect((await get(server.port, `/${"x".repeat(20_000)}`)).answer.statusCode).toBe(431);
    const plain = connectTcp(server.port, "127.0.0.1");
    plain.on("error", () => undefined);
    plain.end("GET / HTTP/1.1\r\n\r\n");
    await once(plain, "close");
    expect((await get(server.port, wellKnownPath)).answer.statusCode).toBe(200);
  });

  test("speaks TLS 1.3 and shows a replaced certificate without a restart", async () => {
    await using server = await open();
    const shown = async () => {
      const socket = connect({ host: "127.0.0.1", port: server.port, rejectUnauthorized: false });
      await once(socket, "secureConnect");
      const found = { protocol: socket.getProtocol(), serial: socket.getPeerCertificate().serialNumber };
      socket.destroy();
      return found;
    };
    const before = await shown();
    expect(before.protocol).toBe("TLSv1.3");
    server.replaceCertificate(certificate());
    expect((await shown()).serial).not.toBe(before.serial);
  });

  test("closes every connection when it is closed", async () => {
    const server = await open();
    const channel = await webSocketDialer.dial(local(server.port), linkPath);
    const closed = new Promise((resolve) => (channel.onClose = resolve));
    const idle = connectTcp(server.port, "127.0.0.1");
    await once(idle, "connect");
    const idleClosed = once(idle, "close");
    await server[Symbol.asyncDispose]();
    await Promise.all([closed, idleClosed]);
  });
});

describe("a port in use", () => {
  async function taken(): Promise<{ port: number } & AsyncDisposable> {
    const blocker = createServer().listen(0, "127.0.0.1");
    await once(blocker, "listening");
    const { port } = blocker.address() as AddressInfo;
    return {
      port,
      [Symbol.asyncDispose]: () => new Promise((resolve) => blocker.close(() => resolve())),
    };
  }

  test("gives way to the next free one where it is the default", async () => {
    await using blocker = await taken();
    await using server = await open({ port: blocker.port, portIsDefault: true });
    expect(server.port).toBeGreaterThan(blocker.port);
    expect(server.port).toBeLessThanOrEqual(blocker.port + 20);
  });

  test("is an error that names it where it was chosen", async () => {
    await using blocker = await taken();
    const opened = open({ port: blocker.port });
    await expect(opened).rejects.toThrow(ListenError);
    await expect(opened).rejects.toThrow(`Port ${blocker.port} is in use`);
  });

  test("or an address that is not this machine's is an error that says so", async () => {
    await expect(open({ host: "203.0.113.1" })).rejects.toThrow("has no address 203.0.113.1");
  });
});
