/** Buttons: one look for words, one for icons. An icon button always has a name, which is also its tooltip. */
import { splitProps, type Component, type JSX } from "solid-js";
import { Tip } from "./Tip.tsx";

export type IconType = Component<{ size?: number; class?: string }>;

type ButtonProps = JSX.ButtonHTMLAttributes<HTMLButtonElement> & {
  look?: "primary" | "plain" | "quiet" | "danger";
  icon?: IconType;
  busy?: boolean;
  testid?: string;
};

export function Button(props: ButtonProps): JSX.Element {
  const [own, rest] = splitProps(props, ["look", "icon", "busy", "children", "class", "testid", "disabled"]);
  return (
    <button
      type="button"
      {...rest}
      class={`button ${own.look ?? "plain"} ${own.class ?? ""}`}
      disabled={own.disabled || own.busy}
      aria-busy={own.busy || undefined}
      data-testid={own.testid}
    >
      {own.icon ? <own.icon size={17} /> : null}
      <span>{own.children}</span>
    </button>
  );
}

type IconButtonProps = {
  label: string;
  icon: IconType;
  onClick: (event: MouseEvent) => void;
  pressed?: boolean;
  class?: string;
  testid?: string;
  disabled?: boolean;
  keys?: string;
};

export function IconButton(props: IconButtonProps): JSX.Element {
  return (
    <Tip text={props.label} keys={props.keys}>
      {(trigger) => (
        <button
          {...trigger}
          type="button"
          class={`icon-button ${props.class ?? ""}`}
          aria-label={props.label}
          aria-pressed={props.pressed}
          disabled={props.disabled}
          data-testid={props.testid}
          onClick={(event) => props.onClick(event)}
        >
          <props.icon size={20} />
        </button>
      )}
    </Tip>
  );
}
