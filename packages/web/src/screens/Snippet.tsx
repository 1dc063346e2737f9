/** The words around a hit, with the hit marked. */
import type { SearchHit } from "@fedchat/engine/interface";
import { For, type JSX } from "solid-js";

export function Snippet(props: { of: SearchHit["snippet"] }): JSX.Element {
  return <For each={props.of}>{(piece) => (piece.hit ? <mark>{piece.text}</mark> : piece.text)}</For>;
}
