/** A password field that can be shown, with a generated passphrase on offer. */
import Eye from "lucide-solid/icons/eye";
import EyeOff from "lucide-solid/icons/eye-off";
import { createSignal, type JSX } from "solid-js";
import { t } from "../strings.ts";
import { IconButton } from "./Button.tsx";
import { Field } from "./Field.tsx";

interface PasswordProps {
  label: string;
  value: string;
  onType: (text: string) => void;
  hint?: string | undefined;
  autocomplete: "new-password" | "current-password";
  shown?: boolean;
  testid?: string;
}

export function Password(props: PasswordProps): JSX.Element {
  const [shown, setShown] = createSignal(false);
  const open = () => shown() || props.shown === true;
  return (
    <Field
      label={props.label}
      type={open() ? "text" : "password"}
      autocomplete={props.autocomplete}
      spellcheck={false}
      maxLength={1024}
      value={props.value}
      onType={props.onType}
      hint={props.hint}
      {...(props.testid ? { testid: props.testid } : {})}
    >
      <IconButton
        class="in-field"
        label={open() ? t.firstRun.hidePassword : t.firstRun.showPassword}
        icon={open() ? EyeOff : Eye}
        onClick={() => setShown(!shown())}
      />
    </Field>
  );
}
