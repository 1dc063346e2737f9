/**
 * What a linked server says of itself and of us: whether it links us, and its newer records. Invariants: what strangers
 * can make us remember is bounded; a record with another Noise key is believed only after a new handshake; one with a
 * name that another has ends the connection. [L13] [L15] [R5] [R6]
 */
import type { Clock, ServerId, ServerRecord } from "@fedchat/protocol";
import { ProtocolError } from "@fedchat/protocol";
import { newsDialRate } from "../limits.ts";
import type { Log } from "../log.ts";
import { RateLimits } from "../rate-limits.ts";
import { sameBytes } from "../same-bytes.ts";
import type { LocalAccounts } from "../seams.ts";
import type { Connection } from "./connection.ts";
import type { Declined } from "./declined.ts";
import type { Link } from "./link.ts";
import type { LinkNames } from "./link-names.ts";
import { hasRoom, strangerToForget } from "./link-room.ts";
import type { Links } from "./links.ts";
import { NewerRecords } from "./newer-records.ts";
import type { FederationPolicy } from "./options.ts";
import type { ServerRecords } from "./records.ts";

export interface LinkNewsPorts {
  clock: Clock;
  log: Log;
  policy: Pick<FederationPolicy, "accept">;
  accounts: Pick<LocalAccounts, "hasGrantAt">;
  links: Links;
  names: LinkNames;
  records: Pick<ServerRecords, "get" | "signed" | "admitSent">;
  declined: Pick<Declined, "has">;
  queueDepth: (server: ServerId) => number;
  /** Whether a directory announced this server. [D4] */
  announced: (server: ServerId) => boolean;
}

export class LinkNews {
  readonly #ports: LinkNewsPorts;
  readonly #newerRecords: NewerRecords;
  readonly #dials: RateLimits<ServerId>;
  /** Connections whose first `trust` was heard. */
  readonly #greeted = new WeakSet<Connection>();

  constructor(ports: LinkNewsPorts) {
    this.#ports = ports;
    this.#newerRecords = new NewerRecords(ports.clock);
    this.#dials = new RateLimits(newsDialRate, ports.clock);
  }

  stop(): void {
    this.#newerRecords.stop();
  }

  /** The peer said whether it has linked us. Saying so again and again counts as a fault. [L13] */
  async trust(link: Link, linked: boolean): Promise<void> {
    const { connection } = link;
    if (connection === undefined) return;
    if (this.#greeted.has(connection)) {
      connection.fault();
      if (linked === link.row.linkedByThem) return;
    }
    this.#greeted.add(connection);
    const { links, clock, log } = this.#ports;
    const linkedBack = linked && !link.row.linkedByUs ? this.#linkedBack(link) : {};
    if (linked && !link.stored) this.#makeRoomForStranger(link);
    await links
      .change(link, { linkedByThem: linked, lastContactAt: clock.now(), ...linkedBack })
      .catch((error: unknown) => log.warn("a link was not stored", { error: String(error) }));
  }

  /** Whom it has linked a server lets in: one that turns us away has not, whatever it said before. [L13] */
  async turnedAway(link: Link): Promise<void> {
    if (!link.row.linkedByThem || link.row.blocked) return;
    const { links, log } = this.#ports;
    await links
      .change(link, { linkedByThem: false })
      .catch((error: unknown) => log.warn("a link was not stored", { error: String(error) }));
  }

  /**
   * A newer record of the peer's. One with another Noise key needs a new handshake to be believed; one with a name that
   * another server has ends the connection. What comes too fast waits for its turn, before it is verified. [R5] [R6]
   */
  record(link: Link, signed: Uint8Array): void {
    const { connection } = link;
    const known = this.#ports.records.signed(link.server);
    if (known !== undefined && sameBytes(known, signed)) return this.#take(link, signed);
    const own = signed.slice();
    let due = true;
    this.#newerRecords.take(link.server, this.#ports.clock.now(), () => {
      if (due) return this.#take(link, own);
      try {
        if (link.connection === connection) this.#take(link, own);
      } catch (error) {
        if (!(error instanceof ProtocolError)) throw error;
        connection?.fault();
      }
    });
    due = false;
  }

  /** A newer record of this server came from others: where it is wanted it is dialled at once. [G5] */
  heard(server: ServerId, before: ServerRecord | undefined): void {
    const link = this.#ports.links.get(server);
    if (link !== undefined) this.#changed(link, before);
  }

  /** Whether a server that links us is linked unasked, as the policy says or because a directory announced it. [D4] */
  #linkedBack({ server }: Link): Partial<Link["row"]> {
    const { policy, links, names, records, announced, declined } = this.#ports;
    const byPolicy = policy.accept === "anyone" && hasRoom(links.all(), "person");
    if (byPolicy && names.fault(server, records.get(server)?.name) === undefined) return { linkedByUs: true };
    const byDirectory = announced(server) && !declined.has(server) && hasRoom(links.all(), "directory");
    return byDirectory ? { linkedByUs: true, origin: "directory" } : {};
  }

  #makeRoomForStranger(arrival: Link): void {
    const { links, accounts, queueDepth } = this.#ports;
    const silent = strangerToForget(links.all(), arrival, accounts, queueDepth);
    if (silent !== undefined) void links.change(silent, { linkedByThem: false }).catch(() => undefined);
  }

  #take(link: Link, signed: Uint8Array): void {
    const { records, names, links, clock } = this.#ports;
    const before = records.get(link.server);
    try {
      if (!records.admitSent(link.server, signed, clock.now(), (name) => names.mayTake(link, name))) return;
    } catch (error) {
      if (!(error instanceof ProtocolError) || error.code !== "name-taken") throw error;
      return link.disconnect("name-taken");
    }
    links.storeRecord(link);
    this.#changed(link, before);
  }

  #changed(link: Link, before: ServerRecord | undefined): void {
    const { links, records } = this.#ports;
    links.changed(link.server);
    const after = records.get(link.server);
    if (before === undefined || after === undefined || !sameBytes(before.noiseKey, after.noiseKey)) {
      link.disconnect("closing");
    }
    if (!link.wanted || (link.connected && link.via.length === 0)) return;
    if (this.#dials.take(link.server) === 0) link.addressesChanged();
  }
}
