/** The doctor's questions, put to real ports and proxies on this machine. */
import { clientPath, wellKnownPath } from "@fedchat/protocol";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { addressFinding } from "../src/doctor/address.ts";
import { clockFinding } from "../src/doctor/clock.ts";
import { dataFolder, disk, nodeVersion } from "../src/doctor/machine.ts";
import { portHolder } from "../src/doctor/port-holder.ts";
import { freePortFinding, portFinding } from "../src/doctor/port.ts";
import { askHttps, dialHere, holdOpen, probePort, resolveHost, whoseRecord } from "../src/doctor/probes.ts";
import { proxyFindings } from "../src/doctor/proxy.ts";
import { openFront, openPort } from "./doctor-world.ts";
import { linkView } from "./doctor-link.ts";

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "fedchat-doctor-"))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const at = (port: number) => ({ host: "127.0.0.1", port });
const proxyAt = (port: number) => ({ ...at(port), kind: "proxy" as const });
const nobody = Promise.resolve([]);

/** A port that nobody listens on now. */
async function closedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

test("a dial tells our key from another's, from a web server and from nobody", async () => {
  await using ours = await openPort();
  await using theirs = await openPort();
  await using shop = await openFront({ webSockets: false });
  expect(await dialHere(at(ours.port), ours.server)).toEqual({ code: "ok", sentence: "" });
  expect((await dialHere(at(theirs.port), ours.server)).code).toBe("wrong-server-key");
  expect((await dialHere(at(shop.port), ours.server)).code).toBe("not-fedchat");
  expect(await dialHere(at(await closedPort()), ours.server)).toEqual({
    code: "unreachable",
    sentence: expect.stringContaining("nothing listens there"),
  });
});

test("[N4] whose record is shown is read over HTTPS, through a proxy too", async () => {
  await using ours = await openPort();
  await using proxy = await openFront({ target: ours.port, webSockets: false });
  await using shop = await openFront({ webSockets: false });
  expect((await whoseRecord(at(proxy.port))).server).toBe(ours.server);
  expect(await whoseRecord(at(shop.port))).toMatchObject({ answer: { status: 200 } });
  expect((await whoseRecord(at(shop.port))).server).toBeUndefined();
  expect(await whoseRecord(at(await closedPort()))).toEqual({});
  const plain = await askHttps(at(ours.port), clientPath);
  expect(plain).toMatchObject({ status: 426, certificate: { untrusted: "DEPTH_ZERO_SELF_SIGNED_CERT" } });
  expect(Math.abs(Date.now() - plain!.date!)).toBeLessThan(5_000);
  expect((await askHttps(at(ours.port), wellKnownPath))!.certificate!.validTo).toBeGreaterThan(Date.now());
});

test("a quiet connection that a proxy closes is told apart from one that it leaves open", async () => {
  await using ours = await openPort();
  await using patient = await openFront({ target: ours.port, webSockets: true });
  await using hasty = await openFront({ target: ours.port, webSockets: true, idleMs: 150 });
  expect(await holdOpen(at(patient.port), ours.server, 400)).toBeUndefined();
  expect(await holdOpen(at(hasty.port), ours.server, 20_000)).toEqual({ closedAfterMs: expect.any(Number) });
  expect(await holdOpen(at(await closedPort()), ours.server, 400)).toMatchObject({ code: "unreachable" });
});

test("names resolve to addresses, and those that do not exist to none", async () => {
  expect(await resolveHost("127.0.0.1")).toEqual(["127.0.0.1"]);
  expect(await resolveHost("localhost")).toContain("127.0.0.1");
  expect(await resolveHost("nobody.invalid")).toEqual([]);
  expect(await probePort(at(await closedPort()))).toBe("ECONNREFUSED");
});

test("the own port: ours, another server's, closed", async () => {
  await using ours = await openPort();
  await using theirs = await openPort();
  const found = async (port: number) =>
    (await portFinding({ host: "::", port, wanted: port }, ours.server)).code;
  expect(await found(ours.port)).toBeNull();
  expect(await found(theirs.port)).toBe("port-taken");
  expect(await found(await closedPort())).toBe("port-closed");
});

test("a port that FedChat does not have yet: free, or taken by whom", async () => {
  await using theirs = await openPort();
  expect((await freePortFinding("127.0.0.1", await closedPort())).result).toBe("passed");
  const taken = await freePortFinding("127.0.0.1", theirs.port);
  expect(taken.code).toBe("port-taken");
  if (process.platform === "linux") expect(taken.sentence).toContain(`process ${process.pid}`);
  expect((await freePortFinding("192.0.2.1", await closedPort())).code).toBe("port-unusable");
});

