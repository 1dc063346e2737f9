/** For simulations: no OPAQUE, whose randomness is not ours to seed. Nobody signs in by password. */
import { ProtocolError } from "@fedchat/protocol";
import type { OpaqueSuite } from "../src/core/accounts/passwords.ts";

const refuse = (): never => {
  throw new ProtocolError("not-allowed", "There are no passwords here.");
};

export const noPasswords: OpaqueSuite = {
  createSetup: () => new Uint8Array([0]),
  open: () => ({
    isRecord: () => false,
    registrationResponse: refuse,
    startLogin: refuse,
    finishLogin: () => false,
  }),
};
