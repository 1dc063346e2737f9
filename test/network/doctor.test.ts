/** `fedchat doctor` on real processes: each trouble is called by its cause, and what was mended is called mended. */
import type { Finding } from "@fedchat/protocol";
import { execFile, execFileSync } from "node:child_process";
import { mkdtempSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { FedchatProcess, linkBoth, startFedchat, until } from "../harness/fedchat-process.ts";
import type { LabHost } from "../harness/lab-host.ts";
import { openLab } from "../harness/namespaces.ts";
import { startNginx } from "../harness/nginx.ts";
import { testCa } from "../harness/test-ca.ts";
import { mesh } from "./labs.ts";

const main = new URL("../../packages/cli/src/main.ts", import.meta.url).pathname;
const domain = "chat.example.test";

test("[L25] port closed: linked servers get no answer where this machine listens; opened, they do", async () => {
  using lab = openLab();
  const [aliceAt, bobAt] = mesh(lab, 2) as [LabHost, LabHost];
  await using alice = await openBox("alice", aliceAt);
  await using bob = await openBox("bob", bobAt);
  await linkBoth(bob, alice, { host: aliceAt.address, port: 8443 });
  bobAt.run(
    "nft",
    "table ip shut { chain in { type filter hook input priority filter; tcp dport 8443 ct state new drop; }; }",
  );

  const shut = await examined(bob, bobAt);
  expect(shut.code).toBe(1);
  expect(shut.of("address")).toMatchObject({
    result: "failed",
    code: "port-closed",
    sentence: "alice dialled it and got no answer.",
    fix: expect.stringContaining("firewall"),
  });
  expect(shut.of("dial-back").code).toBe("not-reached");
  expect((await bob.call("engine.status", {})).reach.kind).toBe("relay");

  bobAt.run("nft", "delete", "table", "ip", "shut");
  const open = await examined(bob, bobAt);
  expect(open.code).toBe(0);
  expect(open.of("address")).toMatchObject({ result: "passed", sentence: "alice dialled it." });
  const { reach } = await bob.call("engine.status", {});
  expect(reach).toEqual({ kind: "direct", sentence: `Reached directly at ${bobAt.address}, port 8443.` });
});

test("[L25] wrong public address: others see where this machine really comes from, and that is offered", async () => {
  using lab = openLab();
  const [aliceAt, bobAt] = mesh(lab, 2) as [LabHost, LabHost];
  await using alice = await openBox("alice", aliceAt);
  await using bob = await openBox(
    "bob",
    bobAt,
    settings(lab.folder, "bob", `addresses = ["198.51.100.77:8443"]`),
  );
  await linkBoth(bob, alice, { host: aliceAt.address, port: 8443 });

  expect((await examined(bob, bobAt)).of("address")).toMatchObject({
    result: "failed",
    code: "wrong-address",
    sentence: `Nobody got through to it, and alice sees you come from ${bobAt.address}.`,
    action: { kind: "copy", text: `addresses = ["${bobAt.address}:8443"]` },
  });
  expect((await bob.call("engine.status", {})).reach.kind).toBe("relay");
});

test("[L25] behind a router that lets nobody in: said as such, with what would help, and no failure", async () => {
  using lab = openLab();
  const internet = lab.network("198.51.100");
  const aliceAt = lab.host("alice", internet);
  const inside = lab.behindNat("router", internet, "10.1.0");
  const bobAt = lab.host("bob", inside);
  await using alice = await openBox("alice", aliceAt);
  await using bob = await openBox("bob", bobAt);
  await linkBoth(bob, alice, { host: aliceAt.address, port: 8443 });
  const found = await examined(bob, bobAt);
  expect(found.code).toBe(0);
  expect(found.of("dial-back")).toMatchObject({
    result: "warning",
    code: "behind-router",
    sentence: expect.stringContaining(`nor at ${inside.router.address}, where you come from`),
  });
  expect((await bob.call("engine.status", {})).reach.kind).not.toBe("direct");
});

test("wrong public address: another server answers at it", async () => {
  await using alice = await startFedchat({ name: "alice", command: "server" });
  const own = settings(alice.data, "bob", `addresses = ["127.0.0.1:${alice.info.port}"]`);
  await using bob = await startFedchat({ name: "bob", command: "server", args: own });
  expect((await examined(bob)).of("address")).toMatchObject({
    result: "failed",
    code: "wrong-address",
    sentence: "Another FedChat server answers there, so this is not an address of yours.",
  });
});

test("a proxy: without WebSocket upgrade, with one that it cuts when quiet, and right", async () => {
  using lab = openLab();
  const internet = lab.network("198.51.100");
  const inside = lab.network("10.1.0");
  const nginxAt = lab.host("nginx", internet, inside);
  const bobAt = lab.host("bob", inside);
  lab.domain(domain, nginxAt);
  // Bob's own way to the proxy leads through their network.
  bobAt.run("ip", "route", "add", "198.51.100.0/24", "via", nginxAt.addresses[1]!);
  await using bob = await openBox(
    "bob",
    bobAt,
    settings(lab.folder, "bob", `addresses = ["${domain}:443 proxy"]`),
  );
  const site = { domain, ...testCa(lab.folder).issue(domain), upstream: `https://${bobAt.address}:8443` };
  const through = async (webSockets: boolean, idleSeconds: number) => {
    const folder = mkdtempSync(join(lab.folder, "turn-"));
    await using _nginx = await startNginx(nginxAt, folder, [{ ...site, webSockets, idleSeconds }]);
    return await examined(bob, bobAt);
  };

  const blind = await through(false, 60);
  expect(blind.of("proxy")).toMatchObject({
    result: "failed",
    code: "no-upgrade",
    action: { kind: "copy", text: expect.stringContaining("proxy_set_header Upgrade $http_upgrade;") },
  });
  expect(blind.of("proxy-quiet").result).toBe("untestable");
  expect(blind.of("proxy-certificate").code).toBe("certificate-untrusted");

  const hasty = await through(true, 5);
  expect(hasty.of("proxy").result).toBe("passed");
  expect(hasty.of("proxy-quiet")).toMatchObject({ result: "failed", code: "cut-when-quiet" });

  const right = await through(true, 60);
  expect(right.of("proxy-quiet").result).toBe("passed");
  expect(right.code).toBe(0);

  const gone = await examined(bob, bobAt);
  expect(gone.of("proxy").code).toBe("nothing-there");
});

test("clock off: by an hour a warning, by two days a failure that explains why links fail", async () => {
  using lab = openLab();
  const [aliceAt, bobAt] = mesh(lab, 2) as [LabHost, LabHost];
  await using alice = await openBox("alice", aliceAt);
  const at = { host: aliceAt.address, port: 8443, serverId: alice.info.serverId };
  const seenBy = async (shift: string) => {
    const place = { prefix: [...bobAt.prefix, "env", ...clockShifted(shift)] };
    await using bob = await startFedchat({ name: "bob", inside: place });
    await bob.call("account.create", { displayName: "bob" });
    await bob.call("servers.link", at);
    const found = await examined(bob, place);
    return { clock: found.of("clock"), link: found.of("links") };
  };
  const hour = await seenBy("+1h");
  expect(hour.clock).toMatchObject({
    result: "warning",
    code: "clock-off",
    sentence: "It is 60 minutes ahead of alice.",
  });
  expect(hour.link.result).toBe("passed");
  const days = await seenBy("+2d");
  expect(days.clock).toMatchObject({ result: "failed", code: "clock-off" });
  expect(days.clock.sentence).toMatch(/^It is 2 days ahead of .*links fail/);
  expect(days.link.result).toBe("failed");
});

test("[L15] name conflict: a server that took the name of one which a linked server knows is told so", async () => {
  await using carol = await openBox("carol");
  await using bob = await openBox("bob");
  await using dave = await openBox("dave");
  await linkBoth(bob, carol);
  await linkBoth(dave, carol);
  await dave.stop();
  const ports = ["--port", String(dave.info.port), "--no-open", "--screen-port", "0"];
  const words = [
    main,
    "start",
    "--json",
    "--data",
    dave.data,
    "--name",
    "bob",
    "--host",
    "127.0.0.1",
    ...ports,
  ];
  await using renamed = new FedchatProcess(dave.data, words);
  await renamed.start();

  const found = await until("carol refused it", async () => {
    const seen = await examined(renamed);
    return seen.of("name").result === "failed" && seen;
  });
  expect(found.of("name")).toMatchObject({
    code: "name-conflict",
    sentence: expect.stringContaining("carol refuses this server: it knows another one"),
    fix: expect.stringContaining("Choose another name"),
  });
});

/**
 * Variables for `env`, by which a program's wall clock is shifted and its timers are not. Debian's `faketime` itself
 * stays as a parent that a test's signals would hit; it tells where its library lies.
 */
function clockShifted(shift: string): string[] {
  const library = execFileSync("faketime", ["-m", "-f", "+0d", "printenv", "LD_PRELOAD"], {
    encoding: "utf8",
  });
  return [`LD_PRELOAD=${library.trim()}`, `FAKETIME=${shift}`, "FAKETIME_DONT_FAKE_MONOTONIC=1"];
}

/** With an account, so that there is somebody who may link servers. */
async function openBox(name: string, inside?: LabHost, args: string[] = []): Promise<FedchatProcess> {
  const box = await startFedchat({ name, args, ...(inside === undefined ? {} : { inside }) });
  await box.call("account.create", { displayName: name });
  return box;
}

function settings(folder: string, name: string, text: string): string[] {
  const file = join(folder, `${name}.toml`);
  writeFileSync(file, `${text}\n`);
  return ["--config", file];
}

interface Seen {
  code: number;
  of(check: string): Finding;
}

/** The command's exit code and findings, run where the box runs. */
function examined(box: FedchatProcess, at: { prefix: readonly string[] } = { prefix: [] }): Promise<Seen> {
  const [program, ...words] = [...at.prefix, process.execPath, main, "doctor", "--json", "--data", box.data];
  return new Promise((resolve, reject) => {
    execFile(program!, words, { timeout: 120_000 }, (error, output, errors) => {
      const code = error === null ? 0 : Number(error.code);
      if (output === "") return reject(new Error(`doctor said nothing: ${errors}`));
      const findings = JSON.parse(output) as Finding[];
      resolve({
        code,
        of(check) {
          const found = findings.find((finding) => finding.check === check);
          if (found === undefined) throw new Error(`nothing about ${check} in ${output}`);
          return found;
        },
      });
    });
  });
}
