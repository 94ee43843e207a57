import { expect, test } from "vitest";
import { en } from "./en.js";
import { LANGUAGES, load } from "./load.js";
import { type Key, Words } from "./words.js";

const placeholders = (text: string): string => [...new Set(text.match(/\{\w+\}/g) ?? [])].sort().join();
const bare = (text: string): string => text.replace(/[\u2068\u2069]/g, "");

test.each(LANGUAGES)("%s has every text with the same placeholders and plural forms", async (tag) => {
  const strings = await load(tag);
  const rules = new Intl.PluralRules(tag).resolvedOptions().pluralCategories;
  for (const [key, text] of Object.entries(en)) {
    const other = strings[key as Key];
    expect(other, key).toBeTruthy();
    expect(placeholders(other), key).toBe(placeholders(text));
    if (!text.includes("other:")) continue;
    // French and Spanish have a form for millions, which "other" serves as well.
    for (const form of rules.filter((rule) => rule !== "many" || tag === "ar")) expect(other, `${key} ${form}`).toContain(`${form}:`);
  }
});

test("numbers choose the form", async () => {
  const arabic = await Words.of("ar-u-nu-latn");
  const english = await Words.of("en");
  expect([1, 2].map((n) => bare(english.text("fresh", { n })))).toEqual(["1 new message", "2 new messages"]);
  expect([0, 1, 2, 3, 11].map((n) => arabic.text("here", { n }))).toEqual([
    "لا أحد هنا", "شخص واحد هنا", "شخصان هنا", "3 أشخاص هنا", "11 شخصًا هنا",
  ]);
  expect(english.text("found", { n: 0 })).toBe("Nothing found");
});

test("days are named relative to now", () => {
  const now = new Date(2026, 10, 21, 9).getTime();
  const words = new Words("en", en, () => now);
  const day = (back: number): string => words.day(now - back * 86_400_000);
  expect([day(0), day(1), day(3), day(30), day(400)]).toEqual(["Today", "Yesterday", "Wednesday", "October 22", "October 17, 2025"]);
});

test("an unknown or broken tag becomes English, Arabic runs from the right", async () => {
  expect((await Words.of("xx")).text("send")).toBe("Send");
  expect((await Words.of("de-!!")).text("send")).toBe("Send");
  expect((await Words.of("de-AT")).text("send")).toBe("Senden");
  expect((await Words.of("ar-EG")).dir).toBe("rtl");
});
