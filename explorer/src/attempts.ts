// Running a job again makes a new job with a number of its own. So that such an operation can be run
// again and again, the variable that named the job follows to the new one.

import { applyEdits, modify } from "jsonc-parser";
import { Kind, parse, type ArgumentNode, type FieldNode, type ValueNode } from "graphql";

import type { Answered } from "./answers/answers.ts";

export interface Followed {
  variable: string;
  from: string;
  to: string;
}

const ACTIONS = new Set(["jobPlay", "jobRetry"]);

/** What the answer says about a new attempt of a job that a variable named; null if nothing. */
export function newAttempt({ query, operationName, variables, answer }: Answered): Followed | null {
  if (answer.errors?.length || !query.includes("mutation")) return null;
  const named = JSON.parse(variables) as Record<string, unknown>;
  for (const field of rootFields(query, operationName)) {
    const variable = ACTIONS.has(field.name.value) ? variableOfJob(field.arguments ?? []) : null;
    const key = field.alias?.value ?? field.name.value;
    const payload = (answer.data as Record<string, Payload | null> | null | undefined)?.[key];
    const to = payload?.item?.databaseId;
    if (variable === null || to === undefined || payload?.userErrors?.length) continue;
    const from = named[variable];
    if (from !== undefined && String(from) !== String(to))
      return { variable, from: String(from), to: String(to) };
  }
  return null;
}

interface Payload {
  item?: { databaseId?: number } | null;
  userErrors?: unknown[];
}

/** The variables' text with the new number in its place, all else as it was. */
export function follow(text: string, { variable, to }: Followed): string {
  return applyEdits(text, modify(text, [variable], to, {}));
}

function rootFields(query: string, operationName: string | null): FieldNode[] {
  const operations = parse(query).definitions.filter(
    (one) => one.kind === Kind.OPERATION_DEFINITION,
  );
  const operation = operations.find((one) => !operationName || one.name?.value === operationName);
  if (operation?.operation !== "mutation") return [];
  return operation.selectionSet.selections.filter((one) => one.kind === Kind.FIELD);
}

/** The variable at `input.job.path.job`. */
function variableOfJob(given: readonly ArgumentNode[]): string | null {
  let value: ValueNode | undefined = given.find((one) => one.name.value === "input")?.value;
  for (const name of ["job", "path", "job"]) {
    if (value?.kind !== Kind.OBJECT) return null;
    value = value.fields.find((field) => field.name.value === name)?.value;
  }
  return value?.kind === Kind.VARIABLE ? value.name.value : null;
}
