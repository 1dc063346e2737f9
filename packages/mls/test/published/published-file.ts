/**
 * One file of the MLS working group's vectors and what we must do with each of its cases. It runs in Node and in a
 * browser alike, so it knows no test runner and reads no file.
 */
import type { Primitives } from "../../src/crypto/primitives.ts";
import type { CipherSuite } from "../../src/crypto/suite.ts";
import { SUITE_IDS } from "../../src/crypto/suites.ts";
import { suiteOf } from "../suite-of.ts";
import { hex } from "../vectors.ts";

export interface PublishedFile {
  /** Without its `.json`. */
  readonly name: string;
  readonly title: string;
  /** A verdict for each case that is of no suite or of one of ours, in their order. */
  verdicts(cases: readonly unknown[], primitives: Primitives): string[];
}

export const AGREES = "agrees";

/** `check` throws where we disagree with a case; a case without a suite gets our first one. */
export function publishedFile<T>(
  name: string,
  title: string,
  check: (c: T, suite: CipherSuite, primitives: Primitives) => void,
): PublishedFile {
  const verdict = (c: T & { cipher_suite?: number }, primitives: Primitives): string => {
    try {
      check(c, suiteOf(primitives, c.cipher_suite ?? SUITE_IDS[0]!), primitives);
      return AGREES;
    } catch (error) {
      return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    }
  };
  return {
    name,
    title,
    verdicts: (cases, primitives) =>
      (cases as readonly (T & { cipher_suite?: number })[])
        .filter((c) => c.cipher_suite === undefined || SUITE_IDS.includes(c.cipher_suite))
        .map((c) => verdict(c, primitives)),
  };
}

/** Throws unless both are the same value; octets compare with their hexadecimal writing too. */
export function same(actual: unknown, expected: unknown, what: string): void {
  const [is, wanted] = [written(actual), written(expected)];
  if (is !== wanted) throw new Error(`${what}: ${is} instead of ${wanted}`);
}

function written(value: unknown): string {
  const plain = (_key: string, inner: unknown): unknown => {
    if (inner instanceof Uint8Array) return hex(inner);
    return typeof inner === "bigint" ? `${inner}n` : inner;
  };
  return JSON.stringify(value, plain) ?? "undefined";
}

/** Throws unless `run` does, with an error of this kind. */
export function refuses(run: () => unknown, kind: abstract new (...of: never) => Error, what: string): void {
  try {
    run();
  } catch (error) {
    if (error instanceof kind) return;
    throw error;
  }
  throw new Error(`${what}: not refused`);
}
