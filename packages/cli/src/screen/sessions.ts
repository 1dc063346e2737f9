/**
 * Who may use the local screen: a session is a cookie *and* a secret that the page keeps in its origin's storage,
 * because cookies ignore ports and would go to any program on this host. Kept as hashes, so that the file opens nothing.
 */
import { randomBytes } from "node:crypto";
import { z } from "zod";
import { screenSessionLifetimeMs, screenSessionsMax, screenSessionTouchMs } from "../limits.ts";
import { readIfThere, writeOwnerFile } from "../owner-files.ts";
import { isSameSecret, keptForm, keptSecret, parseJson } from "./kept-secrets.ts";

const sessionsFile = z.strictObject({
  sessions: z.array(
    z.strictObject({ cookie: keptSecret, secret: keptSecret, created: z.int(), used: z.int() }),
  ),
});
type Session = z.infer<typeof sessionsFile>["sessions"][number];

export class ScreenSessions {
  readonly #path: string;
  readonly #now: () => number;
  #sessions: Session[];

  /** A file that cannot be read costs no more than signing in again: it is begun anew. */
  constructor(path: string, now: () => number) {
    this.#path = path;
    this.#now = now;
    const text = readIfThere(path);
    const read = text === undefined ? undefined : sessionsFile.safeParse(parseJson(text));
    this.#sessions = read?.success ? read.data.sessions : [];
  }

  /** Opens a session; both values are 256 bits in base64url and leave this process once. */
  open(): { cookie: string; secret: string } {
    const fresh = {
      cookie: randomBytes(32).toString("base64url"),
      secret: randomBytes(32).toString("base64url"),
    };
    const now = this.#now();
    this.#sessions = [
      ...this.#live().slice(-(screenSessionsMax - 1)),
      { cookie: keptForm(fresh.cookie), secret: keptForm(fresh.secret), created: now, used: now },
    ];
    this.#write();
    return fresh;
  }

  /** Whether one of these cookies belongs to a live session; its life begins anew. */
  knows(cookies: readonly string[]): boolean {
    const found = this.#find(cookies);
    if (found === undefined) return false;
    if (this.#now() - found.used >= screenSessionTouchMs) {
      found.used = this.#now();
      this.#tryWrite();
    }
    return true;
  }

  /** Whether cookie and secret are of the same live session. */
  accepts(cookies: readonly string[], secret: string): boolean {
    const presented = keptForm(secret);
    return cookies.some((cookie) => {
      const found = this.#find([cookie]);
      return found !== undefined && isSameSecret(found.secret, presented);
    });
  }

  #find(cookies: readonly string[]): Session | undefined {
    const presented = cookies.map(keptForm);
    return this.#live().find(({ cookie }) => presented.some((hashed) => isSameSecret(hashed, cookie)));
  }

  #live(): Session[] {
    return this.#sessions.filter(({ used }) => this.#now() - used < screenSessionLifetimeMs);
  }

  /** On a full disk a session is used on all the same: at worst its life does not begin anew. */
  #tryWrite(): void {
    try {
      this.#write();
    } catch {
      // Tried again with the next change of the sessions.
    }
  }

  #write(): void {
    writeOwnerFile(this.#path, `${JSON.stringify({ sessions: this.#sessions }, undefined, 2)}\n`);
  }
}
