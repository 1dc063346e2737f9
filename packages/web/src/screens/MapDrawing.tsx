/**
 * The network drawn. It is one picture with one label: whoever cannot see it has the list. A pointer or a finger picks
 * the server that is nearest to it, drags, and magnifies; signs and names keep their size, so that magnifying makes room.
 */
import type { MapEdge, MapServer, NetworkMap } from "@fedchat/engine/interface";
import Maximize from "lucide-solid/icons/maximize";
import ZoomIn from "lucide-solid/icons/zoom-in";
import ZoomOut from "lucide-solid/icons/zoom-out";
import { createMemo, createSignal, For, onCleanup, onMount, Show, type JSX } from "solid-js";
import { labelsThatFit } from "../map/labels.ts";
import { layOut, type Point, type Space } from "../map/layout.ts";
import { lookOf } from "../map/look.ts";
import { signRoomPx, signScaleMin, toolsPx, touchRadiusPx, zoomMax, zoomStep } from "../map/measures.ts";
import { createHands } from "../map/hands.ts";
import { seenAt, wholeView, zoomed, type View } from "../map/view.ts";
import { IconButton } from "../parts/Button.tsx";
import { t } from "../strings.ts";
import { nodeLine } from "../text/servers.ts";
import { ServerSign, signRadius } from "./MapSigns.tsx";

interface DrawingProps {
  map: NetworkMap;
  selected: string | null;
  pointed: string | null;
  onPoint: (serverId: string | null) => void;
  onPick: (serverId: string | null) => void;
}

export function MapDrawing(props: DrawingProps): JSX.Element {
  const [space, setSpace] = createSignal<Space>({ width: 0, height: 0 });
  const [view, setView] = createSignal<View>(wholeView);
  let frame!: HTMLDivElement;
  onMount(() => {
    const observer = new ResizeObserver(([entry]) => {
      if (!entry) return;
      setSpace({ width: entry.contentRect.width, height: entry.contentRect.height });
      setView(wholeView);
    });
    observer.observe(frame);
    onCleanup(() => observer.disconnect());
  });

  const servers = createMemo(() => new Map(props.map.servers.map((server) => [server.serverId, server])));
  const shape = createMemo(() => layOut(props.map.servers, props.map.edges, space()));
  const placed = createMemo(() => {
    const seen = [...shape().points].map(([id, point]): [string, Point] => [
      id,
      { ...seenAt(point, view()), ring: point.ring },
    ]);
    return new Map(seen);
  });
  const scale = createMemo(() => {
    const { width, height } = space();
    const room = Math.sqrt((width * height) / props.map.servers.length) * view().zoom;
    return Math.min(1, Math.max(signScaleMin, room / signRoomPx));
  });
  const radius = (server: MapServer) => signRadius(lookOf(server), scale());
  /** Picked, pointed at, our own, linked, then the others: room for names is given in this order. */
  const labels = createMemo(() => {
    const rank = ({ serverId, hops, link }: MapServer) =>
      serverId === props.selected || serverId === props.pointed ? 0 : hops === 0 ? 1 : link ? 2 : 2 + hops;
    const wanted = [...props.map.servers].sort((a, b) => rank(a) - rank(b));
    const fitting = labelsThatFit(
      wanted.flatMap((server) => {
        const at = placed().get(server.serverId);
        return at
          ? [{ id: server.serverId, text: server.shownName, x: at.x, y: at.y, radius: radius(server) + 3 }]
          : [];
      }),
      space(),
      toolsPx,
    );
    return new Map(fitting.map((label) => [label.id, label]));
  });
  const marked = () => props.pointed ?? props.selected;
  /** All lines of a kind as one path, those of the server that is marked apart. */
  const lines = (kind: MapEdge["kind"], ofMarked: boolean) =>
    props.map.edges
      .filter((edge) => edge.kind === kind && (edge.a === marked() || edge.b === marked()) === ofMarked)
      .map(({ a, b }) => line(placed().get(a), placed().get(b)))
      .join("");
  const hands = createHands({
    space,
    view,
    setView,
    near: (spot) => {
      const near = [...placed()]
        .map(([id, at]) => ({ id, far: Math.hypot(at.x - spot.x, at.y - spot.y) }))
        .sort((a, b) => a.far - b.far)[0];
      return near && near.far <= touchRadiusPx ? near.id : null;
    },
    onPoint: (id) => props.onPoint(id),
    onPick: (id) => props.onPick(id),
  });
  const middle = () => ({ x: space().width / 2, y: space().height / 2 });
  const linked = () => props.map.servers.filter(({ link }) => link).length;

  return (
    <div class="map-drawing" ref={frame} data-pointed={marked() === null ? undefined : ""}>
      <svg
        role="img"
        aria-label={t.map.drawing(props.map.servers.length, linked())}
        width={space().width}
        height={space().height}
        data-testid="map-drawing"
        data-zoomed={view().zoom > 1 ? "" : undefined}
        ref={hands.take}
      >
        <For each={shape().rings}>
          {(ring) => (
            <ellipse
              class="map-ring"
              cx={seenAt(shape().centre, view()).x}
              cy={seenAt(shape().centre, view()).y}
              rx={ring.x * view().zoom}
              ry={ring.y * view().zoom}
            />
          )}
        </For>
        <For each={edgeKinds}>
          {(kind) => (
            <>
              <path class="map-edge" data-kind={kind} d={lines(kind, false)} />
              <path class="map-edge" data-kind={kind} data-marked="" d={lines(kind, true)} />
            </>
          )}
        </For>
        <For each={props.map.servers.map(({ serverId }) => serverId)}>
          {(id) => (
            <Show when={placed().get(id)}>
              {(at) => (
                <g
                  class="map-server"
                  data-testid="map-server"
                  data-server={id}
                  data-look={lookOf(servers().get(id)!)}
                  data-marked={id === marked() ? "" : undefined}
                  style={{ transform: `translate(${at().x}px, ${at().y}px)` }}
                >
                  <ServerSign
                    look={lookOf(servers().get(id)!)}
                    relays={servers().get(id)!.relaysFor !== "nobody"}
                    scale={scale()}
                    marked={id === props.selected}
                  />
                </g>
              )}
            </Show>
          )}
        </For>
        <For each={[...labels().keys()]}>
          {(id) => (
            <Show when={labels().get(id)}>
              {(label) => (
                <text
                  class="map-label"
                  data-look={lookOf(servers().get(id)!)}
                  x={label().x}
                  y={label().y}
                  text-anchor={label().anchor}
                >
                  {label().text}
                </text>
              )}
            </Show>
          )}
        </For>
      </svg>
      {/* The one that is picked shows in full beside the drawing. */}
      <Show when={props.pointed !== null && props.pointed !== props.selected && servers().get(props.pointed)}>
        {(server) => <Tip server={server()} at={placed().get(server().serverId)} space={space()} />}
      </Show>
      <div class="map-tools">
        <IconButton
          label={t.map.zoomIn}
          icon={ZoomIn}
          testid="map-zoom-in"
          disabled={view().zoom >= zoomMax}
          onClick={() => setView(zoomed(view(), zoomStep, middle(), space()))}
        />
        <IconButton
          label={t.map.zoomOut}
          icon={ZoomOut}
          disabled={view().zoom <= 1}
          onClick={() => setView(zoomed(view(), 1 / zoomStep, middle(), space()))}
        />
        <IconButton
          label={t.map.zoomAll}
          icon={Maximize}
          testid="map-zoom-all"
          disabled={view().zoom <= 1}
          onClick={() => setView(wholeView)}
        />
      </div>
    </div>
  );
}

