/** A button that copies, and says that it did where the eye already is. */
import Check from "lucide-solid/icons/check";
import CopyIcon from "lucide-solid/icons/copy";
import { createSignal, onCleanup, type JSX } from "solid-js";
import { t } from "../strings.ts";
import { Button, IconButton } from "./Button.tsx";
import { copyText } from "./copy.ts";

interface CopyProps {
  text: string;
  label: string;
  look?: "primary" | "plain" | "icon";
  testid?: string;
}

export function Copy(props: CopyProps): JSX.Element {
  const [copied, setCopied] = createSignal(false);
  let timer: ReturnType<typeof setTimeout> | undefined;
  onCleanup(() => clearTimeout(timer));
  async function copy() {
    if (!(await copyText(props.text))) return;
    setCopied(true);
    clearTimeout(timer);
    timer = setTimeout(() => setCopied(false), 2_000);
  }
  const label = () => (copied() ? t.common.copied : props.label);
  const icon = () => (copied() ? Check : CopyIcon);
  if (props.look === "icon")
    return (
      <IconButton
        label={label()}
        icon={icon()}
        onClick={() => void copy()}
        {...(props.testid ? { testid: props.testid } : {})}
      />
    );
  return (
    <Button
      look={props.look ?? "plain"}
      icon={icon()}
      onClick={() => void copy()}
      {...(props.testid ? { testid: props.testid } : {})}
    >
      <span aria-live="polite">{label()}</span>
    </Button>
  );
}
