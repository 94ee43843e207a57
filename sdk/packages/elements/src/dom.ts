/**
 * The only place that makes elements. Text becomes text nodes and attributes are set one by one, so nothing that a
 * person wrote is ever read as markup. `innerHTML` and its relatives are forbidden in this package (a test looks).
 */
export type Child = Node | string | number | null | undefined | false;
type Value = string | number | boolean | null | undefined | ((event: never) => void);
export type Props = Record<string, Value>;

/** Makes an element. `onclick: fn` listens; booleans switch an attribute; null leaves it out; a text is the class. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  props?: Props | string | null,
  ...children: (Child | Child[])[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  // In a form, a button that does not say otherwise would send it.
  if (element instanceof HTMLButtonElement) element.type = "button";
  if (props) set(element, typeof props === "string" ? { class: props } : props);
  element.append(...nodes(children));
  return element;
}

export function set(element: Element, props: Props): void {
  for (const [name, value] of Object.entries(props)) {
    if (typeof value === "function") element.addEventListener(name.slice(2), value as EventListener);
    else if (/^(on|style$|srcdoc$)/.test(name)) throw Error(name);
    else if (value === null || value === undefined || value === false) element.removeAttribute(name);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
}

/** What stands in an element's place if that was drawn anew: the same row, by its key, or the button in it. */
export function again(root: ParentNode, old: Element | null): HTMLElement | null | undefined {
  if (old?.isConnected) return old as HTMLElement;
  const key = old?.closest<HTMLElement>("[data-key]")?.dataset["key"];
  const row = [...root.querySelectorAll<HTMLElement>("[data-key]")].findLast((each) => each.dataset["key"] === key);
  return old?.matches("button") ? row?.querySelector("button") : row;
}

/** Puts these children in place of what was there. */
export function fill(element: Element, ...children: (Child | Child[])[]): void {
  element.replaceChildren(...nodes(children));
}

function nodes(children: (Child | Child[])[]): (Node | string)[] {
  return children.flat().filter((child) => child || child === 0) as (Node | string)[];
}

const SVG = "http://www.w3.org/2000/svg";

/** Icons on a 20 px grid, drawn by strokes so that they follow the text's colour. */
const ICONS = {
  back: "M12 5 7 10l5 5",
  check: "m5 10 3 4 7-8",
  close: "m5 5 10 10M15 5 5 15",
  copy: "M7 7h9v9H7zM13 4H4v9",
  down: "M10 4v12l5-5m-5 5-5-5",
  chevron: "m6 8 4 4 4-4",
  edit: "m4 16 1-4 8-8 3 3-8 8zm7-10 3 3",
  lock: "M5 9h10v7H5zm2 0V6a3 3 0 0 1 6 0v3",
  more: "M4 10h.01M10 10h.01M16 10h.01",
  people: "M7 9a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5m-5 7c0-3 2-4 5-4s5 1 5 4m1-12a2.5 2.5 0 0 1 0 5m2 3c2 .5 3 2 3 4",
  pin: "m8 4 8 8m-2-3-3 3v4L4 9h4l3-3m-3 6-4 4",
  reply: "M8 5 4 9l4 4M4 9h7c3 0 5 2 5 6",
  search: "M9 4a5 5 0 1 0 0 10A5 5 0 0 0 9 4m4 9 4 4",
  send: "M10 16V4L5 9m5-5 5 5",
  smile: "M10 3a7 7 0 1 0 0 14 7 7 0 0 0 0-14M7 11c1 3 5 3 6 0M8 8h.01M12 8h.01",
  trash: "M4 6h12M8 6V4h4v2M5 6l1 11h8l1-11M8 9v5m4-5v5",
} as const;
export type Icon = keyof typeof ICONS;

export function icon(name: Icon): SVGElement {
  const svg = document.createElementNS(SVG, "svg");
  set(svg, { viewBox: "0 0 20 20", "aria-hidden": "true", class: `icon icon-${name}` });
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

/** A button that shows only an icon; its label is read out and shown as a tooltip. */
export function iconButton(name: Icon, label: string, onclick: (event: MouseEvent) => void, props?: Props): HTMLButtonElement {
  return h("button", { class: "icon-button", "aria-label": label, title: label, onclick, ...props }, icon(name));
}
