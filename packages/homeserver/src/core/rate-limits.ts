/**
 * Token buckets by key: each holds `burst` attempts and wins one back every `refillMs`. Invariant: memory is bounded by
 * `keysMax`; a bucket that is full again says no more than no bucket and is dropped first, then the oldest.
 */
import type { Clock } from "@fedchat/protocol";

export interface RateLimit {
  burst: number;
  refillMs: number;
  keysMax: number;
}

interface Bucket {
  tokens: number;
  /** When `tokens` was true. */
  at: number;
}

export class RateLimits<Key> {
  readonly #limit: RateLimit;
  readonly #clock: Pick<Clock, "now">;
  readonly #buckets = new Map<Key, Bucket>();

  constructor(limit: RateLimit, clock: Pick<Clock, "now">) {
    this.#limit = limit;
    this.#clock = clock;
  }

  /** Takes one attempt, or one that costs as much as several. 0 where there was one, else the milliseconds until there will be. */
  take(key: Key, cost = 1): number {
    const now = this.#clock.now();
    const bucket = this.#buckets.get(key) ?? this.#fresh(key, now);
    this.#refill(bucket, now);
    if (bucket.tokens < cost) return Math.ceil((cost - bucket.tokens) * this.#limit.refillMs);
    bucket.tokens -= cost;
    return 0;
  }

  #fresh(key: Key, now: number): Bucket {
    if (this.#buckets.size >= this.#limit.keysMax) this.#makeRoom(now);
    const bucket = { tokens: this.#limit.burst, at: now };
    this.#buckets.set(key, bucket);
    return bucket;
  }

  #refill(bucket: Bucket, now: number): void {
    const won = Math.max(0, now - bucket.at) / this.#limit.refillMs;
    bucket.tokens = Math.min(this.#limit.burst, bucket.tokens + won);
    bucket.at = now;
  }

  #makeRoom(now: number): void {
    for (const [key, bucket] of this.#buckets) {
      this.#refill(bucket, now);
      if (bucket.tokens >= this.#limit.burst) this.#buckets.delete(key);
    }
    if (this.#buckets.size < this.#limit.keysMax) return;
    const oldest = this.#buckets.keys().next();
    if (oldest.done !== true) this.#buckets.delete(oldest.value);
  }
}
