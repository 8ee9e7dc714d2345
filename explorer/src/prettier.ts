// What GraphiQL calls Prettier for: operations, and the JSON of variables and headers.

import { applyEdits, format as editsOf } from "jsonc-parser";

// Not through the alias of vite.config.ts, which is for GraphiQL's own modules.
import { format as pretty } from "prettier/standalone";

export async function format(content: string, options: NonNullable<Parameters<typeof pretty>[1]>): Promise<string> {
  if (options.parser !== "jsonc") return pretty(content, options);
  return applyEdits(content, editsOf(content, undefined, { insertSpaces: true, tabSize: 2 }));
}
