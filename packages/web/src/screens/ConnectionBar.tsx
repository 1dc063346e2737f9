/**
 * Quiet while all is well. After three seconds of trouble one slim line: what is wrong, what to do, when the next try
 * is. The screen's own connection comes first, because without it the engine's word is old.
 */
import type { Cause } from "@fedchat/engine/interface";
import CloudOff from "lucide-solid/icons/cloud-off";
import { createEffect, createMemo, createSignal, onCleanup, Show, type JSX } from "solid-js";
import { quietTroubleMs } from "../limits.ts";
import { Countdown } from "../parts/Small.tsx";
import { isElsewhere } from "../session.ts";
import type { App } from "../state/app.ts";
import { useApp } from "../state/context.ts";
import { t } from "../strings.ts";

interface Trouble {
  sentence: string;
  fix: string | null;
  nextTryAt: number | null;
  retry: (() => void) | null;
}

/** Where the engine that does not answer should be, and what to look after. */
function missingEngine(app: App): Pick<Trouble, "sentence" | "fix"> {
  if (app.inBrowser !== null) return { sentence: t.inBrowser.noConnection, fix: t.inBrowser.noConnectionFix };
  return isElsewhere(location)
    ? { sentence: t.connection.elsewhere, fix: t.connection.elsewhereFix }
    : { sentence: t.connection.engine, fix: t.connection.engineFix };
}

export function ConnectionBar(): JSX.Element {
  const app = useApp();
  const trouble = createMemo<Trouble | null>(() => {
    const own = app.connection();
    if (own.state === "connecting" || own.state === "waiting")
      return {
        ...missingEngine(app),
        nextTryAt: own.state === "waiting" ? own.nextTryAt : null,
        retry: own.state === "waiting" ? app.retryNow : null,
      };
    const homeserver = app.status()?.homeserver;
    if (!homeserver || homeserver.connection === "connected") return null;
    const cause: Cause | null = homeserver.cause;
    const usual = homeserver.connection === "superseded" ? t.connection.superseded : t.connection.homeserver;
    return {
      sentence: cause?.sentence ?? usual,
      fix: cause?.fix ?? null,
      nextTryAt: homeserver.nextTryAt,
      retry: null,
    };
  });
  const troubled = createMemo(() => trouble() !== null);
  const [lasting, setLasting] = createSignal(false);
  createEffect(() => {
    if (!troubled()) return void setLasting(false);
    const timer = setTimeout(() => setLasting(true), quietTroubleMs);
    onCleanup(() => clearTimeout(timer));
  });

  return (
    <div class="connection-place" role="status">
      <Show when={lasting() && trouble()}>
        {(now) => (
          <div class="connection-bar" data-testid="connection-bar">
            <CloudOff size={16} />
            <span>
              {now().sentence} {now().fix}{" "}
              <Show when={now().nextTryAt} fallback={t.connection.trying}>
                {(at) => (
                  <span aria-hidden="true">
                    <Countdown until={at()} words={t.connection.next} />
                  </span>
                )}
              </Show>
            </span>
            <Show when={now().retry}>
              {(retry) => (
                <button type="button" class="link-button" onClick={() => retry()()}>
                  {t.connection.tryNow}
                </button>
              )}
            </Show>
          </div>
        )}
      </Show>
    </div>
  );
}
