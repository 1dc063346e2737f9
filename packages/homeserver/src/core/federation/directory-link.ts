/**
 * The connection that a homeserver keeps to one directory: found by its address, known by its key from the first time
 * on, registered with, and asked for records like a linked server. A directory is trusted for nothing but that it
 * passes on what others signed. [D2] [D3] [D7]
 */
import type { LinkControl, ServerAddress, ServerId, Timer } from "@fedchat/protocol";
import { ProtocolError, serverRecord, unproved } from "@fedchat/protocol";
import { linkRefusedRetryMs } from "../limits.ts";
import { retryDelayMs } from "./backoff.ts";
import { Connection } from "./connection.ts";
import type { DialPorts } from "./dial-peer.ts";
import { dialPeer } from "./dial-peer.ts";
import type { DirectoryPlace } from "./directory-config.ts";
import type { Peer } from "./peer.ts";

export interface DirectoryLinkListener {
  /** We are registered. */
  opened(link: DirectoryLink): void;
  /** It told something; registering and pings are none of it. */
  control(link: DirectoryLink, control: LinkControl): void;
  closed(link: DirectoryLink): void;
  /** Whoever answers at this address with another key is not the directory. Kept on disk before it is believed. */
  pin(place: DirectoryPlace, server: ServerId): Promise<void>;
}

export interface DirectoryLinkPorts extends DialPorts {
  place: DirectoryPlace;
  /** The key that was pinned before. */
  pinned: ServerId | undefined;
  token: Uint8Array | undefined;
  identify: (address: ServerAddress) => Promise<Uint8Array>;
  listener: DirectoryLinkListener;
}

export class DirectoryLink implements Peer {
  /** Records are told and heard as between mutually linked servers. */
  readonly trust = "mutual";
  readonly standing = "mutual";
  readonly origin = "directory";
  error: ProtocolError | undefined;
  nextTryAt: number | undefined;
  readonly #ports: DirectoryLinkPorts;
  #server: ServerId | undefined;
  #connection: Connection | undefined;
  #registered = false;
  #failures = 0;
  #timer: Timer | undefined;
  #stopped = false;

  constructor(ports: DirectoryLinkPorts) {
    this.#ports = ports;
    this.#server = ports.place.server ?? ports.pinned;
  }

  get place(): DirectoryPlace {
    return this.#ports.place;
  }

  get isKnown(): boolean {
    return this.#server !== undefined;
  }

  /** Only of one that is known. */
  get server(): ServerId {
    if (this.#server === undefined) throw new Error("assertion: nobody was proved at this address yet");
    return this.#server;
  }

  get connection(): Connection | undefined {
    return this.#connection;
  }

  get connected(): boolean {
    return this.#registered && this.#connection?.confirmed === true;
  }

  get name(): string {
    return this.#connection?.server.record.name ?? "";
  }

  start(): void {
    void this.#attempt();
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
    this.#connection?.close("closing");
  }

  send(control: LinkControl): void {
    this.#connection?.send(control);
  }

  async #attempt(): Promise<void> {
    this.#timer = undefined;
    this.nextTryAt = undefined;
    try {
      const server = this.#server ?? (await this.#identify());
      await dialPeer(
        this.#ports,
        {
          server,
          addresses: [this.place.address],
          noiseKey: undefined,
          ways: () => [],
          superseded: () => this.#stopped,
        },
        {
          opened: (channel) =>
            this.#adopt(
              new Connection(channel, channel.server, { dialled: true, via: [] }, this.#ports.clock),
            ),
          failed: () => undefined,
        },
      );
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#failed(error);
    }
  }

  /** Trust on first use: the signed record that is served there, in the clear of TLS, says which key to expect. */
  async #identify(): Promise<ServerId> {
    const server = await this.#servedKey();
    try {
      await this.#ports.listener.pin(this.place, server);
    } catch (cause) {
      throw new ProtocolError("storage-full", undefined, { cause });
    }
    this.#server = server;
    return server;
  }

  async #servedKey(): Promise<ServerId> {
    try {
      const signed = await this.#ports.identify(this.place.address);
      return serverRecord.open(this.#ports.primitives, signed).key;
    } catch (error) {
      throw error instanceof ProtocolError ? unproved(error) : error;
    }
  }

  #adopt(connection: Connection): void {
    if (this.#stopped) return connection.close("closing");
    this.#connection = connection;
    connection.listen({
      control: (control) => this.#control(control),
      bundle: () => connection.fault(),
      piece: () => connection.fault(),
      batchEnd: () => undefined,
      closed: (error) => this.#lost(error),
    });
    connection.send({ kind: "trust", linked: false });
    const { token } = this.#ports;
    connection.send({ kind: "register", ...(token === undefined ? {} : { token }) });
  }

  #control(control: LinkControl): void {
    if (control.kind === "trust") return;
    if (control.kind === "registered") {
      if (this.#registered) return this.#connection?.fault();
      this.#registered = true;
      this.#failures = 0;
      this.error = undefined;
      return this.#ports.listener.opened(this);
    }
    if (!this.#registered) return this.#connection?.close("malformed");
    this.#ports.listener.control(this, control);
  }

  #lost(error: ProtocolError): void {
    this.#connection = undefined;
    if (this.#registered) this.#ports.listener.closed(this);
    this.#registered = false;
    this.#failed(error);
  }

  #failed(error: ProtocolError): void {
    if (this.#stopped) return;
    const { clock, random } = this.#ports;
    this.error = error;
    const delayMs = error.retry === "never" ? linkRefusedRetryMs : retryDelayMs(this.#failures, random);
    this.#failures += 1;
    this.nextTryAt = clock.now() + delayMs;
    this.#timer = clock.after(delayMs, () => void this.#attempt());
  }
}
