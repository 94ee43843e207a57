/**
 * A list of which only the rows near the viewport are in the page, however long it is. Rows may have any height; what
 * has not been shown yet counts with the mean. Whatever changes, the row that the reader looks at stays where it is
 * (or the end does, if the reader was there).
 *
 *      canvas, as high as all rows          tops[i] = sum of the heights before row i
 *   ┌──────────────┐
 *   │  (nothing)   │      scrollTop ─┐
 *   │ ▒▒ overscan  │ ◄── first       │   anchor: the first row in sight and its distance from the upper edge
 *   │ ██ viewport  │ ◄───────────────┘
 *   │ ▒▒ overscan  │ ◄── last
 *   └──────────────┘
 */
export interface ListRow {
  key: string;
}

export interface ListEvents<Row extends ListRow> {
  /** Makes the row's element; called again when the row object is another one. */
  render(row: Row): HTMLElement;
  /** After each scroll or change: is the end in sight, and how near is the start? */
  moved(atEnd: boolean, startDistance_px: number): void;
}

const OVERSCAN_PX = 500;
const END_SLACK_PX = 24;
const FIRST_GUESS_PX = 52;

export class VirtualList<Row extends ListRow> {
  readonly scroller: HTMLElement;
  readonly canvas: HTMLElement;
  readonly #events: ListEvents<Row>;
  atEnd = true;
  #rows: Row[] = [];
  #index = new Map<string, number>();
  #tops = new Float64Array(1);
  #heights = new Map<string, number>();
  #measured_px = 0;
  #shown = new Map<string, { row: Row; element: HTMLElement }>();
  #keep: string | null = null;
  #viewport_px = 0;
  #width_px = 0;
  #expected = -1;
  #top_px = 0;
  /** What came while the page did not show the list. */
  #late: Row[] | null = null;
  #observer: ResizeObserver;

