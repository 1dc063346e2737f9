/** Every key, in one place. */
import { For, type JSX } from "solid-js";
import { Modal } from "../parts/Modal.tsx";
import { t } from "../strings.ts";

const groups: { title: string; keys: [string[], string][] }[] = [
  {
    title: t.keys.everywhere,
    keys: [
      [["Ctrl", "K"], t.keys.commands],
      [["Ctrl", "/"], t.keys.all],
      [["Alt", "↑"], t.keys.chatUpDown],
      [["Alt", "Shift", "↑"], t.keys.unreadUpDown],
      [["Ctrl", "F"], t.keys.search],
      [["Esc"], t.keys.escape],
    ],
  },
  {
    title: t.keys.inChat,
    keys: [
      [["Enter"], t.keys.send],
      [["Shift", "Enter"], t.keys.newline],
      [["Ctrl", "Shift", "F"], t.keys.searchHere],
      [["↑"], t.keys.lastMessage],
    ],
  },
  {
    title: t.keys.onMessage,
    keys: [
      [["↑", "↓"], t.keys.move],
      [["Q"], t.keys.reply],
      [["C"], t.keys.copy],
      [["X"], t.keys.xray],
      [["Esc"], t.keys.write],
    ],
  },
];

export function Keys(props: { onClose: () => void }): JSX.Element {
  return (
    <Modal title={t.keys.title} onClose={props.onClose} testid="keys-dialog">
      <div class="keys">
        <For each={groups}>
          {(group) => (
            <section>
              <h3>{group.title}</h3>
              <dl>
                <For each={group.keys}>
                  {([keys, does]) => (
                    <div>
                      <dt>{does}</dt>
                      <dd>
                        <For each={keys}>{(key) => <kbd>{key}</kbd>}</For>
                      </dd>
                    </div>
                  )}
                </For>
              </dl>
            </section>
          )}
        </For>
      </div>
    </Modal>
  );
}
