/** The first run of somebody whose devices are all lost: the words of the recovery kit bring the account back. */
import type { Cause } from "@fedchat/engine/interface";
import { createSignal, createUniqueId, Show, type JSX } from "solid-js";
import { Button } from "../parts/Button.tsx";
import { CauseText } from "../parts/Small.tsx";
import { causeOf } from "../state/app.ts";
import { useApp } from "../state/context.ts";
import { t } from "../strings.ts";

export function RecoverAccount(): JSX.Element {
  const app = useApp();
  const [words, setWords] = createSignal("");
  const [busy, setBusy] = createSignal(false);
  const [cause, setCause] = createSignal<Cause | null>(null);
  const field = createUniqueId();

  async function recover(event: SubmitEvent) {
    event.preventDefault();
    setBusy(true);
    setCause(null);
    try {
      await app.call("account.recover", { words: words() });
      void app.inBrowser?.askToKeep();
      app.setStatus(await app.call("engine.status", {}));
      app.refetch();
    } catch (error) {
      setCause(causeOf(error));
      setBusy(false);
    }
  }

  return (
    <form class="welcome-form" onSubmit={(event) => void recover(event)}>
      <h1>{t.recovery.recoverTitle}</h1>
      <p class="lead">{t.recovery.recoverLead}</p>
      <label class="kit-label" for={field}>
        {t.recovery.words}
      </label>
      <textarea
        id={field}
        class="kit-field"
        rows={4}
        maxLength={1_024}
        autocomplete="off"
        autocapitalize="none"
        spellcheck={false}
        value={words()}
        onInput={(event) => setWords(event.currentTarget.value)}
        data-testid="recover-words"
      />
      <p class="muted">{t.recovery.othersOut}</p>
      <Show when={cause()}>{(why) => <CauseText cause={why()} level="danger" />}</Show>
      <Button
        type="submit"
        look="primary"
        class="wide large"
        busy={busy()}
        disabled={words().trim() === ""}
        testid="recover-start"
      >
        {t.recovery.recover}
      </Button>
    </form>
  );
}
