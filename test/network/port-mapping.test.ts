import type { ChildProcess } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { connectControl } from "../../packages/cli/src/control/client.ts";
import type { HostInfo } from "../../packages/cli/src/control/host-methods.ts";
import type { FedchatProcess } from "../harness/fedchat-process.ts";
import { startFedchat, until } from "../harness/fedchat-process.ts";
import type { LabHost } from "../harness/lab-host.ts";
import type { Lab } from "../harness/namespaces.ts";
import { openLab } from "../harness/namespaces.ts";

/** `miniupnpd` serves nobody whose outside address is one of those for documentation. It leads nowhere but in the lab. */
const publicAddress = "11.22.33.44";

interface Home {
  box: LabHost;
  router: LabHost;
  stranger: LabHost;
}

/** A private network behind a router that lets nobody in, and somebody on the internet. */
function home(lab: Lab): Home {
  const internet = lab.network("198.51.100");
  const inside = lab.behindNat("router", internet, "10.4.0");
  const { router } = inside;
  const stranger = lab.host("stranger", internet);
  router.run("ip", "address", "add", `${publicAddress}/32`, "dev", "eth0");
  stranger.run("ip", "route", "add", `${publicAddress}/32`, "via", router.address);
  return { router, stranger, box: lab.host("box", inside) };
}

/** Debian's router program; it has the chains that it fills, and answers when this returns. */
async function startRouter(lab: Lab, router: LabHost, settings: string): Promise<ChildProcess> {
  router.run("nft", chains);
  const file = join(lab.folder, "miniupnpd.conf");
  writeFileSync(file, `${routerSettings}${settings}`);
  const pidFile = join(lab.folder, "miniupnpd.pid");
  const child = router.spawn(["miniupnpd", "-d", "-f", file, "-P", pidFile], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  let said = "";
  await new Promise<void>((resolve, reject) => {
    child.stderr!.on("data", (chunk: Buffer) => {
      said += chunk.toString();
      if (/HTTP listening|NAT-PMP\/PCP traffic/.test(said)) resolve();
    });
    child.once("exit", () => reject(new Error(`miniupnpd ended: ${said}`)));
  });
  return child;
}

const routerSettings = `
ext_ifname=eth0
listening_ip=eth1
secure_mode=yes
uuid=05d091f8-0137-4a50-bafe-58e1ad161276
`;
const outside = `ext_ip=${publicAddress}\n`;
const refused = "deny 0-65535 0.0.0.0/0 0-65535\n";
const allowed = `allow 1024-65535 10.4.0.0/24 1024-65535\n${refused}`;

const chains = `
  table inet filter {
    chain miniupnpd { }
    chain prerouting_miniupnpd { }
    chain postrouting_miniupnpd { }
    chain before { type nat hook prerouting priority dstnat; jump prerouting_miniupnpd; }
  }
  table ip lab {
    chain through { ct status dnat accept; }
  }`;

const redirections = (router: LabHost): string =>
  router.run("nft", "list", "chain", "inet", "filter", "prerouting_miniupnpd");

async function start(box: LabHost): Promise<FedchatProcess> {
  return startFedchat({ name: "box", command: "server", inside: box, args: ["--port-mapping"] });
}

test.each([
  ["NAT-PMP", "enable_natpmp=yes\nenable_upnp=no\n"],
  ["UPnP", "enable_natpmp=no\nenable_upnp=yes\n"],
])(
  "a router is asked for a port by %s, others come in by it, and it is given back",
  async (way, settings) => {
    using lab = openLab();
    const { box, router, stranger } = home(lab);
    await startRouter(lab, router, `${settings}${outside}${allowed}`);
    expect(opens(stranger, publicAddress)).toBe(false);

    await using fedchat = await start(box);
    const info = await until("the router gave a port", async () => {
      const now = await infoOf(fedchat);
      return now.portMapping?.state === "mapped" && now;
    });
    expect(info.portMapping).toMatchObject({ way, address: { host: publicAddress, port: 8443 } });
    expect(redirections(router)).toContain("8443");
    expect(opens(stranger, publicAddress)).toBe(true);
    await until("the record says so", async () =>
      (await infoOf(fedchat)).addresses.some(({ host, kind }) => host === publicAddress && kind === "direct"),
    );

    await fedchat.stop();
    expect(redirections(router)).not.toContain("8443");
    expect(opens(stranger, publicAddress)).toBe(false);
  },
);

test.each<[string, string | undefined, RegExp]>([
  ["that refuses", `enable_natpmp=no\nenable_upnp=yes\n${outside}${refused}`, /refused to open a port/],
  ["that is behind another one", `enable_natpmp=yes\nenable_upnp=yes\n${allowed}`, /no public address/],
  ["that answers nothing", undefined, /No router answered/],
])("a router %s is a cause with something to do, and no address", async (_, settings, problem) => {
  using lab = openLab();
  const { box, router } = home(lab);
  if (settings !== undefined) await startRouter(lab, router, settings);
  await using fedchat = await start(box);
  const { portMapping } = await until("it failed", async () => {
    const now = await infoOf(fedchat);
    return now.portMapping?.state === "failed" && now;
  });
  expect(portMapping).toMatchObject({ problem: expect.stringMatching(problem), fix: expect.any(String) });
  expect((await infoOf(fedchat)).addresses.map(({ kind }) => kind)).toEqual(["lan"]);
});

/** As it is now. */
async function infoOf(fedchat: FedchatProcess): Promise<HostInfo> {
  using control = await connectControl(fedchat.data);
  return await control.info();
}

/** Whether TCP to port 8443 opens. */
function opens(from: LabHost, host: string): boolean {
  const dial = `
    const socket = require("node:net").connect({ host: "${host}", port: 8443 });
    socket.once("connect", () => process.exit(0));
    socket.once("error", () => process.exit(1));
    setTimeout(() => process.exit(1), 1500);`;
  try {
    from.run(process.execPath, "-e", dial);
    return true;
  } catch {
    return false;
  }
}
