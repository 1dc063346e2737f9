/** A few signs that two devices show alike, for a person to compare. */
import { For, type JSX } from "solid-js";
import { t } from "../strings.ts";

export function Signs(props: {
  signs: readonly { symbol: string; name: string }[];
  label: string;
}): JSX.Element {
  return (
    <ol class="safety-emoji" aria-label={props.label} data-testid="signs">
      <For each={props.signs}>
        {(sign) => (
          <li>
            <span aria-hidden="true">{sign.symbol}</span>
            {t.safety.emoji[sign.name] ?? sign.name}
          </li>
        )}
      </For>
    </ol>
  );
}
