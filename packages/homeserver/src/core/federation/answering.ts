/**
 * Answers homeservers that connect. Before a handshake only its network address speaks for a caller, so attempts are
 * limited by that; afterwards a key does, and blocked servers, unlisted ones and too many strangers are told no. [L20]
 */
import type { ByteChannel, Clock, ProvedServer } from "@fedchat/protocol";
import { answerChannel, encodeOpening, ProtocolError, toWireError } from "@fedchat/protocol";
import { RateLimits } from "../rate-limits.ts";
import { openingRate, openingsMax, outsideMemoryMs, strangersConnectedMax } from "../limits.ts";
import { linkFeatures } from "./dial-peer.ts";
import type { Link } from "./link.ts";
import type { Links } from "./links.ts";
import type { FederationOptions, Remote } from "./options.ts";

export class Answering {
  readonly #options: FederationOptions;
  readonly #links: Links;
  readonly #rate: RateLimits<string>;
  readonly #clock: Clock;
  readonly #remotes = new WeakMap<ProvedServer, Remote>();
  #openings = 0;
  #outsideAt: number | undefined;

  constructor(options: FederationOptions, links: Links) {
    this.#options = options;
    this.#links = links;
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
    const retryAfterMs = this.#openings < openingsMax ? this.#rate.take(remote.address) : 1_000;
    if (retryAfterMs > 0) {
      const refused = toWireError(new ProtocolError("rate-limited", undefined, { retryAfterMs }));
      channel.send(encodeOpening({ refused }));
      return channel.close("rate-limited");
    }
    this.#openings += 1;
    try {
      await this.#open(channel, remote);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#options.log.debug("a server that connected was refused", {
        address: remote.address,
        code: error.code,
      });
    } finally {
      this.#openings -= 1;
    }
  }

  async #open(channel: ByteChannel, remote: Remote): Promise<void> {
    const { clock, random, primitives, noisePrivateKey, ownRecord } = this.#options;
    const opened = await answerChannel({
      channel,
      protocol: "fedchat-link",
      self: ownRecord().record.key,
      staticKey: noisePrivateKey,
      record: () => ownRecord().signed,
      features: linkFeatures,
      primitives,
      random,
      clock,
    });
    const { server } = opened;
    if (server === undefined || server.record.key === ownRecord().record.key) {
      return opened.close("malformed");
    }
    this.#remotes.set(server, remote);
    if (remote.fromOutside) this.#outsideAt = clock.now();
    this.#links.admit(Object.assign(opened, { server }), remote.via ?? [], (link) =>
      this.#refusal(server.record.key, link),
    );
  }

  #refusal(server: string, link: Link | undefined): ProtocolError | undefined {
    const { accept, listed } = this.#options.policy;
    if (link?.row.blocked === true) return new ProtocolError("blocked");
    if (link?.row.linkedByUs === true) return undefined;
    if (accept === "listed" && !listed.some((one) => one === server)) return new ProtocolError("not-allowed");
    if (link?.connection !== undefined) return undefined;
    const strangers = [...this.#links.all()].filter(
      (other) => other.connection !== undefined && !other.row.linkedByUs,
    );
    return strangers.length >= strangersConnectedMax ? new ProtocolError("rate-limited") : undefined;
  }
}
