/* eslint-disable */
import * as types from './graphql';
import type { TypedDocumentNode as DocumentNode } from '@graphql-typed-document-node/core';

/**
 * Map of all GraphQL operations in the project.
 *
 * This map has several performance disadvantages:
 * 1. It is not tree-shakeable, so it will include all operations in the project.
 * 2. It is not minifiable, so the string of a GraphQL query will be multiple times inside the bundle.
 * 3. It does not support dead code elimination, so it will add unused operations.
 *
 * Therefore it is highly recommended to use the babel or swc plugin for production.
 * Learn more about it here: https://the-guild.dev/graphql/codegen/plugins/presets/preset-client#reducing-bundle-size
 */
type Documents = {
    "\n  fragment Item on PipelineItem {\n    __typename id databaseId name stage status allowFailure startedAt duration failureReason\n    cancelable retryable playable\n    pipeline { id }\n    ... on Bridge { downstreamPipeline { id databaseId status } }\n  }\n": typeof types.ItemFragmentDoc,
    "\n  fragment Head on Pipeline { id databaseId ref sha source status createdAt }\n": typeof types.HeadFragmentDoc,
    "\n  query Pipelines($project: ID!, $after: String) {\n    project(id: $project) {\n      id\n      fullPath\n      pipelines(first: 20, after: $after) {\n        edges { node { ...Head name } }\n        pageInfo { hasNextPage endCursor }\n      }\n    }\n  }\n": typeof types.PipelinesDocument,
    "\n  query OpenPipeline($pipeline: PipelineRef!) {\n    pipeline(by: $pipeline) { ...Head }\n  }\n": typeof types.OpenPipelineDocument,
    "\n  query Pipeline($pipeline: PipelineRef!, $withAttempts: Boolean!) {\n    pipeline(by: $pipeline) {\n      ...Head\n      stages {\n        partial\n        nodes {\n          name\n          items {\n            ...Item\n            ... on Job {\n              attempts @include(if: $withAttempts) { nodes { id databaseId status startedAt duration } }\n            }\n          }\n        }\n      }\n    }\n  }\n": typeof types.PipelineDocument,
    "\n  subscription PipelineChanges($pipeline: PipelineRef!) {\n    pipelineUpdated(pipeline: $pipeline) {\n      pipeline { ...Head name }\n      changed { ...Item }\n    }\n  }\n": typeof types.PipelineChangesDocument,
    "\n  query Job($job: JobRef!) {\n    job(by: $job) {\n      ...Item\n      user { databaseId name }\n      runner { databaseId description }\n      log { id tail(lines: 1000, maxBytes: 262144, format: RAW) { text startByte endByte truncated } }\n    }\n  }\n": typeof types.JobDocument,
    "\n  subscription JobChanges($job: JobRef!) {\n    jobUpdated(job: $job) { ...Item runner { databaseId description } }\n  }\n": typeof types.JobChangesDocument,
    "\n  subscription LogGoesOn($job: JobRef!, $fromByte: BigInt!) {\n    jobLog(job: $job, fromByte: $fromByte, format: RAW) { text startByte endByte }\n  }\n": typeof types.LogGoesOnDocument,
    "\n  mutation Retry($input: JobRetryInput!) {\n    jobRetry(input: $input) { item { ...Item } userErrors { code message } }\n  }\n": typeof types.RetryDocument,
    "\n  mutation Play($input: JobPlayInput!) {\n    jobPlay(input: $input) { item { ...Item } userErrors { code message } }\n  }\n": typeof types.PlayDocument,
    "\n  mutation Cancel($input: JobCancelInput!) {\n    jobCancel(input: $input) { job { ...Item } userErrors { code message } }\n  }\n": typeof types.CancelDocument,
    "\n  mutation RetryAllFailed($pipeline: PipelineRef!) {\n    jobBatch(input: { action: RETRY, of: { pipeline: { pipeline: $pipeline, statuses: [FAILED] } } }) {\n      results { item { ...Item } userErrors { code message } }\n    }\n  }\n": typeof types.RetryAllFailedDocument,
    "\n  mutation CancelPipeline($pipeline: PipelineRef!) {\n    pipelineCancel(input: { pipeline: $pipeline }) {\n      pipeline { ...Head }\n      userErrors { code message }\n    }\n  }\n": typeof types.CancelPipelineDocument,
};
const documents: Documents = {
    "\n  fragment Item on PipelineItem {\n    __typename id databaseId name stage status allowFailure startedAt duration failureReason\n    cancelable retryable playable\n    pipeline { id }\n    ... on Bridge { downstreamPipeline { id databaseId status } }\n  }\n": types.ItemFragmentDoc,
    "\n  fragment Head on Pipeline { id databaseId ref sha source status createdAt }\n": types.HeadFragmentDoc,
    "\n  query Pipelines($project: ID!, $after: String) {\n    project(id: $project) {\n      id\n      fullPath\n      pipelines(first: 20, after: $after) {\n        edges { node { ...Head name } }\n        pageInfo { hasNextPage endCursor }\n      }\n    }\n  }\n": types.PipelinesDocument,
    "\n  query OpenPipeline($pipeline: PipelineRef!) {\n    pipeline(by: $pipeline) { ...Head }\n  }\n": types.OpenPipelineDocument,
    "\n  query Pipeline($pipeline: PipelineRef!, $withAttempts: Boolean!) {\n    pipeline(by: $pipeline) {\n      ...Head\n      stages {\n        partial\n        nodes {\n          name\n          items {\n            ...Item\n            ... on Job {\n              attempts @include(if: $withAttempts) { nodes { id databaseId status startedAt duration } }\n            }\n          }\n        }\n      }\n    }\n  }\n": types.PipelineDocument,
    "\n  subscription PipelineChanges($pipeline: PipelineRef!) {\n    pipelineUpdated(pipeline: $pipeline) {\n      pipeline { ...Head name }\n      changed { ...Item }\n    }\n  }\n": types.PipelineChangesDocument,
    "\n  query Job($job: JobRef!) {\n    job(by: $job) {\n      ...Item\n      user { databaseId name }\n      runner { databaseId description }\n      log { id tail(lines: 1000, maxBytes: 262144, format: RAW) { text startByte endByte truncated } }\n    }\n  }\n": types.JobDocument,
    "\n  subscription JobChanges($job: JobRef!) {\n    jobUpdated(job: $job) { ...Item runner { databaseId description } }\n  }\n": types.JobChangesDocument,
    "\n  subscription LogGoesOn($job: JobRef!, $fromByte: BigInt!) {\n    jobLog(job: $job, fromByte: $fromByte, format: RAW) { text startByte endByte }\n  }\n": types.LogGoesOnDocument,
    "\n  mutation Retry($input: JobRetryInput!) {\n    jobRetry(input: $input) { item { ...Item } userErrors { code message } }\n  }\n": types.RetryDocument,
    "\n  mutation Play($input: JobPlayInput!) {\n    jobPlay(input: $input) { item { ...Item } userErrors { code message } }\n  }\n": types.PlayDocument,
    "\n  mutation Cancel($input: JobCancelInput!) {\n    jobCancel(input: $input) { job { ...Item } userErrors { code message } }\n  }\n": types.CancelDocument,
    "\n  mutation RetryAllFailed($pipeline: PipelineRef!) {\n    jobBatch(input: { action: RETRY, of: { pipeline: { pipeline: $pipeline, statuses: [FAILED] } } }) {\n      results { item { ...Item } userErrors { code message } }\n    }\n  }\n": types.RetryAllFailedDocument,
    "\n  mutation CancelPipeline($pipeline: PipelineRef!) {\n    pipelineCancel(input: { pipeline: $pipeline }) {\n      pipeline { ...Head }\n      userErrors { code message }\n    }\n  }\n": types.CancelPipelineDocument,
};

