/**
 * A person's own certificate: two PEM files that other programs (certbot, a proxy, a company's tool) replace whenever
 * they like. Each thing that can be wrong with them is named, with the file that it is wrong in.
 */
import type { KeyObject } from "node:crypto";
import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import type { TlsCredentials } from "./tls-credentials.ts";

/** Where the person's own certificate and its key lie, in PEM. */
export interface TlsPaths {
  /** The server's certificate first; those that vouch for it may follow. */
  cert: string;
  key: string;
}

/** A configured certificate cannot be used. The message names the file, what is wrong with it, and what to do. */
export class CertificateError extends Error {
  override readonly name = "CertificateError";
}

/** Throws `CertificateError`. One that has expired is returned: see `expiryOf`. */
export function readOwnCertificate(paths: TlsPaths): TlsCredentials {
  const [cert, key] = [readText(paths.cert), readText(paths.key)];
  const certificate = parseCertificate(paths.cert, cert);
  const privateKey = parseKey(paths.key, key);
  if (!certificate.checkPrivateKey(privateKey)) {
    throw new CertificateError(
      `The TLS key ${paths.key} does not belong to the certificate ${paths.cert}. ` +
        "Name the two files that were made together, the server's own certificate first in its file.",
    );
  }
  return { cert, key };
}

/** What is wrong with its time, as a sentence and its remedy; undefined within its validity. */
export function expiryOf(
  path: string,
  cert: string,
  now: number,
): { sentence: string; fix: string } | undefined {
  const { validFromDate, validToDate } = new X509Certificate(cert);
  const fix = "Replace it; FedChat reads it again by itself within seconds.";
  if (validToDate.getTime() <= now) {
    return { sentence: `The TLS certificate ${path} expired on ${day(validToDate)}.`, fix };
  }
  if (validFromDate.getTime() <= now) return undefined;
  const sentence = `The TLS certificate ${path} is not valid before ${day(validFromDate)}.`;
  return { sentence, fix: "Set this machine's clock, or replace the certificate." };
}

/** Differs whenever a file was written, replaced, or a link points elsewhere. */
export function fingerprintOf(paths: TlsPaths): string {
  return [paths.cert, paths.key]
    .map((path) => {
      try {
        const { ino, size, mtimeMs } = statSync(path);
        return `${ino} ${size} ${mtimeMs}`;
      } catch (error) {
        return String((error as NodeJS.ErrnoException).code);
      }
    })
    .join(" | ");
}

const day = (date: Date): string => date.toISOString().slice(0, 10);

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") {
      throw new CertificateError(`The TLS file ${path} does not exist. Correct tls.cert and tls.key.`, {
        cause,
      });
    }
    throw new CertificateError(
      `The TLS file ${path} cannot be read (${code}). Let the user who runs FedChat read it.`,
      { cause },
    );
  }
}

function parseCertificate(path: string, text: string): X509Certificate {
  try {
    return new X509Certificate(text);
  } catch (cause) {
    throw new CertificateError(
      `The TLS file ${path} is not a certificate in PEM: it should begin with -----BEGIN CERTIFICATE-----.`,
      { cause },
    );
  }
}

function parseKey(path: string, text: string): KeyObject {
  if (/^Proc-Type: .*ENCRYPTED|BEGIN ENCRYPTED PRIVATE KEY/m.test(text)) {
    throw new CertificateError(
      `The TLS key ${path} is protected by a passphrase. Store it without one, readable by this user only.`,
    );
  }
  try {
    return createPrivateKey(text);
  } catch (cause) {
    throw new CertificateError(
      `The TLS file ${path} is not a private key in PEM: it should begin with -----BEGIN PRIVATE KEY-----.`,
      { cause },
    );
  }
}
