/**
 * Names of servers that nobody here linked, where contacts live or whence somebody asked. What they claim is asked of our
 * homeserver, so that an address looks alike wherever it stands, and stays so when nobody looks at people any more.
 */
import type { ServerId } from "@fedchat/protocol";
import type { EngineStore } from "../store/engine-store.ts";
import type { Changes } from "./changes.ts";
import type { Servers } from "./servers.ts";

interface Ports {
  store: Pick<EngineStore, "accounts" | "requests" | "roomAsks">;
  servers: Servers;
  changes: Changes;
}

/** Tells everything anew that shows a name which was learned. Rejects where the homeserver cannot be asked. */
export async function learnStrangersNames(ports: Ports): Promise<void> {
  const { servers } = ports;
  const met = serversMet(ports);
  const nameless = met.filter((server) => servers.isNameless(server));
  if (nameless.length === 0) return;
  await servers.refreshUnlinked();
  if (nameless.some((server) => servers.isNameless(server))) await servers.refreshNetwork();
  const named = new Set(nameless.filter((server) => !servers.isNameless(server)));
  if (named.size === 0) return;
  servers.keepNames(met);
  tellAnew(ports, named);
}

function serversMet({ store }: Ports): ServerId[] {
  const contacts = store.accounts.contacts().flatMap(({ account }) => store.accounts.get(account) ?? []);
  return [
    ...new Set([...contacts, ...store.requests.list(), ...store.roomAsks.list()].map(({ server }) => server)),
  ];
}

function tellAnew({ store, changes }: Ports, named: ReadonlySet<ServerId>): void {
  for (const server of named) changes.mark("people", server);
  for (const { id, server } of store.requests.list()) if (named.has(server)) changes.mark("request", id);
  for (const { id, server } of store.roomAsks.list()) if (named.has(server)) changes.mark("roomAsk", id);
  for (const { account, room } of store.accounts.contacts()) {
    const server = store.accounts.get(account)?.server;
    if (server === undefined || !named.has(server)) continue;
    changes.mark("contact", account);
    changes.mark("room", room);
  }
}
