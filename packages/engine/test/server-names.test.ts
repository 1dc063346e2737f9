/** What servers are called: where two claim one name, and where a relay on the way is not linked from here. */
import type { ClientMethodName, ClientResult, Clock, LinkView, MapServer, ServerId } from "@fedchat/protocol";
import { nodePrimitives } from "@fedchat/protocol/primitives/node";
import { expect, test } from "vitest";
import { Changes } from "../src/core/changes.ts";
import { Identity } from "../src/core/identity.ts";
import { KnownAccounts } from "../src/core/known-accounts.ts";
import { Names } from "../src/core/names.ts";
import { People } from "../src/core/people.ts";
import type { Homeserver } from "../src/core/ports.ts";
import { Servers } from "../src/core/servers.ts";
import { openSqliteDatabase } from "../src/node/sqlite-database.ts";
import { openEngineStore } from "../src/store/engine-store.ts";

/** The last of 52 letters has one bit of the key only. */
const id = (letter: string) => `${letter.repeat(51)}a` as ServerId;
const [own, first, second, relay] = [id("a"), id("b"), id("c"), id("d")];

const link = (server: ServerId, name: string, patch: Partial<LinkView> = {}): LinkView => ({
  server,
  name,
  localName: null,
  trust: "mutual",
  state: "connected",
  error: null,
  nextTryAt: null,
  addresses: [],
  roundTripMs: null,
  queueDepth: 0,
  lastContactAt: null,
  linkedAt: 10,
  software: "",
  via: [],
  origin: "directory",
  relaysFor: "nobody",
  ...patch,
});

/** The engine's servers and their names on a homeserver that knows a network. */
function engine(network: MapServer[] = []) {
  const clock: Clock = { now: () => 0, after: () => ({ cancel() {} }), soon: queueMicrotask };
  const asked: string[] = [];
  const told: string[] = [];
  const map: ClientResult<"network.map"> = { servers: network, more: false };
  const homeserver: Homeserver = {
    removed: false,
    state: { kind: "connected" },
    request: async <M extends ClientMethodName>(method: M) => {
      asked.push(method);
      return map as ClientResult<M>;
    },
  };
  const store = openEngineStore(openSqliteDatabase(":memory:"));
  const log = { debug() {}, info() {}, warn() {} };
  const changes = new Changes({ clock, log });
  const base = { store, homeserver, primitives: nodePrimitives, changes, clock };
  const servers = new Servers({ ...base, own });
  const people = new People({ ...base, known: new KnownAccounts(base) });
  const names = new Names({ store, servers, people, identity: new Identity(base) });
  const mark = changes.mark.bind(changes);
  changes.mark = (kind, one) => {
    told.push(`${kind} ${String(one).slice(0, 1)}`);
    mark(kind, one);
  };
  return { servers, names, asked, told };
}

test("[D4] of two servers with one name that a directory linked, the later shows a piece of its key", () => {
  const { servers, names } = engine();
  servers.changed(link(second, "Club", { linkedAt: 20 }));
  expect(names.server(second)).toBe("Club");
  servers.changed(link(first, "club", { linkedAt: 10 }));
  expect(names.server(first)).toBe("club");
  expect(names.server(second)).toBe("Club·cccccccc");
  servers.removed(first);
  expect(names.server(second)).toBe("Club");
});

test("[D4] a name that a person linked or gave is not a directory's to take, however early it came", () => {
  const { servers, names } = engine();
  servers.changed(link(first, "club", { linkedAt: 10 }));
  servers.changed(link(second, "club", { linkedAt: 20, origin: "person" }));
  expect(names.server(second)).toBe("club");
  expect(names.server(first)).toBe("club·bbbbbbbb");
  servers.changed(link(second, "office", { linkedAt: 20, localName: "Club" }));
  expect(names.server(first)).toBe("club·bbbbbbbb");
  servers.changed(link(first, "club", { localName: "the old club" }));
  expect(names.server(first)).toBe("the old club");
});

test("[D4] a server that nobody here linked takes no name from one that a directory did", () => {
  const { servers, names } = engine();
  servers.changed(link(first, "club", { linkedAt: 10, trust: "incoming" }));
  servers.changed(link(second, "club", { linkedAt: 20 }));
  expect(names.server(second)).toBe("club");
  expect(names.server(first)).toBe("club·bbbbbbbb");
});

test("a relay that is not linked from here is called as its record says, once somebody's way passes it", async () => {
  const { servers, names, asked, told } = engine([
    { server: relay, name: "hub", relaysFor: "anyone", neighbours: [], hops: 1 },
  ]);
  servers.changed(link(first, "club"));
  expect(asked).toEqual([]);
  servers.changed(link(first, "club", { via: [relay] }));
  expect(names.server(relay)).toBe("dddddddd");
  told.length = 0;
  await expect.poll(() => told).toEqual(["server b"]);
  expect(names.server(relay)).toBe("hub·dddddddd");
  servers.changed(link(first, "club", { via: [relay] }));
  expect(asked).toEqual(["network.map"]);
});
