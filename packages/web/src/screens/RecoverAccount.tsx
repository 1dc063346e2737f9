/** The first run of somebody whose devices are all lost: the words of the recovery kit bring the account back. */
import type { Cause } from "@fedchat/engine/interface";
import { createSignal, createUniqueId, Show, type JSX } from "solid-js";
import { Button } from "../parts/Button.tsx";
import { Field } from "../parts/Field.tsx";
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
  /** Its homeserver is another one, and may be lost. */
  const [isElsewhere, setElsewhere] = createSignal(false);
  const [stolen, setStolen] = createSignal(false);
  const [name, setName] = createSignal("");
  const [invitation, setInvitation] = createSignal("");

  async function recover(event: SubmitEvent) {
    event.preventDefault();
    setBusy(true);
    setCause(null);
    try {
      const token = invitation().trim() === "" ? {} : { registrationToken: invitation().trim() };
      const here = name().trim() === "" ? {} : { here: { displayName: name().trim(), ...token } };
      await app.call("account.recover", { words: words(), stolen: stolen(), ...here });
      app.setStatus(await app.call("engine.status", {}));
      app.refetch();
    } catch (error) {
      setCause(causeOf(error));
      setElsewhere(isElsewhere() || causeOf(error).code === "kit-of-elsewhere");
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
      <label class="choice">
        <input
          type="checkbox"
          checked={stolen()}
          onChange={(event) => setStolen(event.currentTarget.checked)}
          data-testid="recover-stolen"
        />
        <span>
          <strong>{t.recovery.stolen}</strong>
          <span class="muted">{t.recovery.stolenHint}</span>
        </span>
      </label>
      <Show when={cause()}>{(why) => <CauseText cause={why()} level="danger" />}</Show>
      <Show when={isElsewhere()}>
        <h2>{t.recovery.elsewhereTitle}</h2>
        <p class="muted">{t.recovery.elsewhereLead}</p>
        <Field
          label={t.settings.displayName}
          value={name()}
          onType={setName}
          maxLength={64}
          wide
          testid="recover-name"
        />
        <Field
          label={t.recovery.elsewhereInvitation}
          value={invitation()}
          onType={setInvitation}
          autocomplete="off"
          spellcheck={false}
          wide
          testid="recover-invitation"
        />
      </Show>
      <Button
        type="submit"
        look="primary"
        class="wide large"
        busy={busy()}
        disabled={words().trim() === ""}
        testid="recover-start"
      >
        {name().trim() === "" ? t.recovery.recover : t.recovery.elsewhereStart}
      </Button>
    </form>
  );
}
