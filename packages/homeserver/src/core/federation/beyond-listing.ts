/**
 * The star's other leaves: what we tell a mutually linked server, while it watches, of the people of our other mutually
 * linked ones. Only people who chose to be shown beyond, only what their own server told us, never a second time on.
 * [L24]
 */
import type { AccountId, ListedPerson, ServerId } from "@fedchat/protocol";
import { beyondServersMax } from "../limits.ts";
import type { Link } from "./link.ts";
import type { People } from "./people.ts";
import type { PeoplePage } from "./person-pages.ts";
import { changesOf, wholeList } from "./person-pages.ts";
import type { RosterChange, RosterPerson } from "./roster.ts";

export interface BeyondListingPorts {
  links: () => Iterable<Link>;
  people: Pick<People, "of">;
  /** The newest signed record of a server. */
  record: (server: ServerId) => Uint8Array | undefined;
}

export class BeyondListing {
  readonly #ports: BeyondListingPorts;
  /** Who watches, and whom of which server it was told: nobody else is ever said to be gone. */
  readonly #watching = new Map<Link, Map<Link, Set<AccountId>>>();

  constructor(ports: BeyondListingPorts) {
    this.#ports = ports;
  }

  /** A peer begins or ends to watch. */
  watch(watcher: Link, watching: boolean): void {
    if (!watching || watcher.trust !== "mutual") return this.forget(watcher);
    if (this.#watching.has(watcher)) return;
    this.#watching.set(watcher, new Map());
    const subjects = [...this.#ports.links()].filter((link) => shows(link, watcher));
    for (const subject of subjects.slice(0, beyondServersMax)) this.#tellWhole(watcher, subject);
  }

  /** The watcher's connection is gone, or its link is not mutual any more. */
  forget(watcher: Link): void {
    this.#watching.delete(watcher);
  }

  /** Something is different with the people of this link. */
  changed(subject: Link, change: RosterChange): void {
    for (const [watcher, told] of this.#watching) {
      if (!shows(subject, watcher)) continue;
      if (change.whole) this.#tellWhole(watcher, subject);
      else {
        const known = told.get(subject) ?? new Set();
        const hidden = change.people.filter((person) => !mayPass(person));
        const gone = [...change.gone, ...hidden.map(({ opened }) => opened.record.account)].filter(
          (account) => known.delete(account),
        );
        for (const account of accountsPassed(change.people)) known.add(account);
        told.set(subject, known);
        this.#send(watcher, subject, changesOf(passed(subject, change.people), gone));
      }
    }
  }

  /** This link is not mutual any more: those who watch are told that its people are gone. */
  ended(subject: Link): void {
    for (const [watcher, told] of this.#watching)
      if (told.delete(subject)) this.#send(watcher, subject, wholeList([]));
  }

  /** A person decided about a server that a directory had linked: it is shown, and told of others. [D5] */
  personal(link: Link): void {
    for (const watcher of this.#watching.keys()) if (shows(link, watcher)) this.#tellWhole(watcher, link);
    if (this.#watching.delete(link)) this.watch(link, true);
  }

  #tellWhole(watcher: Link, subject: Link): void {
    const people = this.#ports.people.of(subject);
    this.#watching.get(watcher)?.set(subject, new Set(accountsPassed(people)));
    this.#send(watcher, subject, wholeList(passed(subject, people)));
  }

  #send(watcher: Link, subject: Link, pages: PeoplePage[]): void {
    const server = this.#ports.record(subject.server);
    if (server === undefined) return;
    for (const page of pages) watcher.send({ kind: "peopleBeyond", server, ...page });
  }
}

/** Whether the watcher may be told of the subject's people at all. [D5] */
function shows(subject: Link, watcher: Link): boolean {
  return (
    subject !== watcher &&
    subject.trust === "mutual" &&
    subject.row.origin !== "directory" &&
    watcher.row.origin !== "directory"
  );
}

function mayPass({ visibility }: RosterPerson): boolean {
  return visibility === "beyond" || visibility === "directory";
}

function accountsPassed(people: RosterPerson[]): AccountId[] {
  return people.filter(mayPass).map(({ opened }) => opened.record.account);
}

/** Whether somebody of a server that is away is there, nobody knows. */
function passed(subject: Link, people: RosterPerson[]): ListedPerson[] {
  return people.filter(mayPass).map(({ opened, presence, visibility }) => ({
    record: opened.signed,
    presence: subject.connected ? presence : "offline",
    visibility,
  }));
}
