import type { Primitives } from "../src/crypto/primitives.ts";
import { type CipherSuite, cipherSuite } from "../src/crypto/suite.ts";

/** A suite that is known to be there. */
export function suiteOf(primitives: Primitives, id: number): CipherSuite {
  const suite = cipherSuite(primitives, id);
  if (suite === undefined) throw new Error(`no suite ${id}`);
  return suite;
}
