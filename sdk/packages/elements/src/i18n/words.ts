/** Words, plural forms, dates and lists of the reader's language. Pure but for Intl and the loading of the words. */
import { en } from "./en.js";
import { load } from "./load.js";

export type Key = keyof typeof en;
export type Strings = Record<Key, string>;

type Values = Record<string, string | number>;

export class Words {
  readonly tag: string;
  readonly #now: () => number;
  readonly dir: "ltr" | "rtl";
  #strings: Strings;
  #rules: Intl.PluralRules;
  #hour: Intl.DateTimeFormat;
  #numbers: Intl.NumberFormat;

  /** The words of a language by any BCP 47 tag, e.g. "de-AT"; one that we do not speak becomes English. */
  static async of(tag: string): Promise<Words> {
    const language = tag.toLowerCase().split("-")[0]!;
    try {
      return new Words(tag, language === "en" ? en : await load(language));
    } catch {
      return new Words("en", en);
    }
  }

  constructor(tag: string, strings: Strings, now: () => number = Date.now) {
    this.tag = tag;
    this.#strings = strings;
    this.#now = now;
    this.dir = /^ar\b/i.test(tag) ? "rtl" : "ltr";
    this.#rules = new Intl.PluralRules(tag);
    this.#hour = new Intl.DateTimeFormat(tag, { hour: "numeric", minute: "2-digit" });
    this.#numbers = new Intl.NumberFormat(tag);
  }

  text(key: Key, values: Values = {}): string {
    let text = this.#strings[key];
    if (text.includes("other:")) {
      const forms = Object.fromEntries(text.split("|").map((form) => form.split(/:(.*)/s, 2)));
      const n = Number(values["n"]);
      text = (n === 0 && forms["zero"]) || (forms[this.#rules.select(n)] ?? forms["other"]);
    }
    return text.replace(/\{(\w+)\}/g, (_, name: string) => {
      const value = values[name] ?? "";
      // Names are isolated, so that one written from right to left does not turn the sentence around.
      return typeof value === "number" ? this.#numbers.format(value) : name === "text" || name === "emoji" ? value : `\u2068${value}\u2069`;
    });
  }

  number(value: number): string {
    return this.#numbers.format(value);
  }

  time(at: number): string {
    return this.#hour.format(at);
  }

  moment(at: number): string {
    return new Intl.DateTimeFormat(this.tag, { dateStyle: "medium", timeStyle: "short" }).format(at);
  }

  /** "Today", "Yesterday", "Friday", "3 March", "3 March 2025". */
  day(at: number): string {
    const midnight = (time: number): number => {
      const date = new Date(time);
      return Date.UTC(date.getFullYear(), date.getMonth(), date.getDate());
    };
    const days = Math.round((midnight(at) - midnight(this.#now())) / 86_400_000);
    if (days === 0 || days === -1) return this.#capital(new Intl.RelativeTimeFormat(this.tag, { numeric: "auto" }).format(days, "day"));
    const sameYear = new Date(at).getFullYear() === new Date(this.#now()).getFullYear();
    const format: Intl.DateTimeFormatOptions =
      days < 0 && days > -7 ? { weekday: "long" } : { day: "numeric", month: "long", ...(sameYear ? {} : { year: "numeric" }) };
    return this.#capital(new Intl.DateTimeFormat(this.tag, format).format(at));
  }

  list(names: string[]): string {
    return new Intl.ListFormat(this.tag, { type: "conjunction" }).format(names.map((name) => `\u2068${name}\u2069`));
  }

  duration(seconds: number): string {
    const [value, unit] = seconds % 60 ? [seconds, "second"] : [seconds / 60, "minute"];
    return new Intl.NumberFormat(this.tag, { style: "unit", unit, unitDisplay: "long" }).format(value);
  }

  #capital(text: string): string {
    return text.charAt(0).toLocaleUpperCase(this.tag) + text.slice(1);
  }
}
