/** What a library must do to be measured: talk between two, and, where it has groups, join, commit and follow. */

/** One end of a conversation. Every call moves it on, as in an application: a former state's secrets are erased. */
export interface Talker {
  /** Whether what a database would keep of each step is encoded as well, in `written` bytes so far. */
  stores: boolean;
  written: number;
  encrypt(payload: Uint8Array, times: number): Promise<Uint8Array[]>;
  /** Throws where one of them is not what was sent. */
  decrypt(messages: readonly Uint8Array[], payload: Uint8Array): Promise<void>;
}

export interface Member extends Talker {
  /** An empty Commit with a path, in force here at once. */
  commit(): Promise<Uint8Array>;
  process(commit: Uint8Array): Promise<void>;
}

/** Someone who waits to be added. */
export interface Newcomer {
  /** A key package as an MLSMessage. */
  readonly keyPackage: Uint8Array;
  /** Joins by a Welcome; as often as asked, each time as a member of its own. */
  join(welcome: Uint8Array): Promise<Member>;
}

export interface TalkLibrary {
  readonly name: string;
  /** A group, or session, of these two alone. */
  pair(): Promise<readonly [Talker, Talker]>;
}

export interface GroupLibrary extends TalkLibrary {
  newcomer(name: string): Promise<Newcomer>;
}
