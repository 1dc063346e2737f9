/** What waits for a decision and was put off: no card is shown for it any more in this tab; it stays in its list. */
import { createSignal } from "solid-js";

const storageKey = "fedchat.later";
const [later, setLater] = createSignal(new Set((sessionStorage.getItem(storageKey) ?? "").split(" ")));

export const isPutOff = (id: string): boolean => later().has(id);

export function putOff(id: string): void {
  const next = new Set([...later(), id]);
  setLater(next);
  sessionStorage.setItem(storageKey, [...next].join(" "));
}
