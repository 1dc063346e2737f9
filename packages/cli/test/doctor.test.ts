/** An examination as a whole: begun once, followed while it goes on, begun anew when it is asked to. */
import type { LinkView } from "@fedchat/protocol";
import { decode, encode, examination } from "@fedchat/protocol";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { HostInfo } from "../src/control/host-methods.ts";
import { Doctor } from "../src/doctor/doctor.ts";
import type { Patient } from "../src/doctor/homeserver-checks.ts";
import { homeserverChecks } from "../src/doctor/homeserver-checks.ts";
import { linkView } from "./doctor-link.ts";
import { openPort } from "./doctor-world.ts";

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "fedchat-doctor-"))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function patient(port: { server: string; port: number }, change: Partial<Patient> = {}): Patient {
  const info: HostInfo = {
    ...{
      version: "0.1.0",
      pid: 1,
      data: folder,
      log: "",
      startedAt: 1,
      serverId: port.server,
      name: "alice",
    },
    ...{ host: "127.0.0.1", port: port.port, screen: null, engine: false },
    addresses: [{ host: "127.0.0.1", port: port.port, kind: "lan" }],
    certificate: { kind: "self-signed", names: [], validUntil: Date.now() + 86_400_000, problem: null },
    nearby: { mode: "off", problem: null, found: 0 },
    portMapping: { state: "off" },
  };
  return {
    info: () => info,
    links: () => [],
    directories: () => [],
    dialBack: async () => [],
    recoveryStanding: () => undefined,
    covers: () => false,
    wantedPort: port.port,
    ...change,
  };
}

const checksOf = (who: Patient) => () => homeserverChecks(who, Date.now);

const neverWrong = {
  now: Date.now,
  onError(error: unknown) {
    throw error;
  },
};

/** Bounded: every check ends by itself. */
async function finished(doctor: Doctor) {
  return await expect.poll(() => doctor.examine(false).finishedAt, { timeout: 20_000 }).not.toBeNull();
}

test("it begins when first asked, tells what is still looked at, and is not begun twice at a time", async () => {
  await using ours = await openPort();
  let asked = 0;
  const counted = patient(ours, {
    dialBack: async () => {
      asked += 1;
      return [];
    },
  });
  const doctor = new Doctor(checksOf(counted), neverWrong);
  const first = doctor.examine(false);
  expect(first).toMatchObject({ finishedAt: null, findings: [] });
  expect(first.pending).toContain("Clock");
  expect(doctor.examine(true).startedAt).toBe(first.startedAt);
  await finished(doctor);
  const last = doctor.examine(false);
  expect(last.pending).toEqual([]);
  expect(last.findings.filter(({ result }) => result === "failed")).toEqual([]);
  expect(last.findings.map(({ check }) => check)).toEqual(
    expect.arrayContaining(["port", "address", "dial-back", "clock", "name", "router", "links", "disk"]),
  );
  // It goes over the wire as it is.
  expect(decode(examination, encode(examination, last))).toEqual(last);
  expect(asked).toBe(1);
  doctor.examine(true);
  expect(asked).toBe(2);
  await finished(doctor);
});

test("a check that fails by our own fault is a finding, and the others end as usual", async () => {
  await using ours = await openPort();
  const errors: unknown[] = [];
  const broken = patient(ours, { dialBack: () => Promise.reject(new Error("assertion")) });
  const doctor = new Doctor(checksOf(broken), { now: Date.now, onError: (error) => errors.push(error) });
  doctor.examine(false);
  await finished(doctor);
  const { findings } = doctor.examine(false);
  expect(findings.filter(({ check }) => check === "internal").map(({ title }) => title)).toContain(
    "Dial-back",
  );
  expect(findings.find(({ check }) => check === "port")?.result).toBe("passed");
  expect(errors.length).toBeGreaterThan(0);
});

test("hundreds of links are told of by the worst and a count, so that the answer stays bounded", async () => {
  await using ours = await openPort();
  const links = Array.from({ length: 300 }, (): LinkView => linkView({ state: "waiting" }));
  const doctor = new Doctor(checksOf(patient(ours, { links: () => links })), neverWrong);
  doctor.examine(false);
  await finished(doctor);
  const { findings } = doctor.examine(false);
  expect(encode(examination, doctor.examine(false)).length).toBeLessThan(200_000);
  expect(findings.filter(({ check }) => check === "links").at(-1)?.sentence).toContain(
    "0 of 300 are connected",
  );
});
