/**
 * Asks a domain over WebPKI whose record it serves: with the authorities that this machine trusts, and those of
 * NODE_EXTRA_CA_CERTS. Invariant: everything but a well-formed record under a valid certificate for that very name counts
 * as no answer; no redirect is followed, since it would let another name speak for this one. [N4]
 */
import { isAddress, isPrivateHost, serverRecord, wellKnownPath } from "@fedchat/protocol";
import type { ServerId } from "@fedchat/protocol";
import { nodePrimitives } from "@fedchat/protocol/primitives/node";
import { request } from "node:https";
import type { RequestOptions } from "node:https";
import type { DomainChecker } from "../core/federation/domains.ts";
import { domainAnswerBytesMax, domainTimeoutMs } from "./limits.ts";

/** @param options for tests: another port, or authorities of their own */
export function domainChecker(options: Pick<RequestOptions, "port" | "ca" | "lookup"> = {}): DomainChecker {
  return {
    async keyOf(domain) {
      // An address proves no name, and a name of the local network leads elsewhere from everywhere else.
      if (isAddress(domain) || isPrivateHost(domain)) return undefined;
      const body = await fetchRecord(domain, options);
      return body && keyIn(body);
    },
  };
}

function keyIn(body: Uint8Array): ServerId | undefined {
  try {
    return serverRecord.open(nodePrimitives, body).key;
  } catch {
    return undefined; // Something else is served there.
  }
}

function fetchRecord(domain: string, options: RequestOptions): Promise<Uint8Array | undefined> {
  return new Promise((resolve) => {
    const asked = request(
      {
        ...options,
        host: domain,
        servername: domain,
        path: wellKnownPath,
        headers: { Accept: "application/cbor" },
        agent: false,
      },
      (response) => {
        if (response.statusCode !== 200) return asked.destroy();
        const chunks: Buffer[] = [];
        let size = 0;
        response.on("data", (chunk: Buffer) => {
          size += chunk.length;
          if (size > domainAnswerBytesMax) asked.destroy();
          else chunks.push(chunk);
        });
        response.on("end", () => resolve(size > domainAnswerBytesMax ? undefined : Buffer.concat(chunks)));
      },
    );
    const timer = setTimeout(() => asked.destroy(), domainTimeoutMs);
    asked.on("error", () => resolve(undefined));
    asked.on("close", () => {
      clearTimeout(timer);
      resolve(undefined);
    });
    asked.end();
  });
}
