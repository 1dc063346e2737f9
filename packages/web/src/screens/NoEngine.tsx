/** Where the engine cannot run in this browser, or its store cannot be opened: why, and what to do. */
import type { JSX } from "solid-js";
import { Button } from "../parts/Button.tsx";
import { Mark } from "../parts/Mark.tsx";
import { t } from "../strings.ts";

export function NoEngine(props: { sentence: string }): JSX.Element {
  return (
    <main class="welcome" data-testid="no-engine">
      <div class="welcome-card">
        <Mark />
        <h1>{t.inBrowser.noEngine}</h1>
        <p class="lead" role="alert">
          {props.sentence}
        </p>
        <div class="actions">
          <Button onClick={() => location.reload()}>{t.signedOut.reload}</Button>
        </div>
      </div>
    </main>
  );
}
