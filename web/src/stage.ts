/** A stand-in for the video call that the chat stands beside: one tile for each person in the room. */
import type { Presence, Room } from "@sidetalk/client";
import { h, icon } from "./page.js";

const TILES_MAX = 9;

export class Stage {
  readonly element = h("div", { class: "tiles" });

  constructor(private invite: HTMLElement) {}

  show(room: Room): void {
    const people = new Map<string, Presence>();
    for (const presence of room.state.presence.values()) people.set(presence.user, presence);
    const me = room.state.me.user;
    const list = [...people.values()].sort((a, b) => Number(b.user === me) - Number(a.user === me) || (a.joined_at < b.joined_at ? -1 : 1));
    const tiles = list.slice(0, TILES_MAX).map((presence) => tile(presence, presence.user === me));
    if (list.length > TILES_MAX) tiles.push(h("div", { class: "tile rest" }, `+${list.length - TILES_MAX}`));
    if (list.length < 2) tiles.push(this.invite);
    this.element.dataset["count"] = String(Math.min(tiles.length, 4));
    this.element.replaceChildren(...tiles);
  }
}

function tile({ user, name }: Presence, own: boolean): HTMLElement {
  const shown = name.slice(0, 60);
  return h(
    "figure",
    { class: `tile hue${hue(user)}` },
    h("span", { class: "face", "aria-hidden": "true" }, initials(shown)),
    h("figcaption", {}, icon(own ? "mic" : "muted"), h("bdi", {}, shown), own && h("small", {}, "you")),
  );
}

function initials(name: string): string {
  const words = name.split(/[\s._-]+/u).filter((word) => /[\p{L}\p{N}]/u.test(word));
  const picked = words.length > 1 ? [words[0]!, words.at(-1)!] : words;
  return picked.map((word) => [...word][0]).join("").toUpperCase() || "?";
}

/** The same colour as in the panel. */
function hue(user: string): number {
  let hash = 0;
  for (let at = 0; at < user.length; at++) hash = Math.imul(hash ^ user.charCodeAt(at), 0x9e3779b1);
  return (hash >>> 28) % 8;
}
