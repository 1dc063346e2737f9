/** All files of the working group's vectors. */
import { cryptoBasics } from "./crypto-basics.ts";
import { passiveClientWelcome, welcome } from "./joining.ts";
import { messageProtection } from "./message-protection.ts";
import { deserialization, messages } from "./messages.ts";
import type { PublishedFile } from "./published-file.ts";
import { keySchedule, pskSecrets, secretTree, transcriptHashes } from "./schedule.ts";
import { treeKem, treeOperations, treeValidation } from "./tree.ts";
import { treeMath } from "./tree-math.ts";

export const PUBLISHED: readonly PublishedFile[] = [
  treeMath,
  deserialization,
  cryptoBasics,
  keySchedule,
  secretTree,
  transcriptHashes,
  pskSecrets,
  messages,
  messageProtection,
  treeValidation,
  treeOperations,
  treeKem,
  welcome,
  passiveClientWelcome,
];
