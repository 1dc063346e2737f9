/**
 * Who is who, as far as the person made sure: keys that were compared are kept as verified, each by itself, so that
 * another key of the same person is not. What a QR code says is judged here and nowhere else. [N9] [N10]
 */
import type { AccountId, Clock, Primitives } from "@fedchat/protocol";
import { accountId } from "@fedchat/protocol";
import type { SafetyNumber } from "../interface/index.ts";
import type { EngineStore } from "../store/engine-store.ts";
import type { VerifiedHow } from "../store/verified-table.ts";
import { engineError } from "./causes.ts";
import type { Changes } from "./changes.ts";
import type { Identity } from "./identity.ts";
import type { Names } from "./names.ts";
import { safetyNumber } from "./safety-number.ts";

export interface VerificationPorts {
  store: EngineStore;
  identity: Identity;
  names: Names;
  primitives: Primitives;
  clock: Pick<Clock, "now">;
  changes: Changes;
}

/** Who shows it, and whom they mean to show it to. In upper case, which QR codes hold in half the room. [N10] */
const codePattern = /^fedchat:verify\/([a-z2-7]{52})\/([a-z2-7]{52})$/;
const verifyCode = (own: AccountId, other: AccountId): string =>
  `fedchat:verify/${own}/${other}`.toUpperCase();

export class Verification {
  readonly #ports: VerificationPorts;

  constructor(ports: VerificationPorts) {
    this.#ports = ports;
  }

  /** What to compare with this account, and whether that was done. */
  number(account: AccountId): SafetyNumber {
    const { store, identity, primitives } = this.#ports;
    if (account === identity.account) throw engineError("is-self");
    const kept = store.verified.get(account);
    return {
      ...safetyNumber(primitives, identity.account, account),
      code: verifyCode(identity.account, account),
      verified: kept === undefined ? null : { at: kept.at, how: kept.how },
    };
  }

  /**
   * The person compared, or read this code from the other's screen. Throws `EngineError`: `bad-code` for what is none,
   * `key-mismatch` for one that shows another key on either side.
   */
  verify(account: AccountId, code: string | undefined): void {
    const { identity, names } = this.#ports;
    if (account === identity.account) throw engineError("is-self");
    if (code === undefined) return this.mark(account, "compared");
    const [, shower, shownTo] = codePattern.exec(code.trim().toLowerCase()) ?? [];
    const [theirs, ours] = [shower, shownTo].map((key) => key && accountId.parse(key));
    if (theirs === undefined || ours === undefined) throw engineError("bad-code");
    const name = names.shown(account);
    if (theirs === identity.account)
      throw engineError("bad-code", "This is your own code.", `Read the one on ${name}'s screen.`);
    if (theirs !== account)
      throw engineError("key-mismatch", `This code shows another key than the one that you have of ${name}.`);
    if (ours !== identity.account)
      throw engineError("key-mismatch", `${name} has another key in your place, or chose somebody else.`);
    this.mark(account, "code");
  }

  /** Within a transaction or by itself. */
  mark(account: AccountId, how: VerifiedHow): void {
    const { store, clock } = this.#ports;
    store.verified.put({ account, at: clock.now(), how });
    this.#changed(account);
  }

  unverify(account: AccountId): void {
    this.#ports.store.verified.delete(account);
    this.#changed(account);
  }

  /** 'Not now': the warning goes, and the names that it is about keep meaning nobody until one of the keys is verified. */
  notNow(contact: AccountId): void {
    this.#ports.store.verified.decide(contact);
    this.#changed(contact);
  }

  #changed(account: AccountId): void {
    const { store, changes, names } = this.#ports;
    const former = store.verified.changeTo(account)?.contact;
    for (const one of former === undefined ? [account] : [account, former]) {
      changes.mark("contact", one);
      for (const room of store.rooms.withPeer(one)) changes.mark("room", room.id);
    }
    for (const room of store.groupRooms.roomsWith(account)) changes.mark("room", room);
    const server = names.account(account)?.server;
    if (server !== undefined) changes.mark("people", server);
  }
}
