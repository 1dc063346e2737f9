/**
 * Answers homeservers that connect. Before a handshake only its network address speaks for a caller, so attempts are
 * limited by that; afterwards a key does, and blocked servers, unlisted ones and too many strangers are told no. [L20]
 */
import type { ByteChannel, Clock, ProvedServer, ServerId } from "@fedchat/protocol";
import { answerChannel, encodeOpening, ProtocolError, toWireError } from "@fedchat/protocol";
import { RateLimits } from "../rate-limits.ts";
import {
  circuitOpeningsMax,
  circuitOpeningsPerRelayMax,
  openingRate,
  openingsMax,
  outsideMemoryMs,
  strangersConnectedMax,
  strangersPerAddressMax,
} from "../limits.ts";
import { linkFeatures } from "./link-features.ts";
import type { Link } from "./link.ts";
import type { LinkConnections } from "./link-connections.ts";
import type { Links } from "./links.ts";
import type { FederationOptions, Remote } from "./options.ts";
import type { ReplacedServers } from "./replaced-servers.ts";

export class Answering {
  readonly #options: FederationOptions;
  readonly #links: Pick<Links, "all">;
  readonly #connections: Pick<LinkConnections, "admit">;
  readonly #rate: RateLimits<string>;
  readonly #clock: Clock;
  readonly #remotes = new WeakMap<ProvedServer, Remote>();
  readonly #dialled = new Openings(openingsMax, openingsMax);
  readonly #relayed = new Openings(circuitOpeningsMax, circuitOpeningsPerRelayMax);
  readonly #replaced: Pick<ReplacedServers, "formersOf">;
  #outsideAt: number | undefined;

  constructor(
    options: FederationOptions,
    links: Pick<Links, "all">,
    connections: Pick<LinkConnections, "admit">,
    replaced: Pick<ReplacedServers, "formersOf">,
  ) {
    this.#options = options;
    this.#replaced = replaced;
    this.#links = links;
    this.#connections = connections;
    this.#clock = options.clock;
    this.#rate = new RateLimits(openingRate, options.clock);
  }

  /** A homeserver connected from outside within the last day. */
  get reachedFromOutside(): boolean {
    return this.#outsideAt !== undefined && this.#clock.now() - this.#outsideAt < outsideMemoryMs;
  }

  /** Where this end of a connection came from; undefined where we dialled it. */
  remoteOf(server: ProvedServer): Remote | undefined {
    return this.#remotes.get(server);
  }

  /** Takes over a carrier that was opened to us; settles when the link is open or refused. Never rejects. */
  async accept(channel: ByteChannel, remote: Remote): Promise<void> {
    const openings = this.#pool(remote);
    const retryAfterMs = openings.isFull(remote) ? 1_000 : this.#rate.take(remote.address);
    if (retryAfterMs > 0) {
      const refused = toWireError(new ProtocolError("rate-limited", undefined, { retryAfterMs }));
      channel.send(encodeOpening({ refused }));
      return channel.close("rate-limited");
    }
    const ended = openings.begin(remote);
    try {
      await this.#open(channel, remote);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#options.log.debug("a server that connected was refused", {
        address: remote.address,
        code: error.code,
      });
    } finally {
      ended();
    }
  }

  /** Circuits cannot take the places of those that dial. */
  #pool(remote: Remote): Openings {
    return (remote.via ?? []).length > 0 ? this.#relayed : this.#dialled;
  }

  async #open(channel: ByteChannel, remote: Remote): Promise<void> {
    const { clock, random, primitives, noisePrivateKey, ownRecord } = this.#options;
    const self = ownRecord().record.key;
    const opened = await answerChannel({
      channel,
      protocol: "fedchat-link",
      self,
      formerly: this.#replaced.formersOf(self),
      staticKey: noisePrivateKey,
      record: () => ownRecord().signed,
      features: linkFeatures,
      primitives,
      random,
      clock,
    });
    const { server } = opened;
    if (server === undefined || server.record.key === self) {
      return opened.close("malformed");
    }
    this.#remotes.set(server, remote);
    if (remote.fromOutside) this.#outsideAt = clock.now();
    this.#connections.admit(Object.assign(opened, { server }), remote.via ?? [], (link) =>
      this.#refusal(server.record.key, link, remote),
    );
  }

  #refusal(server: ServerId, link: Link | undefined, remote: Remote): ProtocolError | undefined {
    const { accept, listed } = this.#options.policy;
    if (link?.row.blocked === true) return new ProtocolError("blocked");
    if (link?.row.linkedByUs === true) return undefined;
    const isListed = [server, ...this.#replaced.formersOf(server)].some((one) => listed.includes(one));
    if (accept === "listed" && !isListed) return new ProtocolError("not-allowed");
    if (link?.connection !== undefined || this.#options.accounts.hasGrantAt(server)) return undefined;
    const strangers = [...this.#links.all()].filter(
      (other) =>
        other.connection !== undefined &&
        !other.row.linkedByUs &&
        !this.#options.accounts.hasGrantAt(other.server),
    );
    const neighbours = strangers.filter(
      ({ connection }) => connection && this.#remotes.get(connection.server)?.address === remote.address,
    );
    const crowded = remote.fromOutside && neighbours.length >= strangersPerAddressMax;
    return crowded || strangers.length >= strangersConnectedMax
      ? new ProtocolError("rate-limited")
      : undefined;
  }
}

/** Handshakes under way: in all, and through one relay. */
class Openings {
  readonly #max: number;
  readonly #perRelayMax: number;
  readonly #byRelay = new Map<ServerId | undefined, number>();
  #count = 0;

  constructor(max: number, perRelayMax: number) {
    this.#max = max;
    this.#perRelayMax = perRelayMax;
  }

  isFull({ via }: Remote): boolean {
    return this.#count >= this.#max || (this.#byRelay.get(via?.[0]) ?? 0) >= this.#perRelayMax;
  }

  /** Gives what ends it. */
  begin({ via }: Remote): () => void {
    const relay = via?.[0];
    this.#count += 1;
    this.#byRelay.set(relay, (this.#byRelay.get(relay) ?? 0) + 1);
    return () => {
      this.#count -= 1;
      const left = (this.#byRelay.get(relay) ?? 0) - 1;
      if (left > 0) this.#byRelay.set(relay, left);
      else this.#byRelay.delete(relay);
    };
  }
}
