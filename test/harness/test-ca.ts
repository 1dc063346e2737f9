/** A certificate authority of a test's own, made by the `openssl` command; whoever should trust it is given its file. */
import { execFileSync } from "node:child_process";
import { join } from "node:path";

export interface TestCa {
  /** PEM file of the authority itself. */
  certificate: string;
  /** A certificate for a domain, as PEM files. */
  issue(domain: string): { certificate: string; key: string };
}

/** @param folder where all its files lie */
export function testCa(folder: string): TestCa {
  const [certificate, key] = [join(folder, "ca.pem"), join(folder, "ca-key.pem")];
  const make = (name: string, paths: { certificate: string; key: string }, ...more: string[]) =>
    execFileSync(
      "openssl",
      [
        ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"],
        ...["-subj", `/CN=${name}`, "-keyout", paths.key, "-out", paths.certificate, ...more],
      ],
      { stdio: ["ignore", "ignore", "pipe"] },
    );
  make("FedChat test CA", { certificate, key });
  return {
    certificate,
    issue(domain) {
      const issued = { certificate: join(folder, `${domain}.pem`), key: join(folder, `${domain}-key.pem`) };
      make(
        domain,
        issued,
        ...["-CA", certificate, "-CAkey", key, "-addext", `subjectAltName=DNS:${domain}`],
        ...["-addext", "basicConstraints=critical,CA:FALSE"],
      );
      return issued;
    },
  };
}
