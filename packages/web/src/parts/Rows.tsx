/** A list of links with one tab stop: arrows, Home and End move within it, Enter opens. */
import { createSignal, For, type JSX } from "solid-js";

interface RowsProps<T> {
  label: string;
  each: readonly T[];
  keyOf: (item: T) => string;
  selected?: string | null;
  class?: string;
  testid?: string;
  children: (item: T, tab: () => 0 | -1) => JSX.Element;
}

export function Rows<T>(props: RowsProps<T>): JSX.Element {
  const [focused, setFocused] = createSignal<string | null>(null);
  const tabStop = () => {
    const keys = props.each.map(props.keyOf);
    const wanted = focused() ?? props.selected ?? null;
    return wanted !== null && keys.includes(wanted) ? wanted : keys[0];
  };
  return (
    <ul
      class={`rows ${props.class ?? ""}`}
      aria-label={props.label}
      data-testid={props.testid}
      onKeyDown={moveFocus}
      onFocusIn={(event) => {
        const row = (event.target as Element).closest<HTMLElement>("[data-row]");
        if (row) setFocused(row.dataset["row"] ?? null);
      }}
      onFocusOut={() => setFocused(null)}
    >
      <For each={props.each}>
        {(item) => <li>{props.children(item, () => (tabStop() === props.keyOf(item) ? 0 : -1))}</li>}
      </For>
    </ul>
  );
}

/** Moves the focus among the rows of the element that the event came through. */
function moveFocus(event: KeyboardEvent & { currentTarget: HTMLElement }) {
  if (event.altKey || event.ctrlKey || event.metaKey) return;
  const rows = [...event.currentTarget.querySelectorAll<HTMLElement>("[data-row]")];
  const at = rows.findIndex((row) => row === document.activeElement);
  if (at < 0) return;
  const next = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: rows.length - 1 }[event.key];
  if (next === undefined) return;
  event.preventDefault();
  rows[Math.max(0, Math.min(rows.length - 1, next))]?.focus();
}
