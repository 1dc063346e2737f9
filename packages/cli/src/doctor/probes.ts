/** Short questions to a port, each bounded in time. Problems are sentences; nothing here throws. */
import { clientPath, dialChannel, ProtocolError, serverId as serverIds } from "@fedchat/protocol";
import { dialWebSocket, nodeClock, nodeRandom } from "@fedchat/protocol/node";
import { nodePrimitives } from "@fedchat/protocol/primitives/node";
import { request } from "node:https";
import { connect } from "node:net";
import { connect as connectTls } from "node:tls";
import { probeTimeoutMs } from "../limits.ts";

interface Place {
  host: string;
  port: number;
}

/** Undefined when somebody accepts connections there. */
export function probePort(place: Place): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ ...place, timeout: probeTimeoutMs });
    const end = (problem?: string) => {
      socket.destroy();
      resolve(problem);
    };
    socket.once("connect", () => end());
    socket.once("timeout", () => end("no answer in time"));
    socket.once("error", (error: NodeJS.ErrnoException) => end(error.code ?? error.message));
  });
}

/** The certificate there, whoever signed it; or the problem. */
export function probeTls(place: Place): Promise<{ validTo: number; protocol: string } | string> {
  return new Promise((resolve) => {
    const socket = connectTls({ ...place, rejectUnauthorized: false, timeout: probeTimeoutMs });
    const end = (result: { validTo: number; protocol: string } | string) => {
      socket.destroy();
      resolve(result);
    };
    socket.once("secureConnect", () => {
      const validTo = Date.parse(socket.getPeerCertificate().valid_to);
      end(
        Number.isNaN(validTo)
          ? "there is no certificate"
          : { validTo, protocol: socket.getProtocol() ?? "TLS" },
      );
    });
    socket.once("timeout", () => end("no TLS answer in time"));
    socket.once("error", (error: NodeJS.ErrnoException) => end(error.code ?? error.message));
  });
}

/** Undefined when the homeserver there proves this id in the handshake that every link begins with. */
export async function probeIdentity(place: Place, id: string): Promise<string | undefined> {
  const expects = serverIds.parse(id);
  if (expects === undefined) return "its id is not valid";
  try {
    const carrier = await dialWebSocket(place, clientPath);
    const channel = await dialChannel({
      channel: carrier,
      protocol: "fedchat-client",
      expects,
      noiseKey: undefined,
      staticKey: nodeRandom.bytes(32),
      record: undefined,
      features: [],
      primitives: nodePrimitives,
      random: nodeRandom,
      clock: nodeClock,
    });
    channel.close("checked");
    return undefined;
  } catch (error) {
    return error instanceof ProtocolError ? error.message : String(error);
  }
}

/** Unix time in milliseconds by the Date header there. */
export function probeDate(place: Place): Promise<number | undefined> {
  return new Promise((resolve) => {
    const asked = request(
      { ...place, method: "HEAD", path: "/i", rejectUnauthorized: false, timeout: probeTimeoutMs },
      (response) => {
        response.resume();
        const date = Date.parse(response.headers.date ?? "");
        resolve(Number.isNaN(date) ? undefined : date);
      },
    );
    asked.once("timeout", () => asked.destroy());
    asked.once("error", () => resolve(undefined));
    asked.end();
  });
}
