/**
 * Dials one homeserver: its addresses side by side, each a little after the one before it, then ways through relays in
 * the same manner; the first that opens and is proved to be that server wins. Invariant: of one call at most one channel
 * opens; the carriers of the others are closed before their handshakes end, since a second channel would replace the
 * first at the peer. [L3] [L14] [L18] [C8]
 */
import type {
  ByteChannel,
  Clock,
  ErrorCode,
  ProvedServer,
  SecureChannel,
  ServerAddress,
  ServerId,
  Timer,
} from "@fedchat/protocol";
import { dialChannel, linkPath, ProtocolError } from "@fedchat/protocol";
import { dialsAtOnceMax, dialStaggerMs, dialTimeoutMs, waysAfterMs, waysAtOnceMax } from "../limits.ts";
import type { FederationOptions } from "./options.ts";
import { linkFeatures } from "./link-features.ts";

export type DialPorts = Pick<
  FederationOptions,
  "clock" | "random" | "primitives" | "noisePrivateKey" | "ownRecord" | "dialer"
>;

/** A way through relays that may lead to the server. */
export interface Way {
  /** The relays, in order from here. */
  via: readonly ServerId[];
  /** Opens a carrier through them. Rejects with `ProtocolError`. */
  open(): Promise<ByteChannel>;
  /** Somebody answered there, but it did not prove to be the server. */
  misled(): void;
}

export interface DialTarget {
  server: ServerId;
  addresses: ServerAddress[];
  noiseKey: Uint8Array | undefined;
  /** Looked for once, when the addresses failed or were silent for a moment. */
  ways: () => Way[];
  /** How long that moment is; absent: `waysAfterMs`. */
  silenceMs?: number;
  /** Whether a connection came about meanwhile by which this attempt is of no use. */
  superseded: () => boolean;
}

export type OpenedLink = SecureChannel & { server: ProvedServer };

/** Where a channel opened: at an address, or through relays. */
export interface Place {
  address: ServerAddress | undefined;
  via: readonly ServerId[];
}

export interface DialListener<T> {
  /**
   * Called in the turn in which the channel opens, since messages may follow at once; where it throws a
   * `ProtocolError` this place failed.
   */
  opened: (channel: OpenedLink, place: Place) => T;
  /** Called for each address that failed, before the next one is tried. */
  failed: (address: ServerAddress, error: ProtocolError) => void;
}

/**
 * The next place is dialled when the one before it failed, or has taken `dialStaggerMs` (RFC 8305 §5). Resolves with
 * undefined once superseded; rejects with the most telling `ProtocolError` of all places.
 */
export function dialPeer<T>(
  ports: DialPorts,
  target: DialTarget,
  listener: DialListener<T>,
): Promise<T | undefined> {
  const race: Race = { over: false, carriers: new Set() };
  const addresses: Lane = {
    waiting: target.addresses.map((address) => addressCandidate(ports, address, listener.failed)),
    atOnceMax: dialsAtOnceMax,
    underWay: 0,
    timer: undefined,
  };
  const ways: Lane = { waiting: [], atOnceMax: waysAtOnceMax, underWay: 0, timer: undefined };
  let worst: { failure: ProtocolError; rank: number } | undefined;
  return new Promise((resolve, reject) => {
    let looked = false;
    const silence = ports.clock.after(target.silenceMs ?? waysAfterMs, lookForWays);

    function end(): void {
      race.over = true;
      for (const timer of [silence, addresses.timer, ways.timer]) timer?.cancel();
      for (const carrier of race.carriers) carrier.close("another address was faster");
    }

    function lookForWays(): void {
      if (looked || race.over) return;
      looked = true;
      ways.waiting.push(...target.ways().map(wayCandidate));
      next(ways);
    }

    function next(lane: Lane): void {
      lane.timer?.cancel();
      if (race.over || lane.underWay >= lane.atOnceMax) return;
      if (target.superseded()) {
        end();
        return resolve(undefined);
      }
      const candidate = lane.waiting.shift();
      if (candidate !== undefined) {
        lane.underWay += 1;
        void dial(lane, candidate);
        lane.timer = ports.clock.after(dialStaggerMs, () => next(lane));
      } else if (addresses.waiting.length + addresses.underWay === 0) {
        if (!looked) return lookForWays();
        if (ways.underWay > 0) return;
        end();
        reject(worst?.failure ?? new ProtocolError("unreachable", "No address is known for this server."));
      }
    }

    async function dial(lane: Lane, candidate: Candidate): Promise<void> {
      let proved = false;
      try {
        const channel = await dialCandidate(ports, target, candidate, race);
        if (race.over) return channel.close("replaced");
        proved = true;
        resolve(listener.opened(channel, candidate.place));
        end();
      } catch (error) {
        if (!(error instanceof ProtocolError)) {
          end();
          reject(error as Error);
        } else if (!race.over) {
          const failure = candidate.failed(error, proved);
          // Of failures that tell the same, those of ways: they say what can be done.
          const rank = telling(failure) + (lane === ways ? 0.5 : 0);
          if (worst === undefined || rank > worst.rank) worst = { failure, rank };
        }
      } finally {
        lane.underWay -= 1;
        next(lane);
      }
    }

    next(addresses);
  });
}

