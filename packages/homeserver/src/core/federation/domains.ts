/**
 * Which linked servers have proved the domain that they claim as their name: the domain itself, over WebPKI, serves that
 * server's record. Invariant: what was confirmed once is pinned on disk and stays, whatever the domain serves later;
 * nothing is asked for servers that nobody here linked. [N4]
 */
import type { Clock, ServerId } from "@fedchat/protocol";
import type { StoredState } from "../../store/store.ts";
import type { GroupCommit } from "../group-commit.ts";
import { domainCheckEveryMs, domainChecksAtOnceMax } from "../limits.ts";
import type { Log } from "../log.ts";

/** Asks domains. */
export interface DomainChecker {
  /** Whose record `https://DOMAIN/.well-known/fedchat` serves; undefined where it serves none, or cannot be trusted. */
  keyOf(domain: string): Promise<ServerId | undefined>;
}

export interface DomainsOptions {
  /** Undefined: no domain is ever confirmed. */
  checker: DomainChecker | undefined;
  state: Pick<StoredState, "meta">;
  commit: Pick<GroupCommit, "add">;
  clock: Clock;
  log: Log;
  /** This server is shown by its domain from now on. */
  proved: (server: ServerId) => void;
}

export const isDomain = (name: string): boolean => name.includes(".");

const pinPrefix = "domain.pin ";

export class Domains {
  readonly #options: DomainsOptions;
  /** The domain of each server that confirmed one. */
  readonly #pins = new Map<string, string>();
  /** When each server's domain was last asked. */
  readonly #askedAt = new Map<ServerId, number>();
  #underWay = 0;

  constructor(options: DomainsOptions) {
    this.#options = options;
    for (const [key, value] of options.state.meta) {
      if (key.startsWith(pinPrefix))
        this.#pins.set(key.slice(pinPrefix.length), new TextDecoder().decode(value));
    }
  }

  isProved(server: ServerId, name: string): boolean {
    return this.#pins.get(server) === name;
  }

  /** A server that somebody here linked claims this name, and is connected. */
  look(server: ServerId, name: string): void {
    const { checker, clock, log } = this.#options;
    if (checker === undefined || !isDomain(name) || this.isProved(server, name)) return;
    const waits = clock.now() - (this.#askedAt.get(server) ?? -Infinity) < domainCheckEveryMs;
    if (waits || this.#underWay >= domainChecksAtOnceMax) return;
    this.#askedAt.set(server, clock.now());
    this.#underWay += 1;
    checker
      .keyOf(name)
      .then((key) => (key === server ? this.#pin(server, name) : undefined))
      .catch((error: unknown) => log.warn("a domain was not kept", { server, error: String(error) }))
      .finally(() => (this.#underWay -= 1));
  }

  /** Nobody here has to do with this server any more. What was pinned stays. */
  forget(server: ServerId): void {
    this.#askedAt.delete(server);
  }

  async #pin(server: ServerId, domain: string): Promise<void> {
    const { commit, proved } = this.#options;
    const value = new TextEncoder().encode(domain);
    await commit.add([{ op: "meta.put", key: pinPrefix + server, value }]);
    this.#pins.set(server, domain);
    proved(server);
  }
}
