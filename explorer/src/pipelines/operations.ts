// All that this page asks of the gateway. `npm run codegen` makes their types.

import { graphql } from "./gql/index.ts";

/** A job or bridge, as lists show it: all of it comes with the list, at no further call. */
export const Item = graphql(`
  fragment Item on PipelineItem {
    __typename id databaseId name stage status allowFailure startedAt duration failureReason
    cancelable retryable playable
    pipeline { id }
    ... on Bridge { downstreamPipeline { id databaseId status } }
  }
`);

/** What lists of pipelines tell of each. */
export const Head = graphql(`
  fragment Head on Pipeline { id databaseId ref sha source status createdAt }
`);

export const Pipelines = graphql(`
  query Pipelines($project: ID!, $after: String) {
    project(id: $project) {
      id
      fullPath
      pipelines(first: 20, after: $after) {
        edges { node { ...Head name } }
        pageInfo { hasNextPage endCursor }
      }
    }
  }
`);

/** Of the cache alone: the panel of a pipeline that is open has asked for it. */
export const OpenPipeline = graphql(`
  query OpenPipeline($pipeline: PipelineRef!) {
    pipeline(by: $pipeline) { ...Head }
  }
`);

/** Stages in running order, each job by its latest attempt; with earlier ones if wanted. */
export const OnePipeline = graphql(`
  query Pipeline($pipeline: PipelineRef!, $withAttempts: Boolean!) {
    pipeline(by: $pipeline) {
      ...Head
      stages {
        partial
        nodes {
          name
          items {
            ...Item
            ... on Job {
              attempts @include(if: $withAttempts) { nodes { id databaseId status startedAt duration } }
            }
          }
        }
      }
    }
  }
`);

/** Everything of it first, then what changes: the cache puts it where the query's answer has it. */
export const PipelineChanges = graphql(`
  subscription PipelineChanges($pipeline: PipelineRef!) {
    pipelineUpdated(pipeline: $pipeline) {
      pipeline { ...Head name }
      changed { ...Item }
    }
  }
`);

/** A job and the end of its log; what comes after it is followed from `endByte` on. */
export const OneJob = graphql(`
  query Job($job: JobRef!) {
    job(by: $job) {
      ...Item
      user { databaseId name }
      runner { databaseId description }
      log { id tail(lines: 1000, maxBytes: 262144, format: RAW) { text startByte endByte truncated } }
    }
  }
`);

export const JobChanges = graphql(`
  subscription JobChanges($job: JobRef!) {
    jobUpdated(job: $job) { ...Item runner { databaseId description } }
  }
`);

export const LogGoesOn = graphql(`
  subscription LogGoesOn($job: JobRef!, $fromByte: BigInt!) {
    jobLog(job: $job, fromByte: $fromByte, format: RAW) { text startByte endByte }
  }
`);

export const Retry = graphql(`
  mutation Retry($input: JobRetryInput!) {
    jobRetry(input: $input) { item { ...Item } userErrors { code message } }
  }
`);

export const Play = graphql(`
  mutation Play($input: JobPlayInput!) {
    jobPlay(input: $input) { item { ...Item } userErrors { code message } }
  }
`);

export const Cancel = graphql(`
  mutation Cancel($input: JobCancelInput!) {
    jobCancel(input: $input) { job { ...Item } userErrors { code message } }
  }
`);

export const RetryAllFailed = graphql(`
  mutation RetryAllFailed($pipeline: PipelineRef!) {
    jobBatch(input: { action: RETRY, of: { pipeline: { pipeline: $pipeline, statuses: [FAILED] } } }) {
      results { item { ...Item } userErrors { code message } }
    }
  }
`);

export const CancelPipeline = graphql(`
  mutation CancelPipeline($pipeline: PipelineRef!) {
    pipelineCancel(input: { pipeline: $pipeline }) {
      pipeline { ...Head }
      userErrors { code message }
    }
  }
`);
