/**
 * A homeserver on this machine: its store, keys, certificate and port, put around the core. Invariant: what was opened
 * is closed in reverse order, also where starting fails half-way; the store is locked before anything is written.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { networkInterfaces } from "node:os";
import type { NearbyState, RegistrationPolicy, ServerAddress, Visibility } from "@fedchat/protocol";
import { serverId } from "@fedchat/protocol";
import { nodeClock, nodeRandom } from "@fedchat/protocol/node";
import { nodePrimitives } from "@fedchat/protocol/primitives/node";
import type { DirectoryPlace } from "../core/federation/directory-config.ts";
import type { FederationPolicy, Relaying } from "../core/federation/options.ts";
import { openHomeserver } from "../core/homeserver.ts";
import type { Homeserver } from "../core/homeserver.ts";
import type { Log } from "../core/log.ts";
import type { Examine } from "../core/seams.ts";
import { openSqliteStore } from "../store/sqlite/sqlite-store.ts";
import { ownAddresses } from "./addresses.ts";
import { webSocketDialer } from "./dialer.ts";
import { domainChecker } from "./domain-checker.ts";
import { AcmeCertificate } from "./acme/acme-certificate.ts";
import { answerOverHttp } from "./acme/http-challenge.ts";
import { placeOrder } from "./acme/order.ts";
import type { ChallengeAnswer } from "./acme/order-messages.ts";
import type { AcmeSettings } from "./acme/settings.ts";
import type { CertificateState } from "./certificate-state.ts";
import { certificateState } from "./certificate-state.ts";
import type { HttpsServer, SecondDoor } from "./https-server.ts";
import { openHttpsServer } from "./https-server.ts";
import { identifyOverHttps } from "./identify.ts";
import { loadKeys } from "./keys.ts";
import { addressesCheckEveryMs } from "./limits.ts";
import { NearbyServers } from "./nearby.ts";
import { loadOpaque } from "./opaque-server.ts";
import type { PortMappingState } from "./port-mapping.ts";
import { PortMapping } from "./port-mapping.ts";
import type { AddressRange } from "./remote-address.ts";
import type { TlsPaths } from "./own-certificate.ts";
import type { CertificateSource } from "./tls-certificate.ts";
import { TlsCertificate } from "./tls-certificate.ts";
import { watchWaking } from "./waking.ts";

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
  /** In front of this homeserver, on other machines: whom they serve is what they say. */
  proxies?: readonly AddressRange[];
  accept: FederationPolicy["accept"];
  /** Whom `accept: "listed"` lets in. */
  listed: FederationPolicy["listed"];
  registration: RegistrationPolicy;
  /** Directories that it registers with, and what those that are not open want to see. */
  directories?: { places: readonly DirectoryPlace[]; token: Uint8Array | undefined };
  /** How far people are shown who did not choose; undefined: to linked servers. */
  visibility?: Visibility;
  /** What it does for others, within which bounds; undefined: for linked servers, within the default ones. */
  relaying?: Relaying;
  /** The person's own certificate; undefined: a self-signed one. */
  tls: TlsPaths | undefined;
  /** A certificate from an authority, instead. */
  acme?: AcmeSettings | undefined;
  /** Opens the first account, as administrator. */
  localToken: Uint8Array;
  /** Whether this server says in the local network that it is there, and looks for others; undefined: neither. */
  nearby?: "announce" | "look" | undefined;
  /** Whether the router is asked for a port. */
  portMapping?: boolean;
  /** Looks at what decides whether others reach it, for its administrators; absent: nobody does. */
  examine?: Examine;
  log: Log;
  /** Answers GET of everything that is not the protocol's. */
  page?: (request: IncomingMessage, response: ServerResponse) => void;
  /** Serves on the same port what is not the protocol's. */
  door?: SecondDoor | undefined;
  /** The store cannot be used any more, so nothing can: end the process, and start it again once the disk is well. */
  onFatal?: (error: Error) => void;
  /** Name and version of the program, for other servers to see. */
  software?: string;
}

