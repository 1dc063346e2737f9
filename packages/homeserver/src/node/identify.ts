/**
 * Asks who answers at an address: the signed server record of its well-known document. The certificate is not checked:
 * a directory is known by its key, which is pinned at first sight. Bounded in time and size. [D2]
 */
import { request } from "node:https";
import type { ServerAddress } from "@fedchat/protocol";
import { limits, ProtocolError, wellKnownPath } from "@fedchat/protocol";
import { identifyTimeoutMs } from "./limits.ts";

const bytesMax = limits.recordBytesMax + limits.signedOverheadBytesMax;

/** Rejects with `unreachable` where nothing answers, `not-fedchat` where something else does. */
export function identifyOverHttps({ host, port }: ServerAddress): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const notFedchat = (what: string) =>
      reject(new ProtocolError("not-fedchat", `${host}:${port} answers, but ${what}.`));
    const asking = request(
      {
        host,
        port,
        path: wellKnownPath,
        rejectUnauthorized: false,
        timeout: identifyTimeoutMs,
        headers: { accept: "application/cbor" },
      },
      (response) => {
        const chunks: Buffer[] = [];
        let size = 0;
        response.on("data", (chunk: Buffer) => {
          size += chunk.length;
          if (size > bytesMax) return asking.destroy(new Error("too large"));
          chunks.push(chunk);
        });
        response.on("end", () => {
          if (response.statusCode !== 200) notFedchat(`with HTTP ${response.statusCode}`);
          else resolve(new Uint8Array(Buffer.concat(chunks)));
        });
        response.on("error", () => notFedchat("the answer broke off"));
      },
    );
    asking.on("timeout", () => asking.destroy(new Error("no answer in time")));
    asking.on("error", (cause) => {
      reject(new ProtocolError("unreachable", `${host}:${port}: no answer.`, { cause }));
    });
    asking.end();
  });
}
