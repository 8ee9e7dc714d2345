// The client: answers are put together by id, so that one change shows wherever a thing is seen.

import { Client, fetchExchange, mapExchange, subscriptionExchange } from "@urql/core";
import { cacheExchange, type Cache, type Data } from "@urql/exchange-graphcache";

import type { Connection } from "./connection.ts";
import schema from "./gql/schema.json";

export interface Cost {
  /** Upstream calls at worst, known before the first. */
  estimated: number;
  calls: number;
  shared: number;
  cached: number;
}

/**
 * What operations cost when they were sent last, by their keys. What comes out of the cache cost
 * nothing, and may be shown in the place of the answer that was just put into it.
 */
export const costs = new Map<number, Cost>();

export function makeClient(address: string, headers: Record<string, string>, connection: Connection): Client {
  return new Client({
    url: address,
    preferGetMethod: false,
    fetchOptions: { headers: { accept: "application/graphql-response+json", ...headers } },
    exchanges: [
      makeCache(),
      mapExchange({
        onOperation: (operation) => ({ ...operation, extensions: { cost: true } }),
        onResult: ({ operation, extensions }) => {
          if (operation.kind === "query" && extensions?.cost) costs.set(operation.key, extensions.cost as Cost);
        },
      }),
      subscriptionExchange({
        forwardSubscription: ({ query, operationName, variables, extensions }) => ({
          subscribe: (sink) => ({
            unsubscribe: connection.follow(
              { query: query ?? "", operationName, variables, extensions },
              sink as Parameters<Connection["follow"]>[1],
            ),
          }),
        }),
      }),
      fetchExchange,
    ],
  });
}

const byNumber = ({ databaseId }: Data) => databaseId?.toString() ?? null;
// It belongs to what shows it.
const embedded = () => null;

function makeCache() {
  return cacheExchange({
    // Which types an interface has, and what may be null.
    schema,
    keys: {
      ...{ User: byNumber, Runner: byNumber, AttemptList: embedded, LogChunk: embedded },
      ...{ PipelineUpdate: embedded, Stage: embedded, StageList: embedded },
    },
    updates: {
      Mutation: {
        jobRetry: (result, _, cache) => place(cache, (result.jobRetry as Data | null)?.item),
        jobPlay: (result, _, cache) => place(cache, (result.jobPlay as Data | null)?.item),
        jobBatch: (result, _, cache) =>
          (result.jobBatch as Batch)?.results.forEach((one) => place(cache, one?.item)),
      },
      Subscription: {
        pipelineUpdated: (result, _, cache) =>
          (result.pipelineUpdated as Update)?.changed?.forEach((item) => place(cache, item)),
      },
    },
  });
}

type Batch = { results: ({ item: unknown } | null)[] } | null;
type Update = { changed: unknown[] | null } | null;

/** Put an item into its stage: a new attempt in the place of the one before it. */
function place(cache: Cache, told: unknown): void {
  const item = told as (Data & { name: string; stage: string; databaseId: number }) | null;
  const pipeline = item?.pipeline as Data | null | undefined;
  if (!item || !pipeline) return;
  const list = cache.resolve(pipeline, "stages") as string | null;
  const stages = (list && (cache.resolve(list, "nodes") as string[] | null)) || null;
  if (stages === null) return;
  const key = cache.keyOfEntity(item)!;
  const stage = stages.find((one) => cache.resolve(one, "name") === item.stage);
  // A stage that nobody has seen yet: have the list read again.
  if (stage === undefined) return void cache.invalidate(pipeline, "stages");
  const items = cache.resolve(stage, "items") as string[];
  if (items.includes(key)) return;
  const at = items.findIndex((one) => cache.resolve(one, "name") === item.name);
  const before = at < 0 ? 0 : (cache.resolve(items[at]!, "databaseId") as number);
  if (before > item.databaseId) return;
  cache.link(stage, "items", at < 0 ? [key, ...items] : items.with(at, key));
}
