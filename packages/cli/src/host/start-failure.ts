/** Why a homeserver or a directory could not start, with one thing to do. */
import { portHolder } from "../doctor/port-holder.ts";
import { CommandError, exitCodes } from "../exit-codes.ts";

export async function startFailure(error: unknown): Promise<CommandError> {
  if (error instanceof CommandError) return error;
  const { ListenError } = await import("@fedchat/homeserver/node");
  if (!(error instanceof ListenError)) {
    const reason = error instanceof Error ? error.message : String(error);
    return new CommandError(exitCodes.failed, reason, undefined, { cause: error });
  }
  const holder = error.taken === undefined ? undefined : portHolder(error.taken);
  const sentence = holder === undefined ? error.message : `Port ${error.taken} is in use by ${holder}.`;
  return new CommandError(exitCodes.failed, sentence, error.fix, { cause: error });
}
