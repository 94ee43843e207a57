import composer from "./composer.css";
import layout from "./layout.css";
import messages from "./messages.css";
import tokens from "./tokens.css";

let made: CSSStyleSheet | null = null;

/** Constructed sheets: they need no `unsafe-inline` in the page's policy, and all panels share them. */
export function sheets(): CSSStyleSheet[] {
  if (!made) (made = new CSSStyleSheet()).replaceSync(tokens + layout + messages + composer);
  return [made];
}
