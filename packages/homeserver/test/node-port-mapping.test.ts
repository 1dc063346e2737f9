import { describe, expect, test } from "vitest";
import { silentLog } from "../src/core/log.ts";
import { gatewayIn } from "../src/node/default-gateway.ts";
import { addressesCheckEveryMs, portMappingRenewedEveryMs, portMappingRetryMs } from "../src/node/limits.ts";
import type { FromRouter, MappingFailure, ToRouter } from "../src/node/port-mapping-messages.ts";
import { PortMapping, wordsFor } from "../src/node/port-mapping.ts";
import { ManualClock, turns } from "./manual-clock.ts";

/** What the router answers is the test's; an error is a thread that died. */
function mapping(first: FromRouter | Error) {
  const clock = new ManualClock();
  const asked: ToRouter["ask"][] = [];
  const around = { answer: first, place: "home", opened: 0, closed: 0 };
  const mapped = new PortMapping({
    port: 8443,
    clock,
    log: silentLog,
    place: () => around.place,
    open: () => {
      around.opened += 1;
      return {
        async ask({ ask }) {
          asked.push(ask);
          if (ask === "release") return { told: "released" };
          if (around.answer instanceof Error) throw around.answer;
          return around.answer;
        },
        [Symbol.asyncDispose]: async () => void (around.closed += 1),
      };
    },
  });
  let changes = 0;
  mapped.onChange = () => (changes += 1);
  mapped.start();
  return { mapped, clock, asked, around, changes: () => changes };
}

const given = (host = "11.22.33.44"): FromRouter => ({ told: "mapped", way: "UPnP", host, port: 8443 });
const refused = (failure: MappingFailure): FromRouter => ({ told: "failed", failure });

test("a port that the router gave is an address, renewed in time, told once, and given back at the end", async () => {
  const { mapped, clock, asked, around, changes } = mapping(given());
  expect(mapped.state).toEqual({ state: "asking" });
  expect(mapped.addresses()).toEqual([]);
  await turns();
  expect(mapped.addresses()).toEqual([{ host: "11.22.33.44", port: 8443, kind: "direct" }]);
  await clock.advance(portMappingRenewedEveryMs + addressesCheckEveryMs);
  expect(asked).toEqual(["map", "map"]);
  expect(changes()).toBe(1);
  await mapped[Symbol.asyncDispose]();
  expect(asked.at(-1)).toBe("release");
  expect(around.closed).toBe(1);
  await clock.advance(portMappingRenewedEveryMs * 2);
  expect(asked).toHaveLength(3);
});

test("an address that changes is told; one that goes is no address any more", async () => {
  const { mapped, clock, around, changes } = mapping(given());
  await using _ = mapped;
  await turns();
  around.answer = given("11.22.33.55");
  await clock.advance(portMappingRenewedEveryMs + addressesCheckEveryMs);
  expect(mapped.addresses()).toMatchObject([{ host: "11.22.33.55" }]);
  around.answer = refused({ why: "refused", code: "UPnP error 718" });
  await clock.advance(portMappingRenewedEveryMs + addressesCheckEveryMs);
  expect(mapped.addresses()).toEqual([]);
  expect(mapped.state).toMatchObject({
    state: "failed",
    problem: "The router refused to open a port (UPnP error 718).",
  });
  expect(changes()).toBe(3);
});

test("after a failure the router is asked again later, and at once in another network", async () => {
  const { mapped, clock, asked, around } = mapping(refused({ why: "no-router" }));
  await using _ = mapped;
  await clock.advance(portMappingRetryMs - addressesCheckEveryMs);
  expect(asked).toEqual(["map"]);
  await clock.advance(2 * addressesCheckEveryMs);
  expect(asked).toEqual(["map", "map"]);
  around.place = "office";
  around.answer = given();
  await clock.advance(addressesCheckEveryMs);
  expect(asked).toEqual(["map", "map", "map"]);
  expect(mapped.state.state).toBe("mapped");
});

test("a thread that dies is a cause, and another one asks the next time", async () => {
  const { mapped, clock, around } = mapping(new Error("the thread ended"));
  await turns();
  expect(mapped.state.state).toBe("failed");
  expect(around).toMatchObject({ opened: 1, closed: 1 });
  around.answer = given();
  await clock.advance(portMappingRetryMs + addressesCheckEveryMs);
  expect(mapped.state.state).toBe("mapped");
  expect(around.opened).toBe(2);
  await mapped[Symbol.asyncDispose]();
});

test("every failure has its cause and something to do", () => {
  const failures: MappingFailure[] = [
    { why: "no-router" },
    { why: "refused", code: "UPnP error 718" },
    { why: "not-public" },
    { why: "no-network" },
  ];
  const words = failures.map((failure) => wordsFor(failure, 8443));
  expect(new Set(words.map(({ problem }) => problem)).size).toBe(failures.length);
  for (const { problem, fix } of words) expect([problem, fix].join()).toMatch(/^[A-Z].*\.,[A-Z].*\.$/);
});

describe("the default gateway", () => {
  const head = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n";
  test("is that of the best default route", () => {
    const table =
      `${head}wlan0\t00000000\tFE01A8C0\t0003\t0\t0\t600\t00000000\t0\t0\t0\n` +
      `eth0\t00000000\t0101A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0\n` +
      `eth0\t0001A8C0\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0\n`;
    expect(gatewayIn(table, "LE")).toBe("192.168.1.1");
  });
  test.each([
    ["no route", head],
    ["no default route", `${head}eth0\t0001A8C0\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0\n`],
    ["a tunnel without a gateway", `${head}tun0\t00000000\t00000000\t0001\t0\t0\t50\t00000000\t0\t0\t0\n`],
    ["nothing", ""],
    ["something else", "not a table\nat all\n"],
  ])("%s: there is none", (_, table) => {
    expect(gatewayIn(table, "LE")).toBeUndefined();
  });
});
