import { readFileSync, statSync, writeFileSync } from "node:fs";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { join } from "node:path";
import { connect } from "node:tls";
import { nodeRandom as random } from "@fedchat/protocol/primitives/node";
import { describe, expect, test } from "vitest";
import { silentLog } from "../src/core/log.ts";
import { acmeFileNames, AcmeCertificate } from "../src/node/acme/acme-certificate.ts";
import { answerOverHttp } from "../src/node/acme/http-challenge.ts";
import type { OrderFailure } from "../src/node/acme/order-messages.ts";
import { explain } from "../src/node/acme/problems.ts";
import type { AcmeSettings } from "../src/node/acme/settings.ts";
import { openHttpsServer } from "../src/node/https-server.ts";
import { acmeRetryFirstMs } from "../src/node/limits.ts";
import { makeSelfSigned } from "../src/node/self-signed.ts";
import type { TlsCredentials } from "../src/node/tls-credentials.ts";
import { TlsCertificate } from "../src/node/tls-certificate.ts";
import { ManualClock, turns } from "./manual-clock.ts";
import { here } from "./store-fixtures.ts";
import { temporaryFolder } from "./store-places.ts";

const day = 86_400_000;
const domain = "chat.example.com";
const settings: AcmeSettings = {
  domain,
  email: undefined,
  directory: "https://authority.example/directory",
  challenge: "http-01",
  httpPort: 80,
};
const refused: OrderFailure = { stage: "validate", code: undefined, detail: "connection refused" };

/** An authority that gives certificates for 90 days, or fails as told. */
class Authority {
  readonly clock: ManualClock;
  readonly accountKeys: string[] = [];
  failure: OrderFailure | undefined;

  constructor(clock: ManualClock) {
    this.clock = clock;
  }

  order(accountKey: string) {
    this.accountKeys.push(accountKey);
    const now = this.clock.now();
    const outcome = this.failure
      ? { failure: this.failure }
      : { credentials: makeSelfSigned(now, now + 90 * day, domain) };
    return { outcome: Promise.resolve(outcome), [Symbol.asyncDispose]: async () => undefined };
  }
}

function begin(folder: string, authority: Authority, change: Partial<AcmeSettings> = {}) {
  const { clock } = authority;
  const certificate = new AcmeCertificate({
    settings: { ...settings, ...change },
    folder,
    meanwhile: new TlsCertificate({ folder, own: undefined, clock, log: silentLog }),
    order: (accountKey) => authority.order(accountKey),
    clock,
    random,
    log: silentLog,
  });
  const shown: TlsCredentials[] = [];
  return { certificate, shown, watch: () => certificate.watch((fresh) => shown.push(fresh)) };
}

describe("a certificate from an authority", () => {
  test("is ordered at the first start; a self-signed one is shown meanwhile", async () => {
    using folder = temporaryFolder();
    const authority = new Authority(new ManualClock());
    const { certificate, shown, watch } = begin(folder.path, authority);
    using _ = certificate;
    const meanwhile = certificate.current;
    watch();
    await turns();
    expect(shown).toEqual([certificate.current]);
    expect(certificate.current.cert).not.toBe(meanwhile.cert);
    for (const name of Object.values(acmeFileNames)) {
      expect(statSync(join(folder.path, name)).mode & 0o777).toBe(0o600);
    }
  });

  test("is renewed at two thirds of its lifetime, with the same account, and found again after a restart", async () => {
    using folder = temporaryFolder();
    const authority = new Authority(new ManualClock());
    const first = begin(folder.path, authority);
    first.watch();
    await turns();
    await authority.clock.advance(59 * day);
    expect(authority.accountKeys).toHaveLength(1);
    first.certificate[Symbol.dispose]();

    using second = begin(folder.path, authority).certificate;
    expect(second.current).toEqual(first.certificate.current);
    second.watch(() => undefined);
    await authority.clock.advance(2 * day);
    expect(authority.accountKeys).toHaveLength(2);
    expect(new Set(authority.accountKeys).size).toBe(1);
    expect(second.current).not.toEqual(first.certificate.current);
  });

  test("that cannot be had is told with its cause, and tried again with growing pauses; the old one stays", async () => {
    using folder = temporaryFolder();
    const authority = new Authority(new ManualClock());
    const { clock } = authority;
    const { certificate, watch } = begin(folder.path, authority);
    using _ = certificate;
    watch();
    await turns();
    const before = certificate.current;
    authority.failure = refused;
    await clock.advance(60 * day);
    expect(certificate.current).toEqual(before);
    expect(certificate.problem!.sentence).toContain("connection refused");
    expect(certificate.problem!.fix).toContain("port 80");

    const pauses: number[] = [];
    for (let i = 0; i < 4; i++) {
      const nextTryAt = certificate.problem!.nextTryAt!;
      const tries = authority.accountKeys.length;
      const from = clock.now();
      await clock.advance(nextTryAt - from - 1);
      expect(authority.accountKeys).toHaveLength(tries);
      await clock.advance(1);
      expect(authority.accountKeys).toHaveLength(tries + 1);
      pauses.push(certificate.problem!.nextTryAt! - clock.now());
    }
    for (const [i, pause] of pauses.slice(1).entries()) expect(pause).toBeGreaterThan(pauses[i]! * 1.5);

    authority.failure = undefined;
    await clock.advance(certificate.problem!.nextTryAt! - clock.now());
    expect(certificate.problem).toBeUndefined();
    expect(certificate.current).not.toEqual(before);
  });

  test("the first pauses stay below five failures an hour", async () => {
    using folder = temporaryFolder();
    const authority = new Authority(new ManualClock());
    authority.failure = refused;
    const { certificate, watch } = begin(folder.path, authority);
    using _ = certificate;
    watch();
    await turns();
    expect(certificate.problem!.nextTryAt! - authority.clock.now()).toBeGreaterThanOrEqual(acmeRetryFirstMs);
    await authority.clock.advance(3_600_000);
    expect(authority.accountKeys.length).toBeLessThan(5);
  });

  test.each<[string, Partial<AcmeSettings>]>([
    ["domain", { domain: "other.example.com" }],
    ["authority", { directory: "https://other.example/directory" }],
  ])("that was kept for another %s is not shown", async (_what, change) => {
    using folder = temporaryFolder();
    const authority = new Authority(new ManualClock());
    const first = begin(folder.path, authority);
    first.watch();
    await turns();
    first.certificate[Symbol.dispose]();
    using other = begin(folder.path, authority, change).certificate;
    expect(other.current).not.toEqual(first.certificate.current);
  });

  test("whose file is damaged is ordered again", async () => {
    using folder = temporaryFolder();
    const authority = new Authority(new ManualClock());
    const path = join(folder.path, acmeFileNames.certificate);
    writeFileSync(path, `{"directory":`, { mode: 0o600 });
    const { certificate, watch } = begin(folder.path, authority);
    using _ = certificate;
    watch();
    await turns();
    expect(authority.accountKeys).toHaveLength(1);
    expect(JSON.parse(readFileSync(path, "utf8"))).toMatchObject({ domain, ...certificate.current });
  });
});

