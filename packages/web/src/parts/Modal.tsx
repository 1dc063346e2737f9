/** A dialog over the page: title, body, and a way out by Escape, by the button and by a click beside it. */
import { Dialog } from "@kobalte/core/dialog";
import X from "lucide-solid/icons/x";
import { Show, type JSX } from "solid-js";
import { t } from "../strings.ts";

interface ModalProps {
  title: string;
  onClose: () => void;
  children: JSX.Element;
  class?: string;
  bare?: boolean;
  testid?: string;
}

export function Modal(props: ModalProps): JSX.Element {
  return (
    <Dialog open onOpenChange={(open) => !open && props.onClose()}>
      <Dialog.Portal>
        <Dialog.Overlay class="overlay" />
        <div class="modal-place">
          <Dialog.Content class={`modal ${props.class ?? ""}`} data-testid={props.testid}>
            <header class={props.bare ? "hidden" : "modal-head"}>
              <Dialog.Title class="modal-title">{props.title}</Dialog.Title>
              <Show when={!props.bare}>
                <Dialog.CloseButton class="icon-button" aria-label={t.common.close}>
                  <X size={20} />
                </Dialog.CloseButton>
              </Show>
            </header>
            {props.children}
          </Dialog.Content>
        </div>
      </Dialog.Portal>
    </Dialog>
  );
}
