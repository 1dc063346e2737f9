/**
 * A certificate that an authority (ACME, RFC 8555) gives for a domain: ordered when there is none, renewed at two
 * thirds of its lifetime, tried again with growing pauses. Until the first one is there, the self-signed one is shown.
 * Account key and certificate lie in owner-only files of the data folder; what is kept is used only for the domain and
 * the authority that are configured now.
 */
import { createPrivateKey, generateKeyPairSync, X509Certificate } from "node:crypto";
import { join } from "node:path";
import type { Clock, RandomSource, Timer } from "@fedchat/protocol";
import type { Log } from "../../core/log.ts";
import { acmeCheckEveryMs, acmeRenewedAfter, acmeRetryFirstMs, acmeRetryMaxMs } from "../limits.ts";
import { readOwnerOnlyFile, writeOwnerOnlyFile } from "../owner-only.ts";
import type { CertificateProblem, CertificateSource } from "../tls-certificate.ts";
import type { TlsCredentials } from "../tls-credentials.ts";
import type { Order } from "./order.ts";
import { explain } from "./problems.ts";
import type { AcmeSettings } from "./settings.ts";

export const acmeFileNames = { account: "acme-account-key.pem", certificate: "acme-certificate.json" };

export interface AcmeCertificateOptions {
  settings: AcmeSettings;
  /** The data folder. */
  folder: string;
  /** Shown while there is none of the authority's. */
  meanwhile: CertificateSource;
  /** Begins an order. */
  order(accountKey: string): Order;
  clock: Clock;
  random: RandomSource;
  log: Log;
}

/** As kept: whom it came from, and what for. */
interface Kept extends TlsCredentials {
  directory: string;
  domain: string;
}

export class AcmeCertificate implements CertificateSource {
  readonly kind = "acme";
  readonly #options: AcmeCertificateOptions;
  #issued: TlsCredentials | undefined;
  #problem: CertificateProblem | undefined;
  #failures = 0;
  #order: Order | undefined;
  #timer: Timer | undefined;
  #closed = false;

  constructor(options: AcmeCertificateOptions) {
    this.#options = options;
    this.#issued = this.#readKept();
  }

  get current(): TlsCredentials {
    return this.#issued ?? this.#options.meanwhile.current;
  }

  get problem(): CertificateProblem | undefined {
    return this.#problem;
  }

  watch(changed: (credentials: TlsCredentials) => void): void {
    this.#options.meanwhile.watch((credentials) => {
      if (this.#issued === undefined) changed(credentials);
    });
    this.#look(changed);
  }

  [Symbol.dispose](): void {
    this.#closed = true;
    this.#timer?.cancel();
    void this.#order?.[Symbol.asyncDispose]();
    this.#options.meanwhile[Symbol.dispose]();
  }

  /** Orders when it is time, and looks again later. */
  #look(changed: (credentials: TlsCredentials) => void): void {
    const { clock } = this.#options;
    const waitMs = this.#dueAt() - clock.now();
    if (waitMs > 0) {
      this.#timer = clock.after(Math.min(waitMs, acmeCheckEveryMs), () => this.#look(changed));
      return;
    }
    void this.#renew(changed).then(() => {
      if (!this.#closed) this.#look(changed);
    });
  }

  /** Unix ms. */
  #dueAt(): number {
    const retryAt = this.#problem?.nextTryAt ?? null;
    if (retryAt !== null) return retryAt;
    if (this.#issued === undefined) return 0;
    const { validFromDate, validToDate } = new X509Certificate(this.#issued.cert);
    const [from, to] = [validFromDate.getTime(), validToDate.getTime()];
    return from + (to - from) * acmeRenewedAfter;
  }

  async #renew(changed: (credentials: TlsCredentials) => void): Promise<void> {
    const { settings, log } = this.#options;
    try {
      this.#order = this.#options.order(this.#accountKey());
      const outcome = await this.#order.outcome;
      if (this.#closed) return;
      if ("failure" in outcome) return this.#failed(explain(outcome.failure, settings));
      this.#keep(outcome.credentials);
      this.#issued = outcome.credentials;
      this.#problem = undefined;
      this.#failures = 0;
      log.info("a certificate was issued", { domain: settings.domain });
      changed(outcome.credentials);
    } catch (error) {
      const sentence = `The certificate's files cannot be kept: ${(error as Error).message}`;
      this.#failed({ sentence, fix: "Correct what is wrong with the data folder." });
    }
  }

  #failed(why: { sentence: string; fix: string }): void {
    const { clock, random, log } = this.#options;
    const ceilingMs = Math.min(acmeRetryMaxMs, acmeRetryFirstMs * 2 ** Math.min(this.#failures, 16));
    const [high, low] = random.bytes(2) as unknown as [number, number];
    // A fifth of jitter: boxes that lost their connection together do not come back together.
    const waitMs = Math.round(ceilingMs * (1 + (0.2 * (high * 256 + low)) / 65_536));
    this.#failures += 1;
    this.#problem = { ...why, nextTryAt: clock.now() + waitMs };
    log.warn(why.sentence, { fix: why.fix, nextTryInSeconds: Math.round(waitMs / 1_000) });
  }

  #accountKey(): string {
    const path = join(this.#options.folder, acmeFileNames.account);
    const kept = readOwnerOnlyFile(path);
    if (kept !== undefined) return kept;
    const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const made = privateKey.export({ format: "pem", type: "pkcs8" }).toString();
    writeOwnerOnlyFile(path, made);
    return made;
  }

  #keep({ cert, key }: TlsCredentials): void {
    const { directory, domain } = this.#options.settings;
    const kept: Kept = { directory, domain, cert, key };
    const path = join(this.#options.folder, acmeFileNames.certificate);
    writeOwnerOnlyFile(path, `${JSON.stringify(kept, undefined, 2)}\n`);
  }

  /** Undefined where there is none that would do: then another is ordered. */
  #readKept(): TlsCredentials | undefined {
    const { folder, settings, clock, log } = this.#options;
    try {
      const text = readOwnerOnlyFile(join(folder, acmeFileNames.certificate));
      if (text === undefined) return undefined;
      const { directory, domain, cert, key } = JSON.parse(text) as Kept;
      const parsed = new X509Certificate(cert);
      const fits =
        directory === settings.directory &&
        domain === settings.domain &&
        parsed.checkHost(domain) !== undefined &&
        parsed.checkPrivateKey(createPrivateKey(key)) &&
        parsed.validToDate.getTime() > clock.now();
      return fits ? { cert, key } : undefined;
    } catch (error) {
      log.warn("the certificate that was kept cannot be used; another is ordered", {
        reason: (error as Error).message,
      });
      return undefined;
    }
  }
}
