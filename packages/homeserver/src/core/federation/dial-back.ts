/**
 * Tells a linked homeserver which of its addresses can be dialled from here. It is proved as to a device without a
 * session: a link's handshake would end in a second connection, which replaces the first ([L18]). Invariant: nobody has
 * anything dialled but their own addresses, and learns nothing of what else answers in this server's own network. [L25]
 */
import type {
  ByteChannel,
  Clock,
  DialBackResult,
  Primitives,
  RandomSource,
  ServerAddress,
  ServerId,
} from "@fedchat/protocol";
import {
  clientPath,
  dialBackResults,
  dialChannel,
  encode,
  isAddress,
  isDisguised,
  isLoopbackHost,
  isPrivateHost,
  isSameHost,
  ProtocolError,
} from "@fedchat/protocol";
import { dialBackMs, dialBackRate, dialBacksMax } from "../limits.ts";
import { RateLimits } from "../rate-limits.ts";
import type { Dialer, Remote } from "./options.ts";

export interface DialBackPorts {
  clock: Clock;
  random: RandomSource;
  primitives: Primitives;
  dialer: Dialer;
}

/** Who asks. */
export interface DialBackAsker {
  server: ServerId;
  /** Of its record. */
  addresses: readonly ServerAddress[];
  /** Where it connected from; undefined where it was dialled. */
  remote: Remote | undefined;
}

export class DialBack {
  readonly #ports: DialBackPorts;
  readonly #rate: RateLimits<ServerId>;
  #underWay = 0;

  constructor(ports: DialBackPorts) {
    this.#ports = ports;
    this.#rate = new RateLimits(dialBackRate, ports.clock);
  }

  /** The encoded answer. Rejects with `rate-limited`. */
  async answer(asker: DialBackAsker, asked: readonly ServerAddress[]): Promise<Uint8Array> {
    const retryAfterMs = this.#underWay < dialBacksMax ? this.#rate.take(asker.server) : dialBackMs;
    if (retryAfterMs > 0) throw new ProtocolError("rate-limited", undefined, { retryAfterMs });
    this.#underWay += 1;
    try {
      const results = await Promise.all(
        allowed(asker, asked).map(async (address): Promise<DialBackResult> => {
          let isOutside = isAddress(address.host) && !isPrivateHost(address.host);
          const code = await this.#prove(asker.server, address, (resolved) => {
            isOutside = !isPrivateHost(address.host) && !resolved.some(isPrivateHost);
          });
          // Of a name it counts what it led to in this very dial.
          return { address, code: isOutside || code === "ok" ? code : "unreachable" };
        }),
      );
      return encode(dialBackResults, results);
    } finally {
      this.#underWay -= 1;
    }
  }

  #prove(
    expects: ServerId,
    address: ServerAddress,
    resolved: (addresses: readonly string[]) => void,
  ): Promise<string> {
    const { clock, random, primitives, dialer } = this.#ports;
    return new Promise((resolve) => {
      let carrier: ByteChannel | undefined;
      let late = false;
      const timer = clock.after(dialBackMs, () => {
        late = true;
        carrier?.close("too late");
        resolve("unreachable");
      });
      const dial = async (): Promise<string> => {
        carrier = await dialer.dial(address, clientPath, resolved);
        if (late) carrier.close("too late");
        const channel = await dialChannel({
          channel: carrier,
          protocol: "fedchat-client",
          expects,
          noiseKey: undefined,
          staticKey: random.bytes(32),
          record: undefined,
          features: [],
          primitives,
          random,
          clock,
        });
        channel.close("checked");
        return "ok";
      };
      void dial()
        .catch((error: unknown) => (error instanceof ProtocolError ? error.code : "unreachable"))
        .then((code) => {
          timer.cancel();
          resolve(code);
        });
    });
  }
}

/** What was asked for and is in the asker's record; and where it connected from, at the port that it asks for first. */
function allowed({ addresses, remote }: DialBackAsker, asked: readonly ServerAddress[]): ServerAddress[] {
  const own = new Set(addresses.map(placeOf));
  const from = remote?.host;
  const source = from === undefined || isOurProxy(from, addresses) ? undefined : from;
  const isSource = ({ host }: ServerAddress) => source !== undefined && isSameHost(host, source);
  const taken = asked.filter(
    (address) => !isDisguised(address.host) && (own.has(placeOf(address)) || isSource(address)),
  );
  const port = asked[0]?.port;
  if (source === undefined || port === undefined || taken.some(isSource)) return taken;
  return [...taken, { host: source, port, kind: isPrivateHost(source) ? "lan" : "direct" }];
}

/** A proxy here that does not say for whom it dials makes everybody look as if on this machine; few say that they are. */
const isOurProxy = (host: string, addresses: readonly ServerAddress[]): boolean =>
  isLoopbackHost(host) && !addresses.some((address) => isLoopbackHost(address.host));

const placeOf = ({ host, port }: ServerAddress): string => `${host} ${port}`;
