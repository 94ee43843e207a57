/** Each language is a file of its own, so that nobody loads five. The script widget.js has load_script.ts in this place. */
import type { Strings } from "./words.js";

/** Besides English, which is always there. */
export const LANGUAGES = ["ar", "de", "es", "fr"];

export function load(language: string): Promise<Strings> {
  switch (language) {
    case "ar":
      return import("./ar.js").then(strings);
    case "de":
      return import("./de.js").then(strings);
    case "es":
      return import("./es.js").then(strings);
    case "fr":
      return import("./fr.js").then(strings);
    default:
      return Promise.reject(new Error(`no words for ${language}`));
  }
}

const strings = (module: { default: Strings }): Strings => module.default;
