/**
 * Seals of bundles: HPKE mode_auth between the Noise keys of two homeservers. An encapsulation costs two scalar
 * multiplications and then serves many bundles, at either end. Invariants: contexts live in memory only, a restart
 * makes new ones; no seal number is used twice; what does not authenticate is never looked at. [B1] to [B3]
 */
import type {
  AuthHpke,
  Bundle,
  BundleHeader,
  Clock,
  Primitives,
  RandomSource,
  ReceiverContext,
  SenderContext,
  ServerId,
} from "@fedchat/protocol";
import {
  bundleAad,
  bundleSealInfo,
  directRoute,
  encodeBundleParts,
  hpkeX25519,
  limits,
} from "@fedchat/protocol";
import { RateLimits } from "../rate-limits.ts";
import { encapsulationRate, receiverContextsMax } from "../limits.ts";

export interface SealOptions {
  self: ServerId;
  noisePrivateKey: Uint8Array;
  primitives: Primitives;
  random: RandomSource;
  clock: Clock;
}

/** The other end, with the X25519 key that its handshake proved. */
export interface SealPeer {
  server: ServerId;
  noiseKey: Uint8Array;
}

interface Sending {
  noiseKey: Uint8Array;
  encapsulation: Uint8Array;
  context: SenderContext;
  madeAt: number;
  sealed: number;
}

export class SendingSeals {
  readonly #options: SealOptions;
  readonly #hpke: AuthHpke;
  readonly #sending = new Map<ServerId, Sending>();

  constructor(options: SealOptions) {
    this.#options = options;
    this.#hpke = hpkeX25519(options.primitives);
  }

  /** An encoded bundle, sealed for a peer whose key a handshake proved, and ready for the direct route. */
  seal(
    peer: SealPeer,
    header: Omit<BundleHeader, "source" | "destination" | "encapsulation" | "sealNumber">,
    body: Uint8Array,
  ): Uint8Array {
    const parts = this.sealParts(peer, header, body);
    if (parts === undefined) throw new Error("a handshake proves no key of small order");
    return encodeBundleParts(parts.aad, directRoute, parts.sealed);
  }

  /** The authenticated header and the sealed body, for whatever route. Undefined where the key cannot be sealed to. */
  sealParts(
    peer: SealPeer,
    header: Omit<BundleHeader, "source" | "destination" | "encapsulation" | "sealNumber">,
    body: Uint8Array,
  ): { aad: Uint8Array; sealed: Uint8Array } | undefined {
    const sending = this.#current(peer);
    if (sending === undefined) return undefined;
    const aad = bundleAad({
      ...header,
      source: this.#options.self,
      destination: peer.server,
      encapsulation: sending.encapsulation,
      sealNumber: sending.sealed,
    });
    const sealed = sending.context.seal(sending.sealed, aad, body);
    sending.sealed += 1;
    return { aad, sealed };
  }

  /** The next bundle gets a new encapsulation. */
  renew(server: ServerId): void {
    this.#sending.delete(server);
  }

  #current(peer: SealPeer): Sending | undefined {
    const now = this.#options.clock.now();
    const held = this.#sending.get(peer.server);
    if (held !== undefined && held.noiseKey === peer.noiseKey && !spent(held, now)) return held;
    const setup = this.#hpke.setupAuthSender({
      recipientPublicKey: peer.noiseKey,
      senderPrivateKey: this.#options.noisePrivateKey,
      info: bundleSealInfo(this.#options.self, peer.server),
      random: this.#options.random,
    });
    if (setup === undefined) return undefined;
    const fresh = { noiseKey: peer.noiseKey, ...setup, madeAt: now, sealed: 0 };
    this.#sending.set(peer.server, fresh);
    return fresh;
  }
}

function spent(sending: Sending, now: number): boolean {
  return (
    sending.sealed >= limits.encapsulationBundlesMax ||
    Math.abs(now - sending.madeAt) >= limits.encapsulationLifetimeMs
  );
}

/** What came of opening. busy: too many new encapsulations in a short time, try again later. */
export type Opened = { ok: true; body: Uint8Array } | { ok: false; why: "not-authentic" | "busy" };

export class OpeningSeals {
  readonly #options: SealOptions;
  readonly #hpke: AuthHpke;
  readonly #rate: RateLimits<string>;
  /** By source, its key and the encapsulation; the least recently used goes first. */
  readonly #contexts = new Map<string, ReceiverContext>();

  constructor(options: SealOptions) {
    this.#options = options;
    this.#hpke = hpkeX25519(options.primitives);
    this.#rate = new RateLimits(encapsulationRate, options.clock);
  }

  /** @param relay who brought it, where that is not the source: what it makes up is not counted against the source */
  open(source: SealPeer, bundle: Bundle & { aad: Uint8Array }, relay?: ServerId): Opened {
    const context = this.#context(
      source,
      bundle.header.encapsulation,
      relay === undefined ? source.server : `${source.server} ${relay}`,
    );
    if (context === "busy") return { ok: false, why: "busy" };
    const body = context?.open(bundle.header.sealNumber, bundle.aad, bundle.sealed);
    return body === undefined ? { ok: false, why: "not-authentic" } : { ok: true, body };
  }

  #context(source: SealPeer, encapsulation: Uint8Array, from: string): ReceiverContext | "busy" | undefined {
    const key = `${source.server} ${latin1(source.noiseKey)}${latin1(encapsulation)}`;
    const held = this.#contexts.get(key);
    if (held !== undefined) {
      this.#contexts.delete(key);
      this.#contexts.set(key, held);
      return held;
    }
    if (this.#rate.take(from) > 0) return "busy";
    const context = this.#hpke.setupAuthReceiver({
      encapsulation: encapsulation.slice(),
      recipientPrivateKey: this.#options.noisePrivateKey,
      senderPublicKey: source.noiseKey,
      info: bundleSealInfo(source.server, this.#options.self),
    });
    if (context === undefined) return undefined;
    this.#contexts.set(key, context);
    const oldest = this.#contexts.keys().next();
    if (this.#contexts.size > receiverContextsMax && oldest.done !== true)
      this.#contexts.delete(oldest.value);
    return context;
  }
}

function latin1(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}
