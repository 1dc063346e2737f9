/** The labs are what they claim to be: who can dial whom, by TCP alone. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { expect, test } from "vitest";
import { until } from "../harness/fedchat-process.ts";
import type { LabHost } from "../harness/lab-host.ts";
import { openLab } from "../harness/namespaces.ts";
import { chain, mesh, star } from "./labs.ts";
import { nameHeard, saysItsName } from "./plain-tcp.ts";

test("star of 5: leaves behind NATs dial the relay, and nobody dials them", async () => {
  using lab = openLab();
  const { relay, leaves, routers } = star(lab);
  await Promise.all([relay, ...leaves].map(saysItsName));
  expect(await heardBy(leaves, relay.address)).toEqual(leaves.map(() => "relay"));
  // At their own addresses, and at what the internet sees of them.
  const tried = await Promise.all(
    [...leaves, ...routers].map(({ address }) => heardBy([relay, ...leaves], address)),
  );
  const own = leaves.map((_, index) => [
    undefined,
    ...leaves.map(({ name }, at) => (at === index ? name : undefined)),
  ]);
  expect(tried).toEqual([...own, ...routers.map(() => [relay, ...leaves].map(() => undefined))]);
});

test("a NAT router lets nobody in who sends to the private address through it", async () => {
  using lab = openLab();
  const internet = lab.network("198.51.100");
  const home = lab.behindNat("router", internet, "10.1.0");
  const [leaf, neighbour, stranger] = [
    lab.host("leaf", home),
    lab.host("neighbour", home),
    lab.host("stranger", internet),
  ];
  await Promise.all([leaf, stranger].map(saysItsName));
  stranger.run("ip", "route", "add", "10.1.0.0/24", "via", home.router.address);
  expect(await heardBy([stranger, neighbour], leaf.address)).toEqual([undefined, "leaf"]);
  expect(await nameHeard(leaf, stranger.address)).toBe("stranger");
});

test("chain of 4: each dials its neighbours and nobody else", async () => {
  using lab = openLab();
  const hosts = chain(lab);
  await Promise.all(hosts.map(saysItsName));
  for (const [index, host] of hosts.entries()) {
    const heard = await Promise.all(
      hosts.map(async (other) => {
        const names = await Promise.all(other.addresses.map((address) => nameHeard(host, address)));
        return names.find((name) => name !== undefined);
      }),
    );
    expect(heard, host.name).toEqual(
      hosts.map(({ name }, at) => (Math.abs(at - index) <= 1 ? name : undefined)),
    );
  }
});

test("mesh of 6: everybody dials everybody; a cut wire separates one of them until it is healed", async () => {
  using lab = openLab();
  const hosts = mesh(lab);
  await Promise.all(hosts.map(saysItsName));
  for (const { name, address } of hosts) expect(await heardBy(hosts, address)).toEqual(hosts.map(() => name));

  const [first, ...others] = hosts as [LabHost, ...LabHost[]];
  first.cut();
  expect(await heardBy(others, first.address)).toEqual(others.map(() => undefined));
  expect(await nameHeard(first, others[0]!.address)).toBeUndefined();
  expect(await nameHeard(others[0]!, others[1]!.address)).toBe(others[1]!.name);
  first.heal();
  expect(await heardBy(others, first.address)).toEqual(others.map(() => first.name));
});

test("a domain is found by hosts that were there before it, and moves with its server", async () => {
  using lab = openLab();
  const [dialler, before, after] = mesh(lab, 3) as [LabHost, LabHost, LabHost];
  await Promise.all([before, after].map(saysItsName));
  expect(await nameHeard(dialler, "chat.example.test")).toBeUndefined();
  lab.domain("chat.example.test", before);
  expect(await nameHeard(dialler, "chat.example.test")).toBe(before.name);
  lab.domain("chat.example.test", after);
  expect(await nameHeard(dialler, "chat.example.test")).toBe(after.name);
});

test("what a killed run left is removed when the next lab opens", async () => {
  const harness = new URL("../harness/namespaces.ts", import.meta.url).pathname;
  const doomed = `
    const { openLab } = await import(${JSON.stringify(harness)});
    const lab = openLab();
    const host = lab.host("left", lab.network("10.3.0"));
    const sleeper = host.spawn(["sleep", "600"], { stdio: "ignore" });
    console.log(host.namespace, sleeper.pid);
    setInterval(() => {}, 1_000);`;
  const run = spawn(process.execPath, ["--input-type=module", "-e", doomed], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [said] = (await once(run.stdout, "data")) as [Buffer];
  const [namespace, sleeper] = said.toString().trim().split(" ") as [string, string];
  run.kill("SIGKILL");
  await once(run, "exit");
  expect([existsSync(`/run/netns/${namespace}`), existsSync(`/proc/${sleeper}`)]).toEqual([true, true]);
  using lab = openLab();
  expect(lab.folder).not.toContain(namespace);
  expect([existsSync(`/run/netns/${namespace}`), existsSync(`/etc/netns/${namespace}`)]).toEqual([
    false,
    false,
  ]);
  await until("what ran in it has ended", () => Promise.resolve(!existsSync(`/proc/${sleeper}`)), 5_000);
});

test("a lab leaves nothing behind, with processes still running in it", async () => {
  const interfaces = Object.keys(networkInterfaces());
  let made: LabHost;
  {
    using lab = openLab();
    [made] = mesh(lab, 1) as [LabHost];
    await saysItsName(made);
    expect(existsSync(`/run/netns/${made.namespace}`)).toBe(true);
    expect(Object.keys(networkInterfaces())).toEqual(interfaces);
  }
  const [mine] = /^fedchat-lab-\d+-\d+-/.exec(made.namespace)!;
  for (const folder of ["/run/netns", "/etc/netns", "/tmp"]) {
    expect(
      readdirSync(folder).filter((name) => name.startsWith(mine)),
      folder,
    ).toEqual([]);
  }
});

/** What each of these hears at one address. */
const heardBy = (hosts: readonly LabHost[], address: string) =>
  Promise.all(hosts.map((host) => nameHeard(host, address)));