/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 *
 *
 * @example
 * ```ts
 * const query = graphql(`query GetUser($id: ID!) { user(id: $id) { name } }`);
 * ```
 *
 * The query argument is unknown!
 * Please regenerate the types.
 */
export function graphql(source: string): unknown;

/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  fragment Item on PipelineItem {\n    __typename id databaseId name stage status allowFailure startedAt duration failureReason\n    cancelable retryable playable\n    pipeline { id }\n    ... on Bridge { downstreamPipeline { id databaseId status } }\n  }\n"): (typeof documents)["\n  fragment Item on PipelineItem {\n    __typename id databaseId name stage status allowFailure startedAt duration failureReason\n    cancelable retryable playable\n    pipeline { id }\n    ... on Bridge { downstreamPipeline { id databaseId status } }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  fragment Head on Pipeline { id databaseId ref sha source status createdAt }\n"): (typeof documents)["\n  fragment Head on Pipeline { id databaseId ref sha source status createdAt }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  query Pipelines($project: ID!, $after: String) {\n    project(id: $project) {\n      id\n      fullPath\n      pipelines(first: 20, after: $after) {\n        edges { node { ...Head name } }\n        pageInfo { hasNextPage endCursor }\n      }\n    }\n  }\n"): (typeof documents)["\n  query Pipelines($project: ID!, $after: String) {\n    project(id: $project) {\n      id\n      fullPath\n      pipelines(first: 20, after: $after) {\n        edges { node { ...Head name } }\n        pageInfo { hasNextPage endCursor }\n      }\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  query OpenPipeline($pipeline: PipelineRef!) {\n    pipeline(by: $pipeline) { ...Head }\n  }\n"): (typeof documents)["\n  query OpenPipeline($pipeline: PipelineRef!) {\n    pipeline(by: $pipeline) { ...Head }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  query Pipeline($pipeline: PipelineRef!, $withAttempts: Boolean!) {\n    pipeline(by: $pipeline) {\n      ...Head\n      stages {\n        partial\n        nodes {\n          name\n          items {\n            ...Item\n            ... on Job {\n              attempts @include(if: $withAttempts) { nodes { id databaseId status startedAt duration } }\n            }\n          }\n        }\n      }\n    }\n  }\n"): (typeof documents)["\n  query Pipeline($pipeline: PipelineRef!, $withAttempts: Boolean!) {\n    pipeline(by: $pipeline) {\n      ...Head\n      stages {\n        partial\n        nodes {\n          name\n          items {\n            ...Item\n            ... on Job {\n              attempts @include(if: $withAttempts) { nodes { id databaseId status startedAt duration } }\n            }\n          }\n        }\n      }\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  subscription PipelineChanges($pipeline: PipelineRef!) {\n    pipelineUpdated(pipeline: $pipeline) {\n      pipeline { ...Head name }\n      changed { ...Item }\n    }\n  }\n"): (typeof documents)["\n  subscription PipelineChanges($pipeline: PipelineRef!) {\n    pipelineUpdated(pipeline: $pipeline) {\n      pipeline { ...Head name }\n      changed { ...Item }\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  query Job($job: JobRef!) {\n    job(by: $job) {\n      ...Item\n      user { databaseId name }\n      runner { databaseId description }\n      log { id tail(lines: 1000, maxBytes: 262144, format: RAW) { text startByte endByte truncated } }\n    }\n  }\n"): (typeof documents)["\n  query Job($job: JobRef!) {\n    job(by: $job) {\n      ...Item\n      user { databaseId name }\n      runner { databaseId description }\n      log { id tail(lines: 1000, maxBytes: 262144, format: RAW) { text startByte endByte truncated } }\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  subscription JobChanges($job: JobRef!) {\n    jobUpdated(job: $job) { ...Item runner { databaseId description } }\n  }\n"): (typeof documents)["\n  subscription JobChanges($job: JobRef!) {\n    jobUpdated(job: $job) { ...Item runner { databaseId description } }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  subscription LogGoesOn($job: JobRef!, $fromByte: BigInt!) {\n    jobLog(job: $job, fromByte: $fromByte, format: RAW) { text startByte endByte }\n  }\n"): (typeof documents)["\n  subscription LogGoesOn($job: JobRef!, $fromByte: BigInt!) {\n    jobLog(job: $job, fromByte: $fromByte, format: RAW) { text startByte endByte }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  mutation Retry($input: JobRetryInput!) {\n    jobRetry(input: $input) { item { ...Item } userErrors { code message } }\n  }\n"): (typeof documents)["\n  mutation Retry($input: JobRetryInput!) {\n    jobRetry(input: $input) { item { ...Item } userErrors { code message } }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  mutation Play($input: JobPlayInput!) {\n    jobPlay(input: $input) { item { ...Item } userErrors { code message } }\n  }\n"): (typeof documents)["\n  mutation Play($input: JobPlayInput!) {\n    jobPlay(input: $input) { item { ...Item } userErrors { code message } }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  mutation Cancel($input: JobCancelInput!) {\n    jobCancel(input: $input) { job { ...Item } userErrors { code message } }\n  }\n"): (typeof documents)["\n  mutation Cancel($input: JobCancelInput!) {\n    jobCancel(input: $input) { job { ...Item } userErrors { code message } }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  mutation RetryAllFailed($pipeline: PipelineRef!) {\n    jobBatch(input: { action: RETRY, of: { pipeline: { pipeline: $pipeline, statuses: [FAILED] } } }) {\n      results { item { ...Item } userErrors { code message } }\n    }\n  }\n"): (typeof documents)["\n  mutation RetryAllFailed($pipeline: PipelineRef!) {\n    jobBatch(input: { action: RETRY, of: { pipeline: { pipeline: $pipeline, statuses: [FAILED] } } }) {\n      results { item { ...Item } userErrors { code message } }\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  mutation CancelPipeline($pipeline: PipelineRef!) {\n    pipelineCancel(input: { pipeline: $pipeline }) {\n      pipeline { ...Head }\n      userErrors { code message }\n    }\n  }\n"): (typeof documents)["\n  mutation CancelPipeline($pipeline: PipelineRef!) {\n    pipelineCancel(input: { pipeline: $pipeline }) {\n      pipeline { ...Head }\n      userErrors { code message }\n    }\n  }\n"];

export function graphql(source: string) {
  return (documents as any)[source] ?? {};
}

export type DocumentType<TDocumentNode extends DocumentNode<any, any>> = TDocumentNode extends DocumentNode<  infer TType,  any>  ? TType  : never;