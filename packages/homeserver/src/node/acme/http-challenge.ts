/** Answers `http-01` on a plain HTTP port that is open only while an authority looks. RFC 8555 §8.3 */
import { createServer } from "node:http";
import { headerBytesMax, headersTimeoutMs, requestTimeoutMs } from "../limits.ts";
import type { ChallengeAnswer } from "./order-messages.ts";

/** Rejects with the system's error where the port cannot be had. */
export async function answerOverHttp(
  { token, keyAuthorization }: ChallengeAnswer,
  place: { host: string; port: number },
): Promise<AsyncDisposable> {
  const path = `/.well-known/acme-challenge/${token}`;
  const server = createServer(
    { headersTimeout: headersTimeoutMs, requestTimeout: requestTimeoutMs, maxHeaderSize: headerBytesMax },
    (request, response) => {
      const found = request.url === path;
      response.writeHead(found ? 200 : 404, {
        "Content-Type": "application/octet-stream",
        "X-Content-Type-Options": "nosniff",
        Connection: "close",
      });
      response.end(found ? keyAuthorization : undefined);
    },
  );
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen({ ...place, exclusive: true }, resolve);
  });
  return {
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}
