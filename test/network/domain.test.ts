/** Domains as names, as real processes meet them: WebPKI with a test's own authority, at port 443 behind nginx. */
import { expect, test } from "vitest";
import { linkBoth, startFedchat, until } from "../harness/fedchat-process.ts";
import { openLab } from "../harness/namespaces.ts";
import { startNginx } from "../harness/nginx.ts";
import { testCa } from "../harness/test-ca.ts";

const domain = "chat.example.test";

test("[N4] a linked server is shown by its domain once that has confirmed its key; one that only claims a domain is not", async () => {
  using lab = openLab();
  const internet = lab.network("198.51.100");
  const bobAt = lab.host("bob", internet);
  const malloryAt = lab.host("mallory", internet);
  const aliceAt = lab.host("alice", internet);
  lab.domain(domain, bobAt);
  lab.domain("bank.example.test", bobAt);
  const ca = testCa(lab.folder);
  const sites = [domain, "bank.example.test"].map((name) => ({
    ...{ domain: name, ...ca.issue(name), upstream: "https://127.0.0.1:8443" },
    ...{ webSockets: true, idleSeconds: 60 },
  }));
  await using _nginx = await startNginx(bobAt, lab.folder, sites);
  await using bob = await startFedchat({ name: domain, inside: bobAt });
  await using mallory = await startFedchat({ name: "bank.example.test", inside: malloryAt });
  const trusting = { prefix: [...aliceAt.prefix, "env", `NODE_EXTRA_CA_CERTS=${ca.certificate}`] };
  await using alice = await startFedchat({ name: "alice", inside: trusting });
  for (const box of [alice, bob, mallory]) await box.call("account.create", { displayName: "Somebody" });

  await linkBoth(alice, bob, { host: bobAt.address, port: 8443 });
  await linkBoth(alice, mallory, { host: malloryAt.address, port: 8443 });
  const shown = async (id: string) =>
    (await alice.call("servers.list", {})).find(({ serverId }) => serverId === id)?.shownName;
  await until("the domain is confirmed", async () => (await shown(bob.info.serverId)) === domain);
  const { serverId } = mallory.info;
  expect(await shown(serverId)).toBe(`bank.example.test·${serverId.slice(0, 8)}`);
});
