/**
 * The doctor of a homeserver that runs: looks at everything that decides whether others reach it, side by side, each in
 * bounded time, and keeps what it found for whoever asks. Invariant: one examination at a time; what fails inside a
 * check is a finding, never an error of the program.
 */
import type { DialBackReport } from "@fedchat/homeserver";
import { isNear } from "@fedchat/homeserver/node";
import type { Examination, LinkView } from "@fedchat/protocol";
import { limits, serverId } from "@fedchat/protocol";
import type { HostInfo } from "../control/host-methods.ts";
import { addressFinding } from "./address.ts";
import { judgeOwnCertificate } from "./certificate.ts";
import { clockFinding } from "./clock.ts";
import { judgeDialBack, outsideDials } from "./dial-back.ts";
import type { Finding } from "./findings.ts";
import { untestable } from "./findings.ts";
import { judgeLinks } from "./links.ts";
import { machineFindings } from "./machine.ts";
import { judgeNames } from "./names.ts";
import { judgeNearby, judgePortMapping } from "./network.ts";
import { portFinding } from "./port.ts";
import { holdFinding, holdSubject, proxyFindings } from "./proxy.ts";

/** Who is looked at. */
export interface Patient {
  info(): HostInfo;
  links(): LinkView[];
  dialBack(): Promise<DialBackReport[]>;
  /** Whether the homeserver's certificate is for this host. */
  covers(host: string): boolean;
  /** The port that was configured, or the default. */
  wantedPort: number;
}

export interface DoctorOptions {
  now: () => number;
  /** A check that failed by our own fault. */
  onError: (error: unknown) => void;
}

interface Check {
  title: string;
  look(): Promise<Finding | Finding[]>;
}

export class Doctor {
  readonly #patient: Patient;
  readonly #options: DoctorOptions;
  #examination: Examination | undefined;

  constructor(patient: Patient, options: DoctorOptions) {
    this.#patient = patient;
    this.#options = options;
  }

  /** What was found so far. Begins where nothing was looked at yet, and with `again` unless it goes on. */
  examine(again: boolean): Examination {
    const now = this.#examination;
    if (now === undefined || (again && now.finishedAt !== null)) this.#begin();
    return this.#examination!;
  }

  #begin(): void {
    const startedAt = this.#options.now();
    const checks = this.#checks();
    const results: (Finding[] | undefined)[] = checks.map(() => undefined);
    const show = () => {
      const pending = checks.flatMap(({ title }, index) => (results[index] === undefined ? [title] : []));
      this.#examination = {
        startedAt,
        finishedAt: pending.length === 0 ? this.#options.now() : null,
        findings: results.flatMap((found) => found ?? []).slice(0, limits.findingsMax),
        pending: pending.slice(0, limits.findingsMax),
      };
    };
    show();
    checks.forEach(({ title, look }, index) => {
      const found = (result: Finding | Finding[]) => {
        results[index] = [result].flat();
        show();
      };
      look().then(found, (error: unknown) => {
        this.#options.onError(error);
        const sentence = "The check itself failed; see the log.";
        found(untestable({ check: "internal", title }, { code: "internal", sentence }));
      });
    });
  }

  #checks(): Check[] {
    const patient = this.#patient;
    const { now } = this.#options;
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
    const { certificate } = info;

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
        look: async () =>
          certificate === undefined
            ? []
            : judgeOwnCertificate(certificate, info.addresses, (host) => patient.covers(host), now()),
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
      { title: "Machine", look: async () => machineFindings(info.data) },
    ];
  }
}
