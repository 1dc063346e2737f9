/**
 * Screens on other devices that were paired, whether they are let in, and the password that pairing needs: one
 * owner-only file of the data folder. Cookies and secrets are kept as hashes, so that the file opens nothing.
 * Invariant: what was removed is not known any more, also where the file could not be written.
 */
import { encodeBase32 } from "@fedchat/protocol";
import { randomBytes } from "node:crypto";
import { z } from "zod";
import { pairedScreensMax, pairedScreenLifetimeMs, pairedScreenTouchMs } from "../limits.ts";
import { readIfThere, writeOwnerFile } from "../owner-files.ts";
import { isSameSecret, keptForm, keptSecret, parseJson } from "./kept-secrets.ts";
import type { PasswordHash } from "./screen-password.ts";
import { passwordHash } from "./screen-password.ts";

/** A paired screen; 80 bits in base32. */
export type ScreenId = string & { readonly brand: "ScreenId" };

const screen = z.strictObject({
  id: z.string().regex(/^[a-z2-7]{16}$/),
  name: z.string().max(64),
  cookie: keptSecret,
  secret: keptSecret,
  added: z.int(),
  seen: z.int(),
});
const screensFile = z.strictObject({
  enabled: z.boolean(),
  password: passwordHash.nullable(),
  screens: z.array(screen),
});
type Kept = z.infer<typeof screensFile>;
type Screen = Kept["screens"][number];

export class PairedScreens {
  readonly #path: string;
  readonly #now: () => number;
  #kept: Kept;

  /** A file that cannot be read lets nobody in: it is begun anew, switched off. */
  constructor(path: string, now: () => number) {
    this.#path = path;
    this.#now = now;
    const text = readIfThere(path);
    const read = text === undefined ? undefined : screensFile.safeParse(parseJson(text));
    this.#kept = read?.success ? read.data : { enabled: false, password: null, screens: [] };
  }

  get enabled(): boolean {
    return this.#kept.enabled;
  }

  get password(): PasswordHash | null {
    return this.#kept.password;
  }

  /** @param password a new one; the one from before stays where it is undefined */
  enable(password: PasswordHash | undefined): void {
    this.#write({ ...this.#kept, enabled: true, password: password ?? this.#kept.password });
  }

  disable(): void {
    this.#write({ ...this.#kept, enabled: false });
  }

  list(): readonly { id: ScreenId; name: string; added: number; seen: number }[] {
    return this.#live().map(({ id, name, added, seen }) => ({ id: id as ScreenId, name, added, seen }));
  }

  get isFull(): boolean {
    return this.#live().length >= pairedScreensMax;
  }

  /** Cookie and secret are 256 bits each in base64url and leave this process once. */
  pair(name: string): { id: ScreenId; cookie: string; secret: string } {
    const id = encodeBase32(randomBytes(10));
    const cookie = randomBytes(32).toString("base64url");
    const secret = randomBytes(32).toString("base64url");
    const now = this.#now();
    const fresh = { id, name, cookie: keptForm(cookie), secret: keptForm(secret), added: now, seen: now };
    this.#write({ ...this.#kept, screens: [...this.#live(), fresh] });
    return { id: id as ScreenId, cookie, secret };
  }

  /** Whether there was such a screen. */
  remove(id: ScreenId): boolean {
    const screens = this.#live().filter((known) => known.id !== id);
    if (screens.length === this.#live().length) return false;
    this.#kept = { ...this.#kept, screens };
    this.#write(this.#kept);
    return true;
  }

  /** The live screen that one of these cookies belongs to. */
  knows(cookies: readonly string[]): ScreenId | undefined {
    return this.#find(cookies)?.id as ScreenId | undefined;
  }

  /** Whether cookie and secret are of the same live screen; which then was seen. */
  accepts(cookies: readonly string[], secret: string): boolean {
    const presented = keptForm(secret);
    const found = this.#find(cookies);
    if (found === undefined || !isSameSecret(found.secret, presented)) return false;
    this.seen(found.id as ScreenId);
    return true;
  }

  /** Its life begins anew. On disk it is kept to the hour: writing for every page load would be waste. */
  seen(id: ScreenId): void {
    const found = this.#kept.screens.find((known) => known.id === id);
    if (found === undefined) return;
    const isWorthWriting = this.#now() - found.seen >= pairedScreenTouchMs;
    found.seen = this.#now();
    if (!isWorthWriting) return;
    try {
      this.#write(this.#kept);
    } catch {
      // On a full disk a screen is used on all the same; written with the next change.
    }
  }

  #find(cookies: readonly string[]): Screen | undefined {
    const presented = cookies.map(keptForm);
    return this.#live().find(({ cookie }) => presented.some((hashed) => isSameSecret(hashed, cookie)));
  }

  #live(): Screen[] {
    return this.#kept.screens.filter(({ seen }) => this.#now() - seen < pairedScreenLifetimeMs);
  }

  #write(kept: Kept): void {
    writeOwnerFile(this.#path, `${JSON.stringify(kept, undefined, 2)}\n`);
    this.#kept = kept;
  }
}
