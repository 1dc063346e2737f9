/**
 * Moves this account to another homeserver, whether or not the one that it leaves is there: the account is opened at the
 * new one by a record of its own key, everything else is here. From the one transaction at the end on this engine belongs
 * to the new homeserver, and is to be opened anew. Before it nothing here has changed, and moving again goes on. [A13]
 */
import type { AccountInvitation, ByteChannel, ClientResult, Clock, ServerId } from "@fedchat/protocol";
import {
  encodeBase32,
  openAccountRecord,
  parseAccountInvitation,
  ProtocolError,
  signAs,
} from "@fedchat/protocol";
import type { EngineStore } from "../store/engine-store.ts";
import { accountKey, type AccountKeyPorts } from "./account-key.ts";
import { engineError } from "./causes.ts";
import type { Groups } from "./groups.ts";
import { handlesFor } from "./handles.ts";
import type { HomeAddress, Homes } from "./homes.ts";
import type { AccountKeys } from "./identity.ts";
import type { UnidentifiedSession } from "./homeserver-client.ts";
import { HomeserverClient } from "./homeserver-client.ts";
import { unpublish } from "./key-packages.ts";
import type { KeptServers } from "./kept-servers.ts";
import type { Log } from "./log.ts";
import type { MovedAccounts } from "./moved-accounts.ts";
import { keepPassword } from "./password.ts";
import { ownInfoSetting } from "./servers.ts";
import type { StorageKeyRing } from "./storage-key-ring.ts";

export interface AccountMovePorts extends AccountKeyPorts {
  store: EngineStore;
  groups: Groups;
  homes: Homes;
  kept: KeptServers;
  movedAccounts: MovedAccounts;
  keys: Pick<StorageKeyRing, "bring">;
  /** The homeserver that it leaves; `address`: where it is, if not beside this engine. */
  present: { server: ServerId; address: HomeAddress | undefined };
  /** Undefined where this engine reaches its own homeserver alone, as in a browser. */
  elsewhere: ((address: HomeAddress) => Promise<ByteChannel>) | undefined;
  clock: Clock;
  log: Log;
  /** This engine belongs to another homeserver now. */
  onMoved: (home: HomeAddress & { server: ServerId }) => void;
}

type Opened = ClientResult<"session.open">;

/** A move that was begun: by then the new homeserver may have given this device numbers. */
interface Begun {
  server: ServerId;
  fencing: number;
}

const begunSetting = "move-begun";

export class AccountMove {
  readonly #ports: AccountMovePorts;
  #moving = false;

  constructor(ports: AccountMovePorts) {
    this.#ports = ports;
  }

  /**
   * @param link an account invitation of the other homeserver
   * @param password where this device does not hold the account's key; the homeserver that is left has to be there then
   */
  async move(link: string, password: string | undefined): Promise<void> {
    const { elsewhere, present, identity } = this.#ports;
    if (elsewhere === undefined) throw engineError("cannot-move-here");
    const invitation = invitationIn(link);
    if (invitation.server === present.server) throw engineError("lives-there");
    // Throws without an account.
    const { noisePrivateKey } = identity.self;
    if (this.#moving) throw new ProtocolError("conflict");
    this.#moving = true;
    try {
      const { host, port, server } = invitation;
      const client = new HomeserverClient({
        ...{ ...this.#ports, connect: () => elsewhere({ host, port }) },
        server: { id: server, noiseKey: undefined },
      });
      const session = await client.openUnidentified(noisePrivateKey);
      try {
        await this.#moveBy(session, invitation, password);
      } finally {
        session.close();
      }
    } finally {
      this.#moving = false;
    }
  }

  async #moveBy(session: UnidentifiedSession, to: AccountInvitation, password?: string): Promise<void> {
    const { kept, homeserver, clock, onMoved } = this.#ports;
    const opened = await this.#opened(session, to, password);
    const record = await this.#recordThere(session, to.server, opened, password);
    const hasPassword = (await this.#takeAlong(session, opened, password)) || opened.hasPassword;
    await kept.introduce((records) => session.request("servers.introduce", { records }));
    // Nothing that still comes from the homeserver that is left may count as the new one's.
    const isThere = homeserver.state.kind === "connected";
    await homeserver.stop();
    try {
      this.#settle(to, { ...opened, hasPassword }, { record, isThere });
    } catch (error) {
      homeserver.start();
      throw error;
    }
    const { host, port, server } = to;
    clock.soon(() => onMoved({ host, port, server }));
  }

  /** Its session there: of the account as another device of ours moved it, or opened now. */
  async #opened(session: UnidentifiedSession, to: AccountInvitation, password?: string): Promise<Opened> {
    const { identity, primitives } = this.#ports;
    const { account, device, signatureSeed } = identity.self;
    const signature = signAs(primitives, "client-session", signatureSeed, session.handshakeHash);
    const begun = this.#begun(to.server);
    let opened: Opened;
    try {
      const fencing = begun?.fencing ?? 0;
      opened = await session.request("session.open", { account, device, fencing, signature });
    } catch (error) {
      if (!(error instanceof ProtocolError) || error.code !== "unknown-account") throw error;
      opened = await this.#register(session, to, signature, await accountKey(this.#ports, password));
    }
    this.#begin({ server: to.server, fencing: opened.fencing });
    return opened;
  }

  async #register(
    session: UnidentifiedSession,
    { server, token }: AccountInvitation,
    signature: Uint8Array,
    keys: AccountKeys,
  ): Promise<Opened> {
    const { identity, random } = this.#ports;
    const { handle, displayName } = identity.record.record;
    let taken: ProtocolError | undefined;
    for (const wish of new Set([handle, ...handlesFor(displayName, random)])) {
      const record = identity.signNext(keys, { server, handle: wish });
      try {
        const { device } = identity.self;
        return await session.request("account.register", { token, record, device, signature });
      } catch (error) {
        if (!(error instanceof ProtocolError) || error.code !== "handle-taken") throw error;
        taken = error;
      }
    }
    throw taken ?? new ProtocolError("handle-taken");
  }

