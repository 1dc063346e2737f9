/**
 * The composition root: a homeserver, an engine and a local screen in one process. They meet only at their interfaces:
 * the engine at the homeserver's client interface, the screen at the engine's JSON-RPC. Invariant: what was started is
 * stopped in reverse order, also when starting fails half-way.
 */
import { startEngineWorker } from "@fedchat/engine/node";
import { startHomeserver } from "@fedchat/homeserver/node";
import { hostname } from "node:os";
import type { LoadedConfig } from "../config/load.ts";
import type { Config } from "../config/schema.ts";
import type { Host, HostInfo } from "../control/host-methods.ts";
import { startControl } from "../control/server.ts";
import { dataFiles } from "../owner-files.ts";
import { screenFiles } from "../screen/build.ts";
import { answerLanding } from "../screen/landing.ts";
import type { LocalScreen } from "../screen/server.ts";
import { startScreen } from "../screen/server.ts";
import { version } from "../version.ts";
import type { ProgramLog } from "./log.ts";
import { registrationToken, registrationTokenBytes } from "./registration-token.ts";

export interface BoxOptions {
  loaded: LoadedConfig;
  /** A homeserver alone: no engine, no screen. */
  headless: boolean;
  log: ProgramLog;
  /** Something takes some seconds, and what. */
  onProgress(sentence: string): void;
  /** The engine's thread died, or the homeserver's store: nothing works any more. */
  onCrash(error: Error): void;
}

export interface Box extends Host, AsyncDisposable {}

/** Resolves when everything answers. Rejects with a sentence for people. */
export async function startBox(options: BoxOptions): Promise<Box> {
  const { loaded, headless, log } = options;
  const { config } = loaded;
  const paths = dataFiles(config.data);
  const startedAt = Date.now();
  await using started = new AsyncDisposableStack();

  const files = screenFiles(() => options.onProgress("The screen is built first; this takes some seconds."));
  // Whoever needs the files awaits them; a failure before that is not lost, and not 'unhandled' either.
  files.catch(() => undefined);

  const token = registrationTokenBytes(registrationToken(paths.registrationToken));
  const running = started.use(
    await startHomeserver({
      dataDir: config.data,
      name: config.name,
      host: config.host,
      port: config.port,
      portIsDefault: loaded.isDefault("port"),
      addresses: config.addresses,
      accept: config.accept,
      listed: config.listed,
      registration: config.registration,
      tls: tlsPaths(config),
      localToken: token,
      log,
      page: (request, response) => void answerLanding(files, request, response),
      onFatal: options.onCrash,
      software: `fedchat ${version}`,
    }),
  );
  const { homeserver, port } = running;

  let screen: LocalScreen | undefined;
  const record = () => homeserver.record().record;
  const host: Host = {
    info: (): HostInfo => ({
      version,
      pid: process.pid,
      data: config.data,
      log: paths.log,
      startedAt,
      serverId: homeserver.serverId,
      name: record().name,
      host: config.host,
      port,
      addresses: record().addresses,
      screen: screen?.address ?? null,
      engine: !headless,
    }),
    open: () => (screen === undefined ? undefined : { ...screen.open(), address: screen.address }),
  };

  if (headless) started.use(await startControl({ data: config.data, host, engine: undefined, log }));
  else {
    const engine = started.use(
      await startEngineWorker({
        databasePath: paths.engine,
        server: { id: homeserver.serverId, noiseKey: record().noiseKey },
        homeserver: { acceptClient: (channel) => void homeserver.acceptClient(channel, beside) },
        registrationToken: token,
        deviceName: hostname(),
        log,
        onCrash: options.onCrash,
      }),
    );
    screen = started.use(
      await startScreen({
        port: config["screen.port"],
        portIsDefault: loaded.isDefault("screen.port"),
        instance: homeserver.serverId.slice(0, 16),
        files,
        paths,
        engine,
        now: Date.now,
        log,
      }),
    );
    started.use(await startControl({ data: config.data, host, engine, log }));
    await files;
  }
  const stack = started.move();
  return { ...host, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

/** The engine of this process, as the homeserver's rate limits count it. */
const beside = "this machine";

function tlsPaths(config: Config): { cert: string; key: string } | undefined {
  const { "tls.cert": cert, "tls.key": key } = config;
  return cert === undefined || key === undefined ? undefined : { cert, key };
}
