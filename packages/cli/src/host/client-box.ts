/**
 * The composition root of a client alone: an engine and its local screen on this machine, their homeserver on another.
 * The engine meets it at its client interface only, over a WebSocket whose certificate proves nothing: the Noise
 * handshake inside, for the pinned key, does. [J4]
 */
import type { EngineWorker } from "@fedchat/engine/node";
import { startEngineWorker } from "@fedchat/engine/node";
import { hostname } from "node:os";
import type { Host, HostInfo } from "../control/host-methods.ts";
import { startControl } from "../control/server.ts";
import { dataFiles } from "../owner-files.ts";
import { screenFiles } from "../screen/build.ts";
import { startScreen } from "../screen/server.ts";
import { version } from "../version.ts";
import type { Box, BoxSurroundings } from "./box.ts";
import type { FoundHomeserver } from "./find-homeserver.ts";
import { writePin } from "./homeserver-pin.ts";
import type { HomeserverPlace } from "./homeserver-pin.ts";

export interface ClientOptions extends BoxSurroundings {
  homeserver: Pick<FoundHomeserver, "place" | "token">;
}

/** Resolves when everything answers, whether or not the homeserver does. Rejects with a sentence for people. */
export async function startClient(options: ClientOptions): Promise<Box> {
  const { loaded, log, homeserver } = options;
  const { config } = loaded;
  const paths = dataFiles(config.data);
  const startedAt = Date.now();
  await using started = new AsyncDisposableStack();
  const files = screenFiles(() => options.onProgress("The screen is built first; this takes some seconds."));
  // Whoever needs the files awaits them; a failure before that is not lost, and not 'unhandled' either.
  files.catch(() => undefined);

  const engine = started.use(await startClientEngine(options));
  const screen = started.use(
    await startScreen({
      port: config["screen.port"],
      portIsDefault: loaded.isDefault("screen.port"),
      instance: homeserver.place.server.slice(0, 16),
      files,
      paths,
      engine,
      now: Date.now,
      log,
    }),
  );
  const box: Host = {
    info: () => clientInfo(config.data, homeserver.place, startedAt, screen.address),
    open: () => ({ ...screen.open(), address: screen.address }),
  };
  started.use(await startControl({ data: config.data, host: box, engine, log }));
  await files;
  const stack = started.move();
  return { ...box, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

export function clientInfo(
  data: string,
  { host, port, server }: HomeserverPlace,
  startedAt: number,
  screen: string | null,
): HostInfo {
  return {
    ...{ version, pid: process.pid, data, log: dataFiles(data).log, startedAt, screen },
    ...{ serverId: server, name: host, host, port, addresses: [{ host, port, kind: "direct" }] },
    ...{ engine: true, elsewhere: true },
  };
}

/** The engine of this data folder, on a homeserver elsewhere. Rejects with a sentence for people. */
export function startClientEngine({
  loaded,
  log,
  homeserver: { place, token },
  onCrash,
}: Omit<ClientOptions, "onProgress">): Promise<EngineWorker> {
  const { host, port, server } = place;
  return startEngineWorker({
    databasePath: dataFiles(loaded.config.data).engine,
    server: { id: server, noiseKey: undefined },
    homeserver: { host, port },
    registrationToken: token,
    deviceName: hostname(),
    takeoverAfterMs: loaded.config.room_takeover_seconds * 1_000,
    onMoved: (moved) => writePin(loaded.config.data, moved),
    log,
    onCrash,
  });
}
