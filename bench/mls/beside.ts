/**
 * Libraries measured beside where they are installed: those whose licences keep them out of this workspace. An adapter
 * is a module of the `interop` folder, which has dependencies of its own, and exports `talkLibrary(): TalkLibrary`
 * (see library.ts). Where the module or its library is absent, so is its row.
 */
import type { TalkLibrary } from "./library.ts";

const adapters = ["../../interop/bench/libsignal.ts"];

export async function librariesBeside(): Promise<TalkLibrary[]> {
  const found: TalkLibrary[] = [];
  for (const adapter of adapters) {
    try {
      const module = (await import(new URL(adapter, import.meta.url).href)) as {
        talkLibrary(): TalkLibrary | Promise<TalkLibrary>;
      };
      found.push(await module.talkLibrary());
    } catch (cause) {
      if ((cause as { code?: unknown }).code !== "ERR_MODULE_NOT_FOUND") throw cause;
    }
  }
  return found;
}
