// Searching a whole log, wherever the text that is shown was cut: by JobLog.search.

import type { GraphQLAnswer } from "../answers/answers.ts";

export const AT_ONCE = 100;

export const SEARCH = `query SearchLog($job: JobRef!, $pattern: String!, $regex: Boolean!, $from: BigInt!) {
  job(by: $job) {
    log {
      search(pattern: $pattern, regex: $regex, fromByte: $from, first: ${AT_ONCE}, before: 2, after: 2) {
        line text before after endByte
      }
    }
  }
}`;

export interface Match {
  line: number;
  text: string;
  before: string[];
  after: string[];
  endByte: number | string;
}

export interface Wanted {
  job: unknown;
  pattern: string;
  regex: boolean;
  from: number | string;
}

/** Asks the gateway, as whoever the headers name. */
export type Ask = (query: string, variables: Wanted, signal: AbortSignal) => Promise<GraphQLAnswer>;

/** The next matches; throws an error that says why there are none to be had. */
export async function search(ask: Ask, wanted: Wanted, signal: AbortSignal): Promise<Match[]> {
  const { data, errors } = await ask(SEARCH, wanted, signal);
  if (errors?.length) throw new Error(errors[0]!.message);
  const { job } = data as { job: { log: { search: Match[] | null } | null } | null };
  return job?.log?.search ?? [];
}

/** A line cut at each place where the pattern stands: what stands between, and it, in turns. */
export function cut(line: string, pattern: string): string[] {
  const parts: string[] = [];
  let from = 0;
  for (let at = line.indexOf(pattern); at >= 0; at = line.indexOf(pattern, from)) {
    parts.push(line.slice(from, at), pattern);
    from = at + pattern.length;
  }
  return [...parts, line.slice(from)];
}
