/** The requests of the homeserver interface and who answers each; the dispatcher that decodes, admits and encodes. [H2] */
import type {
  ClientMethodName,
  ClientParams,
  ClientResult,
  Clock,
  Codec,
  ServerRecord,
} from "@fedchat/protocol";
import { clientMethods, decode, encode, ProtocolError } from "@fedchat/protocol";
import type { HomeserverStore } from "../../store/store.ts";
import { openCallsLimit } from "../limits.ts";
import type { Examine, Federation, Nearby } from "../seams.ts";
import type { AccountInvitations } from "./account-invitations.ts";
import type { Archives } from "./archives.ts";
import type { Accounts } from "./accounts.ts";
import type { Openings } from "./openings.ts";
import type { Passwords } from "./passwords.ts";
import type { People } from "./people.ts";
import { envelopesProgress } from "./progress.ts";
import type { Registration } from "./registration.ts";
import { RateLimits } from "../rate-limits.ts";
import type { Meetings } from "./meetings.ts";
import type { SealedStorage } from "./sealed-storage.ts";
import type { Rooms } from "../rooms/rooms.ts";
import type { Session } from "./session.ts";

type Handlers = {
  [M in ClientMethodName]: (
    session: Session,
    params: ClientParams<M>,
  ) => ClientResult<M> | Promise<ClientResult<M>>;
};

export type ServerInfo = ClientResult<"server.info">;

/** Who answers. */
export interface RequestParts {
  accounts: Accounts;
  registration: Registration;
  invitations: AccountInvitations;
  openings: Openings;
  passwords: Passwords;
  sealed: SealedStorage;
  archives: Archives;
  meetings: Meetings;
  people: People;
  federation: Federation;
  rooms: Rooms;
  store: Pick<HomeserverStore, "outboxFind" | "refusals">;
  serverInfo: () => ServerInfo;
  setRelaying: (relaysFor: ServerRecord["relaysFor"]) => Promise<void>;
  nearby: Nearby | undefined;
  /** Undefined where nobody can look. */
  examine: Examine | undefined;
}

export class Requests {
  readonly #handlers: Handlers;
  readonly #openCalls: RateLimits<string>;
  readonly #people: People;

  constructor(parts: RequestParts, clock: Pick<Clock, "now">) {
    this.#people = parts.people;
    this.#handlers = handlers(parts);
    this.#openCalls = new RateLimits(openCallsLimit, clock);
  }

  /** Rejects with `ProtocolError`, or `DecodeError` for parameters that do not decode. */
  async answer(session: Session, method: ClientMethodName, encoded: Uint8Array): Promise<Uint8Array> {
    this.#admit(session, method);
    // The table pairs each name with its own codecs and handler, which a union of them cannot express.
    const { params, result } = clientMethods[method] as { params: Codec<unknown>; result: Codec<unknown> };
    const handle = this.#handlers[method] as (session: Session, params: unknown) => unknown;
    return encode(result, await handle(session, decode(params, encoded)));
  }

  /** A session is over: what it asked to be told of ends. */
  closed(session: Session): void {
    this.#people.closed(session);
  }

  #admit(session: Session, method: ClientMethodName): void {
    const { access } = clientMethods[method];
    if (access === "open") {
      const retryAfterMs = this.#openCalls.take(session.remote);
      if (retryAfterMs > 0) throw new ProtocolError("rate-limited", undefined, { retryAfterMs });
      return;
    }
    const { account } = session.identity;
    if (access === "administrator" && !account.administrator) {
      throw new ProtocolError("not-allowed", "Only an administrator of this server may do this.");
    }
  }
}

