/**
 * Every rule by which a message, a tree or a list of proposals can be invalid, named. The names are stable: callers
 * may show, count and compare them. Behind each stands the section of RFC 9420 that demands it (or the draft).
 */

export const RULES = {
  "message.malformed": "§2.1, §6: the bytes are no encoding of the structure",
  "message.kind": "§6: this kind of message is handled elsewhere",
  "message.group": "§6: the message is for another group",
  "message.epoch": "§12.1, §12.4.2: handshake messages belong to the current epoch",
  "message.signature": "§6.1: the signature is not the sender's over this content",
  "message.membership-tag": "§6.2: the membership tag is wrong or missing",
  "message.application-public": "§6: application data is never sent unencrypted",
  "message.sender-blank": "§6.3.2: the sender's leaf is not a member's",
  "message.sender-type": "§6.1: this type of sender may not send this content",
  "message.sender-data": "§6.3.2: the sender data does not decrypt",
  "message.ciphertext": "§6.3.1: the content does not decrypt",
  "message.generation-used": "§9.2: the key of this generation was used or dropped",
  "message.generation-far": "§9.2: the generation is further ahead than we derive",
  "message.proposals-pending": "§12.4: proposals wait for a Commit, which must come before application data",
  "message.authenticated-data": "mls-extensions §4.9: the authenticated data is not a SafeAAD",

  "leaf.credential": "§5.3.1, §7.3: the application refuses the credential",
  "leaf.credential-change": "§5.3.1, §12.2: the application refuses this successor of a credential",
  "leaf.signature": "§7.3: the signature over the leaf node is wrong",
  "leaf.version-and-suite": "§7.2: the capabilities do not list the group's version and cipher suite",
  "leaf.own-credential-listed": "§7.2: the capabilities do not list the leaf's own credential type",
  "leaf.required-capabilities": "§7.3: the capabilities lack what the group requires",
  "leaf.group-extensions": "§13.4: the capabilities lack an extension of the GroupContext",
  "leaf.credential-supported": "§7.3: some member does not support this leaf's credential type",
  "leaf.supports-credentials": "§7.3: the leaf does not support a credential type in use",
  "leaf.lifetime": "§7.3: now is not within the lifetime",
  "leaf.lifetime-length": "§7.2: the lifetime is longer than the application accepts",
  "leaf.extensions-listed": "§7.3: an extension of the leaf is not listed in its capabilities",
  "leaf.source": "§7.3: the leaf node source is not the one that belongs here",
  "leaf.encryption-key-fresh": "§7.3, §12.4.2: the encryption key is that of the leaf replaced",
  "leaf.encryption-key-form": "§5.1.1: the encryption key is none that one can encrypt to",
  "leaf.signature-key-unique": "§7.3: two members have one signature key",
  "leaf.encryption-key-unique": "§7.3: two nodes have one encryption key",

  "key-package.version-and-suite": "§10.1: version or cipher suite are not the group's",
  "key-package.signature": "§10.1: the signature over the key package is wrong",
  "key-package.init-key": "§10.1: the init key equals the leaf's encryption key or is malformed",
  "key-package.extensions-listed": "§10: an extension of the key package is not listed in the capabilities",

  "tree.hash": "§12.4.3.1: the tree does not have the hash that the GroupContext names",
  "tree.parent-hash": "§7.9.2: a parent node is not parent-hash valid",
  "tree.unmerged-leaves": "§12.4.3.1: a parent node lists unmerged leaves that cannot be",
  "tree.size": "§7.7: the tree is wider than its members need, or larger than we take",

  "proposal.remove-blank": "§12.1.3: the leaf to remove is blank",
  "proposal.reinit-version": "§12.1.5: the new version is lower than the group's",
  "proposal.reinit-suite": "§12.1.5: the new cipher suite is none that we have",
  "proposal.unsupported-type": "§12.2: some member does not support this proposal type",
  "proposal.update-by-member": "§12.1.2: only members update, and only themselves",
  "proposal.external-type": "§12.1.8: this type is not one that may come from outside",
  "proposal.external-sender": "§12.1.8.1: no such external sender",
  "proposal.external-refused": "§12.1.8: the application refuses proposals from this outsider",
  "proposal.too-many": "more proposals than an epoch or a Commit may have",
  "proposal.app-data": "mls-extensions §4.6: the updates of a component's data do not go together",
  "proposal.app-component": "mls-extensions §4.6, §4.7: the application refuses this component's data",
  "proposal.self-remove-public": "mls-extensions §6.3: a SelfRemove is sent as a PublicMessage",

  "extensions.duplicate": "§13.4: an extension type appears twice in one list",
  "extensions.required-capabilities": "§12.1.7: some member lacks what the new extensions require",
  "extensions.unsupported": "§13.4: some member does not support an extension of the GroupContext",
  "extensions.external-senders": "§12.1.8.1: the application refuses an external sender's credential",
  "extensions.app-data-dictionary":
    "mls-extensions §4.5, §4.6: the dictionary is malformed or changed in the wrong way",

  "psk.nonce": "§12.1.4: the nonce is not KDF.Nh octets long",
  "psk.usage": "§12.1.4: reinit and branch PSKs belong to reinitialization and branching alone",
  "psk.unknown": "§12.4.2: a pre-shared key that we do not have",
  "psk.too-many": "more pre-shared keys than we take",

  "list.unknown-reference": "§12.4: a proposal is referenced that we did not see in this epoch",
  "list.update-by-committer": "§12.2: an Update of the committer's own",
  "list.removes-committer": "§12.2: the committer would remove itself",
  "list.same-leaf": "§12.2: several Updates or Removes for one leaf",
  "list.same-client": "§12.2: one client is added twice",
  "list.already-member": "§12.2: a client is added that is a member",
  "list.same-psk": "§12.2: one PreSharedKeyID twice",
  "list.several-extensions": "§12.2: several GroupContextExtensions",
  "list.reinit-alone": "§12.2: a ReInit with other proposals",
  "list.external-init": "§12.2: an ExternalInit in a member's Commit",
  "list.self-remove-by-value": "mls-extensions §6.3: a SelfRemove counts only by reference",
  "list.refused": "§12.2: the application refuses this Commit",

  "external-commit.refused": "§12.4.3.2: the application refuses external Commits of this joiner",
  "external-commit.one-init": "§12.2: exactly one ExternalInit",
  "external-commit.one-remove": "§12.2: at most one Remove, of the joiner's former self",
  "external-commit.types": "§12.2: a proposal that an external Commit may not have",
  "external-commit.by-reference": "§12.4.3.2: proposals by reference",
  "external-commit.path": "§12.4.3.2: no path",
  "external-commit.init": "§8.3: the KEM output of the ExternalInit does not decapsulate",

  "commit.path-required": "§12.4: a path is missing that the proposals demand",
  "commit.path-length": "§7.6: the path does not have the length of the filtered direct path",
  "commit.path-ciphertexts": "§7.6: a path node has not one ciphertext for each node of the resolution",
  "commit.path-key-fresh": "§12.4.2: a key of the path is already in the tree or twice in the path",
  "commit.path-key-form": "§5.1.1: a key of the path is none that one can encrypt to",
  "commit.parent-hash": "§7.9.2: the committer's leaf does not have the path's parent hash",
  "commit.path-secret": "§7.5: the path secret for us does not decrypt",
  "commit.path-key": "§7.5: a key of the path is not the one that its secret makes",
  "commit.confirmation-tag": "§12.4.2: the confirmation tag is wrong",
  "commit.reinitialized": "§12.4.2: the group was closed by a ReInit",

  "welcome.key-package": "§12.4.3.1: none of our key packages is meant",
  "welcome.suite": "§12.4.3.1: the cipher suites of Welcome, GroupInfo and key package differ, or we lack it",
  "welcome.secrets": "§12.4.3.1: the group secrets do not decrypt",
  "welcome.group-info": "§12.4.3.1: the GroupInfo does not decrypt",
  "welcome.one-history": "§12.4.3.1: more than one reinit or branch PSK",
  "welcome.signature": "§12.4.3: the GroupInfo's signature is not its signer's",
  "welcome.tree-missing": "§12.4.3.1: no ratchet tree, neither in the message nor beside it",
  "welcome.my-leaf": "§12.4.3.1: our leaf is not in the tree",
  "welcome.path-key": "§12.4.3.1: a private key is not that of its node",
  "welcome.confirmation-tag": "§12.4.3.1: the confirmation tag is wrong",
  "welcome.group-known": "§12.4.3: we are in a group of this id already",
  "welcome.first-epoch": "§12.4.3.1: a reinitialized or branched group begins at epoch 1",
  "welcome.reinit": "§11.2: the new group is not the one that the ReInit named",
  "welcome.branch": "§11.3: the subgroup is not a part of the group that it names",
  "welcome.external-pub": "§12.4.3.2: the GroupInfo has no usable external public key",
} as const satisfies Record<string, string>;

export type Rule = keyof typeof RULES;

/** Thrown inside when a rule is broken, and turned into an outcome where the package is entered. */
export class Refusal extends Error {
  readonly rule: Rule;

  constructor(rule: Rule, detail?: string) {
    super(detail === undefined ? RULES[rule] : `${RULES[rule]} (${detail})`);
    this.name = "Refusal";
    this.rule = rule;
  }
}

/** Refuses by `rule` unless `holds`. */
export function check(holds: boolean, rule: Rule, detail?: string): asserts holds {
  if (!holds) throw new Refusal(rule, detail);
}
