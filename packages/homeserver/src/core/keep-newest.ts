/** Maps that hold what was used last. */

/** Puts `value` last, and drops the one that was put longest ago where there are now more than `max`. */
export function keepNewest<K, V>(held: Map<K, V>, key: K, value: V, max: number): void {
  held.delete(key);
  held.set(key, value);
  const oldest = held.keys().next();
  if (held.size > max && oldest.done !== true) held.delete(oldest.value);
}
