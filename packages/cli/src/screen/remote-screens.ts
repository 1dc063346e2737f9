/**
 * Screens on other devices, as their owner sees them: switched on and off, added by a one-time link, listed, removed.
 * Who is connected now is known here, so that whoever is removed is cut off in the same moment.
 */
import type { Cause, PairedScreen, PairingLink, Screens } from "@fedchat/engine/interface";
import { EngineError } from "@fedchat/engine/node";
import { PairingLinks } from "./pairing-links.ts";
import type { ScreenId } from "./paired-screens.ts";
import { PairedScreens } from "./paired-screens.ts";
import type { ScreenPlaces } from "./places.ts";
import { hashPassword, isPassword } from "./screen-password.ts";
import { commandName } from "../terminal/command-name.ts";

export interface RemoteScreensOptions {
  /** Owner-only file. */
  path: string;
  /** Where browsers on other devices reach us now. */
  places(): ScreenPlaces;
  /** What makes a password easy to guess. */
  weakness(password: string): Promise<string | null>;
  now: () => number;
}

/** Who asks: somebody at this machine, or a screen elsewhere. */
export type Viewer = ScreenId | "here";

/** What became of an attempt to pair. */
export type Pairing =
  | { kind: "paired"; cookie: string; secret: string }
  | { kind: "spent" }
  | { kind: "wrong-password"; triesLeft: number }
  | { kind: "full" };

export class RemoteScreens {
  readonly paired: PairedScreens;
  readonly #options: RemoteScreensOptions;
  readonly #links: PairingLinks;
  /** What cuts off each open connection. */
  readonly #connected = new Map<ScreenId, Set<() => void>>();
  readonly #listeners = new Set<() => void>();

  constructor(options: RemoteScreensOptions) {
    this.#options = options;
    this.paired = new PairedScreens(options.path, options.now);
    this.#links = new PairingLinks(options.now);
  }

  view(viewer: Viewer): Screens {
    const { addresses, throughProxy, cause } = this.#options.places();
    const screens = this.paired.list().map(({ id, name, added, seen }): PairedScreen => ({
      screenId: id,
      name,
      addedAt: added,
      seenAt: this.#connected.has(id) ? this.#options.now() : seen,
      connected: this.#connected.has(id),
      isThis: id === viewer,
    }));
    const { enabled, password } = this.paired;
    const isHere = viewer === "here";
    return { enabled, hasPassword: password !== null, addresses, throughProxy, cause, isHere, screens };
  }

  /** Rejects with `EngineError` where the password is absent or easy to guess. */
  async enable(password: string | undefined): Promise<void> {
    if (password === undefined) {
      if (this.paired.password === null) throw new EngineError(passwordNeeded);
      this.paired.enable(undefined);
      return this.#changed();
    }
    const weakness = await this.#options.weakness(password);
    if (weakness !== null) throw new EngineError({ ...weakPassword, sentence: weakness });
    const hash = await hashPassword(password);
    this.#links.clear();
    this.paired.enable(hash);
    this.#changed();
  }

  disable(): void {
    this.paired.disable();
    this.#links.clear();
    for (const id of this.#connected.keys()) this.#cutOff(id);
    this.#changed();
  }

  /** Throws `EngineError` where no other device could use the link. */
  add(): PairingLink {
    if (!this.paired.enabled) throw new EngineError(switchedOff);
    if (this.paired.isFull) throw new EngineError(full);
    const { addresses, cause } = this.#options.places();
    if (cause !== null) throw new EngineError(cause);
    const { token, expiresAt } = this.#links.issue();
    return { link: `${addresses[0]}/pair#${token}`, expiresAt };
  }

  /** Throws `EngineError` where there is no such screen. It is cut off also where the disk is full. */
  remove(id: ScreenId): void {
    try {
      if (!this.paired.remove(id)) throw new EngineError(unknown);
    } finally {
      this.#cutOff(id);
    }
    this.#changed();
  }

  async pair(given: { token: string; password: string; name: string }): Promise<Pairing> {
    const { paired } = this;
    const attempt = paired.enabled && paired.password !== null ? this.#links.use(given.token) : undefined;
    if (attempt === undefined) return { kind: "spent" };
    if (!(await isPassword(given.password, paired.password!))) {
      return { kind: "wrong-password", triesLeft: attempt.failed() };
    }
    attempt.succeeded();
    // Switched off while the password was checked.
    if (!paired.enabled) return { kind: "spent" };
    if (paired.isFull) return { kind: "full" };
    const { cookie, secret } = paired.pair(given.name);
    this.#changed();
    return { kind: "paired", cookie, secret };
  }

  /** From now on this connection ends when its screen is removed. Returns what to call when it ended. */
  connected(id: ScreenId, cutOff: () => void): () => void {
    const open = this.#connected.get(id) ?? new Set();
    this.#connected.set(id, open.add(cutOff));
    this.#changed();
    return () => {
      if (!open.delete(cutOff)) return;
      if (open.size === 0 && this.#connected.get(id) === open) this.#connected.delete(id);
      this.paired.seen(id);
      this.#changed();
    };
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #cutOff(id: ScreenId): void {
    const open = this.#connected.get(id) ?? new Set();
    this.#connected.delete(id);
    for (const cutOff of open) cutOff();
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }
}

const cause = (code: string, sentence: string, fix: string | null): Cause => ({
  code,
  sentence,
  fix,
  retry: "never",
});
const passwordNeeded = cause(
  "password-needed",
  "A new screen has to know a password, and none is set yet.",
  "Choose a screen password.",
);
const weakPassword = cause("weak-password", "", "Take a longer one, or five random words.");
const switchedOff = cause(
  "screens-off",
  "Screens on other devices are switched off.",
  `Switch them on first: ${commandName} screen enable`,
);
const full = cause("too-many-screens", "There are as many screens as there can be.", "Remove one first.");
const unknown = cause("unknown-screen", "There is no such screen.", null);
