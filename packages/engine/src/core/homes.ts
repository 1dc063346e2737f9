/**
 * Where this account lives, and where it lived before: kept in the engine's store, so that whoever starts this engine need
 * not know of a move. A former home may still hold what came for the account. [A12] [A16]
 */
import type { Clock, ServerId } from "@fedchat/protocol";
import { decodeBase32, encodeBase32, limits } from "@fedchat/protocol";
import type { EngineStore } from "../store/engine-store.ts";
import type { InboxCursors } from "./inbox.ts";

/** Where a homeserver listens. */
export interface HomeAddress {
  host: string;
  port: number;
}

export interface Home {
  server: ServerId;
  /** Null: whoever starts this engine knows. */
  address: HomeAddress | null;
}

export interface FormerHome extends Home {
  /** When the account left. */
  since: number;
  /** The newest fencing number of this device there. */
  fencing: number;
  /** How far its inbox was read; null: from where that homeserver says. */
  cursor: { incarnation: string; position: number } | null;
}

interface Kept {
  at: Home;
  former: FormerHome[];
}

const setting = "homes";
/** Somebody who moves again and again still reads what comes at the newest of them. */
const formerMax = 4;

export class Homes {
  readonly #store: Pick<EngineStore, "identity">;
  readonly #clock: Pick<Clock, "now">;

  constructor(ports: { store: Pick<EngineStore, "identity">; clock: Pick<Clock, "now"> }) {
    this.#store = ports.store;
    this.#clock = ports.clock;
  }

  /** Undefined where this engine never moved: the homeserver is that for which it was started. */
  get at(): Home | undefined {
    return this.#kept?.at;
  }

  /** Those that may still hold something, the newest first. */
  get former(): FormerHome[] {
    const since = this.#clock.now() - limits.inboxItemLifetimeMs;
    return (this.#kept?.former ?? []).filter((home) => home.since > since);
  }

  /** Within the transaction that moves. */
  moved(at: Home, from: FormerHome): void {
    const others = this.former.filter(({ server }) => server !== from.server && server !== at.server);
    this.#keep({ at, former: [from, ...others].slice(0, formerMax) });
  }

  /** Where we live has another key from now on, and is where it was. */
  renewed(server: ServerId, address: HomeAddress | undefined): void {
    this.#keep({ at: { server, address: address ?? null }, former: this.former });
  }

  change(server: ServerId, changes: Partial<FormerHome>): void {
    const kept = this.#kept;
    if (kept === undefined) return;
    const former = kept.former.map((home) => (home.server === server ? { ...home, ...changes } : home));
    this.#keep({ ...kept, former });
  }

  /** Nothing of ours is there any more. */
  forget(server: ServerId): void {
    const kept = this.#kept;
    if (kept === undefined) return;
    this.#keep({ ...kept, former: kept.former.filter((home) => home.server !== server) });
  }

  /** How far the inbox of a former home was read; the rest of an inbox's bookkeeping is the engine's own. */
  cursors(server: ServerId, { transport }: Pick<EngineStore, "transport">): InboxCursors {
    const cursor = () => this.former.find((home) => home.server === server)?.cursor ?? undefined;
    const put = (incarnation: string, position: number) =>
      this.change(server, { cursor: { incarnation, position } });
    return {
      cursor() {
        const held = cursor();
        return held && { incarnation: decodeBase32(held.incarnation), position: held.position };
      },
      putCursor: (incarnation, position) => put(encodeBase32(incarnation), position),
      advanceCursor(position) {
        const held = cursor();
        if (held !== undefined) put(held.incarnation, Math.max(held.position, position));
      },
      wasSeen: (envelope) => transport.wasSeen(envelope),
      saw: (envelope, at) => transport.saw(envelope, at),
      forgetSeenBefore: (time) => transport.forgetSeenBefore(time),
    };
  }

  get #kept(): Kept | undefined {
    const kept = this.#store.identity.setting(setting);
    return kept === undefined ? undefined : (JSON.parse(new TextDecoder().decode(kept)) as Kept);
  }

  #keep(kept: Kept): void {
    this.#store.identity.putSetting(setting, new TextEncoder().encode(JSON.stringify(kept)));
  }
}
