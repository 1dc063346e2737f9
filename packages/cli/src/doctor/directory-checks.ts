/** What the doctor looks at where a directory runs: how homeservers reach it, and who may register. */
import { serverId } from "@fedchat/protocol";
import { formatAddress } from "../config/text-forms.ts";
import type { HostInfo } from "../control/host-methods.ts";
import { addressFinding } from "./address.ts";
import { certificateFinding } from "./certificate.ts";
import type { Check } from "./doctor.ts";
import type { Finding } from "./findings.ts";
import { passed, untestable } from "./findings.ts";
import { machineFindings } from "./machine.ts";
import { portFinding } from "./port.ts";
import { askRecord } from "./probes.ts";
import { commandName } from "../terminal/command-name.ts";

export interface DirectoryPatient {
  info(): HostInfo;
  /** Whether its certificate is for this host. */
  covers(host: string): boolean;
  /** The port that was configured, or the default. */
  wantedPort: number;
}

/** @param now Unix ms */
export function directoryChecks(patient: DirectoryPatient, now: () => number): Check[] {
  const info = patient.info();
  const server = serverId.parse(info.serverId)!;
  const listening = { host: info.host, port: info.port, wanted: patient.wantedPort };
  const nobody = Promise.resolve([]);
  return [
    { title: "Port", look: () => portFinding(listening, server, askRecord) },
    ...info.addresses.map((address) => ({
      title: `Address ${address.host}`,
      look: async () => {
        const self = { server, port: info.port, addresses: info.addresses };
        const found = await addressFinding(address, self, nobody, askRecord);
        // A directory links nobody and asks nobody to dial it: registering is the test.
        return found.code === "not-asked"
          ? {
              ...found,
              fix: `Try it from elsewhere: ${commandName} start --directory ${formatAddress(address)}`,
              action: null,
            }
          : found;
      },
    })),
    {
      title: "Certificate",
      look: async () => certificateFinding(info, (host) => patient.covers(host), now()),
    },
    { title: "Registrations", look: async () => judgeRegistrations(info) },
    { title: "Machine", look: async () => machineFindings(info.data) },
  ];
}

export function judgeRegistrations({ directory, addresses, port, serverId: id }: HostInfo): Finding[] {
  if (directory === undefined) return [];
  const { token, connected, servers, people } = directory;
  const who = passed(
    { check: "registration", title: "Who may register" },
    token ? "Who knows the token (directory_token)." : "Anybody: no token is asked for.",
  );
  const subject = { check: "registered", title: "Registered homeservers" };
  const place = addresses[0] === undefined ? `HOST:${port}` : formatAddress(addresses[0]);
  if (servers === 0) {
    const sentence = "None has registered yet.";
    const fix = `On a homeserver: ${commandName} start --directory ${place}/${id}`;
    return [who, untestable(subject, { code: "none", sentence, fix })];
  }
  return [
    who,
    passed(subject, `${servers}, of which ${connected} connected now; ${people} people may be found.`),
  ];
}
