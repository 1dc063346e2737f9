/**
 * The star's other leaves: what we tell a mutually linked server, while it watches, of the people of our other mutually
 * linked ones. Only people who chose to be shown beyond, only what their own server told us, never a second time on.
 * [L24]
 */
import type { ListedPerson, ServerId } from "@fedchat/protocol";
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
  readonly #watching = new Set<Link>();

  constructor(ports: BeyondListingPorts) {
    this.#ports = ports;
  }

  /** A peer begins or ends to watch. */
  watch(watcher: Link, watching: boolean): void {
    if (!watching || watcher.trust !== "mutual") return this.forget(watcher);
    if (this.#watching.has(watcher)) return;
    this.#watching.add(watcher);
    const subjects = [...this.#ports.links()].filter((link) => shows(link, watcher));
    for (const subject of subjects.slice(0, beyondServersMax)) this.#tellWhole(watcher, subject);
  }

  /** The watcher's connection is gone, or its link is not mutual any more. */
  forget(watcher: Link): void {
    this.#watching.delete(watcher);
  }

  /** Something is different with the people of this link. */
  changed(subject: Link, change: RosterChange): void {
    for (const watcher of this.#watching) {
      if (!shows(subject, watcher)) continue;
      if (change.whole) this.#tellWhole(watcher, subject);
      else {
        const hidden = change.people.filter((person) => !mayPass(person));
        const gone = [...change.gone, ...hidden.map(({ opened }) => opened.record.account)];
        this.#send(watcher, subject, changesOf(passed(subject, change.people), gone));
      }
    }
  }

  /** This link is not mutual any more: those who watch are told that its people are gone. */
  ended(subject: Link): void {
    for (const watcher of this.#watching)
      if (watcher !== subject) this.#send(watcher, subject, wholeList([]));
  }

  #tellWhole(watcher: Link, subject: Link): void {
    const people = passed(subject, this.#ports.people.of(subject));
    this.#send(watcher, subject, wholeList(people));
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

/** Whether somebody of a server that is away is there, nobody knows. */
function passed(subject: Link, people: RosterPerson[]): ListedPerson[] {
  return people.filter(mayPass).map(({ opened, presence, visibility }) => ({
    record: opened.signed,
    presence: subject.connected ? presence : "offline",
    visibility,
  }));
}
