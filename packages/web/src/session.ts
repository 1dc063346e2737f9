/**
 * The screen's session secret. The engine's machine puts it into the page that answers the sign-in form; from there it
 * moves to this origin's storage, because cookies ignore ports and would not tell two instances on one host apart.
 * Invariant: after `takeSecret` the page itself no longer carries the secret.
 */
const storageKey = "fedchat.session";

export function takeSecret(page: Document, storage: Storage): string | null {
  const meta = page.querySelector<HTMLMetaElement>('meta[name="fedchat-session"]');
  if (meta && meta.content !== "") {
    storage.setItem(storageKey, meta.content);
    meta.remove();
  }
  return storage.getItem(storageKey);
}