/** What is sure lies above what was only heard. */
const edgeKinds: MapEdge["kind"][] = ["heard", "down", "relayed", "direct"];

/** Straight, but one that passes a ring bends round whatever stands there, lest it look as if it ended there. */
function line(a: Point | undefined, b: Point | undefined): string {
  if (a === undefined || b === undefined) return "";
  if (Math.abs(a.ring - b.ring) < 2) return `M${a.x} ${a.y}L${b.x} ${b.y}`;
  const bend = 0.2;
  const x = (a.x + b.x) / 2 + (b.y - a.y) * bend;
  const y = (a.y + b.y) / 2 - (b.x - a.x) * bend;
  return `M${a.x} ${a.y}Q${x} ${y} ${b.x} ${b.y}`;
}

/** What the list says of the server that is pointed at, next to its sign. */
function Tip(props: { server: MapServer; at: Point | undefined; space: Space }): JSX.Element {
  const place = () => {
    const at = props.at ?? { x: 0, y: 0 };
    const right = at.x > props.space.width / 2;
    const underTools = !right && at.y < toolsPx.height ? toolsPx.width : 0;
    return {
      [right ? "right" : "left"]: `${(right ? props.space.width - at.x : at.x) + 26}px`,
      top: `${Math.min(Math.max(8, at.y - 26), Math.max(8, props.space.height - 80))}px`,
      "max-width": `${Math.max(140, (right ? at.x : props.space.width - at.x) - 34 - underTools)}px`,
    };
  };
  return (
    <div class="map-tip" style={place()} aria-hidden="true">
      <strong dir="auto">{props.server.shownName}</strong>
      <span>{nodeLine(props.server)}</span>
    </div>
  );
}
