/**
 * Account notes on their way: signed by the sender's device, sealed to the recipient's request key (HPKE base mode over
 * X-Wing; the key's id is the AAD). Whoever holds an opened note knows that this device of this account wrote it to us,
 * and that it came from the homeserver where that account lives. [Q1] to [Q6]
 */
import type {
  AccountId,
  AccountNote,
  DeviceCertificate,
  InboxItem,
  OpenedAccountRecord,
  Primitives,
  RandomSource,
} from "@fedchat/protocol";
import {
  accountNoteBody,
  accountNoteSealInfo,
  accountNoteType,
  decode,
  DecodeError,
  decodeSealedNote,
  encode,
  encodeSealedNote,
  hpkeXWing,
  openAccountRecord,
  ProtocolError,
  signAs,
  signedNote,
  verifyAs,
} from "@fedchat/protocol";

export interface OpenedNote {
  request: AccountNote["request"];
  sender: OpenedAccountRecord;
  /** The device that signed. */
  certificate: DeviceCertificate;
  created: number;
  content: AccountNote["content"];
}

/** The payload of an envelope to `recipient`; undefined where its request key is no key. */
export function sealNote(
  p: Primitives,
  random: RandomSource,
  {
    note,
    signatureSeed,
    recipient,
  }: { note: AccountNote; signatureSeed: Uint8Array; recipient: OpenedAccountRecord },
): Uint8Array | undefined {
  const body = encode(accountNoteBody, note);
  const signed = encode(signedNote, { body, signature: signAs(p, accountNoteType, signatureSeed, body) });
  const { id: keyId, publicKey } = recipient.record.requestKey;
  const sealed = hpkeXWing(p).sealOnce(
    { recipientPublicKey: publicKey, info: accountNoteSealInfo, random },
    keyId,
    signed,
  );
  return sealed && encodeSealedNote({ keyId, ...sealed });
}

/**
 * Opens a note that came to `me`. Throws `ProtocolError("malformed")` for whatever does not hold.
 * @param seedOf the private part of one of our request keys
 */
export function openNote(
  p: Primitives,
  item: Pick<InboxItem, "payload" | "from" | "server">,
  me: AccountId,
  seedOf: (keyId: Uint8Array) => Uint8Array | undefined,
): OpenedNote {
  try {
    const sealed = decodeSealedNote(item.payload);
    const seed = seedOf(sealed.keyId);
    if (seed === undefined) throw refused("sealed to a key that is not ours");
    const { encapsulation, ciphertext, keyId } = sealed;
    const options = { encapsulation, recipientPrivateKey: seed, info: accountNoteSealInfo };
    const opened = hpkeXWing(p).openOnce(options, keyId, ciphertext);
    if (opened === undefined) throw refused("cannot be opened");
    const { body, signature } = decode(signedNote, opened);
    const note = decode(accountNoteBody, body);
    const sender = openAccountRecord(p, note.sender);
    const certificate = sender.certificates.find(({ device }) => device === note.device);
    if (certificate === undefined) throw refused("signed by a device that is not on its account's record");
    if (!verifyAs(p, accountNoteType, certificate.signatureKey, body, signature))
      throw refused("signature is wrong");
    if (note.to !== me) throw refused("for another account");
    if (sender.record.account !== item.from) throw refused("sent in another's name");
    if (sender.record.server !== item.server) throw refused("from another homeserver than its sender's");
    return { request: note.request, sender, certificate, created: note.created, content: note.content };
  } catch (error) {
    if (error instanceof DecodeError) throw refused("does not decode", error);
    throw error;
  }
}

function refused(what: string, cause?: unknown): ProtocolError {
  return new ProtocolError("malformed", `account-note: ${what}`, { cause });
}
