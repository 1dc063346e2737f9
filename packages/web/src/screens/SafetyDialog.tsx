/** A contact's safety number: seven signs to say over a call, sixty digits to compare, drawn from both account keys. */
import { createResource, For, Show, type JSX } from "solid-js";
import { Copy } from "../parts/Copy.tsx";
import { Modal } from "../parts/Modal.tsx";
import { Spinner } from "../parts/Small.tsx";
import { useApp } from "../state/context.ts";
import { t } from "../strings.ts";

export function SafetyDialog(props: { account: string; onClose: () => void }): JSX.Element {
  const app = useApp();
  const name = () =>
    app.contacts.get(props.account)?.displayName ?? app.people.get(props.account)?.displayName ?? "";
  const [number] = createResource(() => app.ask("contacts.safetyNumber", { account: props.account }));
  const groups = () =>
    number()
      ?.digits.replace(/\D/g, "")
      .match(/.{1,5}/g) ?? [];
  return (
    <Modal title={t.about.safety} onClose={props.onClose} testid="safety-dialog">
      <p class="prose">{t.about.safetyHint(name())}</p>
      <Show when={number()} fallback={<Spinner />}>
        {(known) => (
          <>
            <ol class="safety-emoji">
              <For each={known().emoji}>
                {(sign) => (
                  <li>
                    <span aria-hidden="true">{sign.symbol}</span>
                    {sign.name}
                  </li>
                )}
              </For>
            </ol>
            <code class="safety-digits" data-testid="safety-digits">
              <For each={groups()}>{(group) => <span>{group} </span>}</For>
            </code>
            <div class="actions end">
              <Copy text={groups().join(" ")} label={t.common.copy} />
            </div>
          </>
        )}
      </Show>
    </Modal>
  );
}
