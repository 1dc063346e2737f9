/** Where an invitation link lands: a page without a session, served by the inviter's server to somebody new. */
import { Show, type JSX } from "solid-js";
import { render } from "solid-js/web";
import { Copy } from "./parts/Copy.tsx";
import { Mark } from "./parts/Mark.tsx";
import { Toasts } from "./parts/Toasts.tsx";
import { t } from "./strings.ts";
import "./styles/index.css";

function Invited(): JSX.Element {
  const link = location.href;
  return (
    <main class="welcome">
      <div class="welcome-card">
        <Mark />
        <h1>{t.invited.title}</h1>
        <p class="lead">{t.invited.body}</p>
        <Show
          when={location.hash.length > 1}
          fallback={
            <p class="field-error" role="alert">
              {t.invited.incomplete}
            </p>
          }
        >
          <ol class="steps">
            <li>
              <h2>{t.invited.step1}</h2>
              <p>{t.invited.step1Detail}</p>
              <code class="command">{t.invited.command}</code>
            </li>
            <li>
              <h2>{t.invited.step2}</h2>
              <p>{t.invited.step2Detail}</p>
              <code class="link-text" tabIndex={0} data-testid="invited-link">
                {link}
              </code>
              <Copy look="primary" text={link} label={t.invited.copy} testid="invited-copy" />
            </li>
          </ol>
        </Show>
      </div>
      <Toasts />
    </main>
  );
}

render(() => <Invited />, document.getElementById("screen")!);