export interface RunningHomeserver extends AsyncDisposable {
  homeserver: Homeserver;
  /** The port that it got. */
  port: number;
  /** The certificate that is shown now. */
  certificate(): CertificateState;
  /** Undefined where nobody looks. */
  nearby(): NearbyState | undefined;
  /** Undefined where no router is asked. */
  portMapping(): PortMappingState | undefined;
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
  const certificate = opened.use(openCertificate(options, () => server));
  let running: Homeserver | undefined;
  const server: HttpsServer = opened.use(
    await openHttpsServer({
      host: options.host,
      port: options.port,
      portIsDefault: options.portIsDefault,
      proxies: options.proxies ?? [],
      credentials: certificate.current,
      onLink: (channel, remote) => void running?.acceptLink(channel, remote),
      onClient: (channel, { address, fromOutside }) =>
        void running?.acceptClient(channel, address, fromOutside),
      identity: () => running && { server: running.serverId, record: running.record().signed },
      door: options.door,
      page: options.page,
    }),
  );
  certificate.watch((credentials) => server.replaceCertificate(credentials));
  const { port } = server;
  const mapping =
    options.portMapping === true ? opened.use(new PortMapping({ port, clock: nodeClock, log })) : undefined;
  const addresses = () => {
    const own = ownAddresses(options.addresses, {
      host: options.host,
      port,
      interfaces: networkInterfaces(),
    });
    // Configured addresses stand alone, here too: the person knows under which one the router is found.
    return options.addresses.length > 0 ? own : [...(mapping?.addresses() ?? []), ...own];
  };
  const nearby =
    options.nearby &&
    opened.use(
      new NearbyServers({
        self: serverId.fromBytes(nodePrimitives.ed25519.publicKey(keys.identity)),
        mode: options.nearby,
        name: () => running?.record().record.name ?? "",
        host: options.host,
        port,
        clock: nodeClock,
        log,
      }),
    );
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
        ...(options.visibility === undefined ? {} : { visibility: options.visibility }),
        federation: { accept: options.accept, listed: options.listed },
        ...(options.directories === undefined
          ? {}
          : { directories: { ...options.directories, identify: identifyOverHttps } }),
        ...(options.relaying === undefined ? {} : { relaying: options.relaying }),
      },
      dialer: webSocketDialer,
      domains: domainChecker(),
      opaque: await loadOpaque(),
      localToken: options.localToken,
      ...(nearby === undefined ? {} : { nearby }),
      ...(options.examine === undefined ? {} : { examine: options.examine }),
      log,
    }),
  );
  running = homeserver;
  nearby?.start();
  const watched = opened.use(watchAddresses(homeserver, addresses));
  opened.use(watchWaking(nodeClock, () => homeserver.woke()));
  if (mapping !== undefined) {
    mapping.onChange = watched.check;
    mapping.start();
  }
  if (port !== options.port && options.port !== 0) {
    log.warn("the default port is in use by another program; the next free one was taken", { port });
  }
  const stack = opened.move();
  const close = () => stack.disposeAsync();
  return {
    homeserver,
    port,
    certificate: () => certificateState(certificate),
    nearby: () => nearby?.state(),
    portMapping: () => mapping?.state,
    close,
    [Symbol.asyncDispose]: close,
  };
}

export type CertificateOptions = Pick<StartOptions, "dataDir" | "tls" | "acme" | "host" | "log">;

/** The person's own certificate, an authority's, or a self-signed one. */
export function openCertificate(options: CertificateOptions, server: () => HttpsServer): CertificateSource {
  const { dataDir: folder, tls: own, acme: settings, host, log } = options;
  const files = new TlsCertificate({ folder, own, clock: nodeClock, log });
  if (settings === undefined) return files;
  const answer = async (wanted: ChallengeAnswer): Promise<AsyncDisposable> =>
    wanted.certificate === undefined
      ? answerOverHttp(wanted, { host, port: settings.httpPort })
      : server().answerOverAlpn(wanted.certificate);
  return new AcmeCertificate({
    settings,
    folder,
    meanwhile: files,
    order: (accountKey) => placeOrder({ settings, accountKey, answer, clock: nodeClock }),
    clock: nodeClock,
    random: nodeRandom,
    log,
  });
}

/** Tells the homeserver when this machine gets other addresses: now and then, and when it is asked to check. */
function watchAddresses(
  homeserver: Homeserver,
  addresses: () => ServerAddress[],
): Disposable & { check: () => void } {
  let known = JSON.stringify(addresses());
  const check = () => {
    const found = addresses();
    if (JSON.stringify(found) === known) return;
    known = JSON.stringify(found);
    void homeserver.setAddresses(found);
  };
  const look = () =>
    nodeClock.after(addressesCheckEveryMs, () => {
      check();
      timer = look();
    });
  let timer = look();
  return { check, [Symbol.dispose]: () => timer.cancel() };
}
