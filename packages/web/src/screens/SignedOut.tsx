/** No session, or one that the engine does not know: says how to get one, on the engine's machine or on another device. */
import { Show, type JSX } from "solid-js";
import { Button } from "../parts/Button.tsx";
import { Copy } from "../parts/Copy.tsx";
import { Mark } from "../parts/Mark.tsx";
import { isElsewhere } from "../session.ts";
import { t } from "../strings.ts";

export function SignedOut(): JSX.Element {
  return (
    <main class="welcome" data-testid="signed-out">
      <div class="welcome-card">
        <Mark />
        <h1>{t.signedOut.title}</h1>
        <Show when={isElsewhere(location)} fallback={<Here />}>
          <p class="lead">{t.signedOut.elsewhere}</p>
          <p class="lead">{t.signedOut.elsewhereFix}</p>
          <div class="actions">
            <Button onClick={() => location.reload()}>{t.signedOut.reload}</Button>
          </div>
        </Show>
      </div>
    </main>
  );
}

function Here(): JSX.Element {
  return (
    <>
      <p class="lead">{t.signedOut.body}</p>
      <div class="command-line">
        <code class="command">{t.signedOut.command}</code>
        <Copy look="icon" text={t.signedOut.command} label={t.common.copy} />
      </div>
      <div class="actions">
        <Button onClick={() => location.reload()}>{t.signedOut.reload}</Button>
        <a class="button quiet" href="/session" target="_self">
          {t.signedOut.code}
        </a>
      </div>
    </>
  );
}
