/**
 * `@sidetalk/elements`: importing it makes `<sidetalk-chat>` known. Start reading at `chat.ts` (the element), then
 * `panel.ts` (its parts), `session.ts` (the room behind it). The list is `feed.ts` over `list.ts` (which rows are in the
 * page) and `rows.ts` (which rows there are); texts become nodes in `markdown.ts` and `text.ts`. To add a language see
 * `i18n/en.ts`. Nothing here talks to the network but `@sidetalk/client`.
 */
import { SidetalkChat } from "./chat.js";

if (globalThis.customElements && !customElements.get("sidetalk-chat")) customElements.define("sidetalk-chat", SidetalkChat);

export { SidetalkChat };
