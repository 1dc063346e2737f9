/** What the engine does not tell by itself, asked for again and again while somebody looks. What fails keeps the last answer. */
import { createSignal, onCleanup, onMount } from "solid-js";
import { CallFailed } from "../rpc.ts";

export interface Polled<T> {
  (): T | undefined;
  /** Asks now, too. */
  refresh(): void;
  put(value: T): void;
}

export function createPolled<T>(ask: () => Promise<T>, everyMs: number): Polled<T> {
  const [value, setValue] = createSignal<{ is: T }>();
  let gone = false;
  let asked = 0;
  async function refresh() {
    const mine = ++asked;
    try {
      const is = await ask();
      if (!gone && mine === asked) setValue({ is });
    } catch (error) {
      if (!(error instanceof CallFailed)) throw error;
    }
  }
  onMount(() => {
    void refresh();
    const timer = setInterval(() => void refresh(), everyMs);
    onCleanup(() => clearInterval(timer));
  });
  onCleanup(() => {
    gone = true;
  });
  return Object.assign(() => value()?.is, {
    refresh: () => void refresh(),
    put: (is: T) => {
      asked++;
      setValue({ is });
    },
  });
}
