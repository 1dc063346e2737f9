/** Certificates from a real ACME authority that really validates: each way to prove a name, a restart, and a failure. */
import { execFile } from "node:child_process";
import { once } from "node:events";
import { statSync } from "node:fs";
import { mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "node:tls";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Finding } from "../../packages/cli/src/doctor/findings.ts";
import type { HostInfo } from "../../packages/cli/src/control/host-methods.ts";
import type { FedchatProcess } from "../harness/fedchat-process.ts";
import { startFedchat, until } from "../harness/fedchat-process.ts";
import { startPebble } from "../harness/pebble.ts";
import type { TestCa } from "../harness/test-ca.ts";
import { testCa } from "../harness/test-ca.ts";

const main = new URL("../../packages/cli/src/main.ts", import.meta.url).pathname;
const domain = "chat.fedchat.example";

let folder: string;
let ca: TestCa;
const before = process.env["NODE_EXTRA_CA_CERTS"];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "fedchat-acme-"));
  ca = testCa(folder);
  // As a person does whose authority is a private one: the program trusts this root beside the usual ones.
  process.env["NODE_EXTRA_CA_CERTS"] = ca.certificate;
});
afterAll(async () => {
  if (before === undefined) delete process.env["NODE_EXTRA_CA_CERTS"];
  else process.env["NODE_EXTRA_CA_CERTS"] = before;
  await rm(folder, { recursive: true, force: true });
});

/** What starts meanwhile trusts the roots in this file instead. */
async function trusting(roots: string, start: () => Promise<void>): Promise<void> {
  process.env["NODE_EXTRA_CA_CERTS"] = roots;
  await start().finally(() => (process.env["NODE_EXTRA_CA_CERTS"] = ca.certificate));
}

test.each(["http-01", "tls-alpn-01"] as const)(
  "a box gets a certificate by %s, shows it to whoever trusts the authority, and keeps it through a restart",
  async (challenge) => {
    const pebble = await startPebble(ca, folder);
    await using _ = pebble;
    await using box = await startBox({
      port: challenge === "tls-alpn-01" ? pebble.tlsPort : undefined,
      settings: { ...pebble, challenge, http_port: pebble.httpPort },
    });
    const info = await certificateOf(box, "acme");
    expect(info).toMatchObject({ names: [domain], problem: null });
    const serial = await serialShown(box.info.port, pebble.root);
    for (const file of ["acme-account-key.pem", "acme-certificate.json"]) {
      expect(statSync(join(box.data, file)).mode & 0o777).toBe(0o600);
    }
    const said = await fedchat(box, "status");
    expect(said).toContain(`from an authority for ${domain}`);
    // As good as whoever gave it: this machine does not trust that authority yet.
    expect(await certificateFinding(box)).toMatchObject({ result: "warning", code: "certificate-untrusted" });

    // With the authority gone the certificate is still there.
    await pebble[Symbol.asyncDispose]();
    await box.stop();
    const trusted = join(folder, "trusted.pem");
    await writeFile(trusted, `${await readFile(ca.certificate, "utf8")}${pebble.root}`);
    await trusting(trusted, () => box.start());
    expect((await certificateFinding(box)).result).toBe("passed");
    expect(await serialShown(box.info.port, pebble.root)).toBe(serial);
  },
);

test("a certificate is renewed by itself at two thirds of its lifetime, without a restart", async () => {
  await using pebble = await startPebble(ca, folder, { lifetimeSeconds: 60 });
  await using box = await startBox({
    settings: { ...pebble, challenge: "http-01", http_port: pebble.httpPort },
  });
  await certificateOf(box, "acme");
  const first = await serialShown(box.info.port, pebble.root);
  await until(
    "another one is shown",
    async () => (await serialShown(box.info.port, pebble.root)) !== first,
    90_000,
  );
});

test("a name that leads elsewhere is told with its cause and one thing to do; once it is mended, a start succeeds", async () => {
  await using pebble = await startPebble(ca, folder);
  await pebble.resolveTo("127.0.0.9");
  await using box = await startBox({
    settings: { ...pebble, challenge: "http-01", http_port: pebble.httpPort },
  });
  const problem = await until(
    "the failure is known",
    async () => (await certificate(box)).problem ?? undefined,
  );
  expect(problem.sentence).toContain(`could not convince itself that ${domain} is this machine`);
  expect(problem.fix).toContain("port 80");
  expect(problem.nextTryAt! - Date.now()).toBeGreaterThan(200_000);
  expect(await fedchat(box, "status")).toContain(problem.sentence);
  expect(await certificateFinding(box)).toMatchObject({
    result: "failed",
    sentence: problem.sentence,
    fix: problem.fix,
  });

  await pebble.resolveTo("127.0.0.1");
  await box.stop();
  await box.start();
  expect((await certificateOf(box, "acme")).problem).toBeNull();
  await serialShown(box.info.port, pebble.root);
});

