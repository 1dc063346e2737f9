/** Whether the person made sure of somebody's key, as details of them say it. */
import ShieldCheck from "lucide-solid/icons/shield-check";
import { Show, type JSX } from "solid-js";
import { t } from "../strings.ts";

export function VerifiedLine(props: { verified: boolean; name: string }): JSX.Element {
  return (
    <Show when={props.verified} fallback={<p class="muted">{t.safety.notVerified(props.name)}</p>}>
      <p class="verified-line" data-testid="is-verified">
        <ShieldCheck size={17} /> {t.safety.isVerified(props.name)}
      </p>
    </Show>
  );
}
