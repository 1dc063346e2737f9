/**
 * The client channels of a homeserver, from the handshake to their end. A channel on which no session was opened in
 * time is closed; what sessions ask for goes to `Requests`, what they submit to `Submissions`. [H1] [H3]
 */
import type { ByteChannel, Clock, Primitives, RandomSource, ServerId, Timer } from "@fedchat/protocol";
import { answerChannel, encodeOpening, ProtocolError, toWireError } from "@fedchat/protocol";
import { clientChannelsMax, clientOpeningLimit, sessionOpenDeadlineMs } from "../limits.ts";
import type { Log } from "../log.ts";
import { RateLimits } from "../rate-limits.ts";
import type { Acknowledgements } from "./acknowledgements.ts";
import type { LiveSessions } from "./live-sessions.ts";
import type { Openings } from "./openings.ts";
import type { Requests } from "./requests.ts";
import type { SessionDuties } from "./session.ts";
import { Session } from "./session.ts";
import type { Submissions } from "./submissions.ts";

export interface ClientSessionsOptions {
  self: ServerId;
  /** Keys that this homeserver had before. */
  formerly: readonly ServerId[];
  /** X25519 private key of this homeserver. */
  noiseKey: Uint8Array;
  record: () => Uint8Array;
  live: LiveSessions;
  openings: Openings;
  requests: Requests;
  submissions: Submissions;
  acknowledgements: Acknowledgements;
  primitives: Primitives;
  random: RandomSource;
  clock: Clock;
  log: Log;
}

export class ClientSessions {
  readonly #options: ClientSessionsOptions;
  readonly #duties: SessionDuties;
  /** Every channel whose handshake is over, with the timer by which a session must be open on it. */
  readonly #sessions = new Map<Session, Timer>();
  readonly #rate: RateLimits<string>;
  /** Channels whose handshake is not over. */
  #opening = 0;
  #closed = false;

  constructor(options: ClientSessionsOptions) {
    this.#options = options;
    this.#rate = new RateLimits(clientOpeningLimit, options.clock);
    const { requests, submissions, acknowledgements, openings, live } = options;
    this.#duties = {
      request: (session, method, params) => requests.answer(session, method, params),
      submit: (from, submission) => submissions.submit(from, submission),
      acknowledge: (account, device, position) => acknowledgements.acknowledge(account, device, position),
      firstUse: (identity) => openings.firstUse(identity),
      closed: (session) => {
        this.#sessions.get(session)?.cancel();
        this.#sessions.delete(session);
        if (!session.isOpen) return;
        live.remove(session);
        requests.closed(session);
        // A failure is logged where it happens and tried again there.
        acknowledgements.flush().catch(() => undefined);
      },
    };
  }

  /**
   * Takes a carrier that asked for the client path; resolves when its handshake is over, well or not.
   * @param remote where it comes from, as far as rate limits tell sources apart
   * @param fromOutside whether handshakes from there are limited; a proxy on this machine or its network brings everybody's
   */
  async accept(carrier: ByteChannel, remote: string, fromOutside: boolean): Promise<void> {
    const { self, formerly, noiseKey, record, primitives, random, clock, log } = this.#options;
    if (this.#closed || this.#opening + this.#sessions.size >= clientChannelsMax)
      return carrier.close("busy");
    const retryAfterMs = fromOutside ? this.#rate.take(remote) : 0;
    if (retryAfterMs > 0) {
      const refused = toWireError(new ProtocolError("rate-limited", undefined, { retryAfterMs }));
      carrier.send(encodeOpening({ refused }));
      return carrier.close("rate-limited");
    }
    this.#opening += 1;
    try {
      const channel = await answerChannel({
        channel: carrier,
        protocol: "fedchat-client",
        self,
        formerly,
        staticKey: noiseKey,
        record,
        features: [],
        primitives,
        random,
        clock,
      });
      const session = new Session(channel, remote, this.#duties, log);
      if (this.#closed) return session.close("stopping");
      const deadline = clock.after(sessionOpenDeadlineMs, () => {
        if (!session.isOpen) session.close("no session");
      });
      this.#sessions.set(session, deadline);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      log.debug("a client channel was not opened", { remote, code: error.code });
    } finally {
      this.#opening -= 1;
    }
  }

  /** Closes every channel and takes no more. */
  close(): void {
    this.#closed = true;
    for (const session of [...this.#sessions.keys()]) session.close("stopping");
  }
}
