// Logs of a subscription: the pieces that `jobLog` sends are put together, other texts are the latest.

import type { GraphQLSchema } from "graphql";

import type { Answered } from "../answers/answers.ts";
import { findLogs, type FoundLog } from "./find.ts";

interface Read {
  count: number;
  logs: Map<string, FoundLog>;
}

// By the list of a run's events, which grows: each is read once.
const read = new WeakMap<unknown[], Read>();

export function logsOf(schema: GraphQLSchema, answered: Answered): FoundLog[] {
  const { query, operationName, answer, events } = answered;
  const variables = JSON.parse(answered.variables) as Record<string, unknown>;
  if (events === undefined) return findLogs(schema, query, operationName, answer.data, variables);
  const known = read.get(events) ?? { count: 0, logs: new Map<string, FoundLog>() };
  read.set(events, known);
  for (; known.count < events.length; known.count++) {
    for (const log of findLogs(schema, query, operationName, events[known.count], variables)) {
      const key = log.path.join("/");
      const before = isPiece(log) ? (known.logs.get(key)?.text ?? "") : "";
      known.logs.set(key, { ...log, text: before + log.text, grows: isPiece(log) });
    }
    // What was read is kept as text, not twice.
    events[known.count] = undefined;
  }
  return [...known.logs.values()];
}

/** The root's own text: `{ jobLog { text } }`. */
function isPiece({ path }: FoundLog): boolean {
  return path.length === 2;
}
