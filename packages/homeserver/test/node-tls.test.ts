import { createPrivateKey, X509Certificate } from "node:crypto";
import { chmodSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { silentLog } from "../src/core/log.ts";
import { ownCertificateCheckEveryMs } from "../src/node/limits.ts";
import { makeSelfSigned } from "../src/node/self-signed.ts";
import type { TlsCredentials } from "../src/node/tls-credentials.ts";
import { CertificateError } from "../src/node/own-certificate.ts";
import { certificateFileNames, TlsCertificate } from "../src/node/tls-certificate.ts";
import { ManualClock } from "./manual-clock.ts";
import { temporaryFolder } from "./store-places.ts";

const day = 86_400_000;

function certificateIn(folder: string, clock = new ManualClock()) {
  return new TlsCertificate({ folder, own: undefined, clock, log: silentLog });
}

describe("a self-signed certificate", () => {
  test("is one for a server, of ECDSA with P-256, for a year", () => {
    using folder = temporaryFolder();
    const clock = new ManualClock();
    const { cert, key } = certificateIn(folder.path, clock).current;
    const parsed = new X509Certificate(cert);
    expect(parsed.verify(parsed.publicKey)).toBe(true);
    expect(parsed.checkPrivateKey(createPrivateKey(key))).toBe(true);
    expect(parsed.publicKey.asymmetricKeyDetails).toEqual({ namedCurve: "prime256v1" });
    expect(parsed.ca).toBe(false);
    const days = (parsed.validToDate.getTime() - clock.now()) / day;
    expect(days).toBeGreaterThan(364);
    expect(days).toBeLessThan(366);
    expect(parsed.validFromDate.getTime()).toBeLessThan(clock.now());
  });

  test("is kept in owner-only files and found again", () => {
    using folder = temporaryFolder();
    const { cert } = certificateIn(folder.path).current;
    expect(certificateIn(folder.path).current.cert).toBe(cert);
    for (const name of Object.values(certificateFileNames)) {
      expect(statSync(join(folder.path, name)).mode & 0o777).toBe(0o600);
    }
  });

  test("is made anew at start when it is missing, damaged, mixed up, expired or soon to expire", () => {
    using folder = temporaryFolder();
    const clock = new ManualClock();
    const now = clock.now();
    const file = (name: keyof typeof certificateFileNames) => join(folder.path, certificateFileNames[name]);
    const put = ({ cert, key }: TlsCredentials) => {
      writeFileSync(file("cert"), cert);
      writeFileSync(file("key"), key);
    };
    const spoils = [
      () => rmSync(file("cert")),
      () => rmSync(file("key")),
      () => writeFileSync(file("cert"), "not a certificate"),
      () => writeFileSync(file("key"), ""),
      () => writeFileSync(file("key"), makeSelfSigned(now, now + 365 * day).key),
      () => put(makeSelfSigned(now - 400 * day, now - day)),
      () => put(makeSelfSigned(now - 300 * day, now + 29 * day)),
      () => put(makeSelfSigned(now + 2 * day, now + 300 * day)),
    ];
    let before = certificateIn(folder.path, clock).current.cert;
    for (const spoil of spoils) {
      spoil();
      const { cert, key } = certificateIn(folder.path, clock).current;
      expect(cert).not.toBe(before);
      expect(new X509Certificate(cert).checkPrivateKey(createPrivateKey(key))).toBe(true);
      expect(readFileSync(file("cert"), "utf8")).toBe(cert);
      before = cert;
    }
    put(makeSelfSigned(now - 300 * day, now + 31 * day));
    const kept = readFileSync(file("cert"), "utf8");
    expect(certificateIn(folder.path, clock).current.cert).toBe(kept);
  });

  test("is renewed while running, in time", async () => {
    using folder = temporaryFolder();
    const clock = new ManualClock();
    const old = makeSelfSigned(clock.now() - 330 * day, clock.now() + 31 * day);
    writeFileSync(join(folder.path, certificateFileNames.cert), old.cert);
    writeFileSync(join(folder.path, certificateFileNames.key), old.key, { mode: 0o600 });
    chmodSync(join(folder.path, certificateFileNames.cert), 0o600);
    using certificate = certificateIn(folder.path, clock);
    const changes: string[] = [];
    certificate.watch(({ cert }) => changes.push(cert));
    await clock.advance(0.9 * day);
    expect([certificate.current.cert, changes]).toEqual([old.cert, []]);
    await clock.advance(0.2 * day);
    expect(changes).toEqual([certificate.current.cert]);
    rmSync(join(folder.path, certificateFileNames.key));
    await clock.advance(day);
    expect(changes).toHaveLength(2);
  });
});

describe("a configured certificate", () => {
  function own(folder: string, { cert, key }: TlsCredentials) {
    const paths = { cert: join(folder, "own.pem"), key: join(folder, "own.key") };
    writeFileSync(paths.cert, cert);
    writeFileSync(paths.key, key);
    return paths;
  }

  test("is used as it is, read again when it is replaced, and kept when its files become unusable", async () => {
    using folder = temporaryFolder();
    const clock = new ManualClock();
    const now = clock.now();
    const first = makeSelfSigned(now - 9 * day, now - day);
    const second = makeSelfSigned(now - 9 * day, now + day);
    const paths = own(folder.path, first);
    using certificate = new TlsCertificate({ folder: folder.path, own: paths, clock, log: silentLog });
    expect(certificate.current).toEqual(first);
    const changes: TlsCredentials[] = [];
    certificate.watch((credentials) => changes.push(credentials));
    own(folder.path, second);
    await clock.advance(day);
    expect(changes).toEqual([second]);
    rmSync(paths.key);
    await clock.advance(day);
    expect(changes).toEqual([second]);
    expect(certificate.current).toEqual(second);
  });

  test("that cannot be used is an error that names the file", () => {
    using folder = temporaryFolder();
    const now = new ManualClock().now();
    const open = (paths: TlsCredentials) => () =>
      new TlsCertificate({ folder: folder.path, own: paths, clock: new ManualClock(), log: silentLog });
    const good = makeSelfSigned(now, now + day);
    const absent = { cert: "/nowhere/a.pem", key: "/nowhere/a.key" };
    expect(open(absent)).toThrow("/nowhere/a.pem does not exist");
    expect(open({ cert: folder.path, key: folder.path })).toThrow(`${folder.path} cannot be read (EISDIR)`);
    expect(open(own(folder.path, { ...good, cert: "no" }))).toThrow("own.pem is not a certificate in PEM");
    expect(open(own(folder.path, { ...good, key: "no" }))).toThrow("own.key is not a private key in PEM");
    const passphrase = createPrivateKey(good.key).export({
      format: "pem",
      type: "pkcs8",
      cipher: "aes-256-cbc",
      passphrase: "secret",
    });
    const locked = own(folder.path, { ...good, key: passphrase.toString() });
    expect(open(locked)).toThrow("own.key is protected by a passphrase");
    const mixed = own(folder.path, { ...good, key: makeSelfSigned(now, now + day).key });
    expect(open(mixed)).toThrow(CertificateError);
    expect(open(mixed)).toThrow("does not belong to");
  });

  test("that has expired is used all the same, and told of by name until it is replaced", async () => {
    using folder = temporaryFolder();
    const clock = new ManualClock();
    const now = clock.now();
    const paths = own(folder.path, makeSelfSigned(now - 9 * day, now - day));
    using certificate = new TlsCertificate({ folder: folder.path, own: paths, clock, log: silentLog });
    expect(certificate.problem!.sentence).toContain(`${paths.cert} expired on 2027-01-14`);
    certificate.watch(() => undefined);
    own(folder.path, makeSelfSigned(now - day, now + 2 * day));
    await clock.advance(ownCertificateCheckEveryMs);
    expect(certificate.problem).toBeUndefined();
    await clock.advance(3 * day);
    expect(certificate.problem!.sentence).toContain("expired");
  });

  test("that is replaced by one that is expired, half-written or foreign keeps the old one, and says why", async () => {
    using folder = temporaryFolder();
    const clock = new ManualClock();
    const now = clock.now();
    const good = makeSelfSigned(now - day, now + 9 * day);
    const paths = own(folder.path, good);
    using certificate = new TlsCertificate({ folder: folder.path, own: paths, clock, log: silentLog });
    const changes: TlsCredentials[] = [];
    certificate.watch((credentials) => changes.push(credentials));
    const fresh = makeSelfSigned(now - day, now + 30 * day);
    const bad: [TlsCredentials, string][] = [
      [makeSelfSigned(now - 9 * day, now - day), "expired"],
      [{ ...fresh, cert: fresh.cert.slice(0, 100) }, "is not a certificate"],
      [{ ...fresh, key: good.key }, "does not belong to"],
    ];
    for (const [credentials, why] of bad) {
      own(folder.path, credentials);
      await clock.advance(ownCertificateCheckEveryMs);
      expect(certificate.problem!.sentence).toContain(why);
      expect(certificate.current).toEqual(good);
    }
    // Its second file comes a moment later: then both fit.
    own(folder.path, fresh);
    await clock.advance(ownCertificateCheckEveryMs);
    expect([certificate.problem, changes]).toEqual([undefined, [fresh]]);
  });
});
