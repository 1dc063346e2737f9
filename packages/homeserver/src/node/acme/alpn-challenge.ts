/**
 * Answers `tls-alpn-01` (RFC 8737) on the homeserver's own TLS port. Only while an authority looks is anything read
 * before TLS: whoever offers ACME's protocol gets the proving certificate and a closed connection, everybody else the
 * usual server and certificate.
 */
import type { Server } from "node:https";
import type { Socket } from "node:net";
import { createServer } from "node:tls";
import { clientHelloBytesMax, tlsHandshakeTimeoutMs } from "../limits.ts";
import type { TlsCredentials } from "../tls-credentials.ts";

const protocol = "acme-tls/1";

/** Shows `credentials` to authorities until it is disposed. */
export type AnswerOverAlpn = (credentials: TlsCredentials) => AsyncDisposable;

/** Puts itself between the port and TLS; called once, before anything else listens for connections. */
export function alpnChallenges(server: Server): AnswerOverAlpn {
  const [startTls, ...others] = server.listeners("connection") as ((socket: Socket) => void)[];
  if (startTls === undefined || others.length > 0) throw new Error("the TLS server is not as expected");
  let authority: ReturnType<typeof createServer> | undefined;
  server.removeAllListeners("connection");
  server.on("connection", (carrier) => {
    const socket = carrier as Socket;
    if (authority === undefined) return startTls.call(server, socket);
    void clientHello(socket).then((hello) => {
      if (hello === undefined) return socket.destroy();
      const asksForProof = authority !== undefined && hello.includes(offer);
      if (asksForProof) authority?.emit("connection", socket);
      else startTls.call(server, socket);
    });
  });
  return (credentials) => {
    const own = createServer({
      ...credentials,
      ALPNProtocols: [protocol],
      handshakeTimeout: tlsHandshakeTimeoutMs,
    });
    own.on("secureConnection", (socket) => socket.end());
    own.on("tlsClientError", () => undefined);
    authority = own;
    return {
      async [Symbol.asyncDispose]() {
        if (authority === own) authority = undefined;
      },
    };
  };
}

/** As it stands in the extension: its length, its name. RFC 7301 §3.1 */
const offer = Buffer.from(`${String.fromCharCode(protocol.length)}${protocol}`, "latin1");
const recordHeaderBytes = 5;

/** The first TLS record, put back unread; undefined where none comes in time. RFC 8446 §5.1 */
function clientHello(socket: Socket): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    let read = Buffer.alloc(0);
    const end = (hello?: Buffer) => {
      clearTimeout(tooLate);
      socket.off("data", take).off("close", gone).off("error", gone);
      socket.pause();
      if (hello !== undefined) socket.unshift(hello);
      resolve(hello);
    };
    const gone = () => end();
    const take = (chunk: Buffer) => {
      read = Buffer.concat([read, chunk]);
      const isWhole =
        read.length >= recordHeaderBytes && read.length >= recordHeaderBytes + read.readUInt16BE(3);
      if (isWhole || read.length >= clientHelloBytesMax) end(read);
    };
    const tooLate = setTimeout(gone, tlsHandshakeTimeoutMs).unref();
    socket.on("data", take).once("close", gone).once("error", gone);
  });
}
