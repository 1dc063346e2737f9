/**
 * Where a device that is to be linked meets one of its account: whoever knows a meeting's name says something to the
 * session that opened it and waits for the answer. What they say the homeserver cannot read. Invariant: a meeting ends
 * with its session, or after its time. [U4]
 */
import type { Clock, Timer } from "@fedchat/protocol";
import { encodeBase32, encodeClientEvent, encodeClientFrame, ProtocolError } from "@fedchat/protocol";
import { meetingAnswerMs, meetingLifetimeMs, meetingsMax, meetingsOfAccountMax } from "../limits.ts";
import type { Session } from "./session.ts";

interface Meeting {
  host: Session;
  until: number;
  end: Timer;
  /** One at a time: who speaks later takes the place of who spoke before. */
  waiting: ((answer: Uint8Array | undefined) => void) | undefined;
}

export class Meetings {
  readonly #clock: Clock;
  readonly #meetings = new Map<string, Meeting>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Opened again by the same account, it goes on with this session. Throws `quota-exceeded`, `conflict`. */
  open(host: Session, meeting: Uint8Array): { until: number } {
    const name = encodeBase32(meeting);
    const held = this.#meetings.get(name);
    const { account } = host.identity;
    if (held !== undefined) {
      if (held.host.identity.account !== account) throw new ProtocolError("conflict");
      held.host = host;
      return { until: held.until };
    }
    const own = [...this.#meetings.values()].filter((one) => one.host.identity.account === account);
    if (this.#meetings.size >= meetingsMax || own.length >= meetingsOfAccountMax)
      throw new ProtocolError("quota-exceeded");
    const until = this.#clock.now() + meetingLifetimeMs;
    const end = this.#clock.after(meetingLifetimeMs, () => this.#end(name));
    this.#meetings.set(name, { host, until, end, waiting: undefined });
    return { until };
  }

  answer(host: Session, meeting: Uint8Array, message: Uint8Array): void {
    const held = this.#meetings.get(encodeBase32(meeting));
    if (held?.host.identity.account !== host.identity.account) throw new ProtocolError("not-allowed");
    held.waiting?.(message);
  }

  close(host: Session, meeting: Uint8Array): void {
    const name = encodeBase32(meeting);
    if (this.#meetings.get(name)?.host.identity.account === host.identity.account) this.#end(name);
  }

  /** Rejects with `not-allowed` where there is no such meeting, with `unreachable` where nobody answers yet. */
  async meet(meeting: Uint8Array, message: Uint8Array): Promise<Uint8Array> {
    const held = this.#meetings.get(encodeBase32(meeting));
    if (held === undefined) throw new ProtocolError("not-allowed", "This code is not valid any more.");
    held.waiting?.(undefined);
    const { promise, resolve } = Promise.withResolvers<Uint8Array | undefined>();
    held.waiting = resolve;
    const late = this.#clock.after(meetingAnswerMs, () => resolve(undefined));
    const event = { kind: "meeting", meeting, message } as const;
    held.host.send(encodeClientFrame({ kind: "event", body: encodeClientEvent(event) }));
    const answer = await promise;
    late.cancel();
    if (held.waiting === resolve) held.waiting = undefined;
    if (answer === undefined) throw new ProtocolError("unreachable");
    return answer;
  }

  stop(): void {
    for (const name of [...this.#meetings.keys()]) this.#end(name);
  }

  #end(name: string): void {
    const held = this.#meetings.get(name);
    this.#meetings.delete(name);
    held?.end.cancel();
    held?.waiting?.(undefined);
  }
}
