/** What it takes to have this in one's own page: ten lines, with this room and server filled in. */
import { copyButton, h } from "./page.js";
import { server as address } from "./session.js";

export function codeView(room: string): HTMLElement {
  const server = address.replace(/\/$/, "");
  return h(
    "div",
    { class: "code-view" },
    h("div", { class: "lead" }, h("h2", {}, "Put it beside your call"), h("p", {}, "A script, an element, and a token that your back end makes. Nothing else to install.")),
    sample("1", "Your page", "html", embed(server, room)),
    sample("2", "Your back end: a token for each person", "shell", token(server, room)),
    sample("3", "Your back end can talk too", "shell", post(server, room)),
    h("p", { class: "more" }, h("a", { href: "docs" }, "Read the documents"), " · ", h("a", { href: "openapi.json" }, "OpenAPI"), " · ", h("a", { href: "asyncapi.json" }, "AsyncAPI")),
  );
}

function sample(number: string, title: string, language: string, text: string): HTMLElement {
  return h(
    "section",
    { class: "sample" },
    h("header", {}, h("span", { class: "number", "aria-hidden": "true" }, number), h("h3", {}, title), copyButton("Copy", () => text, { class: "button small", "aria-label": `Copy: ${title}` })),
    h("pre", { tabindex: "0", "aria-label": title, "data-language": language }, h("code", {}, text)),
  );
}

function embed(server: string, room: string): string {
  return `<script src="${server}/widget.js" defer></script>

<sidetalk-chat
  server="${server}"
  room="${room}"
  token="the token of step 2"
  theme="auto"
></sidetalk-chat>`;
}

function token(server: string, room: string): string {
  return `curl -u "$KEY:$SECRET" ${server}/api/v1/tokens \\
  -H 'content-type: application/json' \\
  -d '{"user":"ada","name":"Ada","room":"${room}"}'`;
}

function post(server: string, room: string): string {
  return `curl -u "$KEY:$SECRET" ${server}/api/v1/rooms/${encodeURIComponent(room)}/messages \\
  -H 'content-type: application/json' \\
  -d '{"text":"Recording has started","sender":{"user":"studio","name":"Studio"}}'`;
}
