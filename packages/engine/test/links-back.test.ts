/** What an accepted invitation owes the other server is kept until it is done, whatever fails meanwhile. */
import type { ServerId } from "@fedchat/protocol";
import { ProtocolError } from "@fedchat/protocol";
import { expect, test } from "vitest";
import { LinksBack, type LinksBackPorts } from "../src/core/links-back.ts";
import { linkBackPatienceMs, linkBackRetryMs } from "../src/core/limits.ts";
import { openSqliteDatabase } from "../src/node/sqlite-database.ts";
import { openEngineStore } from "../src/store/engine-store.ts";

const guest = "guest" as ServerId;

/** Its homeserver answers as `answers` says, in turn; the last one for ever. */
function linksBackWith(
  answers: (Error | "linked")[],
  store = openEngineStore(openSqliteDatabase(":memory:")),
  administrator: 0 | 1 = 1,
) {
  const time = { now: 1_000_000 };
  const linked = new Set<ServerId>();
  const notices: string[] = [];
  const timers = new Set<{ at: number; run: () => void }>();
  const ports = {
    store,
    identity: { self: { administrator } },
    servers: {
      linkedByUs: (server: ServerId) => linked.has(server),
      linkBack: async (server: ServerId) => {
        const answer = answers.length > 1 ? answers.shift()! : answers[0]!;
        if (answer !== "linked") throw answer;
        linked.add(server);
      },
    },
    notices: { add: (_level: string, cause: { code: string }) => notices.push(cause.code) },
    clock: {
      now: () => time.now,
      soon: (run: () => void) => run(),
      after: (delayMs: number, run: () => void) => {
        const timer = { at: time.now + delayMs, run };
        timers.add(timer);
        return { cancel: () => timers.delete(timer) };
      },
    },
    log: { debug() {}, info() {}, warn() {} },
  } as unknown as LinksBackPorts;
  const settled = () => new Promise((resolve) => setImmediate(resolve));
  const pass = async (ms: number) => {
    time.now += ms;
    for (const timer of [...timers].filter(({ at }) => at <= time.now)) {
      timers.delete(timer);
      timer.run();
    }
    await settled();
  };
  return { store, linked, notices, timers, linksBack: new LinksBack(ports), settled, pass };
}

const refusal = () => new ProtocolError("unknown-server");
const unreachable = () => new ProtocolError("unreachable");

test("[I5] an administrator's used invitation links back, another's does not", async () => {
  for (const administrator of [1, 0] as const) {
    const { linksBack, linked, settled, store } = linksBackWith(["linked"], undefined, administrator);
    linksBack.owe(guest);
    await settled();
    expect(linked.has(guest)).toBe(administrator === 1);
    expect(store.invitations.linksBackOwed()).toEqual([]);
  }
});

test("[I5] what fails is tried again, by the same engine and by the next one on its store", async () => {
  const first = linksBackWith([unreachable(), "linked"]);
  first.linksBack.owe(guest);
  await first.settled();
  expect(first.store.invitations.linksBackOwed()).toMatchObject([{ server: guest }]);
  first.linksBack.stop();
  expect(first.timers.size).toBe(0);

  const next = linksBackWith([refusal(), "linked"], first.store);
  await next.linksBack.resume();
  expect(next.linked.has(guest)).toBe(false);
  await next.pass(linkBackRetryMs);
  expect(next.linked.has(guest)).toBe(true);
  expect(first.store.invitations.linksBackOwed()).toEqual([]);
  expect(next.notices).toEqual([]);
});

test("[I5] a refusal that stays is given up with a word to the person, what is only unreachable is not", async () => {
  for (const [answer, notices, owed] of [
    [refusal(), ["link-back-failed"], 0],
    [unreachable(), [], 1],
  ] as const) {
    const { linksBack, pass, settled, store, ...told } = linksBackWith([answer]);
    linksBack.owe(guest);
    await settled();
    for (let passed = 0; passed <= linkBackPatienceMs; passed += linkBackRetryMs) await pass(linkBackRetryMs);
    expect(told.notices).toEqual(notices);
    expect(store.invitations.linksBackOwed()).toHaveLength(owed);
  }
});
