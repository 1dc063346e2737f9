/** A tooltip: shows on hover and on keyboard focus, says nothing that a screen reader would hear twice. */
import { Tooltip } from "@kobalte/core/tooltip";
import { Show, splitProps, type JSX } from "solid-js";

interface TipProps {
  text: string;
  keys?: string | undefined;
  /** Receives what must be spread on the element that the tooltip belongs to. */
  children: (trigger: Record<string, unknown>) => JSX.Element;
}

export function Tip(props: TipProps): JSX.Element {
  return (
    <Tooltip openDelay={500} closeDelay={0} gutter={6}>
      <Tooltip.Trigger
        as={(trigger: Record<string, unknown>) => <>{props.children(withoutDescription(trigger))}</>}
      />
      <Tooltip.Portal>
        <Tooltip.Content class="tip" aria-hidden="true">
          {props.text}
          <Show when={props.keys}>
            <kbd>{props.keys}</kbd>
          </Show>
        </Tooltip.Content>
      </Tooltip.Portal>
    </Tooltip>
  );
}

/** The tooltip repeats the element's own name; describing the element by it would say the name twice. */
const withoutDescription = (trigger: Record<string, unknown>) => splitProps(trigger, ["aria-describedby"])[1];
