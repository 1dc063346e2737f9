/** Our own mistakes stop here, in production too; what a peer does wrong never does. */

/** A caller broke the contract of what it called: never caught, except to say so and stop. */
export class AssertionError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "AssertionError";
  }
}

/** Throws `AssertionError` where `condition` does not hold. `message` names the rule, never a value. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new AssertionError(message);
}
