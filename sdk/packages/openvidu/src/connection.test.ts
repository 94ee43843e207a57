import { expect, test } from "vitest";
import { dataOf, nameOf } from "./connection.js";

test("a connection is called as the server calls it", () => {
  const high = "6f766964-7500-8000";
  expect(nameOf(`${high}-8000-000000000000`)).toBe("con_A000000000");
  expect(nameOf(`${high}-8000-000000000001`)).toBe("con_B000000000");
  expect(nameOf(`${high}-8000-00000000001a`)).toBe("con_A100000000");
  expect(nameOf(`${high}-8000-00000000064c`)).toBe("con_A010000000");
  // The highest number that can be minted, and the next one, which begins anew.
  const space = 26n * 62n ** 9n;
  const id = (number: bigint) => `${high}-${(0x8000n | (number >> 48n)).toString(16)}-${(number & 0xffffffffffffn).toString(16).padStart(12, "0")}`;
  expect(nameOf(id(space - 1n))).toBe("con_Zzzzzzzzzz");
  expect(nameOf(id(space))).toBe("con_A000000000");
});

test("there is a separator only between two", () => {
  expect([dataOf("a", "b"), dataOf("a", ""), dataOf("", "b"), dataOf("", undefined)]).toEqual(["a%/%b", "a", "b", ""]);
});
