/**
 * Contacts to choose from: a filter, those chosen as chips above it, the rest as checkboxes below. The arrows move
 * between field and list; Enter in the field takes the first that is found, Backspace in an empty one puts the last back.
 */
import type { Cause, Contact } from "@fedchat/engine/interface";
import Check from "lucide-solid/icons/check";
import Search from "lucide-solid/icons/search";
import X from "lucide-solid/icons/x";
import { createMemo, createSignal, createUniqueId, For, Show, type JSX } from "solid-js";
import { Avatar } from "../parts/Avatar.tsx";
import { useApp } from "../state/context.ts";
import { t } from "../strings.ts";
import { matches, nameOf } from "../text/names.ts";

interface ContactPickerProps {
  /** Whom there is to choose from. */
  from: readonly Contact[];
  chosen: readonly string[];
  onChoose: (accounts: string[]) => void;
  /** No more than these. */
  max: number;
  /** Why somebody could not be taken in, by account. */
  refusals: Readonly<Record<string, Cause>>;
}

export function ContactPicker(props: ContactPickerProps): JSX.Element {
  const app = useApp();
  const [filter, setFilter] = createSignal("");
  const listId = createUniqueId();
  let field!: HTMLInputElement;
  const inOrder = createMemo(() => props.from.toSorted((a, b) => nameOf(a).localeCompare(nameOf(b))));
  const shown = createMemo(() =>
    inOrder().filter((one) => matches(filter(), nameOf(one), one.displayName, one.address, one.serverName)),
  );
  const chosen = () =>
    props.chosen.flatMap((account) => props.from.find((one) => one.account === account) ?? []);
  const isChosen = (account: string) => props.chosen.includes(account);
  const isFull = () => props.chosen.length >= props.max;

  function toggle(account: string) {
    if (isChosen(account)) props.onChoose(props.chosen.filter((one) => one !== account));
    else if (!isFull()) props.onChoose([...props.chosen, account]);
  }

  function onField(event: KeyboardEvent) {
    if (event.key === "Enter") {
      event.preventDefault();
      const first = shown().find(({ account }) => !isChosen(account));
      if (filter().trim() === "" || !first) return;
      toggle(first.account);
      setFilter("");
    } else if (event.key === "Backspace" && filter() === "" && props.chosen.length > 0) {
      props.onChoose(props.chosen.slice(0, -1));
    } else if (event.key === "ArrowDown") {
      event.preventDefault();
      boxes()[0]?.focus();
    } else if (event.key === "Escape" && filter() !== "") {
      event.preventDefault();
      event.stopPropagation();
      setFilter("");
    }
  }

  function onList(event: KeyboardEvent) {
    const all = boxes();
    const at = all.findIndex((box) => box === document.activeElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: all.length - 1 }[event.key];
    if (at < 0 || to === undefined) return;
    event.preventDefault();
    if (to < 0) field.focus();
    else all[Math.min(to, all.length - 1)]?.focus();
  }

  const boxes = () => [...document.querySelectorAll<HTMLInputElement>(`#${CSS.escape(listId)} input`)];

  return (
    <fieldset class="picker">
      <legend>{t.rooms.peopleChosen(props.chosen.length)}</legend>
      <Show when={chosen().length > 0}>
        <ul class="picker-chips" data-testid="chosen">
          <For each={chosen()}>
            {(one) => (
              <li>
                <button
                  type="button"
                  class="chip"
                  onClick={() => {
                    toggle(one.account);
                    field.focus();
                  }}
                >
                  <Avatar size="small" name={nameOf(one)} of={one.account} />
                  <span dir="auto">{nameOf(one)}</span>
                  <span class="hidden">{t.rooms.takeOut}</span>
                  <X size={14} />
                </button>
              </li>
            )}
          </For>
        </ul>
      </Show>
      <div class="picker-box">
        <div class="search-field">
          <Search size={17} />
          <input
            ref={field}
            type="text"
            inputMode="search"
            autocomplete="off"
            aria-label={t.rooms.filter}
            placeholder={t.rooms.filter}
            data-testid="picker-filter"
            value={filter()}
            onInput={(event) => setFilter(event.currentTarget.value)}
            onKeyDown={onField}
          />
        </div>
        <ul id={listId} class="picker-list" aria-label={t.rooms.contacts} onKeyDown={onList}>
          <For each={shown()}>
            {(one) => (
              <li>
                <label class="picker-row" data-testid="picker-row" data-name={nameOf(one)}>
                  <input
                    type="checkbox"
                    checked={isChosen(one.account)}
                    disabled={isFull() && !isChosen(one.account)}
                    onChange={() => toggle(one.account)}
                    onKeyDown={(event) => {
                      if (event.key !== "Enter") return;
                      event.preventDefault();
                      toggle(one.account);
                    }}
                  />
                  <Avatar
                    name={nameOf(one)}
                    of={one.account}
                    presence={app.people.get(one.account)?.presence ?? one.presence}
                  />
                  <span class="row-text">
                    <span class="row-title" dir="auto">
                      {nameOf(one)}
                    </span>
                    <Show
                      when={props.refusals[one.account]}
                      fallback={<span class="row-preview">{one.address}</span>}
                    >
                      {(why) => (
                        <span class="picker-why" data-testid="picker-why">
                          {why().sentence} {why().fix}
                        </span>
                      )}
                    </Show>
                  </span>
                  <span class="picker-box-mark" aria-hidden="true">
                    <Check size={15} />
                  </span>
                </label>
              </li>
            )}
          </For>
        </ul>
        <Show when={shown().length === 0}>
          <p class="list-note" role="status">
            {t.rooms.noMatch}
          </p>
        </Show>
      </div>
    </fieldset>
  );
}
