/** What the doctor looks at where a homeserver runs. */
import type { DialBackReport, RecoveryStanding } from "@fedchat/homeserver";
import { isNear } from "@fedchat/homeserver/node";
import type { DirectoryView, LinkView } from "@fedchat/protocol";
import { serverId } from "@fedchat/protocol";
import type { HostInfo } from "../control/host-methods.ts";
import { addressFinding } from "./address.ts";
import { certificateFinding } from "./certificate.ts";
import { clockFinding } from "./clock.ts";
import { judgeDialBack, outsideDials } from "./dial-back.ts";
import { judgeDirectory } from "./directories.ts";
import type { Check } from "./doctor.ts";
import { judgeLinks } from "./links.ts";
import { machineFindings } from "./machine.ts";
import { judgeNames } from "./names.ts";
import { judgeNearby, judgePortMapping } from "./network.ts";
import { portFinding } from "./port.ts";
import { holdFinding, holdSubject, proxyFindings } from "./proxy.ts";
import { judgeRecoveryKey } from "./recovery-key.ts";

/** Who is looked at. */
export interface Patient {
  info(): HostInfo;
  links(): LinkView[];
  directories(): DirectoryView[];
  dialBack(): Promise<DialBackReport[]>;
  recoveryStanding(): RecoveryStanding | undefined;
  /** Whether the homeserver's certificate is for this host. */
  covers(host: string): boolean;
  /** The port that was configured, or the default. */
  wantedPort: number;
}

/** @param now Unix ms */
export function homeserverChecks(patient: Patient, now: () => number): Check[] {
  const info = patient.info();
  const links = patient.links();
  const self = {
    server: serverId.parse(info.serverId)!,
    name: info.name,
    port: info.port,
    addresses: info.addresses,
  };
  const proxies = info.addresses.filter(({ kind }) => kind === "proxy");
  const others = info.addresses.filter(({ kind }) => kind !== "proxy");
  const reports = patient.dialBack();
  const outside = reports.then((all) => outsideDials(all, links));
  // Every check that needs it awaits it; where none does, its failure is nobody's.
  outside.catch(() => undefined);
  const isOutside = info.addresses.some(({ kind, host }) => kind === "proxy" || !isNear(host));
  const listening = { host: info.host, port: info.port, wanted: patient.wantedPort };

  return [
    { title: "Port", look: () => portFinding(listening, self.server) },
    ...others.map((address) => ({
      title: `Address ${address.host}`,
      look: () => addressFinding(address, self, outside),
    })),
    ...proxies.map((address) => ({
      title: `Proxy ${address.host}`,
      look: () => proxyFindings(address, self, outside, now),
    })),
    ...proxies.map((address) => ({
      title: holdSubject(address).title,
      look: () => holdFinding(address, self.server),
    })),
    { title: "Dial-back", look: async () => judgeDialBack(await reports, links, self) },
    { title: "Clock", look: () => clockFinding(links, proxies, now) },
    { title: "Name", look: async () => judgeNames(self, links) },
    {
      title: "Certificate",
      look: async () => certificateFinding(info, (host) => patient.covers(host), now()),
    },
    { title: "Router", look: async () => judgePortMapping(info, isOutside) },
    { title: "Nearby", look: async () => judgeNearby(info) },
    {
      title: "Links",
      look: async () => {
        const dials = await outside;
        const reached = dials.length === 0 ? undefined : dials.some(({ code }) => code === "ok");
        return judgeLinks(links, isOutside ? reached : false);
      },
    },
    { title: "Directories", look: async () => patient.directories().map(judgeDirectory) },
    { title: "Words on paper", look: async () => judgeRecoveryKey(patient.recoveryStanding()) },
    { title: "Machine", look: async () => machineFindings(info.data) },
  ];
}
