/**
 * Stands between a TLS-terminating proxy and a homeserver: takes what the proxy sends in clear text, keeps it with what
 * comes back, and passes it on over TLS. What is kept is what the proxy could read.
 */
import { once } from "node:events";
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { LabHost } from "./lab-host.ts";
import { unmasked } from "./web-socket-frames.ts";

export interface ClearRecorder {
  /** Where the proxy sends to. */
  upstream: string;
  /** Everything that passed, as whoever can read it reads it: a piece for each direction of each connection. */
  recorded(): Buffer[];
}

const program = new URL("./clear-recorder-process.ts", import.meta.url).pathname;

/** Resolves when it listens on the host's loopback; it ends with the lab. */
export async function startClearRecorder(
  host: LabHost,
  folder: string,
  homeserver: { host: string; port: number },
): Promise<ClearRecorder> {
  const port = 9_000;
  const kept = join(folder, `recorded-${host.name}`);
  mkdirSync(kept);
  const words = [process.execPath, program, String(port), homeserver.host, String(homeserver.port), kept];
  const child = host.spawn(words, { stdio: ["ignore", "pipe", "inherit"] });
  await once(child.stdout!, "data");
  return {
    upstream: `http://127.0.0.1:${port}`,
    recorded: () => readdirSync(kept).map((name) => unmasked(readFileSync(join(kept, name)))),
  };
}