function handlers(parts: RequestParts): Handlers {
  const {
    accounts,
    registration,
    invitations,
    openings,
    passwords,
    sealed,
    archives,
    people,
    federation,
    rooms,
  } = parts;
  const { inboxes, keyPackages, rules } = accounts;
  const { meetings } = parts;
  const account = (session: Session) => session.identity.account;

  return {
    "session.open": (session, params) => openings.open(session, params),
    "account.register": (session, params) => openings.register(session, params),
    "registration.terms": ({ remote }, { token }) => ({
      policy: registration.policy,
      admits: registration.wouldAdmit(token, remote),
    }),
    "accountInvitations.make": (_, wish) => invitations.make(wish),
    "accountInvitations.list": () => ({ invitations: invitations.list() }),
    "accountInvitations.revoke": (_, { id }) => done(invitations.revoke(id)),
    "account.update": (session, params) => openings.update(session, params),
    "account.prove": (session, params) => openings.proveAccount(session, params),
    "device.add": (session, params) => openings.addDevice(session, passwords.loggedIn(session), params),
    "server.info": () => parts.serverInfo(),

    "password.registerStart": (session, params) => passwords.registerStart(account(session), params),
    "password.registerFinish": (session, params) => passwords.registerFinish(account(session), params),
    "password.loginStart": (session, params) => passwords.loginStart(session, params),
    "password.loginFinish": (session, params) => passwords.loginFinish(session, params),

    "inbox.subscribe": (session, params) => inboxes.subscribe(session, params),
    "envelopes.progress": (session, params) => envelopesProgress(parts.store, account(session), params),
    "envelopes.trace": async (session, { envelope }) => ({
      traces: await federation.trace(account(session).id, envelope),
    }),

    "keyPackages.put": (session, params) => keyPackages.put(session.identity, params),
    "keyPackages.count": (session, params) => keyPackages.count(session.identity, params),
    "keyPackages.fetch": (_, params) => keyPackages.fetch(federation, params),

    "sealed.put": (session, params) => sealed.put(account(session), params),
    "sealed.get": (session, params) => sealed.get(account(session), params),
    "sealed.list": (session) => sealed.list(account(session)),

    "archive.list": (session) => archives.list(account(session)),
    "archive.put": (session, params) => archives.put(session.identity, params),
    "archive.get": (session, params) => archives.get(account(session), params),
    "archive.drop": (session, params) => archives.drop(account(session), params),
    "meetings.open": (session, { meeting }) => meetings.open(session, meeting),
    "meetings.answer": (session, { meeting, message }) => {
      meetings.answer(session, meeting, message);
      return {};
    },
    "meetings.close": (session, { meeting }) => {
      meetings.close(session, meeting);
      return {};
    },
    "meetings.meet": async (_, { meeting, message }) => ({ message: await meetings.meet(meeting, message) }),

    "delivery.grant": (session, params) => done(rules.grant(account(session), params)),
    "delivery.revoke": (session, params) => done(rules.revoke(account(session), params)),
    "delivery.block": (session, params) => done(rules.block(account(session), params)),
    "delivery.unblock": (session, params) => done(rules.unblock(account(session), params)),

    "people.list": (_, params) => people.list(params),
    "people.lookup": (_, params) => people.lookup(params),
    "people.visibility": (session) => people.visibility(session),
    "people.setVisibility": (session, { visibility }) => done(people.setVisibility(session, visibility)),
    "people.watchBeyond": (session, { watching }) => {
      people.watchBeyond(session, watching);
      return {};
    },
    "people.search": (session, params) => people.search(session, params),

    "rooms.append": (session, params) => rooms.append(account(session).id, params),
    "rooms.log": (session, params) => rooms.log(account(session).id, params),
    "rooms.heads": (session) => rooms.heads(account(session).id),
    "rooms.info": (_, params) => rooms.info(params),
    "rooms.follow": (session, params) => done(rooms.follow(account(session).id, params)),
    "rooms.publish": (session, params) => done(rooms.publish(account(session).id, params)),
    "rooms.listed": () => rooms.listed(),
    "rooms.unfollow": (session, params) => done(rooms.unfollow(account(session).id, params)),

    "server.setRelaying": (_, { relaysFor }) => done(parts.setRelaying(relaysFor)),
    "directories.list": () => ({ directories: federation.directories() }),
    "network.map": () => federation.networkMap(),

    "links.list": () => ({ links: federation.links() }),
    "links.unlinked": (session) => ({
      servers: federation.unlinked(rules.metServers(account(session))),
    }),
    "links.add": (_, { server, addresses, localName, relays }) =>
      federation.addLink(server, addresses, localName, relays),
    "links.linkBack": (_, params) => federation.linkBack(params.server),
    "links.remove": (_, params) => done(federation.removeLink(params.server)),
    "links.block": (_, params) => federation.blockServer(params.server),
    "links.unblock": (_, params) => federation.unblockServer(params.server),
    "links.setAddresses": (_, { server, addresses }) => federation.setServerAddresses(server, addresses),
    "links.rename": (_, { server, localName }) => federation.renameServer(server, localName ?? undefined),
    "links.retry": (_, params) => {
      federation.retryLink(params.server);
      return {};
    },

    "servers.records": (_, params) => people.records(params),
    "servers.introduce": (session, params) => done(people.introduce(session, params)),
    "server.examine": (_, { again }) => parts.examine?.(again) ?? unknownMethod(),
    "servers.nearby": () => parts.nearby?.state() ?? { mode: "off", problem: null, servers: [] },
  };
}

function unknownMethod(): never {
  throw new ProtocolError("unknown-method");
}

async function done(work: Promise<void>): Promise<Record<never, never>> {
  await work;
  return {};
}