  constructor(scroller: HTMLElement, canvas: HTMLElement, events: ListEvents<Row>) {
    this.scroller = scroller;
    this.canvas = canvas;
    this.#events = events;
    this.#observer = new ResizeObserver((entries) => this.#resized(entries));
    this.#observer.observe(scroller);
    scroller.addEventListener("scroll", () => this.#scrolled(), { passive: true });
  }

  dispose(): void {
    this.#observer.disconnect();
  }

  /** Whether the page shows it. If not, nothing can be measured, and everything stays as it was seen last. */
  get shown(): boolean {
    return this.scroller.clientHeight > 0;
  }

  get(key: string): HTMLElement | undefined {
    return this.#shown.get(key)?.element;
  }

  /** The row with this key stays in the page wherever the reader scrolls: it has the keyboard's focus, or had it last. */
  hold(key: string | null): void {
    this.#keep = key;
  }

  update(rows: Row[]): void {
    if (!this.shown) return void (this.#late = rows);
    const anchors = this.atEnd ? [] : this.#inSight();
    this.#rows = rows;
    this.#index = new Map(rows.map((row, at) => [row.key, at]));
    this.#layout();
    const anchor = anchors.find(({ key }) => this.#index.has(key));
    this.#scrollBy(anchor ? this.#tops[this.#index.get(anchor.key)!]! - anchor.offset : this.scroller.scrollTop);
    this.#paint();
  }

  toEnd(): void {
    this.atEnd = true;
    this.#paint();
  }

  /** Brings a row into sight; in the middle if it was out of sight. False if there is none with this key. */
  reveal(key: string, where: "center" | "nearest" = "center"): boolean {
    const at = this.#index.get(key);
    if (at === undefined) return false;
    // Neighbours get their true heights while painting, so the place is looked up a second time.
    for (let pass = 0; pass < 2; pass++) {
      const top = this.#tops[at]!;
      const height = this.#tops[at + 1]! - top;
      const above = this.scroller.scrollTop;
      const inside = top >= above + 8 && top + height <= above + this.#viewport_px - 8;
      if (inside && (where === "nearest" || pass > 0)) break;
      this.atEnd = false;
      if (where === "center") this.#scrollBy(top - Math.max(16, (this.#viewport_px - height) / 2));
      else this.#scrollBy(top < above + 8 ? top - 8 : top + height - this.#viewport_px + 8);
      this.#paint();
    }
    this.#scrolled();
    return true;
  }

  #inSight(): { key: string; offset: number }[] {
    const top = this.scroller.scrollTop;
    const out = [];
    for (let at = this.#find(top); at < this.#rows.length && this.#tops[at]! < top + this.#viewport_px; at++)
      out.push({ key: this.#rows[at]!.key, offset: this.#tops[at]! - top });
    return out;
  }

  /** The row that contains this distance from the start. */
  #find(y: number): number {
    let low = 0;
    let high = this.#rows.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#tops[middle + 1]! <= y) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #layout(): void {
    const rows = this.#rows;
    const heights = this.#heights;
    const guess = heights.size ? Math.round(this.#measured_px / heights.size) : FIRST_GUESS_PX;
    if (this.#tops.length < rows.length + 1) this.#tops = new Float64Array(rows.length * 2 + 1);
    let top = 0;
    for (let at = 0; at < rows.length; at++) {
      this.#tops[at] = top;
      top += heights.get(rows[at]!.key) ?? guess;
    }
    this.#tops[rows.length] = top;
    this.canvas.style.height = `${top}px`;
  }

  /** Other heights, and the first row in sight stays where it is. */
  #settle(): void {
    const anchor = this.atEnd ? undefined : this.#inSight()[0];
    this.#layout();
    if (anchor) this.#scrollBy(this.#tops[this.#index.get(anchor.key)!]! - anchor.offset);
  }

  #scrollBy(to: number): void {
    this.scroller.scrollTop = to;
    this.#expected = this.scroller.scrollTop;
  }

  #scrolled(): void {
    const { scroller } = this;
    if (!this.shown) return;
    const below = this.#tops[this.#rows.length]! - scroller.scrollTop - this.#viewport_px;
    // A scroll that we made ourselves does not change whether the reader wants to stay at the end.
    if (Math.abs(scroller.scrollTop - this.#expected) > 1) this.atEnd = below < END_SLACK_PX;
    else if (below < 1) this.atEnd = true;
    this.#expected = -1;
    this.#paint();
  }

  #paint(): void {
    if (!this.shown) return;
    for (let pass = 0; pass < 5; pass++) {
      if (this.atEnd) this.#scrollBy(this.#tops[this.#rows.length]!);
      if (!this.#syncRows()) break;
      this.#settle();
    }
    for (const [key, { element }] of this.#shown) {
      const transform = `translateY(${this.#tops[this.#index.get(key)!]}px)`;
      if (element.style.transform !== transform) element.style.transform = transform;
    }
    this.#top_px = this.scroller.scrollTop;
    this.#events.moved(this.atEnd, this.#top_px);
  }

  /** Puts the rows in reach into the page and takes the others out. True if a height was not what we thought. */
  #syncRows(): boolean {
    const first = this.#find(this.scroller.scrollTop - OVERSCAN_PX);
    const last = this.#find(this.scroller.scrollTop + this.#viewport_px + OVERSCAN_PX);
    const wanted = new Set<string>();
    const held = this.#keep === null ? undefined : this.#index.get(this.#keep);
    if (held !== undefined && held < first) wanted.add(this.#keep!);
    for (let at = first; at <= last && at < this.#rows.length; at++) wanted.add(this.#rows[at]!.key);
    if (held !== undefined) wanted.add(this.#keep!);

    for (const [key, { element }] of this.#shown) {
      if (wanted.has(key)) continue;
      this.#observer.unobserve(element);
      element.remove();
      this.#shown.delete(key);
    }
    const fresh: [string, HTMLElement][] = [];
    let before: Element | null = this.canvas.firstElementChild;
    for (const key of wanted) {
      const row = this.#rows[this.#index.get(key)!]!;
      const old = this.#shown.get(key);
      let element = old?.element;
      if (!old || old.row !== row) {
        element = this.#events.render(row);
        if (old) {
          if (before === old.element) before = element;
          this.#replace(old.element, element);
        }
        this.#shown.set(key, { row, element });
        fresh.push([key, element]);
      }
      if (before === element) before = element!.nextElementSibling;
      else this.canvas.insertBefore(element!, before);
    }
    let changed = false;
    for (const [key, element] of fresh) {
      changed = this.#measure(key, element.offsetHeight) || changed;
      this.#observer.observe(element);
    }
    return changed;
  }

  #replace(old: HTMLElement, element: HTMLElement): void {
    const root = old.getRootNode() as ShadowRoot | Document;
    const focused = old.contains(root.activeElement);
    this.#observer.unobserve(old);
    element.tabIndex = old.tabIndex;
    old.replaceWith(element);
    if (focused) element.focus({ preventScroll: true });
  }

  #measure(key: string, height: number): boolean {
    const old = this.#heights.get(key);
    if (old === height) return false;
    this.#heights.set(key, height);
    this.#measured_px += height - (old ?? 0);
    return true;
  }

  #resized(entries: ResizeObserverEntry[]): void {
    if (!this.shown) return;
    // Not every browser keeps the place of what was hidden.
    this.scroller.scrollTop ||= this.#top_px;
    let changed = false;
    for (const { target } of entries) {
      if (target !== this.scroller) continue;
      changed ||= this.#viewport_px !== this.scroller.clientHeight;
      this.#viewport_px = this.scroller.clientHeight;
      if (this.#width_px !== this.scroller.clientWidth) {
        // Other lines break now: what was measured in the old width is only a guess for what is out of sight.
        this.#width_px = this.scroller.clientWidth;
        this.#heights.clear();
        this.#measured_px = 0;
        changed = true;
      }
    }
    if (changed || entries.length) {
      for (const [key, { element }] of this.#shown)
        if (element.isConnected) changed = this.#measure(key, element.offsetHeight) || changed;
    }
    if (changed) {
      this.#settle();
      this.#paint();
    }
    const late = this.#late;
    this.#late = null;
    if (late) this.update(late);
  }
}
