/**
 * The methods `screens.*`, answered in front of an engine: the engine knows rooms and people, this program knows who
 * looks at them from where. Screens are switched on, off and added at this machine only, so that a stolen phone cannot
 * bring in others.
 */
import type { EngineEvent, MethodName, Params } from "@fedchat/engine/interface";
import type { Callable } from "@fedchat/engine/node";
import { EngineError } from "@fedchat/engine/node";
import type { ScreenId } from "./paired-screens.ts";
import type { RemoteScreens, Viewer } from "./remote-screens.ts";
import { commandName } from "../terminal/command-name.ts";

type ScreenMethod = Extract<MethodName, `screens.${string}`>;

export function withScreens(engine: Callable, screens: RemoteScreens, viewer: Viewer): Callable {
  const handlers: { [M in ScreenMethod]: (params: Params<M>) => unknown } = {
    "screens.list": () => screens.view(viewer),
    async "screens.enable"({ password }) {
      onlyHere();
      await screens.enable(password);
      return screens.view(viewer);
    },
    "screens.disable"() {
      onlyHere();
      screens.disable();
      return screens.view(viewer);
    },
    "screens.add"() {
      onlyHere();
      return screens.add();
    },
    "screens.remove"({ screenId }) {
      screens.remove(screenId as ScreenId);
      return screens.view(viewer);
    },
  };

  /** Parameters have passed the interface's schemas. */
  async function call(method: MethodName, params: unknown): Promise<unknown> {
    if (!Object.hasOwn(handlers, method)) return engine.call(method, params);
    return handlers[method as ScreenMethod](params as never);
  }

  function onlyHere(): void {
    if (viewer === "here") return;
    throw new EngineError({
      code: "only-here",
      sentence: "This can be done only on the machine where FedChat runs.",
      fix: `Use its own screen, or on that machine: ${commandName} screen`,
      retry: "never",
    });
  }

  function onEvent(listener: (event: EngineEvent) => void): () => void {
    const stops = [
      engine.onEvent(listener),
      screens.onChange(() => listener({ type: "screens.changed", screens: screens.view(viewer) })),
    ];
    return () => {
      for (const stop of stops) stop();
    };
  }

  return { call, onEvent };
}
