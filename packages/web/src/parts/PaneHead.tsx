/** The head of a page in the main pane, with the way back to its list on a narrow screen. */
import ArrowLeft from "lucide-solid/icons/arrow-left";
import type { JSX } from "solid-js";
import type { Route } from "../router.ts";
import { useApp } from "../state/context.ts";
import { t } from "../strings.ts";
import { IconButton } from "./Button.tsx";

export function PaneHead(props: { title: string; back: Route; children?: JSX.Element }): JSX.Element {
  const app = useApp();
  return (
    <header class="chat-head">
      <IconButton
        class="only-narrow"
        label={t.common.back}
        icon={ArrowLeft}
        testid="back"
        onClick={() => app.place.go(props.back)}
      />
      <h1 class="pane-title" dir="auto">
        {props.title}
      </h1>
      {props.children}
    </header>
  );
}