test("each way to fail names its cause and one thing to do", () => {
  const said = (failure: OrderFailure, change: Partial<AcmeSettings> = {}) =>
    explain(failure, { ...settings, ...change });
  const detail = "the authority's own words";
  const at = (stage: OrderFailure["stage"], code?: string): OrderFailure => ({ stage, code, detail });
  expect(said(at("reach", "ENOTFOUND")).sentence).toContain(
    "authority.example cannot be reached (ENOTFOUND)",
  );
  expect(said(at("reach", "SELF_SIGNED_CERT_IN_CHAIN")).fix).toContain("NODE_EXTRA_CA_CERTS");
  expect(said(at("account")).fix).toContain("acme.email");
  expect(said(at("answer", "EACCES")).fix).toContain("acme.http_port");
  expect(said(at("answer", "EADDRINUSE")).fix).toContain("uses port 80");
  expect(said(at("validate"), { challenge: "tls-alpn-01" }).fix).toContain("port 443");
  expect(said(at("issue")).sentence).toContain(detail);
  const long = said({ ...at("validate"), detail: "x\n".repeat(10_000) }).sentence;
  expect(long.length).toBeLessThan(500);
  expect(long).not.toContain("\n");
});

describe("an authority's question", () => {
  test("over HTTP is answered at its own path only, until it is disposed", async () => {
    const port = await freePort();
    const answer = { token: "tok-en", keyAuthorization: "tok-en.thumb", certificate: undefined };
    const url = `http://127.0.0.1:${port}/.well-known/acme-challenge/`;
    {
      await using _ = await answerOverHttp(answer, { host: "127.0.0.1", port });
      expect(await (await fetch(`${url}tok-en`)).text()).toBe("tok-en.thumb");
      for (const other of ["", "other", "tok-en/"]) expect((await fetch(url + other)).status).toBe(404);
    }
    await expect(fetch(`${url}tok-en`)).rejects.toThrow();
  });

  test("over ALPN is shown the proof; everybody else the usual certificate, then and afterwards", async () => {
    const now = Date.now();
    const usual = makeSelfSigned(now - day, now + day);
    const proof = makeSelfSigned(now - day, now + day, domain);
    await using server = await openHttpsServer({
      host: "127.0.0.1",
      port: 0,
      portIsDefault: false,
      credentials: usual,
      onLink: () => undefined,
      onClient: () => undefined,
      identity: () => ({ server: here, record: Uint8Array.of(1) }),
      page: undefined,
    });
    const shown = async (ALPNProtocols: string[]) => {
      const socket = connect({
        host: "127.0.0.1",
        port: server.port,
        servername: domain,
        ALPNProtocols,
        // Neither is vouched for: which one is shown is the question.
        rejectUnauthorized: false,
      });
      await once(socket, "secureConnect");
      const result = [socket.alpnProtocol, socket.getPeerX509Certificate()!.subjectAltName];
      socket.destroy();
      return result;
    };
    const usually = ["http/1.1", "DNS:fedchat.invalid"];
    expect(await shown(["http/1.1"])).toEqual(usually);
    {
      await using _ = server.answerOverAlpn(proof);
      expect(await shown(["acme-tls/1"])).toEqual(["acme-tls/1", `DNS:${domain}`]);
      expect(await shown(["http/1.1"])).toEqual(usually);
    }
    await expect(shown(["acme-tls/1"])).rejects.toThrow();
    expect(await shown(["http/1.1"])).toEqual(usually);
  });
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