  /** The account's record that names the new homeserver; one that lived there before may come back. */
  async #recordThere(
    session: UnidentifiedSession,
    server: ServerId,
    opened: Opened,
    password: string | undefined,
  ): Promise<Uint8Array> {
    const { identity, primitives } = this.#ports;
    const { record } = openAccountRecord(primitives, opened.record);
    if (record.account !== identity.account) throw new ProtocolError("malformed", "another account's record");
    const isNewest = record.sequence > identity.record.record.sequence;
    if (record.server === server && isNewest) return opened.record;
    const next = identity.signNext(await accountKey(this.#ports, password), {
      server,
      handle: record.handle,
    });
    await session.request("account.update", { record: next });
    return next;
  }

  /**
   * A device without the account's key could do neither later: the keys of sealed storage go along, and the password that
   * fetched the key. Whether a password was taken along.
   */
  async #takeAlong(
    session: UnidentifiedSession,
    { hasPassword }: Opened,
    password?: string,
  ): Promise<boolean> {
    const { identity, keys } = this.#ports;
    if (password === undefined || identity.accountKey !== undefined) return false;
    const { accountSeed } = await accountKey(this.#ports, password);
    await keys.bring(session, accountSeed);
    // With a guard it was the words of the kit.
    if (hasPassword || identity.record.record.guard !== undefined) return false;
    await keepPassword(this.#ports, session, password, accountSeed);
    return true;
  }

  #settle(
    { server, host, port }: AccountInvitation,
    opened: Opened,
    { record, isThere }: { record: Uint8Array; isThere: boolean },
  ): void {
    const { store, identity, homes, groups, movedAccounts, present, clock } = this.#ports;
    identity.transaction(() => {
      const { fencing } = identity.self;
      const cursor = store.transport.cursor();
      const former = {
        ...{ server: present.server, address: present.address ?? null, since: clock.now(), fencing },
        cursor: cursor ? { ...cursor, incarnation: encodeBase32(cursor.incarnation) } : null,
      };
      homes.moved({ server, address: { host, port } }, former);
      identity.update({
        ...{ record, fencing: opened.fencing },
        ...{ administrator: opened.administrator ? 1 : 0, hasPassword: opened.hasPassword ? 1 : 0 },
      });
      const { account, handle, displayName, sequence } = identity.record.record;
      store.accounts.put({ account, server, handle, displayName, sequence, record });
      // What the homeserver that is left took over may lie there for ever: it goes again, and is recognised.
      store.transport.leaveHome();
      store.accounts.leaveHome();
      unpublish(store);
      store.groupRooms.followAnew();
      store.identity.forgetSealedVersions();
      const inGroup = store.rooms.list().filter(({ id }) => groups.of(id) !== undefined);
      for (const name of ["self", ...inGroup.map(({ id }) => `room/${id}`)]) store.shared.delete(name);
      for (const name of [ownInfoSetting, begunSetting]) store.identity.deleteSetting(name);
      movedAccounts.weMoved(isThere ? undefined : present.server);
    });
  }

  #begun(server: ServerId): Begun | undefined {
    const kept = this.#ports.store.identity.setting(begunSetting);
    const begun = kept && (JSON.parse(new TextDecoder().decode(kept)) as Begun);
    return begun?.server === server ? begun : undefined;
  }

  #begin(begun: Begun): void {
    const value = new TextEncoder().encode(JSON.stringify(begun));
    this.#ports.store.identity.putSetting(begunSetting, value);
  }
}

function invitationIn(link: string): AccountInvitation {
  try {
    return parseAccountInvitation(link);
  } catch (cause) {
    if (cause instanceof ProtocolError) throw engineError("bad-account-invitation");
    throw cause;
  }
}
