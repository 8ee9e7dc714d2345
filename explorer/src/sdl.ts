// The schema as a file: what the gateway says of itself, printed as SDL.

import { buildClientSchema, getIntrospectionQuery, printSchema, type IntrospectionQuery } from "graphql";

import type { GraphQLAnswer } from "./answers/answers.ts";

export const EVERYTHING = getIntrospectionQuery({
  directiveIsRepeatable: true,
  inputValueDeprecation: true,
  oneOf: true,
  schemaDescription: true,
  specifiedByUrl: true,
});

/** Raises an error that says why where the answer holds no schema. */
export function sdlOf(answer: GraphQLAnswer): string {
  if (!answer.data) throw new Error(answer.errors?.[0]?.message ?? "the gateway tells no schema");
  return `${printSchema(buildClientSchema(answer.data as IntrospectionQuery))}\n`;
}

/** Have the browser save a text as a file. */
export function saveAs(name: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: "text/plain;charset=utf-8" }));
  const link = Object.assign(document.createElement("a"), { href: url, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
