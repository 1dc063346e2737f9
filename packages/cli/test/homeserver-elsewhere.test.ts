/** A client alone: which homeserver it talks to, and that nobody else can be taken for it. */
import { silentLog } from "@fedchat/homeserver";
import type { RunningHomeserver } from "@fedchat/homeserver/node";
import { startHomeserver } from "@fedchat/homeserver/node";
import { fingerprint, formatAccountInvitation } from "@fedchat/protocol";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { loadConfig } from "../src/config/load.ts";
import { startClientEngine } from "../src/host/client-box.ts";
import { findHomeserver } from "../src/host/find-homeserver.ts";
import { refuseClientFolder } from "../src/host/homeserver-pin.ts";
import { homeserverAlone } from "../src/host/homeserver-alone.ts";
import { ensureDataFolder } from "../src/owner-files.ts";

const root = mkdtempSync(join(tmpdir(), "fedchat-elsewhere-"));
const started = new AsyncDisposableStack();
let hub: RunningHomeserver;
let other: RunningHomeserver;
let folders = 0;
let data: string;

const start = async (name: string): Promise<RunningHomeserver> =>
  started.use(
    await startHomeserver({
      ...{ dataDir: join(root, name), name, host: "127.0.0.1", port: 0, portIsDefault: false },
      ...{ addresses: [], accept: "ask", listed: [], registration: "invited", tls: undefined },
      ...{ localToken: new Uint8Array(32).fill(3), log: silentLog },
    }),
  );

beforeAll(async () => {
  hub = await start("hub");
  other = await start("other");
});
beforeEach(() => {
  data = join(root, `client${folders++}`);
  ensureDataFolder(data);
});
afterAll(async () => {
  await started.disposeAsync();
  rmSync(root, { recursive: true, force: true });
});

const placeOf = ({ port }: RunningHomeserver) => `127.0.0.1:${port}`;
const idOf = ({ homeserver }: RunningHomeserver) => homeserver.serverId;

test("[J4] of an address alone the key is pinned at first sight; with its id, or by an invitation, there is no first sight", async () => {
  const seen = await findHomeserver(data, placeOf(hub));
  expect(seen).toMatchObject({ place: { server: idOf(hub) }, atFirstSight: true, token: undefined });
  expect((await findHomeserver(data, undefined)).place).toEqual(seen.place);
  expect((await findHomeserver(data, placeOf(hub))).atFirstSight).toBe(false);

  const told = join(root, "told");
  ensureDataFolder(told);
  const byId = await findHomeserver(told, `${placeOf(hub)}/${idOf(hub)}`);
  expect(byId).toMatchObject({ place: { server: idOf(hub) }, atFirstSight: false });
  const invited = join(root, "invited");
  ensureDataFolder(invited);
  const token = new Uint8Array(16).fill(5);
  const addresses = [{ host: "127.0.0.1", port: hub.port, kind: "direct" as const }];
  const link = formatAccountInvitation(addresses, { server: idOf(hub), token });
  expect(await findHomeserver(invited, link)).toEqual({
    place: { host: "127.0.0.1", port: hub.port, server: idOf(hub) },
    token,
    atFirstSight: false,
  });
});

test("[J4] another key for the same folder is refused with both fingerprints; a new address of the pinned one is taken", async () => {
  await findHomeserver(data, `${placeOf(hub)}/${idOf(hub)}`);
  const refused = await findHomeserver(data, `${placeOf(hub)}/${idOf(other)}`).catch(String);
  expect(refused).toContain(fingerprint(idOf(hub)));
  expect(refused).toContain(fingerprint(idOf(other)));
  const moved = await findHomeserver(data, "chat.example.com:443");
  expect(moved.place).toEqual({ host: "chat.example.com", port: 443, server: idOf(hub) });
});

test("[J4] who answers at the pinned server's address with another key is not talked to", async () => {
  const { place } = await findHomeserver(data, `${placeOf(other)}/${idOf(hub)}`);
  await using engine = await engineAt({ place, token: undefined });
  await expect(engine.call("account.terms", {})).rejects.toMatchObject({
    data: { code: "wrong-server-key" },
  });
});

test("[J2] [J4] an engine alone opens an account by an invitation of the homeserver's owner, over real sockets", async () => {
  const made = await homeserverAlone(hub.homeserver).call("accountInvitations.create", { label: "Bob" });
  const { link } = made as { link: string };
  const homeserver = await findHomeserver(data, `${placeOf(hub)}/${idOf(hub)}`);
  await using engine = await engineAt(homeserver);
  expect(await engine.call("account.terms", {})).toEqual({ policy: "invited", admits: false });
  await expect(engine.call("account.create", { displayName: "Bob" })).rejects.toMatchObject({
    data: { code: "registration-closed" },
  });
  expect(await engine.call("account.terms", { registrationToken: link })).toMatchObject({ admits: true });
  const bob = await engine.call("account.create", { displayName: "Bob", registrationToken: link });
  expect(bob.handle).toBe("bob");
  expect(hub.homeserver.accountInvitations.list()).toEqual([]);
  await expect(engine.call("accountInvitations.create", {})).rejects.toMatchObject({
    data: { code: "not-allowed" },
  });
});

test("[J2] an invitation of another homeserver is said to be one", async () => {
  const homeserver = await findHomeserver(data, `${placeOf(hub)}/${idOf(hub)}`);
  await using engine = await engineAt(homeserver);
  const link = formatAccountInvitation([], { server: idOf(other), token: new Uint8Array(16) });
  await expect(engine.call("account.terms", { registrationToken: link })).rejects.toMatchObject({
    data: { code: "other-server" },
  });
});

test("a folder holds a homeserver or an account elsewhere, not both", async () => {
  await expect(findHomeserver(join(root, "hub"), placeOf(other))).rejects.toThrow("a homeserver of its own");
  expect(() => refuseClientFolder(data, "fedchat chat")).not.toThrow();
  await findHomeserver(data, `${placeOf(hub)}/${idOf(hub)}`);
  expect(() => refuseClientFolder(data, "fedchat chat")).toThrow("belongs to an account at 127.0.0.1");
  await expect(findHomeserver(data, "not a place")).rejects.toThrow("is no homeserver");
});

function engineAt(homeserver: Pick<Awaited<ReturnType<typeof findHomeserver>>, "place" | "token">) {
  const environment = { variables: { HOME: root }, platform: "linux" as const, workingFolder: root };
  return startClientEngine({
    loaded: loadConfig({ data }, environment),
    log: { ...silentLog, [Symbol.dispose]: () => undefined },
    homeserver,
    onCrash(error) {
      throw error;
    },
  });
}
