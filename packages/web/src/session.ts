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

/** The secret of a screen that was just paired. */
export function keepSecret(secret: string, storage: Storage): void {
  storage.setItem(storageKey, secret);
}

/** A screen on another device is always reached over TLS, the one on the engine's own machine never. */
export const isElsewhere = (place: Location): boolean => place.protocol === "https:";
