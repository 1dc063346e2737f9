/**
 * The composition root: a homeserver, an engine and a local screen in one process. They meet only at their interfaces:
 * the engine at the homeserver's client interface, the screen at the engine's JSON-RPC. Invariant: what was started is
 * stopped in reverse order, also when starting fails half-way.
 */
import { startEngineWorker } from "@fedchat/engine/node";
import { startHomeserver } from "@fedchat/homeserver/node";
import type { Directory } from "@fedchat/engine/interface";
import type { DirectoryView, NearbyState } from "@fedchat/protocol";
import { directoryFault } from "@fedchat/protocol";
import { hostname } from "node:os";
import { acmeSettings } from "../config/acme.ts";
import { directoryToken } from "../config/directory-token.ts";
import type { LoadedConfig } from "../config/load.ts";
import { formatAddress } from "../config/text-forms.ts";
import { tlsPaths } from "../config/tls-paths.ts";
import type { Host, HostInfo } from "../control/host-methods.ts";
import { startControl } from "../control/server.ts";
import { Doctor } from "../doctor/doctor.ts";
import { homeserverChecks } from "../doctor/homeserver-checks.ts";
import { dataFiles } from "../owner-files.ts";
import { screenFiles } from "../screen/build.ts";
import { answerLanding } from "../screen/landing.ts";
import { screenPlaces } from "../screen/places.ts";
import { RemoteScreens } from "../screen/remote-screens.ts";
import { RemoteServer } from "../screen/remote-server.ts";
import { withScreens } from "../screen/screen-methods.ts";
import type { LocalScreen } from "../screen/server.ts";
import { startScreen } from "../screen/server.ts";
import { version } from "../version.ts";
import { certificateInfo } from "./certificate-info.ts";
import { homeserverAlone } from "./homeserver-alone.ts";
import type { ProgramLog } from "./log.ts";
import { registrationToken, registrationTokenBytes } from "./registration-token.ts";

/** What a program of ours is started with, whatever it is made of. */
export interface BoxSurroundings {
  loaded: LoadedConfig;
  log: ProgramLog;
  /** Something takes some seconds, and what. */
  onProgress(sentence: string): void;
  /** The engine's thread died, or the homeserver's store: nothing works any more. */
  onCrash(error: Error): void;
}

export interface BoxOptions extends BoxSurroundings {
  /** A homeserver alone: no engine, no screen. */
  headless: boolean;
}

export interface Box extends Host, AsyncDisposable {}

/** Resolves when everything answers. Rejects with a sentence for people. */
export async function startBox(options: BoxOptions): Promise<Box> {
  const { loaded, headless, log } = options;
  const { config } = loaded;
  const paths = dataFiles(config.data);
  const startedAt = Date.now();
  await using started = new AsyncDisposableStack();

  const files = screenFiles(
    () => options.onProgress("The screen is built first; this takes some seconds."),
    config.app,
  );
  // Whoever needs the files awaits them; a failure before that is not lost, and not 'unhandled' either.
  files.catch(() => undefined);

  let remote: RemoteServer | undefined;
  const token = registrationTokenBytes(registrationToken(paths.registrationToken));
  const running = started.use(
    await startHomeserver({
      dataDir: config.data,
      name: config.name,
      host: config.host,
      port: config.port,
      portIsDefault: loaded.isDefault("port"),
      addresses: config.addresses,
      proxies: config.proxies,
      accept: config.accept,
      listed: config.listed,
      registration: config.registration,
      visibility: config.visibility,
      directories: { places: config.directory, token: directoryToken(config) },
      relaying: {
        relaysFor: config.relay,
        bytesPerSecond: config.relay_bandwidth_kb * 1_024,
        storageBytesMax: config.relay_storage_mb * 1_048_576,
      },
      tls: tlsPaths(config),
      acme: acmeSettings(config),
      localToken: token,
      nearby: config.nearby === false ? undefined : config.nearby,
      portMapping: config.port_mapping,
      log,
      page: (request, response) => void answerLanding(files, config.app, request, response),
      door: {
        request: (...asked) => remote?.request(...asked) ?? false,
        upgrade: (request, socket, head) => remote?.upgrade(request, socket, head) ?? false,
      },
      onFatal: options.onCrash,
      examine: (again) => doctor.examine(again),
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
      certificate: certificateInfo(running.certificate()),
      nearby: nearbyInfo(running.nearby()),
      portMapping: running.portMapping() ?? { state: "off" },
      directories: homeserver.directories().map(directoryInfo),
    }),
    examine: (again) => doctor.examine(again),
    open: () => (screen === undefined ? undefined : { ...screen.open(), address: screen.address }),
  };
  const patient = {
    info: () => host.info(),
    links: () => homeserver.links(),
    directories: () => homeserver.directories(),
    dialBack: () => homeserver.dialBack(),
    recoveryStanding: () => homeserver.recoveryStanding,
    covers: (name: string) => running.certificate().covers(name),
    wantedPort: config.port,
  };
  const doctor: Doctor = new Doctor(() => homeserverChecks(patient, Date.now), {
    now: Date.now,
    onError: (error) => log.error("a check of the doctor failed", {}, error),
  });

  if (headless) {
    const engine = homeserverAlone(homeserver);
    started.use(await startControl({ data: config.data, host, engine, log }));
  } else {
    const engine = started.use(
      await startEngineWorker({
        databasePath: paths.engine,
        server: { id: homeserver.serverId, noiseKey: record().noiseKey },
        homeserver: { acceptClient: (channel) => void homeserver.acceptClient(channel, beside) },
        registrationToken: token,
        deviceName: hostname(),
        takeoverAfterMs: config.room_takeover_seconds * 1_000,
        log,
        onCrash: options.onCrash,
      }),
    );
    const places = () => screenPlaces(record().addresses, port, running.certificate(), Date.now());
    const screens = new RemoteScreens({
      path: paths.pairedScreens,
      places,
      weakness: async (password) => (await engine.call("account.passwordWeakness", { password })).weakness,
      now: Date.now,
    });
    const instance = homeserver.serverId.slice(0, 16);
    const here = withScreens(engine, screens, "here");
    remote = new RemoteServer({
      screens,
      names: () => new Set(places().addresses.map((address) => new URL(address).hostname)),
      instance,
      files,
      engine,
      now: Date.now,
      log,
    });
    started.defer(() => remote?.close());
    screen = started.use(
      await startScreen({
        port: config["screen.port"],
        portIsDefault: loaded.isDefault("screen.port"),
        instance,
        files,
        paths,
        engine: here,
        now: Date.now,
        log,
      }),
    );
    started.use(await startControl({ data: config.data, host, engine: here, log }));
    await files;
  }
  const stack = started.move();
  return { ...host, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

/** The engine of this process, as the homeserver's rate limits count it. */
const beside = "this machine";

function nearbyInfo(state: NearbyState | undefined): NonNullable<HostInfo["nearby"]> {
  return { mode: state?.mode ?? "off", problem: state?.problem ?? null, found: state?.servers.length ?? 0 };
}

/** As the engine tells it to screens. */
function directoryInfo(view: DirectoryView): Directory {
  const { address, server, name, state, nextTryAt, servers } = view;
  const cause = directoryFault(view) ?? null;
  const shownName = name === "" ? formatAddress(address) : name;
  return { address, serverId: server, shownName, state, cause, nextTryAt, servers };
}
