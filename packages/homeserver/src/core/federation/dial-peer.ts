/**
 * Dials one homeserver: each of its addresses in turn, with its known Noise key (IK), and once without it (XX) where
 * that key is not accepted, since it may have been renewed. What opens is proved to be that server. [L3] [L14]
 */
import type {
  ByteChannel,
  Clock,
  ErrorCode,
  ProvedServer,
  SecureChannel,
  ServerAddress,
  ServerId,
} from "@fedchat/protocol";
import { dialChannel, linkPath, ProtocolError } from "@fedchat/protocol";
import { dialTimeoutMs } from "../limits.ts";
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
 * Rejects with the most telling `ProtocolError` of all addresses.
 * @param opened called in the turn in which the channel opens, since messages may follow at once
 */
export async function dialPeer<T>(
  ports: DialPorts,
  target: DialTarget,
  opened: (channel: OpenedLink) => T,
): Promise<T> {
  let worst = new ProtocolError("unreachable", "No address is known for this server.");
  for (const [index, address] of target.addresses.entries()) {
    try {
      return opened(await dialAddress(ports, target, address));
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      if (index === 0 || telling(error) > telling(worst)) worst = error;
    }
  }
  throw worst;
}

async function dialAddress(
  ports: DialPorts,
  target: DialTarget,
  address: ServerAddress,
): Promise<OpenedLink> {
  if (target.noiseKey === undefined) return open(ports, target, address, undefined);
  try {
    return await open(ports, target, address, target.noiseKey);
  } catch (error) {
    if (!(error instanceof ProtocolError) || error.code !== "handshake-failed") throw error;
    return open(ports, target, address, undefined);
  }
}

async function open(
  ports: DialPorts,
  target: DialTarget,
  address: ServerAddress,
  noiseKey: Uint8Array | undefined,
): Promise<OpenedLink> {
  const channel = await inTime(ports.clock, ports.dialer.dial(address, linkPath));
  return dialChannel({
    channel,
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
