/** Where a link of 'Add a screen' leads, on the other device: the screen password, a name, and in. */
import type { Cause } from "@fedchat/engine/interface";
import { createEffect, createSignal, Show, type JSX } from "solid-js";
import { Button } from "../parts/Button.tsx";
import { Field } from "../parts/Field.tsx";
import { Mark } from "../parts/Mark.tsx";
import { Password } from "../parts/Password.tsx";
import { CauseText } from "../parts/Small.tsx";
import { pair } from "../pairing.ts";
import { keepSecret } from "../session.ts";
import { t } from "../strings.ts";
import { deviceName } from "../text/device-name.ts";

export function Pair(props: { token: string | undefined }): JSX.Element {
  const [password, setPassword] = createSignal("");
  const [name, setName] = createSignal(deviceName(navigator.userAgent));
  const [busy, setBusy] = createSignal(false);
  const [cause, setCause] = createSignal<Cause | null>(null);
  createEffect(() => setCause(props.token === undefined ? t.pair.incomplete : null));
  const isOver = () => cause()?.code === "link-spent" || props.token === undefined;

  async function add(event: SubmitEvent) {
    event.preventDefault();
    if (props.token === undefined || busy()) return;
    setBusy(true);
    setCause(null);
    const outcome = await pair({ token: props.token, password: password(), name: name().trim() });
    if ("secret" in outcome) {
      keepSecret(outcome.secret, localStorage);
      location.replace("/");
      return;
    }
    setCause(outcome.cause);
    setPassword("");
    setBusy(false);
  }

  return (
    <main class="welcome" data-testid="pair">
      <div class="welcome-card">
        <Mark />
        <h1>{t.pair.title}</h1>
        <p class="lead">{t.pair.lead}</p>
        <form class="welcome-form" onSubmit={(event) => void add(event)}>
          <Show when={!isOver()}>
            <Password
              label={t.screens.password}
              value={password()}
              onType={setPassword}
              autocomplete="current-password"
              testid="pair-password"
            />
            <Field
              label={t.pair.name}
              hint={t.pair.nameHint}
              value={name()}
              maxLength={64}
              onType={setName}
              testid="pair-name"
            />
          </Show>
          <div role="alert">
            <Show when={cause()}>{(why) => <CauseText cause={why()} level="danger" />}</Show>
          </div>
          <Show when={!isOver()}>
            <Button
              type="submit"
              look="primary"
              class="wide"
              busy={busy()}
              disabled={password() === "" || name().trim() === ""}
              testid="pair-submit"
            >
              {busy() ? t.pair.adding : t.pair.add}
            </Button>
          </Show>
        </form>
      </div>
    </main>
  );
}
