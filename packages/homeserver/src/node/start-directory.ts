/**
 * A directory on this machine: store, keys, certificate and port as a homeserver has them, around the core of a
 * directory. [D1]
 */
import { networkInterfaces } from "node:os";
import type { ServerAddress } from "@fedchat/protocol";
import { nodeClock, nodeRandom } from "@fedchat/protocol/node";
import { nodePrimitives } from "@fedchat/protocol/primitives/node";
import { Directory } from "../core/directory/directory.ts";
import { GroupCommit } from "../core/group-commit.ts";
import type { Log } from "../core/log.ts";
import { ServerIdentity, serverNameOf } from "../core/server-identity.ts";
import { openSqliteStore } from "../store/sqlite/sqlite-store.ts";
import { StoreUnusableError } from "../store/store.ts";
import { ownAddresses } from "./addresses.ts";
import type { CertificateState } from "./certificate-state.ts";
import { certificateState } from "./certificate-state.ts";
import { webSocketDialer } from "./dialer.ts";
import type { HttpsServer } from "./https-server.ts";
import { openHttpsServer } from "./https-server.ts";
import { loadKeys } from "./keys.ts";
import { addressesCheckEveryMs } from "./limits.ts";
import type { StartOptions } from "./start-homeserver.ts";
import { openCertificate } from "./start-homeserver.ts";

export interface StartDirectoryOptions extends Pick<
  StartOptions,
  | "dataDir"
  | "name"
  | "host"
  | "port"
  | "portIsDefault"
  | "addresses"
  | "proxies"
  | "tls"
  | "acme"
  | "software"
> {
  /** Who has it may register; undefined: everybody may. */
  token: Uint8Array | undefined;
  /** The room that everybody is shown: an encoded link into it. */
  lobby?: Uint8Array | undefined;
  log: Log;
  onFatal?: (error: Error) => void;
}

export interface RunningDirectory extends AsyncDisposable {
  directory: Directory;
  /** The port that it got. */
  port: number;
  identity: ServerIdentity;
  /** The certificate that is shown now. */
  certificate(): CertificateState;
}

/** Rejects as `startHomeserver`, and with `StoreUnusableError` where the folder is a homeserver's. */
export async function startDirectory(options: StartDirectoryOptions): Promise<RunningDirectory> {
  const { dataDir, log } = options;
  await using opened = new AsyncDisposableStack();
  const store = opened.use(
    await openSqliteStore({ folder: dataDir, onFatal: (error) => options.onFatal?.(error) }),
  );
  const state = await store.load();
  if (state.accounts.length > 0)
    throw new StoreUnusableError(
      `The data in ${dataDir} are a homeserver's. A directory needs a folder of its own: name one with --data.`,
    );
  const keys = loadKeys(dataDir, { primitives: nodePrimitives, random: nodeRandom });
  const certificate = opened.use(openCertificate(options, () => server));
  const commit = new GroupCommit(store, nodeClock);
  const identity = new ServerIdentity({
    keys,
    meta: state.meta,
    primitives: nodePrimitives,
    commit,
    clock: nodeClock,
  });
  let running: Directory | undefined;
  const server: HttpsServer = opened.use(
    await openHttpsServer({
      host: options.host,
      port: options.port,
      portIsDefault: options.portIsDefault,
      proxies: options.proxies ?? [],
      credentials: certificate.current,
      onLink: (channel, remote) => void running?.accept(channel, remote),
      onClient: (channel) => channel.close("a directory has no accounts"),
      identity: () => running && { server: identity.id, record: identity.current.signed },
      page: undefined,
    }),
  );
  certificate.watch((credentials) => server.replaceCertificate(credentials));
  const { port } = server;
  const settle = () => settleRecord(identity, options, port);
  await settle();
  running = opened.use(
    new Directory({
      state,
      commit,
      clock: nodeClock,
      random: nodeRandom,
      primitives: nodePrimitives,
      noisePrivateKey: keys.noise,
      ownRecord: () => identity.current,
      dialer: webSocketDialer,
      token: options.token,
      lobby: options.lobby,
      log,
    }),
  );
  const renewing = setInterval(() => {
    settle().catch(() => log.warn("the directory's record could not be renewed yet"));
  }, addressesCheckEveryMs);
  opened.defer(() => clearInterval(renewing));
  const stack = opened.move();
  return {
    directory: running,
    port,
    identity,
    certificate: () => certificateState(certificate),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

function settleRecord(
  identity: ServerIdentity,
  { name, addresses, host, software }: StartDirectoryOptions,
  port: number,
): Promise<boolean> {
  const reached: ServerAddress[] = ownAddresses(addresses, { host, port, interfaces: networkInterfaces() });
  return identity.settle({
    name: serverNameOf(name, undefined, identity.id),
    addresses: reached,
    software: software ?? "fedchat",
    relays: [],
    relaysFor: "nobody",
    neighbours: [],
  });
}
