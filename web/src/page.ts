/** Small things that the page is made of. Text becomes text nodes; nothing here is read as markup. */
type Child = Node | string | null | false;
type Props = Record<string, string | boolean | null | ((event: never) => void)>;

export function h<K extends keyof HTMLElementTagNameMap>(tag: K, props: Props = {}, ...children: Child[]): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (typeof value === "function") element.addEventListener(name.slice(2), value as EventListener);
    else if (value !== null && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child): child is Node | string => child !== null && child !== false));
  return element;
}

const ICONS = {
  link: "M8.5 11.500a3.5 3.5 0 0 0 5 0l2.5-2.500a3.5 3.5 0 0 0-5-5l-1 1M11.5 8.500a3.5 3.5 0 0 0-5 0L4 11a3.5 3.5 0 0 0 5 5l1-1",
  check: "m4.5 10.5 3.7 3.7 7.3-8.4",
  copy: "M7.5 7.500h8v8h-8zM12.5 4.500h-8v8",
  person: "M9 9.500a3 3 0 1 0 0-6 3 3 0 0 0 0 6ZM3.5 16.500c.4-3 2.6-4.5 5.5-4.5 1 0 2 .2 2.8.6M15 12v5m-2.5-2.500h5",
  edit: "m4 16 .8-3.400L13 4.400l2.6 2.6-8.2 8.200zM11.4 6l2.6 2.6",
  sun: "M10 6.500a3.5 3.5 0 1 0 0 7 3.5 3.5 0 0 0 0-7ZM10 2.500v1m0 13v1M2.5 10h1m13 0h1M4.7 4.700l.7.7m9.2 9.2.7.7M4.7 15.300l.7-.7m9.2-9.2.7-.7",
  moon: "M16 11.500A6.5 6.5 0 0 1 8.5 4a6.5 6.5 0 1 0 7.5 7.500Z",
  mic: "M10 3a2.2 2.2 0 0 0-2.2 2.200v4a2.2 2.2 0 0 0 4.4 0v-4A2.2 2.2 0 0 0 10 3ZM5 9.500a5 5 0 0 0 10 0M10 14.500V17",
  muted: "M12.2 7.500V5.200A2.2 2.2 0 0 0 8 4.200M7.8 8v1.200a2.2 2.2 0 0 0 3.4 1.800M5 9.500a5 5 0 0 0 8 4M15 9.500c0 .8-.2 1.5-.5 2.200M10 14.500V17M3.5 3.500l13 13",
} as const;

export function icon(name: keyof typeof ICONS): SVGElement {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 20 20");
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("class", "icon");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

/** A button that copies a text and says for a moment that it did. */
export function copyButton(label: string, text: () => string, props: Props = {}): HTMLButtonElement {
  const shown = h("span", { "aria-live": "polite" }, label);
  const button = h("button", { type: "button", class: "button", ...props }, icon("copy"), shown);
  let back = 0;
  button.addEventListener("click", async () => {
    const done = await copy(text());
    shown.textContent = done ? "Copied" : "Press Ctrl+C";
    button.firstElementChild!.replaceWith(icon(done ? "check" : "copy"));
    button.classList.toggle("done", done);
    window.clearTimeout(back);
    back = window.setTimeout(() => {
      shown.textContent = label;
      button.firstElementChild!.replaceWith(icon("copy"));
      button.classList.remove("done");
    }, 2000);
  });
  return button;
}

/** The clipboard is missing on pages without https; a hidden field does there. */
async function copy(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const field = h("textarea", { class: "offscreen", readonly: true });
    field.value = text;
    document.body.append(field);
    field.select();
    const done = document.execCommand("copy");
    field.remove();
    return done;
  }
}
