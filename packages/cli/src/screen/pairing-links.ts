/**
 * One-time secrets that let one new screen be paired, for ten minutes. Each takes a few wrong passwords and then is
 * spent; while a password is checked for one, nobody else can use it. Invariant: a secret pairs at most one screen.
 */
import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { pairingLifetimeMs, pairingLinksMax, pairingPasswordsMax } from "../limits.ts";

interface Link {
  hash: Buffer;
  expiresAt: number;
  triesLeft: number;
  busy: boolean;
}

/** A link that is being used. One of both ends it. */
export interface PairingAttempt {
  succeeded(): void;
  /** Returns how many more passwords may be tried with it. */
  failed(): number;
}

export class PairingLinks {
  readonly #now: () => number;
  #links: Link[] = [];

  constructor(now: () => number) {
    this.#now = now;
  }

  /** 128 bits in base64url, so that the QR code stays small. */
  issue(): { token: string; expiresAt: number } {
    const token = randomBytes(16).toString("base64url");
    const expiresAt = this.#now() + pairingLifetimeMs;
    const fresh: Link = { hash: sha256(token), expiresAt, triesLeft: pairingPasswordsMax, busy: false };
    this.#links = [...this.#live(), fresh].slice(-pairingLinksMax);
    return { token, expiresAt };
  }

  /** Undefined where the token is unknown, spent, too old, or in use this very moment. */
  use(token: string): PairingAttempt | undefined {
    const hash = sha256(token);
    const link = this.#live().find((known) => timingSafeEqual(known.hash, hash));
    if (link === undefined || link.busy) return undefined;
    link.busy = true;
    const spend = () => void (this.#links = this.#links.filter((known) => known !== link));
    return {
      succeeded: spend,
      failed() {
        link.busy = false;
        link.triesLeft -= 1;
        if (link.triesLeft === 0) spend();
        return link.triesLeft;
      },
    };
  }

  /** None that was given out works any more. */
  clear(): void {
    this.#links = [];
  }

  #live(): Link[] {
    return this.#links.filter(({ expiresAt }) => this.#now() < expiresAt);
  }
}

function sha256(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
