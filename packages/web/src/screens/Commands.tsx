/** Every command and every conversation behind one button and one key. What is pasted here is recognised, too. */
import { createMemo, createSignal, createUniqueId, For, Show, type JSX } from "solid-js";
import { Modal } from "../parts/Modal.tsx";
import { useApp } from "../state/context.ts";
import { t } from "../strings.ts";
import { matches } from "../text/names.ts";
import { commandsOf, type Command } from "./commandList.ts";

export function Commands(props: { onClose: () => void }): JSX.Element {
  const app = useApp();
  const [words, setWords] = createSignal("");
  const [at, setAt] = createSignal(0);
  const listId = createUniqueId();
  const shown = createMemo(() =>
    commandsOf(app, words()).filter(
      (command) => command.always || matches(words(), command.name, command.also ?? ""),
    ),
  );
  const chosen = () => Math.min(at(), shown().length - 1);
  const heading = (i: number) => (shown()[i - 1]?.group === shown()[i]?.group ? null : shown()[i]?.group);

  function run(command: Command | undefined) {
    if (!command) return;
    props.onClose();
    command.run();
  }

  function move(to: number, list: HTMLElement | null) {
    setAt((to + shown().length) % Math.max(1, shown().length));
    list?.querySelector(`[data-index="${at()}"]`)?.scrollIntoView({ block: "nearest" });
  }

  function onKey(event: KeyboardEvent & { currentTarget: HTMLElement }) {
    const list = document.getElementById(listId);
    if (event.key === "ArrowDown") move(chosen() + 1, list);
    else if (event.key === "ArrowUp") move(chosen() - 1, list);
    else if (event.key === "Home") move(0, list);
    else if (event.key === "End") move(shown().length - 1, list);
    else if (event.key === "Enter") run(shown()[chosen()]);
    else return;
    event.preventDefault();
  }

  return (
    <Modal title={t.commands.title} onClose={props.onClose} class="commands" bare testid="commands">
      <input
        class="commands-field"
        ref={(field) => queueMicrotask(() => field.focus())}
        type="text"
        role="combobox"
        aria-expanded="true"
        aria-controls={listId}
        aria-activedescendant={shown().length > 0 ? `${listId}-${chosen()}` : undefined}
        aria-autocomplete="list"
        aria-label={t.commands.field}
        placeholder={t.commands.field}
        autocomplete="off"
        spellcheck={false}
        data-testid="commands-field"
        value={words()}
        onInput={(event) => {
          setWords(event.currentTarget.value);
          setAt(0);
        }}
        onKeyDown={onKey}
      />
      <div
        class="commands-list"
        classList={{ hidden: shown().length === 0 }}
        id={listId}
        role="listbox"
        aria-label={t.commands.title}
        tabIndex={-1}
      >
        <For each={shown()}>
          {(command, i) => (
            <>
              <Show when={heading(i())}>
                <p class="list-heading" role="presentation">
                  {heading(i())}
                </p>
              </Show>
              <div
                id={`${listId}-${i()}`}
                class="command-row"
                role="option"
                aria-selected={i() === chosen()}
                data-index={i()}
                data-testid="command"
                onPointerMove={() => setAt(i())}
                onClick={() => run(command)}
              >
                <command.icon size={18} />
                <span class="command-name" dir="auto">
                  {command.name}
                </span>
                <Show when={command.hint}>
                  <span class="muted">{command.hint}</span>
                </Show>
                <Show when={command.keys}>
                  <kbd>{command.keys}</kbd>
                </Show>
              </div>
            </>
          )}
        </For>
      </div>
      <Show when={shown().length === 0}>
        <p class="list-note commands-none" role="status">
          {t.commands.none}
        </p>
      </Show>
    </Modal>
  );
}
