/**
 * What every sending key of a run's stubs had sealed when it left a machine. One serves a whole simulated network: in
 * the real thing a key that seals two different contents gives both away.
 */
export class UsedKeys {
  readonly #contents = new Map<string, string>();

  /** Throws if this key has already sealed something else that left. */
  left(key: string, content: string): void {
    this.assertUnused(key, content);
    this.#contents.set(key, content);
  }

  /** Two contents from one state are no fault if a crash kept the first from ever leaving. */
  assertUnused(key: string, content: string): void {
    const known = this.#contents.get(key);
    if (known !== undefined && known !== content)
      throw new Error(`assertion: one key sealed two contents (${key})`);
  }

  /** How many keys were seen in use. */
  get size(): number {
    return this.#contents.size;
  }
}
