/** Proposal types (RFC 9420 §17.4; draft-ietf-mls-extensions §7.2, suggested values) and what their columns say. */

export const PROPOSAL_TYPE = {
  add: 0x0001,
  update: 0x0002,
  remove: 0x0003,
  psk: 0x0004,
  reinit: 0x0005,
  external_init: 0x0006,
  group_context_extensions: 0x0007,
  app_data_update: 0x0008,
  app_ephemeral: 0x0009,
  self_remove: 0x000a,
} as const;

export type ProposalKind = keyof typeof PROPOSAL_TYPE;

/** RFC 9420 §7.2: every client has these; they are not listed in capabilities. */
export function isDefaultProposal(type: number): boolean {
  return type >= PROPOSAL_TYPE.add && type <= PROPOSAL_TYPE.group_context_extensions;
}

/** RFC 9420 §12.4, "Path Required". */
export const NEEDS_PATH: ReadonlySet<ProposalKind> = new Set<ProposalKind>([
  "update",
  "remove",
  "external_init",
  "group_context_extensions",
  "self_remove",
]);

/** RFC 9420 §12.1.8: what an `external` sender may propose. */
export const EXTERNAL_SENDER_MAY: ReadonlySet<ProposalKind> = new Set<ProposalKind>([
  "add",
  "remove",
  "psk",
  "reinit",
  "group_context_extensions",
  "app_data_update",
  "app_ephemeral",
]);
