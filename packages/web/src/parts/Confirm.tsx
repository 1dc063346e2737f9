/** Asks before something that is hard to take back. */
import type { JSX } from "solid-js";
import { t } from "../strings.ts";
import { Button } from "./Button.tsx";
import { Modal } from "./Modal.tsx";

interface ConfirmProps {
  title: string;
  body: string;
  action: string;
  /** Absent: as something that takes away. */
  look?: "primary" | "danger";
  onConfirm: () => void;
  onClose: () => void;
}

export function Confirm(props: ConfirmProps): JSX.Element {
  return (
    <Modal title={props.title} onClose={props.onClose} class="narrow" testid="confirm">
      <p class="prose">{props.body}</p>
      <div class="actions end">
        <Button onClick={props.onClose}>{t.common.cancel}</Button>
        <Button
          look={props.look ?? "danger"}
          testid="confirm-action"
          onClick={() => {
            props.onConfirm();
            props.onClose();
          }}
        >
          {props.action}
        </Button>
      </div>
    </Modal>
  );
}
