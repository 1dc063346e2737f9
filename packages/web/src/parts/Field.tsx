/** A labelled field with its hint and its error, tied together for screen readers. */
import { createUniqueId, Show, splitProps, type JSX } from "solid-js";

type FieldProps = Omit<JSX.InputHTMLAttributes<HTMLInputElement>, "onInput"> & {
  label: string;
  hint?: string | undefined;
  error?: string | null | undefined;
  value: string;
  onType: (text: string) => void;
  onPasteText?: (text: string) => boolean;
  wide?: boolean;
  mono?: boolean;
  testid?: string;
  children?: JSX.Element;
};

export function Field(props: FieldProps): JSX.Element {
  const [own, rest] = splitProps(props, [
    "label",
    "hint",
    "error",
    "value",
    "onType",
    "onPasteText",
    "wide",
    "mono",
    "testid",
    "children",
    "class",
  ]);
  const id = createUniqueId();
  return (
    <div class={`field ${own.wide ? "wide" : ""} ${own.class ?? ""}`}>
      <label for={id}>{own.label}</label>
      <div class="field-line">
        <input
          {...rest}
          id={id}
          class={own.mono ? "mono" : ""}
          value={own.value}
          data-testid={own.testid}
          aria-invalid={own.error ? "true" : undefined}
          aria-describedby={own.error || own.hint ? `${id}-more` : undefined}
          onInput={(event) => own.onType(event.currentTarget.value)}
          onPaste={(event) => {
            if (own.onPasteText?.(event.clipboardData?.getData("text/plain") ?? "")) event.preventDefault();
          }}
        />
        {own.children}
      </div>
      <Show when={own.error ?? own.hint}>
        <p id={`${id}-more`} class={own.error ? "field-error" : "field-hint"}>
          {own.error ?? own.hint}
        </p>
      </Show>
    </div>
  );
}
