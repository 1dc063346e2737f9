/** How many links there may be, and who makes way. What directories fill keeps no person from linking. [L20] */
import type { LinkRow } from "../../store/store.ts";
import { directoryLinksMax, linkedServersMax, strangersRememberedMax } from "../limits.ts";
import type { LocalAccounts } from "../seams.ts";
import type { Link } from "./link.ts";

/** Whether one more server may be linked by this. */
export function hasRoom(links: Iterable<Link>, origin: LinkRow["origin"]): boolean {
  const linked = [...links].filter(({ row }) => row.linkedByUs && row.origin === origin);
  return linked.length < (origin === "person" ? linkedServersMax : directoryLinksMax);
}

/**
 * The stranger to be forgotten where there are too many: the one that was silent for longest. Servers of people's
 * contacts are none: what is written to them would be refused from then on, and keys to push them out are free to make.
 */
export function strangerToForget(
  links: Iterable<Link>,
  arrival: Link,
  accounts: Pick<LocalAccounts, "hasGrantAt">,
  queueDepth: (server: Link["server"]) => number,
): Link | undefined {
  const remembered = [...links].filter(
    (link) =>
      link !== arrival && link.stored && link.trust === "incoming" && !accounts.hasGrantAt(link.server),
  );
  if (remembered.length < strangersRememberedMax) return undefined;
  const awaited = (link: Link) => (queueDepth(link.server) > 0 ? 1 : 0);
  return remembered
    .filter((link) => !link.connected)
    .sort((a, b) => awaited(a) - awaited(b) || (a.row.lastContactAt ?? 0) - (b.row.lastContactAt ?? 0))[0];
}
