import { expect, test } from "vitest";
import { en } from "./en.js";
import { type Key, languages, Words } from "./index.js";

const placeholders = (text: string): string => [...new Set(text.match(/\{\w+\}/g) ?? [])].sort().join();
const bare = (text: string): string => text.replace(/[\u2068\u2069]/g, "");

test.each(Object.keys(languages))("%s has every text with the same placeholders and plural forms", (tag) => {
  const rules = new Intl.PluralRules(tag).resolvedOptions().pluralCategories;
  for (const [key, text] of Object.entries(en)) {
    const other = languages[tag]![key as Key];
    expect(other, key).toBeTruthy();
    expect(placeholders(other), key).toBe(placeholders(text));
    if (!text.includes("other:")) continue;
    // French and Spanish have a form for millions, which "other" serves as well.
    for (const form of rules.filter((rule) => rule !== "many" || tag === "ar")) expect(other, `${key} ${form}`).toContain(`${form}:`);
  }
});

test("numbers choose the form", () => {
  expect([1, 2].map((n) => bare(new Words("en").text("fresh", { n })))).toEqual(["1 new message", "2 new messages"]);
  expect([0, 1, 2, 3, 11].map((n) => new Words("ar-u-nu-latn").text("here", { n }))).toEqual([
    "لا أحد هنا", "شخص واحد هنا", "شخصان هنا", "3 أشخاص هنا", "11 شخصًا هنا",
  ]);
  expect(new Words("en").text("found", { n: 0 })).toBe("Nothing found");
});

test("days are named relative to now", () => {
  const now = new Date(2026, 10, 21, 9).getTime();
  const words = new Words("en", () => now);
  const day = (back: number): string => words.day(now - back * 86_400_000);
  expect([day(0), day(1), day(3), day(30), day(400)]).toEqual(["Today", "Yesterday", "Wednesday", "October 22", "October 17, 2025"]);
});

test("an unknown or broken tag becomes English, Arabic runs from the right", () => {
  expect(new Words("xx").text("send")).toBe("Send");
  expect(new Words("de-!!").text("send")).toBe("Senden");
  expect(new Words("ar-EG").dir).toBe("rtl");
});
