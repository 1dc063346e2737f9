/**
 * Dials one homeserver: its addresses side by side, each a little after the one before it; the first that opens and is
 * proved to be that server wins. Invariant: of one call at most one channel opens; the carriers of the others are closed
 * before their handshakes end, since a second channel would replace the first at the peer. [L3] [L14] [L18]
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
import { dialsAtOnceMax, dialStaggerMs, dialTimeoutMs } from "../limits.ts";
import type { FederationOptions } from "./options.ts";

export type DialPorts = Pick<
  FederationOptions,
  "clock" | "random" | "primitives" | "noisePrivateKey" | "ownRecord" | "dialer"
>;

export interface DialTarget {
  server: ServerId;
  addresses: ServerAddress[];
  noiseKey: Uint8Array | undefined;
}

export type OpenedLink = SecureChannel & { server: ProvedServer };

/** What we offer in the hello; none so far. */
export const linkFeatures: string[] = [];

/**
 * The next address is dialled when the one before it failed, or has taken `dialStaggerMs` (RFC 8305 §5). Rejects with
 * the most telling `ProtocolError` of all addresses.
 * @param opened called in the turn in which the channel opens, since messages may follow at once; where it throws a
 *   `ProtocolError` this address failed
 * @param failed called for each address that failed, before the next one is tried
 */
export function dialPeer<T>(
  ports: DialPorts,
  target: DialTarget,
  opened: (channel: OpenedLink, address: ServerAddress) => T,
  failed: (address: ServerAddress, error: ProtocolError) => void,
): Promise<T> {
  const waiting = [...target.addresses];
  const race: Race = { over: false, carriers: new Set() };
  let underWay = 0;
  let worst: ProtocolError | undefined;
  let timer: Timer | undefined;
  return new Promise((resolve, reject) => {
    function end(): void {
      race.over = true;
      timer?.cancel();
      for (const carrier of race.carriers) carrier.close("another address was faster");
    }

    function next(): void {
      timer?.cancel();
      if (race.over || underWay >= dialsAtOnceMax) return;
      const address = waiting.shift();
      if (address !== undefined) {
        underWay += 1;
        void dial(address);
        timer = ports.clock.after(dialStaggerMs, next);
      } else if (underWay === 0) {
        end();
        reject(worst ?? new ProtocolError("unreachable", "No address is known for this server."));
      }
    }

    async function dial(address: ServerAddress): Promise<void> {
      try {
        const channel = await dialAddress(ports, target, address, race);
        if (race.over) return channel.close("replaced");
        resolve(opened(channel, address));
        end();
      } catch (error) {
        if (error instanceof ProtocolError) {
          failed(address, error);
          if (worst === undefined || telling(error) > telling(worst)) worst = error;
        } else {
          end();
          reject(error as Error);
        }
      } finally {
        underWay -= 1;
        next();
      }
    }

    next();
  });
}

/** What the dials of one call know of each other. */
interface Race {
  /** Nothing more is wanted. */
  over: boolean;
  /** Those in their handshakes. */
  carriers: Set<ByteChannel>;
}

async function dialAddress(
  ports: DialPorts,
  target: DialTarget,
  address: ServerAddress,
  race: Race,
): Promise<OpenedLink> {
  if (target.noiseKey === undefined) return open(ports, target, address, undefined, race);
  try {
    return await open(ports, target, address, target.noiseKey, race);
  } catch (error) {
    if (race.over || !(error instanceof ProtocolError) || error.code !== "handshake-failed") throw error;
    // The known key was not accepted: it may have been renewed. [L4]
    return open(ports, target, address, undefined, race);
  }
}

async function open(
  ports: DialPorts,
  target: DialTarget,
  address: ServerAddress,
  noiseKey: Uint8Array | undefined,
  race: Race,
): Promise<OpenedLink> {
  const carrier = await inTime(ports.clock, ports.dialer.dial(address, linkPath));
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
