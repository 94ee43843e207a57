import { defineConfig } from "vitest/config";

const source = (name: string) => ({ find: `@sidetalk/${name}`, replacement: new URL(`../${name}/src/index.ts`, import.meta.url).pathname });

export default defineConfig({
  resolve: { alias: [source("client"), source("dropin")] },
  test: { include: ["src/**/*.test.ts"] },
});
