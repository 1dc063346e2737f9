/** The account as its person handles it: opening it, signing in, password, display name. */
import { displayNamePattern } from "@fedchat/protocol";
import type { RegistrationTerms } from "../interface/index.ts";
import { engineError } from "./causes.ts";
import type { Changes } from "./changes.ts";
import type { Log } from "./log.ts";
import type { Notices } from "./notices.ts";
import { causeOf, causeOfCode } from "./causes.ts";
import { accountKey } from "./account-key.ts";
import type { OpaqueClient } from "./opaque-client.ts";
import { refuseWeakPassword, setPassword } from "./password.ts";
import { recover } from "./recover.ts";
import { kitFromWords } from "./recovery-words.ts";
import type { RegistrationPorts } from "./registration.ts";
import { register } from "./registration.ts";
import { registrationTokenFrom } from "./registration-token.ts";
import type { StorageKeyRing } from "./storage-key-ring.ts";
import { type Credentials, signIn } from "./sign-in.ts";

export interface AccountPorts extends RegistrationPorts {
  opaque: OpaqueClient;
  notices: Notices;
  changes: Changes;
  log: Log;
  /** Given by whoever started this engine: opens an account on a homeserver of its own. */
  registrationToken: Uint8Array | undefined;
  keys: StorageKeyRing;
  /** Our own record was renewed here. */
  onRecord: () => void;
}

export interface AccountWish {
  displayName: string;
  handle: string | undefined;
  password: string | undefined;
  /** As a person was given it. */
  registrationToken: string | undefined;
}

export class Account {
  readonly #ports: AccountPorts;
  /** One opening at a time: a second click must not open a second account. */
  #opening: Promise<void> | undefined;

  constructor(ports: AccountPorts) {
    this.#ports = ports;
  }

  async create(wish: AccountWish): Promise<void> {
    const displayName = usableName(wish.displayName);
    if (wish.password !== undefined) refuseWeakPassword(wish.password, [displayName, wish.handle ?? ""]);
    const token = this.#token(wish.registrationToken);
    await this.#once(() => register(this.#ports, { displayName, handle: wish.handle, token }));
    if (this.#ports.identity.record.record.displayName !== displayName)
      await this.rename(displayName, undefined);
    if (wish.password !== undefined) await this.#trySetPassword(wish.password);
  }

  /** Who may open an account, and whether this token would. Nothing is used up. [J3] */
  async terms(registrationToken: string | undefined): Promise<RegistrationTerms> {
    const token = this.#token(registrationToken);
    const { homeserver, random } = this.#ports;
    const session = await homeserver.openUnidentified(random.bytes(32));
    try {
      return await session.request("registration.terms", { token });
    } finally {
      session.close();
    }
  }

  async signIn({ handle, ...rest }: Credentials): Promise<void> {
    await this.#once(() => signIn(this.#ports, { handle: handle.trim().toLowerCase(), ...rest }));
  }

  /**
   * By the words of the recovery kit, where every device was lost.
   * @param stolen somebody else may have the account's key: from now on it changes by these words alone
   * @param here how the account is opened here where its homeserver is lost, too; undefined: it is not
   */
  async recover(
    words: string,
    { stolen, here }: { stolen: boolean; here: Omit<AccountWish, "handle" | "password"> | undefined },
  ): Promise<void> {
    await this.#once(async () => {
      try {
        await recover(this.#ports, words, stolen);
      } catch (error) {
        if (here === undefined || causeOf(error).code !== "kit-of-elsewhere") throw error;
        const token = this.#token(here.registrationToken);
        const displayName = usableName(here.displayName);
        await register(this.#ports, { displayName, handle: undefined, token, kit: kitFromWords(words) });
      }
    });
  }

  /** @param present the password that there is, on a device that does not hold the account key */
  async setPassword(password: string, present?: string): Promise<void> {
    const { handle, displayName } = this.#ports.identity.record.record;
    refuseWeakPassword(password, [handle, displayName]);
    await setPassword(this.#ports, password, (await accountKey(this.#ports, present)).accountSeed);
    this.#ports.changes.status();
  }

  /** Kept at once; the homeserver gets the newer record now, or with the next session. */
  async rename(wish: string, password: string | undefined): Promise<void> {
    const { identity, homeserver, changes, store, log } = this.#ports;
    const displayName = usableName(wish);
    const signed = identity.signNext(await accountKey(this.#ports, password), { displayName });
    identity.transaction(() => {
      identity.update({ record: signed });
      const { account, server, handle, sequence } = identity.record.record;
      store.accounts.put({ account, server, handle, displayName, sequence, record: signed });
    });
    changes.status();
    this.#ports.onRecord();
    await homeserver
      .request("account.update", { record: signed })
      .catch((error: unknown) => log.info("the new record is not published yet", { error: String(error) }));
  }

  #token(given: string | undefined): Uint8Array {
    const { registrationToken = new Uint8Array(), server } = this.#ports;
    return given === undefined ? registrationToken : registrationTokenFrom(given, server);
  }

  async #once(open: () => Promise<void>): Promise<void> {
    if (this.#ports.identity.opened !== undefined) throw engineError("account-exists");
    if (this.#opening !== undefined) return this.#opening;
    this.#opening = open().finally(() => (this.#opening = undefined));
    await this.#opening;
    this.#ports.changes.status();
  }

  /** The account is open by now: a password that could not be set is said, not a reason to fail. */
  async #trySetPassword(password: string): Promise<void> {
    try {
      await setPassword(this.#ports, password, (await accountKey(this.#ports, undefined)).accountSeed);
    } catch (error) {
      this.#ports.log.warn("the password was not set", { error: String(error) });
      this.#ports.notices.add("warning", causeOfCode("password-not-set"));
    }
  }
}

const unusable = /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u;

/** One spelling of a name, on one line. */
function usableName(name: string): string {
  const clean = name.normalize("NFC").trim();
  if (!displayNamePattern.test(clean) || unusable.test(clean) || !clean.isWellFormed())
    throw engineError("bad-name");
  return clean;
}
