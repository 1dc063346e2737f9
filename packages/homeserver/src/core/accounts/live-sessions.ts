/**
 * The sessions that are open now. Invariant: at most one session a device; a newer one supersedes the older, which is
 * told and closed. [H4]
 */
import type { AccountId, ClientEvent } from "@fedchat/protocol";
import { encodeClientEvent, encodeClientFrame } from "@fedchat/protocol";
import type { Session } from "./session.ts";

const none: ReadonlySet<Session> = new Set();

export class LiveSessions {
  readonly #byAccount = new Map<AccountId, Set<Session>>();
  readonly #presence: ((account: AccountId) => void)[] = [];
  #count = 0;

  get count(): number {
    return this.#count;
  }

  of(account: AccountId): ReadonlySet<Session> {
    return this.#byAccount.get(account) ?? none;
  }

  *all(): Generator<Session> {
    for (const sessions of this.#byAccount.values()) yield* sessions;
  }

  add(session: Session): void {
    const { account, device } = session.identity;
    const sessions = this.#byAccount.get(account.id) ?? new Set();
    for (const older of sessions) {
      if (older.identity.device === device) older.supersede();
    }
    this.#byAccount.set(account.id, sessions);
    sessions.add(session);
    this.#count += 1;
  }

  remove(session: Session): void {
    const { account } = session.identity;
    const sessions = this.#byAccount.get(account.id);
    if (sessions?.delete(session) !== true) return;
    this.#count -= 1;
    if (sessions.size === 0) this.#byAccount.delete(account.id);
    this.presenceMayHaveChanged(account.id);
  }

  /** Whether somebody is there: a session of the account receives what comes. */
  isOnline(account: AccountId): boolean {
    for (const session of this.of(account)) if (session.feed !== undefined) return true;
    return false;
  }

  onPresence(listener: (account: AccountId) => void): void {
    this.#presence.push(listener);
  }

  presenceMayHaveChanged(account: AccountId): void {
    for (const listener of this.#presence) listener(account);
  }

  /** Tells sessions; encoded once for all of them. */
  notify(to: { account: AccountId } | "administrators" | "everybody", event: ClientEvent): void {
    let frame: Uint8Array | undefined;
    for (const session of typeof to === "object" ? this.of(to.account) : this.all()) {
      if (to === "administrators" && !session.identity.account.administrator) continue;
      frame ??= encodeClientFrame({ kind: "event", body: encodeClientEvent(event) });
      session.send(frame);
    }
  }
}
