/** The message X-ray: what a person reads of a message that takes its time. */
import { describe, expect, test } from "vitest";
import type { ClientResult, ServerId } from "@fedchat/protocol";
import { toWireError, ProtocolError } from "@fedchat/protocol";
import { xrayOf } from "../src/core/xray.ts";
import type { MessageRow } from "../src/store/messages-table.ts";
import { friends, World } from "./world.ts";

const relay = "r".repeat(52) as ServerId;
const further = "f".repeat(52) as ServerId;
const names = new Map<ServerId, string>([
  [relay, "hub"],
  [further, "far hub"],
]);

const submitted = {
  ...{ mine: 1, state: "submitted", cause: null, sentAt: 10, submittedAt: 20, forwardedAt: null },
  ...{ deliveredAt: null, readAt: null },
} as unknown as MessageRow;

const way = {
  ...{ own: "alice", theirs: "bob", peer: "Bob", link: undefined, custody: [], trace: undefined },
  nameOf: (server: ServerId) => names.get(server) ?? server,
};

const trace: ClientResult<"envelopes.trace">["traces"][number] = {
  server: "b".repeat(52) as ServerId,
  ...{
    state: "queued",
    route: "custody",
    path: [relay, further],
    receipts: [],
    error: null,
    nextTryAt: null,
  },
} as const;

describe("the X-ray", () => {
  test("[H18] names the relays that signed for a message, in order, and what it waits for now", () => {
    const custody = [
      { relay, taken: 30, until: 3_000, path: [relay, further] },
      { relay: further, taken: 40, until: 4_000, path: [relay, further] },
    ];
    const receipts = custody.map(({ taken, until, ...one }) => ({ relay: one.relay, taken, until }));
    const error = toWireError(new ProtocolError("unreachable"));
    const steps = xrayOf(submitted, {
      passed: undefined,
      ...way,
      custody,
      trace: { ...trace, receipts, error, nextTryAt: 900 },
    });

    const path = [
      { serverId: relay, name: "hub" },
      { serverId: further, name: "far hub" },
    ];
    expect(steps.map(({ state, at }) => [state, at])).toEqual([
      ["done", 10],
      ["done", 20],
      ["done", 30],
      ["done", 40],
      ["now", null],
      ["pending", null],
      ["pending", null],
    ]);
    expect(steps[2]).toMatchObject({
      sentence: expect.stringMatching(/custody of hub/),
      path,
      keptUntil: 3_000,
    });
    expect(steps[4]).toMatchObject({
      sentence: expect.stringMatching(/^far hub hands it to bob/),
      path,
      nextTryAt: 900,
    });
    expect(steps[4]!.sentence).toContain("Waiting: ");
  });

  test("[H18] says why nobody keeps it, and when that is tried again", () => {
    const error = toWireError(new ProtocolError("quota-exceeded"));
    const steps = xrayOf(submitted, {
      passed: undefined,
      ...way,
      trace: { ...trace, route: "none", path: [], error, nextTryAt: 700 },
    });

    expect(steps).toHaveLength(5);
    expect(steps[2]).toMatchObject({ state: "now", nextTryAt: 700 });
    expect(steps[2]!.sentence).toMatch(/^On its way to their homeserver, bob\. Waiting: .*storage/i);
    expect(steps[2]).not.toHaveProperty("path");
  });

  test("[H18] names the relay or the server that is missing, and one thing to do", () => {
    const error = toWireError(new ProtocolError("unreachable", "127.0.0.1:3: nothing listens there."));
    const waits = (missing?: ServerId[]) =>
      xrayOf(submitted, {
        ...{ passed: undefined, ...way },
        trace: {
          ...trace,
          ...{ route: "none", path: [], error },
          ...(missing === undefined ? {} : { missing }),
        },
      })[2];
    expect(waits([relay])).toMatchObject({
      state: "now",
      sentence: expect.stringContaining("Waiting: neither bob nor its relay hub is reached."),
      fix: expect.stringContaining("Have hub started again"),
    });
    expect(waits([relay, further])?.sentence).toContain("its relays hub, far hub");
    expect(waits()).toMatchObject({
      sentence: expect.stringContaining("Waiting: bob is not reached. Nothing answers"),
      fix: expect.stringContaining("Ask Bob to switch bob on"),
    });
  });

  test("still tells of relays after the message has arrived", () => {
    const arrived = { ...submitted, state: "delivered", forwardedAt: 50, deliveredAt: 60 } as MessageRow;
    const steps = xrayOf(arrived, {
      passed: undefined,
      ...way,
      custody: [{ relay, taken: 30, until: 3_000, path: [relay] }],
    });

    expect(steps.map(({ state }) => state)).toEqual(["done", "done", "done", "done", "done", "now"]);
    expect(steps[2]!.sentence).toContain("hub");
  });

  test("tells the relays that a message passed, or that it went directly", () => {
    const arrived = { ...submitted, state: "forwarded", forwardedAt: 50 } as MessageRow;
    const [direct, relayed] = [[], [relay]].map(
      (passed) => xrayOf(arrived, { ...way, passed, custody: [] })[2]!,
    );
    expect(direct!.sentence).toMatch(/It went there directly\.$/);
    expect(relayed!.path).toEqual([{ serverId: relay, name: "hub" }]);
  });
});

test("[H12] [H18] a message for a server that is off lies with a relay, and the X-ray tells so, also afterwards", async () => {
  await using world = new World();
  world.fromOutside = false;
  const hub = await world.home("hub");
  await hub.person("Hub");
  const { alice, bob } = await friends(world);
  for (const one of [alice, bob]) {
    await world.during(one.call("servers.link", { host: "hub", port: 8443, serverId: hub.id }));
    await world.during(hub.people[0]!.call("servers.linkBack", { serverId: one.home.id }));
  }
  await world.pass(90_000);
  await world.during(bob.home.homeserver[Symbol.asyncDispose]());
  world.unreachable.add(bob.home.host);
  const written = await alice.send("sleep well");
  const xray = () => alice.call("messages.xray", { messageId: written.messageId });
  const kept = await world.until(async () => {
    const steps = await xray();
    return steps.find(({ keptUntil }) => keptUntil !== undefined);
  }, "the relay's receipt");
  expect(kept).toMatchObject({ state: "done", path: [{ serverId: hub.id, name: "hub" }] });
  expect(kept.keptUntil! - kept.at!).toBe(14 * 86_400_000);

  world.unreachable.delete(bob.home.host);
  await bob.home.start();
  await alice.reaches(written, "forwarded");
  expect((await xray())[2]).toEqual(kept);
});
