/** For programs that drive a running FedChat from outside, such as end-to-end tests: the control socket's client. */
export { CallFailed, ControlClient, connectControl } from "./control/client.ts";
export type { HostInfo, HostOpen } from "./control/host-methods.ts";
export { CommandError, exitCodes } from "./exit-codes.ts";
