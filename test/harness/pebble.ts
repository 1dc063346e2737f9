/**
 * Debian's pebble: an ACME certificate authority for tests, with its own little DNS. It really validates, on loopback,
 * at the two ports that it is told. Its directory is served under a certificate of the test's own authority.
 */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { request } from "node:https";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { freePorts, until } from "./fedchat-process.ts";
import type { TestCa } from "./test-ca.ts";

export interface Pebble extends AsyncDisposable {
  /** URL for `acme.directory`. */
  directory: string;
  /** Where it asks for `http-01`, and for `tls-alpn-01`. */
  httpPort: number;
  tlsPort: number;
  /** Its root, in PEM: made anew each time. */
  root: string;
  /** From now on every name leads to this address. */
  resolveTo(address: string): Promise<void>;
}

/**
 * @param ca vouches for its directory
 * @param folder for its files
 * @param lifetimeSeconds of the certificates that it gives
 */
export async function startPebble(
  ca: TestCa,
  folder: string,
  { lifetimeSeconds = 7_776_000 }: { lifetimeSeconds?: number } = {},
): Promise<Pebble> {
  const ports = await freePorts(6);
  const [acme, management, dns, dnsManagement, httpPort, tlsPort] = ports as Six<number>;
  const { certificate, key: privateKey } = ca.issue("localhost");
  const config = join(folder, "pebble.json");
  const pebble = {
    listenAddress: `127.0.0.1:${acme}`,
    managementListenAddress: `127.0.0.1:${management}`,
    certificate,
    privateKey,
    httpPort,
    tlsPort,
    certificateValidityPeriod: lifetimeSeconds,
  };
  await writeFile(config, JSON.stringify({ pebble }));
  await using started = new AsyncDisposableStack();
  const names = [
    ...["-dns01", `127.0.0.1:${dns}`, "-management", `127.0.0.1:${dnsManagement}`],
    ...["-http01", "", "-https01", "", "-tlsalpn01", "", "-defaultIPv4", "127.0.0.1", "-defaultIPv6", ""],
  ];
  started.use(program("pebble-challtestsrv", names));
  started.use(program("pebble", ["-config", config, "-strict", "-dnsserver", `127.0.0.1:${dns}`]));
  const ask = (port: number, path: string) => get(port, path, readFileSync(ca.certificate, "utf8"));
  await until("pebble answers", () => ask(acme, "/dir"));
  const root = await ask(management, "/roots/0");
  const stack = started.move();
  return {
    directory: `https://localhost:${acme}/dir`,
    httpPort,
    tlsPort,
    root,
    async resolveTo(address) {
      const url = `http://127.0.0.1:${dnsManagement}/set-default-ipv4`;
      await until("the names lead elsewhere", async () => {
        const answer = await fetch(url, { method: "POST", body: JSON.stringify({ ip: address }) });
        return answer.ok;
      });
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

type Six<T> = [T, T, T, T, T, T];

/** Throws with the fix where it is not installed: a suite that cannot run must say so. */
function program(name: string, args: string[]): AsyncDisposable {
  const environment = { ...process.env, PEBBLE_VA_NOSLEEP: "1" };
  const child: ChildProcess = spawn(`/usr/bin/${name}`, args, { stdio: "ignore", env: environment });
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  child.once("error", (cause) => {
    throw new Error(`These tests need ${name}. Debian: apt-get install pebble`, { cause });
  });
  return {
    async [Symbol.asyncDispose]() {
      child.kill();
      await ended;
    },
  };
}

function get(port: number, path: string, ca: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const asked = request({ host: "localhost", port, path, ca, family: 4 }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
      response.on("end", () => (response.statusCode === 200 ? resolve(text) : reject(new Error(text))));
    });
    asked.on("error", reject).end();
  });
}
