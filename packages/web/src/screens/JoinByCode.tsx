/** The first run on a further device: the code that another device shows, then the signs that both show. */
import type { Cause } from "@fedchat/engine/interface";
import { createSignal, Show, type JSX } from "solid-js";
import { Button } from "../parts/Button.tsx";
import { CodeReader } from "../parts/CodeReader.tsx";
import { Field } from "../parts/Field.tsx";
import { Signs } from "../parts/Signs.tsx";
import { CauseText } from "../parts/Small.tsx";
import { causeOf } from "../state/app.ts";
import { useApp } from "../state/context.ts";
import { t } from "../strings.ts";

export function JoinByCode(): JSX.Element {
  const app = useApp();
  const [code, setCode] = createSignal("");
  const [name, setName] = createSignal("");
  const [busy, setBusy] = createSignal(false);
  const [cause, setCause] = createSignal<Cause | null>(null);
  const joining = () => app.devices()?.joining;

  async function join(event: SubmitEvent) {
    event.preventDefault();
    setBusy(true);
    setCause(null);
    try {
      const called = name().trim();
      await app.call("devices.join", { code: code().trim(), ...(called === "" ? {} : { name: called }) });
      app.setDevices(await app.call("devices.list", {}));
    } catch (error) {
      setCause(causeOf(error));
    }
    setBusy(false);
  }

  return (
    <Show
      when={joining()?.state === "waiting"}
      fallback={
        <form class="welcome-form" onSubmit={(event) => void join(event)}>
          <h1>{t.devices.join.title}</h1>
          <p class="lead">{t.devices.join.lead}</p>
          <Field
            label={t.devices.code}
            value={code()}
            onType={setCode}
            autocapitalize="none"
            maxLength={256}
            required
            wide
            testid="join-code"
          />
          <CodeReader scan={t.devices.join.scan} onCode={setCode} />
          <Field
            label={t.devices.name}
            value={name()}
            onType={setName}
            placeholder={t.devices.join.namePlaceholder}
            maxLength={32}
            wide
            testid="join-name"
          />
          <Show when={cause() ?? joining()?.cause}>
            {(why) => <CauseText cause={why()} level="danger" />}
          </Show>
          <Button
            type="submit"
            look="primary"
            class="wide large"
            busy={busy()}
            disabled={code().trim() === ""}
            testid="join-start"
          >
            {t.devices.join.start}
          </Button>
        </form>
      }
    >
      <div class="welcome-form" data-testid="join-waiting">
        <h1>{t.devices.join.compare}</h1>
        <p class="lead">{t.devices.join.compareLead}</p>
        <Signs signs={joining()?.signs ?? []} label={t.devices.signs} />
      </div>
    </Show>
  );
}
