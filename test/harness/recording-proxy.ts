/**
 * A proxy that terminates TLS, as Cloudflare or nginx would, and keeps every byte that it could read: what an
 * eavesdropper inside the outer TLS sees of a link.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { connect, createServer } from "node:tls";
import type { FedchatProcess } from "./fedchat-process.ts";
import { unmasked } from "./web-socket-frames.ts";

export interface RecordingProxy extends Disposable {
  port: number;
  /** Everything that passed, both ways, as whoever can read it reads it. */
  recorded(): Buffer;
}

/** In front of a homeserver; its own certificate serves as the proxy's too, since nobody relies on it. */
export async function recordingProxy(target: FedchatProcess): Promise<RecordingProxy> {
  /** One for each direction of each connection. */
  const streams: Buffer[][] = [];
  const server = createServer(
    {
      cert: readFileSync(join(target.data, "tls-cert.pem")),
      key: readFileSync(join(target.data, "tls-key.pem")),
    },
    (near) => {
      const far = connect({ host: "127.0.0.1", port: target.info.port, rejectUnauthorized: false });
      for (const [from, to] of [
        [near, far],
        [far, near],
      ] as const) {
        const seen: Buffer[] = [];
        streams.push(seen);
        from.on("data", (chunk: Buffer) => {
          seen.push(chunk);
          to.write(chunk);
        });
        from.on("error", () => to.destroy());
        from.on("close", () => to.destroy());
      }
    },
  );
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as { port: number }).port,
    recorded: () => Buffer.concat(streams.map((seen) => unmasked(Buffer.concat(seen)))),
    [Symbol.dispose]: () => void server.close(),
  };
}
