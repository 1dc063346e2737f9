/** A menu behind a button. */
import { DropdownMenu } from "@kobalte/core/dropdown-menu";
import { For, type JSX } from "solid-js";
import type { IconType } from "./Button.tsx";

export interface MenuItem {
  label: string;
  icon: IconType;
  danger?: boolean;
  run: () => void;
  testid?: string;
}

export function Menu(props: {
  label: string;
  icon: IconType;
  items: MenuItem[];
  class?: string;
}): JSX.Element {
  return (
    <DropdownMenu gutter={4} placement="bottom-end" modal={false}>
      <DropdownMenu.Trigger class={`icon-button ${props.class ?? ""}`} aria-label={props.label}>
        <props.icon size={props.class?.includes("small") ? 17 : 20} />
      </DropdownMenu.Trigger>
      <DropdownMenu.Portal>
        <DropdownMenu.Content class="menu">
          <For each={props.items}>
            {(item) => (
              <DropdownMenu.Item
                class={`menu-item ${item.danger ? "danger" : ""}`}
                data-testid={item.testid}
                onSelect={() => item.run()}
              >
                <item.icon size={17} />
                {item.label}
              </DropdownMenu.Item>
            )}
          </For>
        </DropdownMenu.Content>
      </DropdownMenu.Portal>
    </DropdownMenu>
  );
}
