/**
 * Invitation links: made here, used by others, and others' links used here. The secret is never sent; whoever holds it
 * proves it in a request, and the first use takes it in the transaction that opens the contact. It opens exactly that
 * pair of accounts, and links servers only where an administrator acts. [I1] to [I6]
 */
import type { AccountRecord, Clock, Invitation, Primitives, RandomSource } from "@fedchat/protocol";
import {
  accountId,
  decodeBase32,
  encodeBase32,
  invitationProofInput,
  openAccountRecord,
  parseInvitationLink,
  ProtocolError,
  requestId,
} from "@fedchat/protocol";
import type { Invitation as InvitationView, InvitationPreview } from "../interface/index.ts";
import type { EngineStore } from "../store/engine-store.ts";
import type { InvitationRow } from "../store/invitations-table.ts";
import type { RequestRow } from "../store/requests-table.ts";
import { engineError } from "./causes.ts";
import type { Changes } from "./changes.ts";
import { isEqual } from "./credentials.ts";
import type { Identity } from "./identity.ts";
import { ownLink } from "./invitation-link.ts";
import { invitationLifetimeMs, invitationUsesDefault } from "./limits.ts";
import type { LinksBack } from "./links-back.ts";
import type { Homeserver } from "./ports.ts";
import type { Requests } from "./requests.ts";
import type { OpenedNote } from "./sealed-notes.ts";
import type { Servers } from "./servers.ts";
import type { Verification } from "./verification.ts";

export interface InvitationsPorts {
  store: EngineStore;
  identity: Identity;
  servers: Servers;
  requests: Requests;
  homeserver: Homeserver;
  linksBack: LinksBack;
  verification: Verification;
  primitives: Primitives;
  clock: Clock;
  random: RandomSource;
  changes: Changes;
}

export class Invitations {
  readonly #ports: InvitationsPorts;

  constructor(ports: InvitationsPorts) {
    this.#ports = ports;
  }

  create({ label = "", uses = invitationUsesDefault, expiresInMs = invitationLifetimeMs }): InvitationView {
    const { store, identity, clock, random, changes } = this.#ports;
    if (identity.opened === undefined) throw engineError("no-account");
    const createdAt = clock.now();
    const id = encodeBase32(random.bytes(16));
    store.invitations.insert({
      ...{ id, secret: random.bytes(16), label, createdAt, expiresAt: createdAt + expiresInMs },
      ...{ usesMax: uses, usesLeft: uses, revoked: 0 },
    });
    changes.mark("invitation", id);
    return this.view(store.invitations.get(id)!);
  }

  list(): InvitationView[] {
    return this.#ports.store.invitations.list().map((row) => this.view(row));
  }

  revoke(id: string): void {
    this.#ports.store.invitations.revoke(id);
    this.#ports.changes.mark("invitation", id);
  }

  view(row: InvitationRow): InvitationView {
    const state = this.#stateOf(row);
    return {
      invitationId: row.id,
      link: state === "open" ? this.#link(row) : null,
      label: row.label,
      createdAt: row.createdAt,
      expiresAt: row.expiresAt,
      usesMax: row.usesMax,
      usesLeft: row.usesLeft,
      state,
      usedBy: this.#ports.store.invitations.uses(row.id),
    };
  }

  /** What a link says; nothing is sent to anybody. Throws `EngineError("bad-invitation")`. */
  inspect(link: string): InvitationPreview {
    const { inviter, handle, displayName, server, serverName, addresses, expires, room } =
      parsedInvitation(link);
    return {
      displayName,
      address: `${handle}@${serverName}`,
      account: inviter,
      serverId: server,
      serverName,
      addresses,
      expiresAt: expires,
      room: room === undefined ? null : { roomId: room.id, name: room.name },
    };
  }

  /** Links the inviter's server where this account may, and asks the inviter with the proof. */
  async accept(link: string): Promise<RequestRow> {
    const { identity, clock, requests, store, verification } = this.#ports;
    const invitation = parsedInvitation(link);
    if (invitation.room !== undefined) throw engineError("room-link");
    if (invitation.inviter === identity.account) throw engineError("own-invitation");
    if (invitation.expires <= clock.now()) throw new ProtocolError("expired");
    await this.#linkServer(invitation);
    const { id, secret } = invitation;
    const inviter = await this.#inviter(invitation);
    const request = requests.follow(inviter, { id, secret });
    // The key came with the link, and not from a server. [I6]
    if (store.verified.get(invitation.inviter) === undefined)
      verification.mark(invitation.inviter, "invitation");
    return request;
  }

  /**
   * The invitation that a request proves to hold: open, and the proof right. Anything else is an ordinary request.
   * Consumed later, in the transaction that accepts.
   */
  check(
    note: OpenedNote,
    claim: { id: Uint8Array; proof: Uint8Array } | undefined,
  ): InvitationRow | undefined {
    const { store, identity, primitives } = this.#ports;
    const row = claim && store.invitations.get(encodeBase32(claim.id));
    if (claim === undefined || row === undefined || this.#stateOf(row) !== "open") return undefined;
    const input = invitationProofInput(
      requestId.toBytes(note.request),
      accountId.toBytes(note.sender.record.account),
      accountId.toBytes(identity.account),
    );
    return isEqual(primitives.hmacSha256(row.secret, input), claim.proof) ? row : undefined;
  }

  /** Within the accepting transaction. False where it was revoked meanwhile. */
  consume(row: InvitationRow, by: AccountRecord): boolean {
    const { store, clock, changes, servers, linksBack } = this.#ports;
    const { account, displayName, server } = by;
    if (!store.invitations.consume(row.id, { account, displayName, at: clock.now() })) return false;
    changes.mark("invitation", row.id);
    if (server !== servers.own.id && !servers.linkedByUs(server)) linksBack.owe(server);
    return true;
  }

  #stateOf(row: InvitationRow): InvitationView["state"] {
    if (row.revoked === 1) return "revoked";
    if (row.usesLeft === 0) return "used";
    return row.expiresAt <= this.#ports.clock.now() ? "expired" : "open";
  }

  #link({ id, secret, expiresAt: expires }: InvitationRow): string {
    return ownLink(this.#ports, { id: decodeBase32(id), secret, expires });
  }

  /** A server that is linked already and not reached may have moved since: the invitation says where it is now. */
  async #linkServer({ server, addresses, relays }: Invitation): Promise<void> {
    const { servers, identity } = this.#ports;
    const isReached = servers.linkedByUs(server) && servers.get(server)?.state === "connected";
    if (server === servers.own.id || isReached) return;
    if (identity.self.administrator === 1 && addresses.length + relays.length > 0)
      await servers.link(server, addresses, undefined, relays);
  }

  async #inviter({ server, inviter, addresses, relays }: Invitation) {
    const { homeserver, primitives } = this.#ports;
    const invited = { addresses, relays };
    const { record } = await homeserver.request("people.lookup", { server, account: inviter, invited });
    if (record === null) throw new ProtocolError("unknown-account");
    const opened = openAccountRecord(primitives, record);
    if (opened.record.account !== inviter || opened.record.server !== server) {
      throw new ProtocolError("malformed", "account-record: of another account than the invitation's");
    }
    return opened;
  }
}

/** Throws `EngineError("bad-invitation")`. */
export function parsedInvitation(link: string): Invitation {
  try {
    return parseInvitationLink(link);
  } catch (error) {
    if (error instanceof ProtocolError) throw engineError("bad-invitation");
    throw error;
  }
}