test("one's own certificate that is replaced is shown to new connections, while open ones stay", async () => {
  const own = { cert: join(folder, "own.pem"), key: join(folder, "own.key") };
  const replace = async () => {
    const issued = ca.issue(domain);
    await rename(issued.key, own.key);
    await rename(issued.certificate, own.cert);
  };
  await replace();
  const args = ["--tls-cert", own.cert, "--tls-key", own.key];
  await using box = await startFedchat({ name: "own", command: "server", args });
  const trusted = await readFile(ca.certificate, "utf8");
  const open = await openTls(box.info.port, trusted);
  const first = open.getPeerX509Certificate()!.serialNumber;
  await replace();
  const second = await until("the new one is shown", async () => {
    const serial = await serialShown(box.info.port, trusted);
    return serial === first ? undefined : serial;
  });
  expect(open.destroyed).toBe(false);
  const answered = once(open, "data");
  open.write(`GET /.well-known/fedchat HTTP/1.1\r\nHost: ${domain}\r\n\r\n`);
  expect(String((await answered)[0])).toContain("200 OK");
  open.destroy();

  await writeFile(own.cert, "half of it");
  const problem = await until("it is told", async () => (await certificate(box)).problem ?? undefined);
  expect(problem.sentence).toContain(`${own.cert} is not a certificate in PEM`);
  expect(await serialShown(box.info.port, trusted)).toBe(second);
});

test.each(["absent.pem", "foreign.key"])("a start with %s says which file is wrong", async (which) => {
  const { certificate, key } = ca.issue(domain);
  const other = ca.issue("other.fedchat.example");
  const args = which === "absent.pem" ? [join(folder, which), key] : [certificate, other.key];
  const started = startFedchat({
    name: "wrong",
    command: "server",
    args: ["--tls-cert", args[0]!, "--tls-key", args[1]!],
  });
  await expect(started).rejects.toThrow(
    which === "absent.pem" ? /absent\.pem does not exist/ : /does not belong to/,
  );
});

interface BoxSettings {
  port?: number | undefined;
  settings: { directory: string; challenge: string; http_port: number };
}

async function startBox({ port, settings }: BoxSettings): Promise<FedchatProcess> {
  const { directory, challenge, http_port } = settings;
  const acme = { domain, email: "owner@fedchat.example", directory, challenge, http_port, agree_terms: true };
  const lines = Object.entries(acme).map(([key, value]) => `${key} = ${JSON.stringify(value)}`);
  const config = join(folder, `${challenge}.toml`);
  await writeFile(config, `[acme]\n${lines.join("\n")}\n`);
  const ports = port === undefined ? [] : ["--port", String(port)];
  return startFedchat({ name: "acme", command: "server", args: ["--config", config, ...ports] });
}

async function certificate(box: FedchatProcess): Promise<NonNullable<HostInfo["certificate"]>> {
  const { host } = JSON.parse(await fedchat(box, "status", "--json")) as { host: HostInfo };
  return host.certificate!;
}

const certificateOf = (box: FedchatProcess, kind: "acme") =>
  until("the certificate is there", async () => {
    const found = await certificate(box);
    return found.kind === kind && found.names.includes(domain) && found;
  });

async function certificateFinding(box: FedchatProcess): Promise<Finding> {
  const findings = JSON.parse(await fedchat(box, "doctor", "--json")) as Finding[];
  return findings.find(({ check }) => check === "certificate")!;
}

/** Standard output, whatever the exit code: the doctor's says that something failed. */
function fedchat(box: FedchatProcess, ...args: string[]): Promise<string> {
  return new Promise((resolve) =>
    execFile(process.execPath, [main, ...args, "--data", box.data], (_error, output) => resolve(output)),
  );
}

/** Rejects where the certificate does not lead to this root, or is not for the name. */
async function serialShown(port: number, root: string): Promise<string> {
  const socket = await openTls(port, root);
  const { serialNumber } = socket.getPeerX509Certificate()!;
  socket.destroy();
  return serialNumber;
}

async function openTls(port: number, root: string) {
  const socket = connect({
    host: "127.0.0.1",
    port,
    servername: domain,
    ca: root,
    ALPNProtocols: ["http/1.1"],
  });
  await once(socket, "secureConnect");
  return socket;
}
