/** What must not overlap takes turns: by key, in the order of asking. */
export class Turns<Key> {
  readonly #queues = new Map<Key, { last: Promise<void>; waiting: number }>();

  /** How many have a turn or wait for one. */
  waiting(key: Key): number {
    return this.#queues.get(key)?.waiting ?? 0;
  }

  /** Resolves once it is one's turn, with what ends it. */
  async take(key: Key): Promise<() => void> {
    const queue = this.#queues.get(key) ?? { last: Promise.resolve(), waiting: 0 };
    this.#queues.set(key, queue);
    const { promise, resolve } = Promise.withResolvers<void>();
    const before = queue.last;
    queue.last = promise;
    queue.waiting += 1;
    await before;
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      queue.waiting -= 1;
      if (queue.waiting === 0) this.#queues.delete(key);
      resolve();
    };
  }
}
