/**
 * The only place that makes elements. Text becomes text nodes and attributes are set one by one, so nothing that a
 * person wrote is ever read as markup. `innerHTML` and its relatives are forbidden in this package (a test looks).
 */
export type Child = Node | string | number | null | undefined | false;
type Value = string | number | boolean | null | undefined | ((event: never) => void);
export type Props = Record<string, Value>;

/** Makes an element. `onclick: fn` listens; booleans switch an attribute; null leaves it out. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  props?: Props | null,
  ...children: (Child | Child[])[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  // In a form, a button that does not say otherwise would send it.
  if (element instanceof HTMLButtonElement) element.type = "button";
  if (props) set(element, props);
  element.append(...nodes(children));
  return element;
}

export function set(element: Element, props: Props): void {
  for (const [name, value] of Object.entries(props)) {
    if (typeof value === "function") element.addEventListener(name.slice(2), value as EventListener);
    else if (/^(on|style$|srcdoc$)/.test(name)) throw new Error(`attribute ${name} is not allowed`);
    else if (value === null || value === undefined || value === false) element.removeAttribute(name);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
}

/** Puts these children in place of what was there. */
export function fill(element: Element, ...children: (Child | Child[])[]): void {
  element.replaceChildren(...nodes(children));
}

function nodes(children: (Child | Child[])[]): (Node | string)[] {
  return children
    .flat()
    .filter((child) => child !== null && child !== undefined && child !== false)
    .map((child) => (typeof child === "number" ? String(child) : child)) as (Node | string)[];
}

const SVG = "http://www.w3.org/2000/svg";

/** Icons on a 20 px grid, drawn by strokes so that they follow the text's colour. */
const ICONS = {
  back: "M12 4.5 6.5 10l5.5 5.5",
  check: "m4.5 10.5 3.7 3.7 7.3-8.4",
  clock: "M10 3a7 7 0 1 0 0 14 7 7 0 0 0 0-14ZM10 6v4.2l2.6 1.6",
  close: "m5 5 10 10M15 5 5 15",
  copy: "M7.5 7.5h8v8h-8zM12.5 4.5h-8v8",
  down: "M10 4v12m0 0 5-5m-5 5-5-5",
  chevron: "m6 8 4 4 4-4",
  edit: "m4 16 .8-3.4L13 4.4l2.6 2.6-8.2 8.2zM11.4 6l2.6 2.6",
  lock: "M5.5 9h9v7.5h-9zM7.5 9V6.5a2.5 2.5 0 0 1 5 0V9",
  more: "M4.5 10h.01M10 10h.01M15.5 10h.01",
  people: "M7.5 9.5a2.7 2.7 0 1 0 0-5.4 2.7 2.7 0 0 0 0 5.4ZM2.5 16c.3-2.7 2.3-4 5-4s4.7 1.3 5 4M12.8 4.4a2.5 2.5 0 0 1 0 4.8M14.7 12.3c1.7.5 2.7 1.8 2.9 3.7",
  pin: "m8 3.5 8.5 8.5M13.8 9.3l-2.6 2.6-.4 3.6-6.3-6.3 3.6-.4 2.6-2.6M7.5 12.5 3.5 16.5",
  reply: "M8 5 3.5 9.5 8 14M4 9.5h7c3.5 0 5.5 2 5.5 5.5",
  search: "M9 4a5 5 0 1 0 0 10A5 5 0 0 0 9 4Zm3.7 8.7 3.8 3.8",
  send: "M10 16V4.5m0 0L5 9.5m5-5 5 5",
  smile: "M10 3a7 7 0 1 0 0 14 7 7 0 0 0 0-14ZM7 11.5c1.4 2.3 4.6 2.3 6 0M7.7 8h.01M12.3 8h.01",
  trash: "M4 6h12M8 6V4h4v2M5.5 6l.7 10h7.6l.7-10M8.5 9v4.5m3-4.5v4.5",
  warn: "M10 3.5 17.5 16.5h-15zM10 8.5v3.5m0 2.2v.01",
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
