/** The mark of the house, and the choice of light and dark. */
import { h, icon } from "./page.js";

export function logo(): HTMLElement {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "6 7 20 19");
  svg.setAttribute("aria-hidden", "true");
  for (const [name, d] of [
    ["front", "M7 11.5A3.5 3.5 0 0 1 10.5 8h6a3.5 3.5 0 0 1 3.5 3.5v2a3.5 3.5 0 0 1-3.5 3.5H12l-3.6 2.700c-.6.4-1.4 0-1.4-.8z"],
    ["side", "M22.3 13.200c1.6.4 2.7 1.7 2.7 3.400v7.200c0 .8-.8 1.2-1.4.8L20 22h-4.500a3.5 3.5 0 0 1-3-1.700l1.2-.9h3a5.7 5.7 0 0 0 5.6-5.700z"],
  ] as const) {
    const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
    path.setAttribute("class", name);
    path.setAttribute("d", d);
    svg.append(path);
  }
  const link = h("a", { class: "logo", href: "./", "aria-label": "Sidetalk: a new room" }, svg as unknown as HTMLElement, h("span", {}, "Sidetalk"));
  // The address differs only behind the hash from that of a room, so the browser would stay where it is.
  link.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    history.pushState(null, "", location.pathname);
    location.reload();
  });
  return link;
}

const KEY = "sidetalk theme";

export function themeButton(chat: () => { setAttribute(name: string, value: string): void } | null): HTMLElement {
  const system = matchMedia("(prefers-color-scheme: dark)");
  const dark = (): boolean => (document.documentElement.dataset["theme"] ?? (system.matches ? "dark" : "light")) === "dark";
  const button = h("button", { type: "button", class: "button quiet round theme" });
  const draw = (): void => {
    const label = dark() ? "Use light colours" : "Use dark colours";
    button.setAttribute("aria-label", label);
    button.title = label;
    button.replaceChildren(icon(dark() ? "sun" : "moon"));
    const { theme } = document.documentElement.dataset;
    if (theme) chat()?.setAttribute("theme", theme);
  };
  button.addEventListener("click", () => {
    const theme = dark() ? "light" : "dark";
    document.documentElement.dataset["theme"] = theme;
    try {
      localStorage.setItem(KEY, theme);
    } catch {
      // Then it lasts as long as the page.
    }
    draw();
  });
  system.addEventListener("change", draw);
  try {
    const kept = localStorage.getItem(KEY);
    if (kept === "light" || kept === "dark") document.documentElement.dataset["theme"] = kept;
  } catch {
    // The system's choice counts.
  }
  draw();
  return button;
}
