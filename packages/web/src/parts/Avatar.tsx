/** A person's initials on a colour that is theirs, with presence as a dot. Decoration: the name stands beside it. */
import type { Person } from "@fedchat/engine/interface";
import { Show, type JSX } from "solid-js";
import { hueOf, initials } from "../text/names.ts";
import type { IconType } from "./Button.tsx";

interface AvatarProps {
  name: string;
  of: string;
  size?: "small" | "large" | "huge";
  presence?: Person["presence"] | undefined;
  icon?: IconType | undefined;
}

export function Avatar(props: AvatarProps): JSX.Element {
  return (
    <span
      class={`avatar ${props.size ?? ""}`}
      data-hue={props.icon ? "own" : hueOf(props.of)}
      aria-hidden="true"
    >
      <Show when={props.icon} fallback={initials(props.name)}>
        {(icon) => <Glyph icon={icon()} />}
      </Show>
      <Show when={props.presence === "online"}>
        <i class="presence" />
      </Show>
    </span>
  );
}

const Glyph = (props: { icon: IconType }) => <props.icon size={20} />;
