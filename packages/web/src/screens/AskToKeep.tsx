/** Has the browser asked to keep what FedChat keeps in it, and says so where it does not promise that. */
import type { JSX } from "solid-js";
import { Button } from "../parts/Button.tsx";
import type { InBrowser } from "../state/in-browser.ts";
import { say } from "../state/toasts.ts";
import { t } from "../strings.ts";

export function AskToKeep(props: { own: InBrowser }): JSX.Element {
  async function ask() {
    if (!(await props.own.askToKeep())) say({ level: "danger", cause: t.inBrowser.refused });
  }
  return (
    <Button onClick={() => void ask()} testid="ask-to-keep">
      {t.inBrowser.keep}
    </Button>
  );
}
