import { audienceKey } from "./audience.js";
import type { Audience } from "./types.js";

/** Read markers: they only move forward, and what comes while a request is under way is joined into the next one. */
export class Markers {
  readonly #set: (seq: number, audience: Audience | undefined) => Promise<{ seq: number }>;
  readonly #markers = new Map<string, Marker>();

  constructor(set: (seq: number, audience: Audience | undefined) => Promise<{ seq: number }>) {
    this.#set = set;
  }

  async mark(seq: number, audience: Audience | undefined): Promise<number> {
    const marker = this.#marker(audience);
    if (seq <= marker.stands) return marker.stands;
    marker.wanted = Math.max(marker.wanted, seq);
    return (marker.running ??= this.#run(marker, audience));
  }

  /** It was moved by another connection. */
  moved(seq: number, audience: Audience | undefined): void {
    const marker = this.#marker(audience);
    marker.stands = Math.max(marker.stands, seq);
  }

  /** The log begins anew. */
  clear(): void {
    this.#markers.clear();
  }

  #marker(audience: Audience | undefined): Marker {
    const key = audienceKey(audience);
    let marker = this.#markers.get(key);
    if (!marker) this.#markers.set(key, (marker = { stands: 0, wanted: 0, running: undefined }));
    return marker;
  }

  async #run(marker: Marker, audience: Audience | undefined): Promise<number> {
    try {
      while (marker.wanted > marker.stands) {
        const wanted = marker.wanted;
        const { seq } = await this.#set(wanted, audience);
        marker.stands = Math.max(marker.stands, seq);
        if (marker.wanted === wanted) break;
      }
      return marker.stands;
    } finally {
      marker.wanted = marker.stands;
      marker.running = undefined;
    }
  }
}

interface Marker {
  stands: number;
  wanted: number;
  running: Promise<number> | undefined;
}
