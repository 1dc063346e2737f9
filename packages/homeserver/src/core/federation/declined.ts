/**
 * Servers that a person unlinked which a directory had linked: no directory links them again. Bounded; the oldest
 * decision goes first. [D4]
 */
import type { ServerId } from "@fedchat/protocol";
import { serverId } from "@fedchat/protocol";
import type { WriteOp } from "../../store/store.ts";
import { declinedServersMax } from "../limits.ts";

const key = "directories.declined";
const idBytes = 32;

export class Declined {
  readonly #servers = new Set<ServerId>();

  constructor(meta: ReadonlyMap<string, Uint8Array>) {
    const stored = meta.get(key) ?? new Uint8Array(0);
    for (let at = 0; at + idBytes <= stored.length; at += idBytes) {
      this.#servers.add(serverId.fromBytes(stored.slice(at, at + idBytes)));
    }
  }

  has(server: ServerId): boolean {
    return this.#servers.has(server);
  }

  /** Gives what stores that; nothing where it was so before. */
  set(server: ServerId, declined: boolean): WriteOp[] {
    if (this.#servers.has(server) === declined) return [];
    if (declined) this.#servers.add(server);
    else this.#servers.delete(server);
    for (const oldest of this.#servers) {
      if (this.#servers.size <= declinedServersMax) break;
      this.#servers.delete(oldest);
    }
    const value = new Uint8Array(this.#servers.size * idBytes);
    [...this.#servers].forEach((one, index) => value.set(serverId.toBytes(one), index * idBytes));
    return [{ op: "meta.put", key, value }];
  }
}
