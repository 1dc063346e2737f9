/** What may answer at an address where somebody expects FedChat, and does not, or is another version of it. */
import { encodeOpening, ProtocolError, toWireError } from "@fedchat/protocol";
import { createServer as createHttpsServer } from "node:https";
import type { AddressInfo, Server, Socket } from "node:net";
import { createServer } from "node:net";
import { openHttpsServer } from "../../packages/homeserver/src/node/https-server.ts";
import { makeSelfSigned } from "../../packages/homeserver/src/node/self-signed.ts";

export interface ForeignServer extends AsyncDisposable {
  port: number;
}

/** An ordinary web site. */
export function webSite(): Promise<ForeignServer> {
  return listening(createHttpsServer(validNow(), (_request, response) => response.end("Welcome.")));
}

/** Something that speaks first, in clear text. */
export function mailServer(): Promise<ForeignServer> {
  return listening(createServer((socket) => void socket.write("220 mail.example ESMTP\r\n")));
}

/** Something that takes connections and says nothing. */
export function silentServer(): Promise<ForeignServer> {
  return listening(createServer());
}

/** Holds a port of 127.0.0.1, unless somebody else does. */
export async function holdPort(port: number): Promise<ForeignServer> {
  return listening(createServer(), port).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "EADDRINUSE") throw error;
    return { port, [Symbol.asyncDispose]: () => Promise.resolve() };
  });
}

/** A homeserver of a later FedChat, which does not know version 1 any more. */
export async function laterFedchat(): Promise<ForeignServer> {
  return openHttpsServer({
    host: "127.0.0.1",
    port: 0,
    portIsDefault: false,
    credentials: validNow(),
    onLink(channel) {
      const refused = toWireError(new ProtocolError("unsupported-version"));
      channel.onMessage = () => channel.send(encodeOpening({ refused }));
    },
    onClient: (channel) => channel.close("not here"),
    identity: () => ({ server: "" as never, record: new Uint8Array() }),
    page: undefined,
  });
}

const validNow = () => makeSelfSigned(Date.now() - 60_000, Date.now() + 3_600_000);

async function listening(server: Server, port = 0): Promise<ForeignServer> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
