/**
 * A Noise handshake (revision 34) as a state machine without I/O: bytes in, bytes out, ephemeral keys from the given
 * random source. Afterwards both ends hold the same handshake hash, each other's authenticated static key and a cipher
 * per direction. Trusts nothing that arrives: whatever is wrong ends the handshake with a fault that is returned.
 * Speaking out of turn or after the end is the caller's mistake and asserts.
 */
import { handshakeFrameBytesMax } from "../limits.ts";
import type { RandomSource } from "../ports.ts";
import { assert } from "../primitives/assert.ts";
import { concatBytes } from "../primitives/bytes.ts";
import type { Primitives } from "../primitives/primitives.ts";
import { tagBytes } from "./cipher-state.ts";
import type { TransportCipher } from "./cipher-state.ts";
import { patterns } from "./patterns.ts";
import type { Pattern, PatternName, Token } from "./patterns.ts";
import { SymmetricState } from "./symmetric-state.ts";

const KEY_BYTES = 32;

export type Role = "initiator" | "responder";

export interface HandshakeOptions {
  readonly pattern: PatternName;
  readonly role: Role;
  /** What both ends must agree on beforehand, such as protocol version and offered features. */
  readonly prologue: Uint8Array;
  /** Our X25519 private key, 32 bytes. */
  readonly staticKey: Uint8Array;
  /** The responder's X25519 public key: given by the initiator of IK, and by nobody else. */
  readonly remoteStaticKey?: Uint8Array;
  readonly primitives: Primitives;
  readonly random: RandomSource;
}

/**
 * Why a handshake ended: longer than 65,535 bytes; shorter than the pattern asks; not what a holder of the right keys
 * and prologue would have sent; a public key of low order, with which no secret can be agreed.
 */
export type HandshakeFault = "oversized" | "truncated" | "unauthentic" | "weak-key";

export interface HandshakeFailure {
  readonly ok: false;
  readonly fault: HandshakeFault;
}

export interface MessageWritten {
  readonly ok: true;
  /** To be sent as one frame. */
  readonly message: Uint8Array;
  /** Set with the last message of the pattern. */
  readonly session: Session | undefined;
}

export interface MessageRead {
  readonly ok: true;
  /** In XX's first message neither secret nor authentic; in IK's first secret, but it may be a replay. */
  readonly payload: Uint8Array;
  /** Set with the last message of the pattern. */
  readonly session: Session | undefined;
}

/** What a finished handshake leaves. */
export interface Session {
  /** 32 bytes that only these two ends of this very handshake share: not secret, to be signed or proved over. */
  readonly handshakeHash: Uint8Array;
  readonly remoteStaticKey: Uint8Array;
  readonly send: TransportCipher;
  readonly receive: TransportCipher;
}

/** A handshake before its first message. */
export function createHandshake(options: HandshakeOptions): Handshake {
  return new Handshake(options);
}

export class Handshake {
  readonly #pattern: Pattern;
  readonly #role: Role;
  readonly #primitives: Primitives;
  readonly #random: RandomSource;
  readonly #state: SymmetricState;
  readonly #static: KeyPair;
  #ephemeral: KeyPair | undefined;
  #remoteStatic: Uint8Array | undefined;
  #remoteEphemeral: Uint8Array | undefined;
  #messagesDone = 0;
  #over = false;