test("who holds a port is read from the system's tables", () => {
  mkdirSync(join(folder, "net"), { recursive: true });
  const row = (address: string, state: string, inode: number) =>
    `   0: ${address} 00000000:0000 ${state} 00000000:00000000 00:00000000 00000000     0        0 ${inode} 1`;
  writeFileSync(join(folder, "net", "tcp"), `  sl  local_address\n${row("0100007F:20FB", "0A", 77)}\n`);
  writeFileSync(join(folder, "net", "tcp6"), `${row(`${"0".repeat(32)}:0050`, "01", 78)}\n`);
  mkdirSync(join(folder, "812", "fd"), { recursive: true });
  writeFileSync(join(folder, "812", "comm"), "nginx\n");
  symlinkSync("socket:[77]", join(folder, "812", "fd", "5"));
  expect(portHolder(8443, folder)).toBe("nginx (process 812)");
  writeFileSync(join(folder, "812", "comm"), "MainThread\n");
  writeFileSync(join(folder, "812", "cmdline"), "/usr/bin/node\0/srv/other.js\0");
  expect(portHolder(8443, folder)).toBe("node (process 812)");
  writeFileSync(join(folder, "812", "cmdline"), "/usr/bin/node\0/srv/packages/cli/src/main.ts\0start\0");
  expect(portHolder(8443, folder)).toBe("another FedChat (process 812)");
  // A connection on port 80 is no listener.
  expect(portHolder(80, folder)).toBeUndefined();
});

test("an address that leads here, one that leads to another server, and a closed one", async () => {
  await using ours = await openPort();
  await using theirs = await openPort();
  const found = async (port: number) => {
    const address = { ...at(port), kind: "lan" as const };
    const self = { server: ours.server, port: ours.port, addresses: [address] };
    return addressFinding(address, self, nobody);
  };
  expect(await found(ours.port)).toMatchObject({ result: "passed", code: null });
  expect(await found(theirs.port)).toMatchObject({ result: "failed", code: "wrong-address" });
  expect(await found(await closedPort())).toMatchObject({
    code: "port-closed",
    sentence: expect.stringContaining(`FedChat listens on port ${ours.port}`),
  });
});

test("a proxy: right, without WebSockets, another's, a web server, nothing behind it, nothing at all", async () => {
  await using ours = await openPort();
  await using theirs = await openPort();
  const closed = await closedPort();
  const found = async (port: number) =>
    (await proxyFindings(proxyAt(port), { server: ours.server, port: ours.port }, nobody, Date.now))[0]!.code;
  const through = async (target: number | undefined, webSockets: boolean) => {
    await using front = await openFront({ ...(target === undefined ? {} : { target }), webSockets });
    return await found(front.port);
  };
  expect(await through(ours.port, true)).toBeNull();
  expect(await through(ours.port, false)).toBe("no-upgrade");
  expect(await through(theirs.port, true)).toBe("wrong-address");
  expect(await through(theirs.port, false)).toBe("wrong-address");
  expect(await through(undefined, false)).toBe("wrong-address");
  expect(await through(closed, false)).toBe("nothing-behind");
  expect(await found(closed)).toBe("nothing-there");
});

test("a proxy's certificate that no browser takes is a warning of its own", async () => {
  await using ours = await openPort();
  await using proxy = await openFront({ target: ours.port, webSockets: true });
  const self = { server: ours.server, port: ours.port };
  const [, certificate] = await proxyFindings(proxyAt(proxy.port), self, nobody, Date.now);
  expect(certificate).toMatchObject({ result: "warning", code: "certificate-untrusted" });
});

test("the clock is compared with those of linked servers, connected or not", async () => {
  await using ours = await openPort();
  const link = linkView({ addresses: [{ ...at(ours.port), kind: "direct" }], state: "waiting" });
  const ahead = (ms: number) => clockFinding([link], [], () => Date.now() + ms);
  expect((await ahead(0)).result).toBe("passed");
  expect((await ahead(10 * 60_000)).result).toBe("warning");
  expect((await ahead(-2 * 86_400_000)).code).toBe("clock-off");
  expect((await clockFinding([], [], Date.now)).result).toBe("untestable");
});

test("the data folder: closed, open, and with a file that is open", () => {
  chmodSync(folder, 0o755);
  expect(dataFolder(folder)).toMatchObject({
    code: "open-folder",
    action: { kind: "copy", text: `chmod 700 ${folder}` },
  });
  chmodSync(folder, 0o700);
  expect(dataFolder(folder).result).toBe("passed");
  writeFileSync(join(folder, "secret"), "", { mode: 0o644 });
  expect(dataFolder(folder).code).toBe("open-files");
  expect(dataFolder(join(folder, "none")).result).toBe("untestable");
});

test("the disk: room enough, nearly full, and a folder that cannot be written", () => {
  expect(disk(folder, 2 ** 33)).toMatchObject({ result: "passed", sentence: "8.0 GB are free." });
  expect(disk(folder, 2 ** 28)).toMatchObject({ result: "warning", code: "disk-nearly-full" });
  expect(disk(folder, 2 ** 20)).toMatchObject({ result: "failed", code: "disk-nearly-full" });
  const file = join(folder, "file");
  writeFileSync(file, "");
  expect(disk(file, 2 ** 33)).toMatchObject({ result: "failed", code: "not-writable" });
  expect(disk(join(folder, "none"))).toMatchObject({ result: "untestable" });
});

test("Node's version", () => {
  expect(nodeVersion("24.18.0").result).toBe("passed");
  expect(nodeVersion("22.1.0").code).toBe("old-node");
});
