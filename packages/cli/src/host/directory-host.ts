/**
 * A directory in this process, with the control socket by which `fedchat status` and `fedchat doctor` look at it.
 * Invariant: what was started is stopped in reverse order, also when starting fails half-way.
 */
import { startDirectory } from "@fedchat/homeserver/node";
import { acmeSettings } from "../config/acme.ts";
import { directoryLobby } from "../config/directory-lobby.ts";
import { directoryToken } from "../config/directory-token.ts";
import type { Config } from "../config/schema.ts";
import { tlsPaths } from "../config/tls-paths.ts";
import type { Host, HostInfo } from "../control/host-methods.ts";
import { startControl } from "../control/server.ts";
import { directoryChecks } from "../doctor/directory-checks.ts";
import { Doctor } from "../doctor/doctor.ts";
import { dataFiles } from "../owner-files.ts";
import { version } from "../version.ts";
import { certificateInfo } from "./certificate-info.ts";
import type { ProgramLog } from "./log.ts";

export interface DirectoryHostOptions {
  config: Config;
  portIsDefault: boolean;
  log: ProgramLog;
  /** The directory's store: nothing works any more. */
  onCrash(error: Error): void;
}

/** Resolves when it answers. Rejects with a sentence for people. */
export async function startDirectoryHost(options: DirectoryHostOptions): Promise<Host & AsyncDisposable> {
  const { config, portIsDefault, log } = options;
  const startedAt = Date.now();
  await using started = new AsyncDisposableStack();
  const running = started.use(
    await startDirectory({
      dataDir: config.data,
      name: config.name,
      host: config.host,
      port: config.port,
      portIsDefault,
      addresses: config.addresses,
      proxies: config.proxies,
      tls: tlsPaths(config),
      acme: acmeSettings(config),
      token: directoryToken(config),
      lobby: directoryLobby(config),
      software: `fedchat/${version}`,
      log,
      onFatal: options.onCrash,
    }),
  );
  const info = (): HostInfo => {
    const { key, name, addresses } = running.identity.current.record;
    return {
      ...{ version, pid: process.pid, data: config.data, log: dataFiles(config.data).log, startedAt },
      ...{ serverId: key, name, host: config.host, port: running.port, addresses: [...addresses] },
      ...{ screen: null, engine: false },
      certificate: certificateInfo(running.certificate()),
      directory: { token: config.directory_token !== undefined, ...running.directory.stats() },
    };
  };
  const covers = (name: string) => running.certificate().covers(name);
  const checks = () => directoryChecks({ info, covers, wantedPort: config.port }, Date.now);
  const doctor = new Doctor(checks, {
    now: Date.now,
    onError: (error) => log.error("a check of the doctor failed", {}, error),
  });
  const host: Host = { info, open: () => undefined, examine: (again) => doctor.examine(again) };
  started.use(await startControl({ data: config.data, host, engine: undefined, log }));
  const stack = started.move();
  return { ...host, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}
