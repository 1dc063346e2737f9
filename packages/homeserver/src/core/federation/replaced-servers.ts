/**
 * Keys that servers had before, and which key each has instead: by the word of the recovery key that the former key's own
 * record had named before. Invariants: what was said once stays so, whatever the former key signs; only a later word of
 * the same recovery key changes it; what is known of servers that nobody here has to do with is bounded. [R8] [R9]
 */
import type { Primitives, ReplacedServer, ServerId, ServerRecord } from "@fedchat/protocol";
import { array, bytes, decode, encode, isReplacedBy, serverId, struct, uint } from "@fedchat/protocol";
import type { WriteOp } from "../../store/store.ts";
import { claimantsOfOneMax, replacedServersMax, replacementsClaimedMax } from "../limits.ts";
import { keepNewest } from "../keep-newest.ts";

const key = "servers.replaced";
const stored = array(
  struct({ former: serverId.codec, successor: serverId.codec, issued: uint({}), hash: bytes(32) }),
  { max: replacedServersMax },
);

interface Replaced {
  successor: ServerId;
  issued: number;
  /** Of the recovery key: a later word is its, too. */
  hash: Uint8Array;
}

export interface Replacement {
  former: ServerId;
  successor: ServerId;
}

export interface ReplacedServersPorts {
  meta: ReadonlyMap<string, Uint8Array>;
  primitives: Primitives;
  /** What is believed of this server's own former keys. */
  own: Pick<ServerRecord, "key" | "replaces">;
  /** The newest record that is held of a server. */
  record: (server: ServerId) => ServerRecord | undefined;
  /** Whether somebody here has to do with a server. */
  keeps: (server: ServerId) => boolean;
}

export class ReplacedServers {
  readonly #ports: ReplacedServersPorts;
  readonly #replaced = new Map<ServerId, Replaced>();
  /** Who say of themselves to be a server of which no record was here: most of them may lie. */
  readonly #claimed = new Map<ServerId, Set<ServerId>>();
  /** By their heirs; undefined: to be found anew. */
  #formers: Map<ServerId, ServerId[]> | undefined;

  constructor(ports: ReplacedServersPorts) {
    this.#ports = ports;
    const kept = ports.meta.get(key);
    for (const { former, ...row } of kept === undefined ? [] : decode(stored, kept))
      this.#replaced.set(former, row);
    for (const { server, issued, recoveryKey } of ports.own.replaces ?? [])
      this.#replaced.set(server, {
        ...{ successor: ports.own.key, issued },
        hash: ports.primitives.sha256(recoveryKey),
      });
  }

  /** Whether this key is nobody's any more. */
  has(server: ServerId): boolean {
    return this.#replaced.has(server);
  }

  /** The server that has this key now, or another one in its place. */
  heir(server: ServerId): ServerId {
    return this.#line(server).at(-1)!;
  }

  /** The keys that a server had before. */
  formersOf(server: ServerId): readonly ServerId[] {
    this.#formers ??= Map.groupBy(this.#replaced.keys(), (former) => this.heir(former));
    return this.#formers.get(server) ?? [];
  }

  /** The last key that a server had before, and when its owner said that it has another one. */
  lastOf(server: ServerId): { server: ServerId; issued: number } | undefined {
    const found = [...this.#replaced].filter(([, { successor }]) => successor === server);
    const [last] = found.toSorted(([, a], [, b]) => b.issued - a.issued);
    return last && { server: last[0], issued: last[1].issued };
  }

  /**
   * What a record says that its own key signed: of keys that its server had before, and whether another one that is known
   * says so of it. Gives what is new.
   */
  learn(record: ServerRecord): Replacement[] {
    const claims = [...(this.#claimed.get(record.key) ?? [])].map((claimant) => this.#ports.record(claimant));
    return [record, ...claims].flatMap((one) => (one === undefined ? [] : this.#learn(one, record)));
  }

  /** What stores all of it. */
  storing(): WriteOp[] {
    const rows = [...this.#replaced].map(([former, row]) => ({ former, ...row }));
    return [{ op: "meta.put", key, value: encode(stored, rows) }];
  }

  #learn({ key: successor, replaces = [] }: ServerRecord, newest: ServerRecord): Replacement[] {
    const { primitives, own } = this.#ports;
    return replaces.flatMap((said): Replacement[] => {
      const { server: former, issued } = said;
      if (former === own.key || this.#line(successor).includes(former) || !this.#isLater(said)) return [];
      const hash = this.#hashOf(former, newest);
      if (hash === undefined) this.#claim(former, successor);
      if (hash === undefined || !isReplacedBy(primitives, successor, said, hash)) return [];
      this.#replaced.delete(former);
      this.#replaced.set(former, { successor, issued, hash });
      this.#claimed.delete(former);
      this.#makeRoom();
      this.#formers = undefined;
      return [{ former, successor }];
    });
  }

  /** Of too many claims of one key, one goes of a server that nobody here has to do with. */
  #claim(former: ServerId, successor: ServerId): void {
    const claimants = this.#claimed.get(former) ?? new Set();
    claimants.delete(successor);
    if (claimants.size >= claimantsOfOneMax) {
      const [oldest] = claimants;
      claimants.delete([...claimants].find((one) => !this.#ports.keeps(one)) ?? oldest!);
    }
    claimants.add(successor);
    keepNewest(this.#claimed, former, claimants, replacementsClaimedMax);
  }

  /** A key, and those that came in its place one after the other: none leads back to itself. */
  #line(server: ServerId): ServerId[] {
    const line = [server];
    for (let next = this.#replaced.get(server); next !== undefined; next = this.#replaced.get(next.successor))
      line.push(next.successor);
    return line;
  }

  #isLater({ server, issued }: ReplacedServer): boolean {
    const known = this.#replaced.get(server);
    return known === undefined || issued > known.issued;
  }

  /** Of the recovery key that a server named; what was known before counts. */
  #hashOf(server: ServerId, newest: ServerRecord): Uint8Array | undefined {
    const known = this.#replaced.get(server)?.hash;
    if (known !== undefined) return known;
    const held = this.#ports.record(server) ?? (newest.key === server ? newest : undefined);
    return held?.recoveryKeyHash;
  }

  #makeRoom(): void {
    const { own, keeps } = this.#ports;
    while (this.#replaced.size > replacedServersMax) {
      const others = [...this.#replaced].filter(([, { successor }]) => successor !== own.key);
      const [oldest] = others.find(([, { successor }]) => !keeps(successor)) ?? others[0]!;
      this.#replaced.delete(oldest);
    }
  }
}
