// Makes the costs stand out where GraphiQL shows descriptions: "Jobs. Cost: 1 call." reads
// "Jobs. **Cost: 1 call.**".

import type { GraphQLAnswer } from "./answers/answers.ts";

const COST = /(^|\s)(Cost: [\s\S]+)$/;

/** GraphiQL reads the schema by an operation of this name. */
export const INTROSPECTION = "ReadTheSchema";

export function isIntrospection({ operationName }: { operationName?: string | null }): boolean {
  return operationName === INTROSPECTION;
}

export function emphasiseCost(description: string): string {
  return description.replace(COST, (_, before: string, cost: string) => `${before}**${cost}**`);
}

/** The same introspection with the costs of all descriptions emphasised. */
export function withCosts(answer: GraphQLAnswer): GraphQLAnswer {
  const revived = JSON.stringify(answer, (key, value: unknown) =>
    key === "description" && typeof value === "string" ? emphasiseCost(value) : value,
  );
  return JSON.parse(revived) as GraphQLAnswer;
}
