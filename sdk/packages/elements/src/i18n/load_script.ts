/**
 * The words for pages without modules: `widget-de.js` beside `widget.js`. A script element, because it needs neither
 * CORS nor more than `script-src` for the address that widget.js itself came from.
 */
import type { Strings } from "./words.js";

const home = (globalThis.document?.currentScript as HTMLScriptElement | null)?.src;

export function load(language: string): Promise<Strings> {
  return new Promise((resolve, reject) => {
    if (!home || !/^(ar|de|es|fr)$/.test(language)) return reject();
    const known = (): Strings | undefined => (globalThis as unknown as Record<string, { default: Strings }>)[`sidetalk_${language}`]?.default;
    const words = known();
    if (words) return resolve(words);
    const script = document.createElement("script");
    script.src = new URL(`widget-${language}.js`, home).href;
    script.onload = () => resolve(known()!);
    script.onerror = reject;
    document.head.append(script);
  });
}
