/**
 * A homeserver on this machine: its store, keys, certificate and port, put around the core. Invariant: what was opened
 * is closed in reverse order, also where starting fails half-way; the store is locked before anything is written.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { networkInterfaces } from "node:os";
import type { ServerAddress } from "@fedchat/protocol";
import { nodeClock, nodeRandom } from "@fedchat/protocol/node";
import { nodePrimitives } from "@fedchat/protocol/primitives/node";
import type { RegistrationPolicy } from "../core/accounts/registration.ts";
import type { FederationPolicy } from "../core/federation/options.ts";
import { openHomeserver } from "../core/homeserver.ts";
import type { Homeserver } from "../core/homeserver.ts";
import type { Log } from "../core/log.ts";
import { openSqliteStore } from "../store/sqlite/sqlite-store.ts";
import { ownAddresses } from "./addresses.ts";
import { webSocketDialer } from "./dialer.ts";
import { openHttpsServer } from "./https-server.ts";
import { loadKeys } from "./keys.ts";
import { addressesCheckEveryMs } from "./limits.ts";
import { loadOpaque } from "./opaque-server.ts";
import type { TlsPaths } from "./tls-certificate.ts";
import { TlsCertificate } from "./tls-certificate.ts";

export interface StartOptions {
  /** Holds everything; made, for its owner only, where it does not exist. */
  dataDir: string;
  /** Undefined: named after its owner. */
  name: string | undefined;
  /** What to listen on; `::` is every address of the machine. */
  host: string;
  port: number;
  portIsDefault: boolean;
  /** Where others reach it; empty: found out. */
  addresses: ServerAddress[];
  accept: FederationPolicy["accept"];
  /** Whom `accept: "listed"` lets in. */
  listed: FederationPolicy["listed"];
  registration: RegistrationPolicy;
  /** The person's own certificate; undefined: a self-signed one. */
  tls: TlsPaths | undefined;
  /** Opens the first account, as administrator. */
  localToken: Uint8Array;
  log: Log;
  /** Answers GET of everything that is not the protocol's. */
  page?: (request: IncomingMessage, response: ServerResponse) => void;
  /** The store cannot be used any more, so nothing can: end the process, and start it again once the disk is well. */
  onFatal?: (error: Error) => void;
  /** Name and version of the program, for other servers to see. */
  software?: string;
}

export interface RunningHomeserver extends AsyncDisposable {
  homeserver: Homeserver;
  /** The port that it got. */
  port: number;
  close(): Promise<void>;
}

/**
 * Rejects with a sentence for people: `StoreUnusableError`, `StoreFullError`, `SecretFileError`, `CertificateError`,
 * `ListenError`.
 */
export async function startHomeserver(options: StartOptions): Promise<RunningHomeserver> {
  const { dataDir, log } = options;
  await using opened = new AsyncDisposableStack();
  const store = opened.use(
    await openSqliteStore({
      folder: dataDir,
      onFatal: (error) => {
        log.error("the store cannot be used any more", { reason: error.message }, error);
        options.onFatal?.(error);
      },
    }),
  );
  const keys = loadKeys(dataDir, { primitives: nodePrimitives, random: nodeRandom });
  const certificate = opened.use(
    new TlsCertificate({ folder: dataDir, own: options.tls, clock: nodeClock, log }),
  );
  let running: Homeserver | undefined;
  const server = opened.use(
    await openHttpsServer({
      host: options.host,
      port: options.port,
      portIsDefault: options.portIsDefault,
      credentials: certificate.current,
      onLink: (channel, remote) => void running?.acceptLink(channel, remote),
      onClient: (channel, { address, fromOutside }) =>
        void running?.acceptClient(channel, address, fromOutside),
      identity: () => running && { server: running.serverId, record: running.record().signed },
      page: options.page,
    }),
  );
  certificate.watch((credentials) => server.replaceCertificate(credentials));
  const { port } = server;
  const addresses = () =>
    ownAddresses(options.addresses, { host: options.host, port, interfaces: networkInterfaces() });
  const homeserver = opened.use(
    await openHomeserver({
      store,
      clock: nodeClock,
      random: nodeRandom,
      primitives: nodePrimitives,
      keys,
      config: {
        name: options.name,
        addresses: addresses(),
        software: options.software ?? "fedchat",
        registration: options.registration,
        federation: { accept: options.accept, listed: options.listed },
      },
      dialer: webSocketDialer,
      opaque: await loadOpaque(),
      localToken: options.localToken,
      log,
    }),
  );
  running = homeserver;
  opened.use(watchAddresses(homeserver, addresses));
  if (port !== options.port && options.port !== 0) {
    log.warn("the default port is in use by another program; the next free one was taken", { port });
  }
  const stack = opened.move();
  const close = () => stack.disposeAsync();
  return { homeserver, port, close, [Symbol.asyncDispose]: close };
}

/** Tells the homeserver when this machine gets other addresses. */
function watchAddresses(homeserver: Homeserver, addresses: () => ServerAddress[]): Disposable {
  let known = JSON.stringify(addresses());
  const look = () =>
    nodeClock.after(addressesCheckEveryMs, () => {
      const found = addresses();
      if (JSON.stringify(found) !== known) {
        known = JSON.stringify(found);
        void homeserver.setAddresses(found);
      }
      timer = look();
    });
  let timer = look();
  return { [Symbol.dispose]: () => timer.cancel() };
}
