/**
 * The certificate of the HTTPS port: the person's own where paths are configured, used as it is; else a self-signed
 * one, made anew whenever it is missing, damaged, expired or soon to expire. Replacing it changes nobody's identity.
 */
import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Clock, Timer } from "@fedchat/protocol";
import type { Log } from "../core/log.ts";
import {
  certificateBackdatedMs,
  certificateCheckEveryMs,
  certificateLifetimeMs,
  certificateRenewedBeforeMs,
} from "./limits.ts";
import { readOwnerOnlyFile, writeOwnerOnlyFile } from "./owner-only.ts";
import { makeSelfSigned } from "./self-signed.ts";

/** In PEM; `cert` may be a chain. */
export interface TlsCredentials {
  cert: string;
  key: string;
}

/** Where the person's own certificate and its key lie, in PEM. */
export interface TlsPaths {
  cert: string;
  key: string;
}

/** A configured certificate cannot be used. The message names the file and what is wrong with it. */
export class CertificateError extends Error {
  override readonly name = "CertificateError";
}

export const certificateFileNames = { cert: "tls-cert.pem", key: "tls-key.pem" };

export interface TlsCertificateOptions {
  /** Holds the self-signed one. */
  folder: string;
  own: TlsPaths | undefined;
  clock: Clock;
  log: Log;
}

export class TlsCertificate implements Disposable {
  readonly #options: TlsCertificateOptions;
  #current: TlsCredentials;
  #timer: Timer | undefined;

  /** Throws `CertificateError` where a configured certificate cannot be used. */
  constructor(options: TlsCertificateOptions) {
    this.#options = options;
    this.#current = options.own === undefined ? this.#selfSigned() : readOwn(options.own);
  }

  get current(): TlsCredentials {
    return this.#current;
  }

  /** Looks after the files from now on; calls `changed` whenever there is another certificate. */
  watch(changed: (credentials: TlsCredentials) => void): void {
    this.#timer = this.#options.clock.after(certificateCheckEveryMs, () => {
      const before = this.#current.cert;
      this.check();
      if (this.#current.cert !== before) changed(this.#current);
      this.watch(changed);
    });
  }

  /** Reads the files again, and makes what is missing. A configured certificate that became unusable stays in use. */
  check(): TlsCredentials {
    const { own, log } = this.#options;
    try {
      this.#current = own === undefined ? this.#selfSigned() : readOwn(own);
    } catch (error) {
      log.warn("the TLS certificate could not be read again; the one in use stays", {
        reason: (error as Error).message,
      });
    }
    return this.#current;
  }

  [Symbol.dispose](): void {
    this.#timer?.cancel();
  }

  #selfSigned(): TlsCredentials {
    const { folder, clock, log } = this.#options;
    const now = clock.now();
    const paths = {
      cert: join(folder, certificateFileNames.cert),
      key: join(folder, certificateFileNames.key),
    };
    const kept = readSelfSigned(paths, now);
    if (kept !== undefined) return kept;
    const made = makeSelfSigned(now - certificateBackdatedMs, now + certificateLifetimeMs);
    try {
      writeOwnerOnlyFile(paths.key, made.key);
      writeOwnerOnlyFile(paths.cert, made.cert);
      log.info("a self-signed TLS certificate was made");
    } catch (error) {
      log.warn("the TLS certificate could not be stored; another is made at the next start", {
        reason: (error as Error).message,
      });
    }
    return made;
  }
}

/** Undefined where another has to be made. */
function readSelfSigned(paths: TlsPaths, now: number): TlsCredentials | undefined {
  try {
    const [cert, key] = [readOwnerOnlyFile(paths.cert), readOwnerOnlyFile(paths.key)];
    if (cert === undefined || key === undefined) return undefined;
    const parsed = new X509Certificate(cert);
    const lasts = parsed.validToDate.getTime() > now + certificateRenewedBeforeMs;
    const began = parsed.validFromDate.getTime() <= now;
    return lasts && began && parsed.checkPrivateKey(createPrivateKey(key)) ? { cert, key } : undefined;
  } catch {
    return undefined; // Damaged, or open to others: it protects nothing that a new one would not.
  }
}

function readOwn(paths: TlsPaths): TlsCredentials {
  const read = (path: string): string => {
    try {
      return readFileSync(path, "utf8");
    } catch (cause) {
      throw new CertificateError(`The configured TLS file ${path} cannot be read.`, { cause });
    }
  };
  const [cert, key] = [read(paths.cert), read(paths.key)];
  const parse = <T>(path: string, kind: string, run: () => T): T => {
    try {
      return run();
    } catch (cause) {
      throw new CertificateError(`The configured TLS file ${path} is not a ${kind} in PEM.`, { cause });
    }
  };
  const certificate = parse(paths.cert, "certificate", () => new X509Certificate(cert));
  const privateKey = parse(paths.key, "private key", () => createPrivateKey(key));
  if (!certificate.checkPrivateKey(privateKey)) {
    throw new CertificateError(`The configured TLS key ${paths.key} does not belong to ${paths.cert}.`);
  }
  return { cert, key };
}
