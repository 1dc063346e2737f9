/**
 * The recovery kit: words and a QR code for paper. They show only when asked for, and are forgotten by the engine once
 * their person has shown, by two of the words, that they have them.
 */
import type { RecoveryKit } from "@fedchat/engine/interface";
import Eye from "lucide-solid/icons/eye";
import Printer from "lucide-solid/icons/printer";
import { createSignal, createUniqueId, For, Show, type JSX } from "solid-js";
import { Button } from "../parts/Button.tsx";
import { Field } from "../parts/Field.tsx";
import { Qr } from "../parts/Qr.tsx";
import { useApp } from "../state/context.ts";
import { say } from "../state/toasts.ts";
import { t } from "../strings.ts";
import { fullDate } from "../text/time.ts";

export function RecoverySettings(): JSX.Element {
  const app = useApp();
  const [kit, setKit] = createSignal<RecoveryKit | null>(null);
  const kept = () => app.status()?.recoveryKit === "kept";
  return (
    <>
      <section class="card stack">
        <p class="prose">{t.recovery.lead}</p>
        <p class="prose">{t.recovery.whoHas}</p>
        <Show when={kept()}>
          <p class="prose">{t.recovery.keptLead}</p>
        </Show>
        <Show when={kit() === null}>
          <div class="actions">
            <Button
              look={kept() ? "plain" : "primary"}
              icon={Eye}
              testid="show-kit"
              onClick={() => void app.ask("recovery.kit", {}).then(setKit)}
            >
              {kept() ? t.recovery.showKey : t.recovery.show}
            </Button>
          </div>
        </Show>
      </section>
      <Show when={kept()}>
        <Guard />
      </Show>
      <Show when={kit()}>
        {(shown) => (
          <>
            <Sheet kit={shown()} />
            <Show
              when={shown().complete}
              fallback={
                <div class="actions">
                  <Button icon={Printer} onClick={() => print()}>
                    {t.recovery.print}
                  </Button>
                  <Button onClick={() => setKit(null)}>{t.recovery.hide}</Button>
                </div>
              }
            >
              <Keep kit={shown()} onDone={() => setKit(null)} />
            </Show>
          </>
        )}
      </Show>
    </>
  );
}

/** The words are given here once, to take its force from a stolen account key. */
function Guard(): JSX.Element {
  const app = useApp();
  const [words, setWords] = createSignal("");
  const [busy, setBusy] = createSignal(false);
  const field = createUniqueId();
  async function guard(event: SubmitEvent) {
    event.preventDefault();
    setBusy(true);
    const done = await app.ask("account.guard", { words: words() });
    setBusy(false);
    if (done === null) return;
    setWords("");
    say({ level: "done", text: t.recovery.guarded });
  }
  return (
    <form class="card stack" onSubmit={(event) => void guard(event)}>
      <h2>{t.recovery.guardTitle}</h2>
      <p class="prose">{t.recovery.guardLead}</p>
      <label class="kit-label" for={field}>
        {t.recovery.words}
      </label>
      <textarea
        id={field}
        class="kit-field"
        rows={3}
        maxLength={1_024}
        autocomplete="off"
        autocapitalize="none"
        spellcheck={false}
        value={words()}
        onInput={(event) => setWords(event.currentTarget.value)}
        data-testid="guard-words"
      />
      <div class="actions">
        <Button type="submit" busy={busy()} disabled={words().trim() === ""} testid="guard-start">
          {t.recovery.guard}
        </Button>
      </div>
    </form>
  );
}

/** What goes on paper, alone on the page where it is printed. */
function Sheet(props: { kit: RecoveryKit }): JSX.Element {
  return (
    <section class="card kit-sheet" data-testid="kit-sheet">
      <h2>{t.recovery.sheetTitle(props.kit.address)}</h2>
      <div class="kit-both">
        <ol class="kit-words" data-testid="kit-words">
          <For each={props.kit.words}>{(word) => <li>{word}</li>}</For>
        </ol>
        <Qr text={props.kit.scan} label={t.recovery.qr} />
      </div>
      <p class="muted">
        {t.recovery.livesAt(props.kit.addresses.length === 0 ? null : props.kit.addresses.join(", "))}
      </p>
      <p class="muted kit-server">{t.recovery.server(props.kit.serverId)}</p>
      <p class="muted">{t.recovery.sheetHow}</p>
    </section>
  );
}

/** Two of the words, as proof that they are on paper. */
function Keep(props: { kit: RecoveryKit; onDone: () => void }): JSX.Element {
  const app = useApp();
  const places = askedPlaces(props.kit.words.length);
  const [typed, setTyped] = createSignal<string[]>(["", ""]);
  const right = () =>
    places.every((place, index) => typed()[index]!.trim().toLowerCase() === props.kit.words[place]);

  async function keep(event: SubmitEvent) {
    event.preventDefault();
    if (!right()) return;
    if ((await app.ask("recovery.settle", { kit: "kept" })) === null) return;
    say({ level: "done", text: t.recovery.kept(fullDate(Date.now())) });
    props.onDone();
  }

  return (
    <form class="card stack" onSubmit={(event) => void keep(event)}>
      <p class="prose">{t.recovery.keepLead}</p>
      <div class="kit-check">
        <For each={places}>
          {(place, index) => (
            <Field
              label={t.recovery.word(place + 1)}
              value={typed()[index()]!}
              onType={(word) => setTyped((all) => all.with(index(), word))}
              autocomplete="off"
              autocapitalize="none"
              spellcheck={false}
              testid={`kit-word-${index() + 1}`}
            />
          )}
        </For>
      </div>
      <div class="actions">
        <Button type="submit" look="primary" disabled={!right()} testid="kit-kept">
          {t.recovery.keep}
        </Button>
        <Button icon={Printer} onClick={() => print()}>
          {t.recovery.print}
        </Button>
        <Button onClick={props.onDone}>{t.recovery.hide}</Button>
      </div>
    </form>
  );
}

/** Other ones each time. */
function askedPlaces(words: number): number[] {
  const [first, second] = crypto.getRandomValues(new Uint8Array(2)) as unknown as [number, number];
  const half = words / 2;
  return [first % half, half + (second % half)];
}
