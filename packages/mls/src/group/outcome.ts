/** The answers that were foreseen, as values; what we did wrong ourselves is thrown. */
import { DecodeError } from "../codec/decode-error.ts";
import { Refusal, type Rule } from "../rules.ts";

/** The input breaks a rule: everyone refuses it, and nothing changed. */
export interface Refused {
  readonly kind: "refused";
  readonly rule: Rule;
  /** A sentence for people. */
  readonly reason: string;
}

/**
 * A Commit whose public part is valid, but which we cannot follow: the others go on without us. It is never skipped;
 * whoever gets this rejoins by an external Commit or is added again.
 */
export interface Diverged {
  readonly kind: "diverged";
  readonly rule: Rule;
  readonly reason: string;
}

/** Rules that only hold or fail for us. */
const OURS_ALONE: ReadonlySet<Rule> = new Set<Rule>([
  "commit.path-secret",
  "commit.path-key",
  "commit.confirmation-tag",
  "psk.unknown",
]);

/** Runs a step; a broken rule becomes the value `refused`. */
export function outcomeOf<T>(run: () => T): T | Refused {
  try {
    return run();
  } catch (thrown) {
    return refusedBy(thrown);
  }
}

/** Like `outcomeOf` for Commits received: what fails for us alone is `diverged`. */
export function commitOutcomeOf<T>(run: () => T): T | Refused | Diverged {
  const outcome = outcomeOf(run);
  if (!isRefused(outcome) || !OURS_ALONE.has(outcome.rule)) return outcome;
  return { ...outcome, kind: "diverged" };
}

function isRefused(outcome: unknown): outcome is Refused {
  return typeof outcome === "object" && outcome !== null && "kind" in outcome && outcome.kind === "refused";
}

function refusedBy(thrown: unknown): Refused {
  if (thrown instanceof Refusal) return { kind: "refused", rule: thrown.rule, reason: thrown.message };
  if (thrown instanceof DecodeError) {
    return { kind: "refused", rule: "message.malformed", reason: thrown.message };
  }
  throw thrown;
}
