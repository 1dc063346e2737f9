/** Short questions to an address, each bounded in time. Foreseen outcomes are values; nothing here throws. */
import type { ServerAddress, ServerId } from "@fedchat/protocol";
import {
  clientPath,
  dialChannel,
  ProtocolError,
  sentenceOf,
  serverRecord,
  wellKnownPath,
} from "@fedchat/protocol";
import type { SecureChannel } from "@fedchat/protocol";
import { dialWebSocket, nodeClock, nodeRandom } from "@fedchat/protocol/node";
import { nodePrimitives } from "@fedchat/protocol/primitives/node";
import { lookup } from "node:dns/promises";
import { request } from "node:https";
import { connect, isIP } from "node:net";
import type { TLSSocket } from "node:tls";
import { probeAnswerBytesMax, probeTimeoutMs } from "../limits.ts";

export type Place = Pick<ServerAddress, "host" | "port">;

/** How a dial went: `ok` where the server proved its key, else an error code and a sentence. */
export interface Outcome {
  code: string;
  sentence: string;
}

/** Who answers at a place: the server that is expected, or why not. */
export type Ask = (place: Place, expects: ServerId) => Promise<Outcome>;

/** By the record that is shown to everybody: of a directory, which no device may dial. */
export async function askRecord(place: Place, expects: ServerId): Promise<Outcome> {
  const { answer, server } = await whoseRecord(place);
  if (server === expects) return { code: "ok", sentence: "" };
  const code =
    server !== undefined ? "wrong-server-key" : answer === undefined ? "unreachable" : "not-fedchat";
  return { code, sentence: sentenceOf(code) };
}

/** Dials as a device would, and closes again. */
export async function dialHere(place: Place, expects: ServerId): Promise<Outcome> {
  const dialled = await open(place, expects);
  if ("code" in dialled) return dialled;
  dialled.channel.close("checked");
  return { code: "ok", sentence: "" };
}

/** Undefined where the connection was still open after `ms`; else after how long it ended, or why it never began. */
export async function holdOpen(
  place: Place,
  expects: ServerId,
  ms: number,
): Promise<{ closedAfterMs: number } | Outcome | undefined> {
  const dialled = await open(place, expects);
  if ("code" in dialled) return dialled;
  const { channel } = dialled;
  const openedAt = performance.now();
  return new Promise((resolve) => {
    const timer = setTimeout(() => {
      channel.onClose = undefined;
      channel.close("checked");
      resolve(undefined);
    }, ms);
    channel.onClose = () => {
      clearTimeout(timer);
      resolve({ closedAfterMs: performance.now() - openedAt });
    };
    if (channel.closed) channel.onClose("");
  });
}

async function open(place: Place, expects: ServerId): Promise<{ channel: SecureChannel } | Outcome> {
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
    return { channel };
  } catch (error) {
    if (!(error instanceof ProtocolError)) return { code: "unreachable", sentence: String(error) };
    const general = sentenceOf(error.code);
    return { code: error.code, sentence: error.message === "" ? general : error.message };
  }
}

/** Undefined when somebody accepts connections there, else the system's error code. */
export function probePort(place: Place): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ ...place, timeout: probeTimeoutMs });
    const end = (problem?: string) => {
      socket.destroy();
      resolve(problem);
    };
    socket.once("connect", () => end());
    socket.once("timeout", () => end("ETIMEDOUT"));
    socket.once("error", (error: NodeJS.ErrnoException) => end(error.code ?? error.message));
  });
}

/** The addresses of a host as this machine finds them; none where there is no such name. */
export async function resolveHost(host: string): Promise<string[]> {
  if (isIP(host) !== 0) return [host];
  try {
    return (await lookup(host, { all: true })).map(({ address }) => address);
  } catch {
    return [];
  }
}

/** The outer certificate at an address, as a browser that trusts what this machine trusts sees it. */
export interface SeenCertificate {
  validFrom: number;
  validTo: number;
  /** Node's code for why a browser would not take it; undefined where it would. */
  untrusted: string | undefined;
}

export interface HttpsAnswer {
  status: number;
  /** By its `Date` header, Unix ms. */
  date: number | undefined;
  body: Buffer;
  certificate: SeenCertificate | undefined;
}

/**
 * What an HTTPS server answers, whatever its certificate; undefined where none does.
 * @param servername for whom a certificate is asked and judged
 */
export function askHttps(
  place: Place,
  path: string,
  servername = isIP(place.host) === 0 ? place.host : undefined,
): Promise<HttpsAnswer | undefined> {
  return new Promise((resolve) => {
    let certificate: SeenCertificate | undefined;
    const asked = request(
      {
        ...place,
        ...(servername === undefined ? {} : { servername }),
        path,
        headers: { Accept: "application/cbor" },
        agent: false,
        rejectUnauthorized: false,
      },
      (response) => {
        const chunks: Buffer[] = [];
        let size = 0;
        certificate = certificateOf(response.socket as TLSSocket);
        response.on("data", (chunk: Buffer) => {
          size += chunk.length;
          if (size <= probeAnswerBytesMax) chunks.push(chunk);
          else asked.destroy();
        });
        response.on("close", () => {
          clearTimeout(timer);
          const date = Date.parse(response.headers.date ?? "");
          resolve({
            status: response.statusCode ?? 0,
            date: Number.isNaN(date) ? undefined : date,
            body: Buffer.concat(chunks),
            certificate,
          });
        });
      },
    );
    const timer = setTimeout(() => asked.destroy(new Error("no answer in time")), probeTimeoutMs);
    asked.once("error", () => {
      clearTimeout(timer);
      resolve(undefined);
    });
    asked.end();
  });
}

/** Whose signed record the server there shows to everybody; undefined where it shows none. [N4] */
export async function whoseRecord(place: Place): Promise<{ answer?: HttpsAnswer; server?: ServerId }> {
  const answer = await askHttps(place, wellKnownPath);
  if (answer === undefined) return {};
  try {
    return { answer, server: serverRecord.open(nodePrimitives, answer.body).key };
  } catch {
    return { answer };
  }
}

function certificateOf(socket: TLSSocket): SeenCertificate | undefined {
  const { valid_from: from, valid_to: to } = socket.getPeerCertificate();
  if (from === undefined || to === undefined) return undefined;
  const error = socket.authorizationError as (Error & { code?: string }) | string | undefined;
  const untrusted = typeof error === "string" ? error : (error?.code ?? error?.message);
  return { validFrom: Date.parse(from), validTo: Date.parse(to), untrusted: untrusted || undefined };
}
