/** No session, or one that the engine does not know: says how to get one. */
import type { JSX } from "solid-js";
import { Button } from "../parts/Button.tsx";
import { Copy } from "../parts/Copy.tsx";
import { Mark } from "../parts/Mark.tsx";
import { t } from "../strings.ts";

export function SignedOut(): JSX.Element {
  return (
    <main class="welcome" data-testid="signed-out">
      <div class="welcome-card">
        <Mark />
        <h1>{t.signedOut.title}</h1>
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
      </div>
    </main>
  );
}
