/** Secrets for use outside of MLS (RFC 9420 §8.5, §8.7; draft-ietf-mls-extensions §4.4). */
import { mlsExporter } from "../schedule/key-schedule.ts";
import { takeLeaf } from "../schedule/secret-tree.ts";
import { leafIndex } from "../tree/math.ts";
import type { Environment } from "./environment.ts";
import { type GroupState, suiteOf } from "./state.ts";

/** MLS-Exporter: the same for all members of this epoch, as often as it is asked for. */
export function exportSecret(
  state: GroupState,
  input: { readonly label: string; readonly context: Uint8Array; readonly length: number },
  env: Environment,
): Uint8Array {
  const { label, context, length } = input;
  return mlsExporter(suiteOf(env, state), state.secrets.exporterSecret, label, context, length);
}

/**
 * SafeExportSecret: one secret for each component and epoch, which the state gives away once; after that it is gone
 * from the state, forward secrecy included. Undefined where it was taken before.
 */
export function exportComponentSecret(
  state: GroupState,
  componentId: number,
  env: Environment,
): { readonly state: GroupState; readonly secret: Uint8Array } | undefined {
  const taken = takeLeaf(suiteOf(env, state), state.exporterTree, leafIndex(componentId));
  return taken && { state: { ...state, exporterTree: taken.tree }, secret: taken.secret };
}
