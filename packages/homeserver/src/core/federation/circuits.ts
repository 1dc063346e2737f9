/**
 * All circuits of this server: those that it opens, those that end here and those that pass. Invariants: circuits run
 * over direct connections only; a circuit ends with any connection that it passes; what neighbours can have us open is
 * limited by neighbour and, where it ends here, by the source that they name, too. [C1] to [C6]
 */
import type { ByteChannel, CircuitPiece, ErrorCode, ServerId, Timer } from "@fedchat/protocol";
import { errorCodes, ProtocolError } from "@fedchat/protocol";
import { circuitOpenMs, circuitOpenRate } from "../limits.ts";
import { RateLimits } from "../rate-limits.ts";
import { CircuitChannel } from "./circuit-channel.ts";
import type { CircuitEnd, CircuitMessage, CircuitOpen, Leg } from "./circuit-legs.ts";
import { CircuitLegs } from "./circuit-legs.ts";
import type { Connection } from "./connection.ts";
import type { Link } from "./link.ts";
import type { FederationOptions, Remote } from "./options.ts";
import type { Neighbour } from "./relay.ts";
import { Relay } from "./relay.ts";

/** A way did not lead to its destination. */
export class WayFailed extends ProtocolError {
  /** The server that could not go on, where one said so. */
  readonly at: ServerId | undefined;

  constructor(end: CircuitEnd) {
    super(knownCode(end.code));
    this.at = end.at;
  }
}

export interface CircuitsPorts {
  options: Pick<FederationOptions, "clock" | "ownRecord" | "relaying">;
  link: (server: ServerId) => Link | undefined;
  /** Takes a carrier whose other end says that it is another homeserver. */
  accept: (channel: ByteChannel, remote: Remote) => void;
}

export class Circuits {
  readonly relay: Relay;
  readonly #ports: CircuitsPorts;
  readonly #self: ServerId;
  readonly #legs = new WeakMap<Connection, CircuitLegs>();
  /** Of circuits that we opened, or that end here. */
  readonly #ends = new WeakMap<Connection, Set<CircuitChannel>>();
  readonly #rate: RateLimits<ServerId>;

  constructor(ports: CircuitsPorts) {
    const { clock, ownRecord, relaying } = ports.options;
    this.#ports = ports;
    this.#self = ownRecord().record.key;
    this.#rate = new RateLimits(circuitOpenRate, clock);
    this.relay = new Relay({
      self: this.#self,
      clock,
      relaysFor: () => ownRecord().record.relaysFor,
      bytesPerSecond: () => relaying.bytesPerSecond,
      neighbour: (server) => this.#neighbour(server),
    });
  }

  /**
   * Opens a circuit through relays, the first of which is at the other end of `connection`. Rejects with `WayFailed`.
   * @param ended told when a circuit that was opened ends otherwise than by our `close`
   */
  open(
    connection: Connection,
    destination: ServerId,
    ahead: ServerId[],
    ended: (end: CircuitEnd) => void,
  ): Promise<ByteChannel> {
    const { clock } = this.#ports.options;
    if (connection.via.length > 0) throw new Error("a circuit runs over direct connections only");
    const leg = this.#legsOf(connection).create();
    return new Promise((resolve, reject) => {
      const fail = (end: CircuitEnd): void => {
        timer.cancel();
        reject(new WayFailed(end));
      };
      const timer: Timer = clock.after(circuitOpenMs, () => {
        leg.close({ code: "unreachable", at: undefined });
        fail({ code: "unreachable", at: undefined });
      });
      const violated = (): void => {
        leg.close({ code: "malformed", at: undefined });
        fail({ code: "malformed", at: undefined });
      };
      leg.taker = {
        opened: () => {
          timer.cancel();
          const channel = this.#end(connection, leg);
          channel.onEnded = ended;
          resolve(channel);
        },
        credited: violated,
        piece: violated,
        ended: fail,
      };
      leg.open({ source: this.#self, destination, path: ahead });
    });
  }

  /** Whether any circuit of ours runs over this connection. */
  carries(connection: Connection): boolean {
    return (this.#ends.get(connection)?.size ?? 0) > 0;
  }

  control(connection: Connection, message: CircuitMessage): void {
    const legs = this.#legsOf(connection);
    if (message.kind === "circuitOpen") this.#opening(connection, legs, message);
    else legs.control(message);
  }

  piece(connection: Connection, piece: CircuitPiece): void {
    this.#legs.get(connection)?.piece(piece);
  }

  /** The connection is gone. */
  closed(connection: Connection): void {
    this.#legs.get(connection)?.closed();
    this.#legs.delete(connection);
  }

  #opening(connection: Connection, legs: CircuitLegs, message: CircuitOpen): void {
    const leg = legs.take(message.circuit);
    if (leg === undefined) return connection.fault();
    const asker = this.#neighbour(connection.server.record.key);
    const refuse = (code: ErrorCode): void => leg.close({ code, at: this.#self });
    if (asker === undefined || asker.legs !== legs) return refuse("unreachable");
    if (this.#rate.take(asker.server) > 0) return refuse("rate-limited");
    if (message.destination !== this.#self) return this.relay.open(leg, asker, message);
    const sound = asker.direct && message.path.length === 0 && message.source !== this.#self;
    if (!sound) return refuse("malformed");
    const channel = this.#end(connection, leg);
    leg.opened();
    // Sources are claims, which a stranger can make as many of as it likes.
    const address = asker.mutual ? `${asker.server}/${message.source}` : asker.server;
    this.#ports.accept(channel, { address, fromOutside: false, via: [asker.server] });
  }

  #end(connection: Connection, leg: Leg): CircuitChannel {
    const ends = this.#ends.get(connection) ?? new Set();
    this.#ends.set(connection, ends);
    const channel: CircuitChannel = new CircuitChannel(leg, () => ends.delete(channel));
    ends.add(channel);
    return channel;
  }

  #neighbour(server: ServerId): Neighbour | undefined {
    const link = this.#ports.link(server);
    const connection = link?.connection;
    if (link === undefined || connection?.confirmed !== true) return undefined;
    return {
      server,
      mutual: link.standing === "mutual",
      direct: connection.via.length === 0,
      legs: this.#legsOf(connection),
    };
  }

  #legsOf(connection: Connection): CircuitLegs {
    const held = this.#legs.get(connection) ?? new CircuitLegs(this.#self, connection);
    this.#legs.set(connection, held);
    return held;
  }
}

function knownCode(code: string): ErrorCode {
  return (errorCodes as string[]).includes(code) ? (code as ErrorCode) : "unreachable";
}
