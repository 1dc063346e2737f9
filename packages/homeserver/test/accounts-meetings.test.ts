/** Meetings: where a device that is to be linked says something to one of the account, unread by the homeserver. */
import { expect, test } from "vitest";
import { Meetings } from "../src/core/accounts/meetings.ts";
import type { Session } from "../src/core/accounts/session.ts";
import { meetingAnswerMs, meetingLifetimeMs, meetingsOfAccountMax } from "../src/core/limits.ts";
import { ManualClock } from "../../protocol/test/manual-clock.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const meetingNamed = (n: number) => new Uint8Array(16).fill(n);
const code = (wanted: string) => expect.objectContaining({ code: wanted });

/** A session of this account that counts what it is told. */
function sessionOf(account: object) {
  const told: Uint8Array[] = [];
  const session = { identity: { account }, send: (frame: Uint8Array) => told.push(frame) };
  return { session: session as unknown as Session, told };
}

test("[U4] who knows a meeting's name is answered by whoever opened it, and by nobody else", async () => {
  const meetings = new Meetings(new ManualClock(0));
  const [alice, mallory] = [sessionOf({}), sessionOf({})];
  const name = meetingNamed(1);
  await expect(meetings.meet(name, bytes("hello"))).rejects.toEqual(code("not-allowed"));
  expect(meetings.open(alice.session, name)).toEqual({ until: meetingLifetimeMs });
  expect(() => meetings.open(mallory.session, name)).toThrow(code("conflict"));
  const answer = meetings.meet(name, bytes("hello"));
  expect(alice.told).toHaveLength(1);
  expect(() => meetings.answer(mallory.session, name, bytes("I am Alice"))).toThrow(code("not-allowed"));
  meetings.answer(alice.session, name, bytes("welcome"));
  expect(await answer).toEqual(bytes("welcome"));
  meetings.close(mallory.session, name);
  expect(meetings.open(alice.session, name)).toEqual({ until: meetingLifetimeMs });
  meetings.close(alice.session, name);
  await expect(meetings.meet(name, bytes("hello"))).rejects.toEqual(code("not-allowed"));
});

test("[U4] who is not answered in time asks again, who comes later takes their place, and a meeting ends by itself", async () => {
  const clock = new ManualClock(0);
  const meetings = new Meetings(clock);
  const { session } = sessionOf({});
  const name = meetingNamed(1);
  meetings.open(session, name);
  const first = meetings.meet(name, bytes("hello"));
  const second = meetings.meet(name, bytes("hello again"));
  await expect(first).rejects.toEqual(code("unreachable"));
  clock.advance(meetingAnswerMs);
  await expect(second).rejects.toEqual(code("unreachable"));
  const third = meetings.meet(name, bytes("still here"));
  clock.advance(meetingLifetimeMs - meetingAnswerMs);
  await expect(third).rejects.toEqual(code("unreachable"));
  await expect(meetings.meet(name, bytes("hello"))).rejects.toEqual(code("not-allowed"));
});

test("[U4] an account has few meetings at a time", () => {
  const meetings = new Meetings(new ManualClock(0));
  const { session } = sessionOf({});
  for (let n = 0; n < meetingsOfAccountMax; n += 1) meetings.open(session, meetingNamed(n));
  expect(() => meetings.open(session, meetingNamed(99))).toThrow(code("quota-exceeded"));
  meetings.open(sessionOf({}).session, meetingNamed(100));
  meetings.stop();
  meetings.open(session, meetingNamed(99));
  meetings.stop();
});
