/** The network around this machine: the router's port, and other servers in it. */
import { formatAddress } from "../config/text-forms.ts";
import type { HostInfo } from "../control/host-methods.ts";
import type { Finding } from "./findings.ts";
import { failed, passed, untestable, warning } from "./findings.ts";

/** @param isOutside whether an address of this server is beyond its network already */
export function judgePortMapping(
  { portMapping: mapping, port }: Pick<HostInfo, "portMapping" | "port">,
  isOutside: boolean,
): Finding {
  const subject = { check: "router", title: "Port of the router" };
  switch (mapping?.state) {
    case "mapped": {
      const place = formatAddress(mapping.address);
      return passed(subject, `${place} leads to port ${port} of this machine (${mapping.way}).`);
    }
    case "failed":
      return failed(subject, { code: "router-refused", sentence: mapping.problem, fix: mapping.fix });
    case "asking":
      return untestable(subject, { code: "asking", sentence: "The router is being asked." });
    case "off":
    case undefined:
      return untestable(subject, {
        code: "off",
        sentence: "The router is not asked for a port.",
        ...(isOutside
          ? {}
          : {
              fix: "Where this machine stands behind a router of yours, let FedChat ask it.",
              action: { kind: "copy", text: "port_mapping = true" } as const,
            }),
      });
  }
}

export function judgeNearby({ nearby }: Pick<HostInfo, "nearby">): Finding {
  const subject = { check: "nearby", title: "Servers in this network" };
  if (nearby === undefined || nearby.mode === "off")
    return untestable(subject, { code: "off", sentence: "Nobody looks for them (nearby = false)." });
  if (nearby.problem !== null) {
    const fix = "Links by address are not touched by this.";
    return warning(subject, { code: "multicast", sentence: nearby.problem, fix });
  }
  const seen = nearby.mode === "announce" ? "Others see this one." : "This one is not seen by others.";
  return passed(subject, `${nearby.found} found. ${seen}`);
}