/** One place to dial. */
interface Candidate {
  place: Place;
  carrier(): Promise<ByteChannel>;
  /**
   * Called where it failed; what that means for the whole.
   * @param proved the server itself answered there, and was not taken
   */
  failed(error: ProtocolError, proved: boolean): ProtocolError;
}

/** Places of one kind, and how far their dials are. */
interface Lane {
  waiting: Candidate[];
  atOnceMax: number;
  underWay: number;
  timer: Timer | undefined;
}

/** What the dials of one call know of each other. */
interface Race {
  /** Nothing more is wanted. */
  over: boolean;
  /** Those in their handshakes. */
  carriers: Set<ByteChannel>;
}

function addressCandidate(
  { dialer }: DialPorts,
  address: ServerAddress,
  failed: (address: ServerAddress, error: ProtocolError) => void,
): Candidate {
  return {
    place: { address, via: [] },
    carrier: () => dialer.dial(address, linkPath),
    failed(error) {
      failed(address, error);
      return error;
    },
  };
}

/** Whatever answers at the end of a way that is not the server speaks against the relays, never against the server. */
function wayCandidate(way: Way): Candidate {
  let opened = false;
  return {
    place: { address: undefined, via: way.via },
    async carrier() {
      const carrier = await way.open();
      opened = true;
      return carrier;
    },
    failed(error, proved) {
      if (!opened || proved) return error;
      way.misled();
      const detail = "Its relays led to something that did not prove to be this server.";
      return new ProtocolError("unreachable", detail, { cause: error });
    },
  };
}

async function dialCandidate(
  ports: DialPorts,
  target: DialTarget,
  candidate: Candidate,
  race: Race,
): Promise<OpenedLink> {
  if (target.noiseKey === undefined) return open(ports, target, candidate, undefined, race);
  try {
    return await open(ports, target, candidate, target.noiseKey, race);
  } catch (error) {
    if (race.over || !(error instanceof ProtocolError) || error.code !== "handshake-failed") throw error;
    // The known key was not accepted: it may have been renewed. [L4]
    return open(ports, target, candidate, undefined, race);
  }
}

async function open(
  ports: DialPorts,
  target: DialTarget,
  candidate: Candidate,
  noiseKey: Uint8Array | undefined,
  race: Race,
): Promise<OpenedLink> {
  const carrier = await inTime(ports.clock, candidate.carrier());
  if (race.over) {
    carrier.close("another address was faster");
    throw new ProtocolError("unreachable");
  }
  race.carriers.add(carrier);
  try {
    return await dialChannel({
      channel: carrier,
      protocol: "fedchat-link",
      expects: target.server,
      noiseKey,
      staticKey: ports.noisePrivateKey,
      record: ports.ownRecord().signed,
      features: linkFeatures,
      primitives: ports.primitives,
      random: ports.random,
      clock: ports.clock,
    });
  } finally {
    race.carriers.delete(carrier);
  }
}

/** A carrier that opens after the time-out is closed again. */
function inTime(clock: Clock, dialled: Promise<ByteChannel>): Promise<ByteChannel> {
  return new Promise((resolve, reject) => {
    let late = false;
    const timer = clock.after(dialTimeoutMs, () => {
      late = true;
      reject(new ProtocolError("unreachable"));
    });
    dialled.then(
      (channel) => {
        timer.cancel();
        if (late) channel.close("too late");
        else resolve(channel);
      },
      (error: unknown) => {
        timer.cancel();
        reject(
          error instanceof ProtocolError
            ? error
            : new ProtocolError("unreachable", undefined, { cause: error }),
        );
      },
    );
  });
}

/** From the least telling: who answered with another key says more than who did not answer. */
const leastTelling: ErrorCode[] = [
  "unreachable",
  "not-fedchat",
  "malformed",
  "handshake-failed",
  "wrong-server-key",
];

function telling(error: ProtocolError): number {
  const rank = leastTelling.indexOf(error.code);
  return rank === -1 ? leastTelling.length : rank;
}
