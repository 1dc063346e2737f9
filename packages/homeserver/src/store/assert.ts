/** Our own mistakes stop here, in production too: the whole write is rejected and nothing of it is applied. */
export function assert(condition: boolean, rule: string): asserts condition {
  if (!condition) throw new Error(`the store was asked for something impossible: ${rule} (does not hold)`);
}
