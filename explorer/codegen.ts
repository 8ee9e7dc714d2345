// Types for the operations of the page of pipelines, from the gateway's schema: npm run codegen

import type { CodegenConfig } from "@graphql-codegen/cli";

const config: CodegenConfig = {
  schema: "../schema.graphql",
  documents: ["src/pipelines/operations.ts"],
  generates: {
    "src/pipelines/gql/": {
      preset: "client",
      presetConfig: { fragmentMasking: false },
      config: {
        strictScalars: true,
        useTypeImports: true,
        enumsAsTypes: true,
        scalars: {
          BigInt: { input: "number | string", output: "number" },
          DateTime: "string",
          Duration: "number",
          JSON: "unknown",
          URL: "string",
        },
      },
    },
    "src/pipelines/gql/schema.json": {
      plugins: ["introspection"],
      config: { minify: true, descriptions: false },
    },
  },
};

export default config;
