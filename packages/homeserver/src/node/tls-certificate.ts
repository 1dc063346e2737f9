/**
 * The certificate of the HTTPS port: the person's own where paths are configured, used as it is and read again when its
 * files change; else a self-signed one, made anew whenever it is missing, damaged, expired or soon to expire. Replacing
 * it changes nobody's identity.
 */
import { createPrivateKey, X509Certificate } from "node:crypto";
import { join } from "node:path";
import type { Clock, Timer } from "@fedchat/protocol";
import type { Log } from "../core/log.ts";
import {
  certificateBackdatedMs,
  certificateCheckEveryMs,
  certificateLifetimeMs,
  certificateRenewedBeforeMs,
  ownCertificateCheckEveryMs,
} from "./limits.ts";
import { readOwnerOnlyFile, writeOwnerOnlyFile } from "./owner-only.ts";
import type { TlsPaths } from "./own-certificate.ts";
import { expiryOf, fingerprintOf, readOwnCertificate } from "./own-certificate.ts";
import { makeSelfSigned } from "./self-signed.ts";
import type { TlsCredentials } from "./tls-credentials.ts";

/** What keeps a certificate from doing its work, for people. */
export interface CertificateProblem {
  sentence: string;
  fix: string;
  /** Unix ms; null where it is looked at again all the time. */
  nextTryAt: number | null;
}

/** Whatever keeps the HTTPS port in certificates. */
export interface CertificateSource extends Disposable {
  readonly kind: "self-signed" | "own" | "acme";
  readonly current: TlsCredentials;
  readonly problem: CertificateProblem | undefined;
  /** Looks after it from now on; calls `changed` whenever there is another one. */
  watch(changed: (credentials: TlsCredentials) => void): void;
}

export const certificateFileNames = { cert: "tls-cert.pem", key: "tls-key.pem" };

export interface TlsCertificateOptions {
  /** Holds the self-signed one. */
  folder: string;
  own: TlsPaths | undefined;
  clock: Clock;
  log: Log;
}

export class TlsCertificate implements CertificateSource {
  readonly #options: TlsCertificateOptions;
  readonly #checkEveryMs: number;
  #current: TlsCredentials;
  #seen = "";
  #unusable: string | undefined;
  #timer: Timer | undefined;

  /** Throws `CertificateError` where a configured certificate cannot be used; an expired one is used and told of. */
  constructor(options: TlsCertificateOptions) {
    this.#options = options;
    this.#checkEveryMs = options.own === undefined ? certificateCheckEveryMs : ownCertificateCheckEveryMs;
    if (options.own !== undefined) this.#seen = fingerprintOf(options.own);
    this.#current = options.own === undefined ? this.#selfSigned() : readOwnCertificate(options.own);
    const { problem } = this;
    if (problem !== undefined) options.log.warn(problem.sentence, { fix: problem.fix });
  }

  get kind(): "self-signed" | "own" {
    return this.#options.own === undefined ? "self-signed" : "own";
  }

  get current(): TlsCredentials {
    return this.#current;
  }

  get problem(): CertificateProblem | undefined {
    const { own, clock } = this.#options;
    if (own === undefined) return undefined;
    if (this.#unusable !== undefined) {
      const fix = "The certificate from before stays in use. Correct the file; it is read again by itself.";
      return { sentence: this.#unusable, fix, nextTryAt: null };
    }
    const expiry = expiryOf(own.cert, this.#current.cert, clock.now());
    return expiry && { ...expiry, nextTryAt: null };
  }

  watch(changed: (credentials: TlsCredentials) => void): void {
    this.#timer = this.#options.clock.after(this.#checkEveryMs, () => {
      const before = this.#current;
      this.check();
      if (this.#current.cert !== before.cert || this.#current.key !== before.key) changed(this.#current);
      this.watch(changed);
    });
  }

  /** Reads the files again, and makes what is missing. A configured certificate that became unusable stays in use. */
  check(): TlsCredentials {
    const { own } = this.#options;
    if (own === undefined) this.#current = this.#selfSigned();
    else if (fingerprintOf(own) !== this.#seen) this.#readAgain(own);
    return this.#current;
  }

  [Symbol.dispose](): void {
    this.#timer?.cancel();
  }

  #readAgain(own: TlsPaths): void {
    const { clock, log } = this.#options;
    this.#seen = fingerprintOf(own);
    try {
      const fresh = readOwnCertificate(own);
      const expiry = expiryOf(own.cert, fresh.cert, clock.now());
      this.#unusable = expiry?.sentence;
      if (expiry === undefined) {
        this.#current = fresh;
        log.info("the TLS certificate's files changed and were read again");
      }
    } catch (error) {
      this.#unusable = (error as Error).message;
    }
    if (this.#unusable === undefined) return;
    log.warn("the new TLS certificate cannot be used; the one from before stays", { reason: this.#unusable });
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
