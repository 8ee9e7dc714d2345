// Sends what GraphiQL runs to the gateway, always asking what it cost, and notes what came of it.

import { Kind, parse } from "graphql";

import { isIntrospection, withCosts } from "./descriptions.ts";
import type { Answered, Answers, GraphQLAnswer } from "./answers/answers.ts";
import { follow, isSubscription } from "./live.ts";

export interface Parameters {
  query: string;
  operationName?: string | null;
  variables?: unknown;
}

export type Headers = Record<string, unknown>;

interface Observer {
  next: (answer: GraphQLAnswer) => void;
  error: (fault: unknown) => void;
  complete: () => void;
}

/**
 * GraphiQL's fetcher. Operations come as observables, so that the stop button ends the request: the
 * gateway then stops its upstream calls as well. `activeTab` tells whose answer it will be.
 */
export function makeFetcher(address: string, answers: Answers, activeTab: () => string) {
  return (given: Parameters, options?: { headers?: Headers }) => {
    const headers = options?.headers ?? {};
    if (isIntrospection(given)) {
      const read = send(address, given, headers, new AbortController().signal);
      return read.then(({ answer }) => withCosts(answer));
    }
    const parameters = meant(given);
    const tab = activeTab();
    return {
      subscribe(observer: Observer) {
        const leaving = new AbortController();
        answers.set(tab, undefined);
        if (isSubscription(parameters)) {
          const note = (answered: Answered) => answers.set(tab, answered);
          return { unsubscribe: follow(address, parameters, headers, note, observer) };
        }
        send(address, parameters, headers, leaving.signal).then(
          (answered) => {
            answers.set(tab, answered);
            observer.next(answered.answer);
            observer.complete();
          },
          (fault: unknown) => {
            if (!leaving.signal.aborted) observer.error(fault);
          },
        );
        return { unsubscribe: () => leaving.abort() };
      },
    };
  };
}

/** GraphiQL reads names a moment after they were written; a document's only operation is the one meant. */
export function meant(given: Parameters): Parameters {
  try {
    const [only, ...others] = parse(given.query).definitions.filter((one) => one.kind === Kind.OPERATION_DEFINITION);
    return only && !others.length ? { ...given, operationName: only.name?.value } : given;
  } catch {
    // The gateway says what is wrong with it.
    return given;
  }
}

/** Send one operation; an answer that never comes is told as an error in an answer. */
export async function send(
  address: string,
  { query, operationName, variables }: Parameters,
  headers: Headers,
  signal: AbortSignal,
): Promise<Answered> {
  const began = performance.now();
  const asked = told({ query, operationName, variables });
  try {
    const response = await fetch(address, {
      method: "POST",
      headers: {
        accept: "application/graphql-response+json, application/json;q=0.9",
        ...filled(headers),
        "content-type": "application/json",
      },
      body: JSON.stringify({ query, operationName, variables, extensions: { cost: true } }),
      signal,
    });
    return {
      ...asked,
      answer: await read(response),
      status: response.status,
      duration_ms: performance.now() - began,
      requestId: response.headers.get("x-request-id"),
    };
  } catch (fault) {
    if (signal.aborted) throw fault;
    const duration_ms = performance.now() - began;
    const why = fault instanceof Error ? fault.message : String(fault);
    const answer = { errors: [{ message: `no answer from the gateway: ${why}` }] };
    return { ...asked, answer, status: 0, duration_ms, requestId: null };
  }
}

/** What was asked, as it is kept beside the answer. */
export function told({ query, operationName, variables }: Parameters) {
  return { query, operationName: operationName ?? null, variables: JSON.stringify(variables ?? {}) };
}

async function read(response: Response): Promise<GraphQLAnswer> {
  const text = await response.text();
  try {
    return JSON.parse(text) as GraphQLAnswer;
  } catch {
    const type = response.headers.get("content-type") ?? "no content type";
    const message = `status ${response.status} with ${type} instead of JSON; is a proxy in between?`;
    return { errors: [{ message }] };
  }
}

/** Without those left empty: an empty credential is none. */
export function filled(headers: Headers): Record<string, string> {
  const pairs = Object.entries(headers).filter(([, value]) => value !== "" && value !== null);
  return Object.fromEntries(pairs.map(([name, value]) => [name, String(value)]));
}
