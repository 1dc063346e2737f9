/** Who sees that one is here: four circles, each with what it means. */
import type { Visibility } from "@fedchat/engine/interface";
import { createResource, For, Show, type JSX } from "solid-js";
import { useApp } from "../state/context.ts";
import { say } from "../state/toasts.ts";
import { t } from "../strings.ts";

const circles: Visibility[] = ["hidden", "linked", "beyond", "directory"];

export function VisibilityChoice(): JSX.Element {
  const app = useApp();
  const [held, { mutate }] = createResource(async () => (await app.ask("people.visibility", {}))?.visibility);

  async function choose(visibility: Visibility) {
    const before = held();
    mutate(visibility);
    if (await app.ask("people.setVisibility", { visibility })) say({ level: "done", text: t.common.saved });
    else mutate(before);
  }

  return (
    <Show when={held()}>
      <fieldset class="card choices lines">
        <legend>{t.visibility.legend}</legend>
        <For each={circles}>
          {(circle) => (
            <label class="choice">
              <input
                type="radio"
                name="visibility"
                value={circle}
                checked={held() === circle}
                data-testid={`visibility-${circle}`}
                onChange={() => void choose(circle)}
              />
              <span>
                <strong>{t.visibility.names[circle]}</strong>
                <span class="muted">{t.visibility.means[circle]}</span>
              </span>
            </label>
          )}
        </For>
      </fieldset>
      <p class="muted">{t.visibility.note}</p>
    </Show>
  );
}
