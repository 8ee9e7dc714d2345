// Subscriptions: run over a WebSocket of their own (graphql-transport-ws), the headers as the payload
// of `connection_init`. Every response is kept, since a log comes in pieces.

import { getOperationAST, parse } from "graphql";

import type { Answered, GraphQLAnswer } from "./answers/answers.ts";
import { filled, told, type Headers, type Parameters } from "./fetcher.ts";

interface Observer {
  next: (answer: GraphQLAnswer) => void;
  complete: () => void;
}

export function isSubscription({ query, operationName }: Parameters): boolean {
  try {
    return getOperationAST(parse(query), operationName)?.operation === "subscription";
  } catch {
    return false;
  }
}

/**
 * Subscribe, and tell each response; what ends it early is told as an error in an answer. Gives what
 * leaves it. The client of the protocol is loaded by the first subscription.
 */
export function follow(
  address: string,
  parameters: Parameters,
  headers: Headers,
  note: (answered: Answered) => void,
  observer: Observer,
): () => void {
  const began = performance.now();
  const events: unknown[] = [];
  let leave = () => {};
  let hasLeft = false;

  const tell = (answer: GraphQLAnswer) => {
    events.push(answer.data);
    note({
      ...told(parameters),
      answer,
      status: 200,
      duration_ms: performance.now() - began,
      requestId: null,
      events,
    });
    observer.next(answer);
  };
  const end = (fault: unknown) => {
    if (hasLeft) return;
    tell({ errors: errorsIn(fault) });
    observer.complete();
  };

  import("graphql-ws").then(({ createClient }) => {
    if (hasLeft) return;
    const client = createClient({
      url: address.replace(/^http/, "ws"),
      connectionParams: filled(headers),
      // A log would begin anew: the person says when, and from where.
      retryAttempts: 0,
    });
    const { query, operationName, variables } = parameters;
    leave = client.subscribe(
      { query, operationName, variables: variables as Record<string, unknown>, extensions: { cost: true } },
      { next: (answer) => tell(answer as GraphQLAnswer), error: end, complete: () => observer.complete() },
    );
  }, end);

  return () => {
    hasLeft = true;
    leave();
  };
}

function errorsIn(fault: unknown): NonNullable<GraphQLAnswer["errors"]> {
  if (Array.isArray(fault)) return fault as NonNullable<GraphQLAnswer["errors"]>;
  if (fault instanceof Error) return [{ message: fault.message }];
  const { code, reason } = fault as Partial<CloseEvent>;
  const why = reason || (code === 1006 ? "is the gateway there?" : "no reason told");
  const extensions = code === 4403 ? { code: "UNAUTHENTICATED" } : {};
  return [{ message: `the connection was closed (${code ?? "no code"}): ${why}`, extensions }];
}
