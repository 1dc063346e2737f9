/** Shows what was said, in a corner, for a while. */
import { Toast, toaster } from "@kobalte/core/toast";
import CircleCheck from "lucide-solid/icons/circle-check";
import TriangleAlert from "lucide-solid/icons/triangle-alert";
import X from "lucide-solid/icons/x";
import { createEffect, on, Show, type JSX } from "solid-js";
import { toastMs } from "../limits.ts";
import { said, type Saying } from "../state/toasts.ts";
import { t } from "../strings.ts";

export function Toasts(): JSX.Element {
  createEffect(
    on(said, (saying) => {
      if (saying) toaster.show((props) => <OneToast id={props.toastId} saying={saying} />);
    }),
  );
  return (
    <Toast.Region limit={3} duration={toastMs} aria-label={t.notices.toasts}>
      <Toast.List as="div" class="toasts" />
    </Toast.Region>
  );
}

function OneToast(props: { id: number; saying: Saying }): JSX.Element {
  const failed = () => (props.saying.level === "danger" ? props.saying.cause : null);
  return (
    <Toast
      as="div"
      toastId={props.id}
      class={`toast ${props.saying.level}`}
      duration={failed() ? toastMs * 2.5 : toastMs}
      priority={failed() ? "high" : "low"}
      data-testid="toast"
    >
      <Show when={failed()} fallback={<CircleCheck size={18} />}>
        <TriangleAlert size={18} />
      </Show>
      <div class="toast-text">
        <Toast.Title>
          {props.saying.level === "done" ? props.saying.text : props.saying.cause.sentence}
        </Toast.Title>
        <Show when={failed()?.fix}>{(fix) => <Toast.Description>{fix()}</Toast.Description>}</Show>
      </div>
      <Toast.CloseButton class="icon-button small" aria-label={t.common.dismiss}>
        <X size={16} />
      </Toast.CloseButton>
    </Toast>
  );
}
