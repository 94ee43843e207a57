import { expect, test } from "vitest";
import { cleanName, hue, initials, look, tame } from "./names.js";

test("a name is cut, without controls, direction marks and towers of accents", () => {
  expect(cleanName("  Ada\n Lovelace ")).toBe("Ada Lovelace");
  expect(cleanName("\u202eadA\u2066")).toBe("adA");
  expect(cleanName("\u200b\u0000")).toBe("?");
  expect([...cleanName("x".repeat(300))]).toHaveLength(60);
  expect(cleanName(`Z${"\u0301".repeat(10_000)}`)).toBe(`Z${"\u0301".repeat(3)}`);
  expect(cleanName("👩‍💻 Zoë ❤️")).toBe("👩‍💻 Zoë ❤️");
  // Fillers count as letters and show nothing.
  expect(["\u3164", "Ada\uffa0", "\u115fAda"].map(cleanName)).toEqual(["?", "Ada", "Ada"]);
});

test("texts keep their language's marks and lose only towers", () => {
  expect(tame("สวัสดี हिन्दी")).toBe("สวัสดี हिन्दी");
  expect(tame(`a${"\u0300".repeat(50)}b`)).toBe(`a${"\u0300".repeat(6)}b`);
  // What shows nothing between the marks does not make two towers of one.
  expect(tame(`a${"\u0300\u200d\u0300\u200b".repeat(50)}b`)).toHaveLength(8);
  expect(tame("👩‍👩‍👧‍👦 ❤️‍🔥 🏴󠁧󠁢󠁥󠁮󠁧󠁿")).toBe("👩‍👩‍👧‍👦 ❤️‍🔥 🏴󠁧󠁢󠁥󠁮󠁧󠁿");
});

test("initials come from the first and last word", () => {
  expect(["Ada Lovelace", "grace", "(Dr.) Jean-Luc Picard", "李雷", "…", "x_y"].map(initials)).toEqual(["AL", "G", "DP", "李", "?", "XY"]);
});

test("colours are stable and within range", () => {
  expect(hue("ada")).toBe(hue("ada"));
  for (const user of ["", "ada", "\u{1f600}", "x".repeat(500)]) expect(hue(user)).toBeLessThan(8);
});

test("names that look the same are found", () => {
  expect(look("Аdа")).toBe(look("Ada"));
  expect(look("Al1ce")).toBe(look("Alice"));
  expect(look("Zoë")).toBe(look("zoe"));
  expect(look("Ada\u3164")).toBe(look("Ada"));
  expect(look("Ada")).not.toBe(look("Bob"));
});
