/** Waiting for something, but not for ever. */
import type { Clock } from "@fedchat/protocol";

/** What `work` gives, or undefined where that takes longer. */
export function within<T>(clock: Clock, timeMs: number, work: Promise<T>): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const timer = clock.after(timeMs, () => resolve(undefined));
    work.then(resolve, reject).finally(() => timer.cancel());
  });
}