  constructor(options: HandshakeOptions) {
    const { primitives, role, staticKey, remoteStaticKey } = options;
    this.#pattern = patterns[options.pattern];
    this.#role = role;
    this.#primitives = primitives;
    this.#random = options.random;
    this.#static = { privateKey: staticKey, publicKey: primitives.x25519.publicKey(staticKey) };

    const knowsResponder = this.#pattern.responderKnown && role === "initiator";
    assert(
      (remoteStaticKey !== undefined) === knowsResponder,
      "the initiator of IK, and no other, names the remote key",
    );
    assert(
      remoteStaticKey === undefined || remoteStaticKey.length === KEY_BYTES,
      "a public key has 32 bytes",
    );
    this.#remoteStatic = remoteStaticKey?.slice();

    this.#state = new SymmetricState(primitives, this.#pattern.protocolName);
    this.#state.mixHash(options.prologue);
    if (this.#pattern.responderKnown) this.#state.mixHash(remoteStaticKey ?? this.#static.publicKey);
  }

  /** The other end's static key as soon as it has been received; proved only when the handshake is finished. */
  get remoteStaticKey(): Uint8Array | undefined {
    return this.#remoteStatic;
  }

  /** Whether the next message is ours to write. */
  get ourTurn(): boolean {
    return !this.#over && (this.#messagesDone % 2 === 0) === (this.#role === "initiator");
  }

  /** Writes the next message with a payload. Fails only where the other end's key is weak. */
  writeMessage(payload: Uint8Array): MessageWritten | HandshakeFailure {
    assert(this.ourTurn, "it is not our turn in the handshake");
    const parts: Uint8Array[] = [];
    for (const token of this.#nextTokens()) {
      if (token === "e") parts.push(this.#writeEphemeral());
      else if (token === "s") parts.push(this.#state.encryptAndHash(this.#static.publicKey));
      else if (!this.#mixSecret(token)) return this.#fail("weak-key");
    }
    parts.push(this.#state.encryptAndHash(payload));
    const message = concatBytes(...parts);
    assert(message.length <= handshakeFrameBytesMax, "a handshake message has at most 65535 bytes");
    return { ok: true, message, session: this.#advance() };
  }

  /** Reads the other end's next message. After a fault the handshake is over and the carrier should be closed. */
  readMessage(message: Uint8Array): MessageRead | HandshakeFailure {
    assert(!this.#over && !this.ourTurn, "it is not the other end's turn in the handshake");
    if (message.length > handshakeFrameBytesMax) return this.#fail("oversized");
    let rest = message;
    for (const token of this.#nextTokens()) {
      if (token === "e" || token === "s") {
        const length = token === "s" && this.#state.hasKey ? KEY_BYTES + tagBytes : KEY_BYTES;
        if (rest.length < length) return this.#fail("truncated");
        if (!this.#readKey(token, rest.subarray(0, length))) return this.#fail("unauthentic");
        rest = rest.subarray(length);
      } else if (!this.#mixSecret(token)) return this.#fail("weak-key");
    }
    if (this.#state.hasKey && rest.length < tagBytes) return this.#fail("truncated");
    const payload = this.#state.decryptAndHash(rest);
    if (payload === undefined) return this.#fail("unauthentic");
    return { ok: true, payload, session: this.#advance() };
  }

  #nextTokens(): readonly Token[] {
    const tokens = this.#pattern.messages[this.#messagesDone];
    assert(tokens !== undefined, "the handshake is over");
    return tokens;
  }

  #writeEphemeral(): Uint8Array {
    const privateKey = this.#random.bytes(KEY_BYTES);
    this.#ephemeral = { privateKey, publicKey: this.#primitives.x25519.publicKey(privateKey) };
    this.#state.mixHash(this.#ephemeral.publicKey);
    return this.#ephemeral.publicKey;
  }

  /** False where the key came encrypted and does not authenticate. */
  #readKey(token: "e" | "s", bytes: Uint8Array): boolean {
    if (token === "e") {
      this.#remoteEphemeral = bytes.slice();
      this.#state.mixHash(bytes);
      return true;
    }
    this.#remoteStatic = this.#state.decryptAndHash(bytes);
    return this.#remoteStatic !== undefined;
  }

  /** Mixes in a Diffie–Hellman secret; false where the other end's key is of low order. */
  #mixSecret(token: Exclude<Token, "e" | "s">): boolean {
    const [initiatorKey, responderKey] = [token[0], token[1]];
    const [ourName, theirName] =
      this.#role === "initiator" ? [initiatorKey, responderKey] : [responderKey, initiatorKey];
    const ours = ourName === "e" ? this.#ephemeral : this.#static;
    const theirs = theirName === "e" ? this.#remoteEphemeral : this.#remoteStatic;
    assert(ours !== undefined && theirs !== undefined, "the pattern uses a key before it is known");
    const secret = this.#primitives.x25519.sharedSecret(ours.privateKey, theirs);
    if (secret === undefined) return false;
    this.#state.mixKey(secret);
    secret.fill(0);
    return true;
  }

  #advance(): Session | undefined {
    this.#messagesDone++;
    if (this.#messagesDone < this.#pattern.messages.length) return undefined;
    this.#end();
    assert(this.#remoteStatic !== undefined, "both patterns tell both static keys");
    const handshakeHash = this.#state.handshakeHash;
    const [fromInitiator, fromResponder] = this.#state.split();
    const [send, receive] =
      this.#role === "initiator" ? [fromInitiator, fromResponder] : [fromResponder, fromInitiator];
    return { handshakeHash, remoteStaticKey: this.#remoteStatic, send, receive };
  }

  #fail(fault: HandshakeFault): HandshakeFailure {
    this.#end();
    return { ok: false, fault };
  }

  #end(): void {
    this.#over = true;
    this.#ephemeral?.privateKey.fill(0);
  }
}

interface KeyPair {
  readonly privateKey: Uint8Array;
  readonly publicKey: Uint8Array;
}
