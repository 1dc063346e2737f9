/** What the status line says of how others reach the homeserver, and what a link that fails says of both ends. */
import type { ServerAddress } from "@fedchat/protocol";
import { expect, test } from "vitest";
import { causeOfCode } from "../src/core/causes.ts";
import { causeWithReach, reachOf } from "../src/core/reach.ts";

const direct: ServerAddress = { host: "203.0.113.7", port: 8443, kind: "direct" };
const proxy: ServerAddress = { host: "chat.example.com", port: 443, kind: "proxy" };
const lan: ServerAddress = { host: "192.168.1.7", port: 8443, kind: "lan" };
const loopback: ServerAddress = { host: "127.0.0.1", port: 8443, kind: "lan" };
const relay = "a".repeat(52) as never;
const further = "b".repeat(52) as never;
const nameOf = (server: string) => (server === relay ? "hub" : "far");

function kindOf(
  addresses: ServerAddress[],
  known: { reachedFromOutside?: boolean; dialledBack?: boolean; relays?: never[] } = {},
) {
  const { reachedFromOutside = false, dialledBack, relays = [] } = known;
  return reachOf({ record: { addresses, relays }, reachedFromOutside, dialledBack }, nameOf).kind;
}

test("a public address is known to work once somebody came from outside, or a linked server dialled it", () => {
  expect(kindOf([direct])).toBe("unknown");
  expect(kindOf([direct], { reachedFromOutside: true })).toBe("direct");
  expect(kindOf([direct], { dialledBack: true })).toBe("direct");
  expect(kindOf([direct], { dialledBack: false })).toBe("none");
  // Who connected within the last day counts more than one server that did not get through.
  expect(kindOf([direct], { dialledBack: false, reachedFromOutside: true })).toBe("direct");
});

test("a proxy is believed until linked servers say that it leads nowhere", () => {
  expect(kindOf([proxy])).toBe("proxy");
  expect(kindOf([proxy], { dialledBack: true })).toBe("proxy");
  expect(kindOf([proxy], { dialledBack: false })).toBe("none");
});

test("a relay is the way where no address is known to work", () => {
  expect(kindOf([lan], { relays: [relay] })).toBe("relay");
  expect(kindOf([direct], { relays: [relay], dialledBack: false })).toBe("relay");
  expect(kindOf([direct], { relays: [relay], dialledBack: true })).toBe("direct");
});

test("the relay is named by which one is reached", () => {
  const via = (...relays: never[]) =>
    reachOf(
      { record: { addresses: [lan], relays }, reachedFromOutside: false, dialledBack: undefined },
      nameOf,
    ).sentence;
  expect(via(relay)).toBe("Reached via the relay hub.");
  expect(via(relay, further)).toBe("Reached via 2 relays: hub, far.");
});

test("this network only, this machine only, nothing known", () => {
  expect(kindOf([lan])).toBe("lan");
  // A linked server in the same network says nothing of the outside.
  expect(kindOf([lan], { dialledBack: true })).toBe("lan");
  expect(kindOf([loopback])).toBe("this-machine");
  expect(kindOf([])).toBe("unknown");
  expect(reachOf({ record: undefined, reachedFromOutside: false, dialledBack: undefined }, nameOf).kind).toBe(
    "unknown",
  );
});

test("a link on which neither end reaches the other says so, and offers a third one", () => {
  const away = causeOfCode("unreachable");
  const from = (kind: ReturnType<typeof kindOf>) => causeWithReach(away, { kind, sentence: "" });
  for (const kind of ["lan", "this-machine", "none"] as const) {
    expect(from(kind)).toMatchObject({
      code: "unreachable",
      sentence: `${away.sentence} It cannot dial you either: from outside nobody reaches you.`,
      fix: expect.stringMatching(/relay.*invitation/),
    });
  }
  for (const kind of ["direct", "proxy", "relay", "unknown"] as const) expect(from(kind)).toBe(away);
  const blocked = causeOfCode("blocked");
  expect(causeWithReach(blocked, { kind: "none", sentence: "" })).toBe(blocked);
  expect(causeWithReach(null, { kind: "none", sentence: "" })).toBeNull();
});
