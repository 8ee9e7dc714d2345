import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { defineConfig, type Plugin } from "vite";

import { licences } from "./licences.ts";

const here = dirname(fileURLToPath(import.meta.url));

// GraphiQL formats JSON with three large parts of Prettier; jsonc-parser, which it has as well, does
// the same in a few lines.
const PRETTIER = new Map([
  ["prettier/standalone", "src/prettier.ts"],
  ["prettier/plugins/estree", "src/nothing.ts"],
  ["prettier/parser-babel", "src/nothing.ts"],
]);

function lighterPrettier(): Plugin {
  return {
    name: "lighter-prettier",
    enforce: "pre",
    resolveId(source, importer) {
      const ours = PRETTIER.get(source);
      if (ours === undefined || !importer?.includes("@graphiql")) return null;
      return join(here, ours);
    },
  };
}

const { collect, write } = licences(here);

export default defineConfig({
  // Relative, so that the explorer works under any path; the page lies beside `graphql/`.
  base: "./",
  plugins: [lighterPrettier(), collect(), write("licences.txt")],
  worker: { format: "es", plugins: () => [collect()] },
  build: {
    assetsDir: "graphql/explorer",
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 4000,
    modulePreload: { polyfill: false },
    rolldownOptions: {
      onLog(level, log, tell) {
        // "use client" means something to server-side React only.
        if (log.code !== "MODULE_LEVEL_DIRECTIVE") tell(level, log);
      },
    },
  },
});
