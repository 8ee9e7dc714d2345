/* eslint-disable */
/** Internal type. DO NOT USE DIRECTLY. */
type Exact<T extends { [key: string]: unknown }> = { [K in keyof T]: T[K] };
/** Internal type. DO NOT USE DIRECTLY. */
export type Incremental<T> = T | { [P in keyof T]?: P extends ' $fragmentName' | '__typename' ? T[P] : never };
import type { TypedDocumentNode as DocumentNode } from '@graphql-typed-document-node/core';
/** Why a job failed. */
export type FailureReason =
  /** A call between runner and upstream failed. */
  | 'API_FAILURE'
  /** The job was too old to run. */
  | 'ARCHIVED_FAILURE'
  /** A child pipeline may not start this one. */
  | 'BRIDGE_PIPELINE_IS_CHILD_PIPELINE'
  /** CI is turned off for the project. */
  | 'BUILDS_DISABLED'
  /** No compute minutes were left. */
  | 'CI_QUOTA_EXCEEDED'
  /** The upstream's data of the job did not fit together. */
  | 'DATA_INTEGRITY_FAILURE'
  /** Somebody rejected the deployment. */
  | 'DEPLOYMENT_REJECTED'
  /** The project of the downstream pipeline was not found. */
  | 'DOWNSTREAM_BRIDGE_PROJECT_NOT_FOUND'
  /** The downstream pipeline could not be created. */
  | 'DOWNSTREAM_PIPELINE_CREATION_FAILED'
  /** The name of the downstream project came out empty. */
  | 'DOWNSTREAM_PROJECT_TRIGGER_RESOLVED_TO_EMPTY'
  /** The project does not allow such agent jobs. */
  | 'DUO_WORKFLOW_NOT_ALLOWED'
  /** The environment could not be made. */
  | 'ENVIRONMENT_CREATION_FAILURE'
  /** The deployment was older than the latest. */
  | 'FAILED_OUTDATED_DEPLOYMENT_JOB'
  /** A newer deployment was there already. */
  | 'FORWARD_DEPLOYMENT_FAILURE'
  /** ID tokens are refused for a path that belonged to another project before. */
  | 'ID_TOKEN_BURNED_PROJECT_PATH'
  /** The user may not start pipelines in the other project. */
  | 'INSUFFICIENT_BRIDGE_PERMISSIONS'
  /** The user may not read the project the bridge waits for. */
  | 'INSUFFICIENT_UPSTREAM_PERMISSIONS'
  /** The bridge's trigger definition is not valid. */
  | 'INVALID_BRIDGE_TRIGGER'
  /** The group does not allow the runner's IP address. */
  | 'IP_RESTRICTION_FAILURE'
  /** The upstream ended a job that ran longer than its timeout. */
  | 'JOB_EXECUTION_SERVER_TIMEOUT'
  /** The script ran longer than the job's timeout. */
  | 'JOB_EXECUTION_TIMEOUT'
  /** The job router refused the job. */
  | 'JOB_ROUTER_FAILURE'
  /** The job's token expired before the job ended. */
  | 'JOB_TOKEN_EXPIRED'
  /** Artifacts of an earlier job are gone. */
  | 'MISSING_DEPENDENCY_FAILURE'
  /** No runner takes such a job. */
  | 'NO_MATCHING_RUNNER'
  /** The runner fell silent while the job was canceling. */
  | 'NO_UPDATES_CANCELING'
  /** The runner fell silent while the job ran. */
  | 'NO_UPDATES_RUNNING'
  /** The bridge would have started a loop of pipelines. */
  | 'PIPELINE_LOOP_DETECTED'
  /** The project was deleted. */
  | 'PROJECT_DELETED'
  /** The environment is protected from the user. */
  | 'PROTECTED_ENVIRONMENT_FAILURE'
  /** Too many downstream pipelines were started in a short time. */
  | 'REACHED_DOWNSTREAM_PIPELINE_TRIGGER_RATE_LIMIT'
  /** No further level of child pipelines is allowed. */
  | 'REACHED_MAX_DESCENDANT_PIPELINES_DEPTH'
  /** No further pipeline is allowed in this family of pipelines. */
  | 'REACHED_MAX_PIPELINE_HIERARCHY_SIZE'
  /** The runner is configured wrongly. */
  | 'RUNNER_CONFIGURATION_ERROR'
  /** Something the runner depends on failed, e.g. an image registry. */
  | 'RUNNER_EXTERNAL_DEPENDENCY_FAILURE'
  /** The runner was stopped while the job ran. */
  | 'RUNNER_INTERRUPTED'
  /** The runner's system failed. */
  | 'RUNNER_SYSTEM_FAILURE'
  /** The runner cannot do what the job asks for. */
  | 'RUNNER_UNSUPPORTED'
  /** The scheduler could not assign it to a runner. */
  | 'SCHEDULER_FAILURE'
  /** The script ended with an error. */
  | 'SCRIPT_FAILURE'
  /** The provider of secrets was not found. */
  | 'SECRETS_PROVIDER_NOT_FOUND'
  /** The upstream ended a job that was canceling for too long. */
  | 'SERVER_TIMEOUT_CANCELING'
  /** The upstream ended a job that ran for too long. */
  | 'SERVER_TIMEOUT_RUNNING'
  /** A delayed job could not start in time. */
  | 'STALE_SCHEDULE'
  /** Stuck or timed out; newer upstreams say which of the two. */
  | 'STUCK_OR_TIMEOUT_FAILURE'
  /** Pending for too long; no runner takes such jobs. */
  | 'STUCK_PENDING_NO_MATCHING_RUNNERS'
  /** Pending for too long, although runners take such jobs. */
  | 'STUCK_PENDING_WITH_MATCHING_RUNNERS'
  /** The log grew beyond its limit. */
  | 'TRACE_SIZE_EXCEEDED'
  /** A word this gateway does not know yet; see failureReasonText. */
  | 'UNKNOWN'
  /** The upstream could not tell why. */
  | 'UNKNOWN_FAILURE'
  /** What the job needs could not be set up. */
  | 'UNMET_PREREQUISITES'
  /** The project the bridge waits for was not found. */
  | 'UPSTREAM_BRIDGE_PROJECT_NOT_FOUND'
  /** The user who started it is blocked. */
  | 'USER_BLOCKED';

/** Why an action was refused, for programs. */
export type JobActionErrorCode =
  /** Artifact size is being refreshed, or another write was faster; try again. */
  | 'CONFLICT'
  /** The caller may not do it; nobody may where the job is archived. */
  | 'FORBIDDEN'
  /** A variable or an input cannot be used. */
  | 'INVALID_VARIABLES'
  /** There was nothing to do, e.g. to cancel: it had finished. */
  | 'NOTHING_TO_DO'
  /** Upstream says the state does not allow it. */
  | 'NOT_ALLOWED_IN_STATUS'
  /** It does not exist, is not visible, or is a bridge. */
  | 'NOT_FOUND'
  /** The write may or may not have happened; read the job before trying again. */
  | 'OUTCOME_UNKNOWN'
  /** Too many requests; try again later, see retryAfter. */
  | 'RATE_LIMITED'
  /** The upstream redirected the write, so it was not carried out: the project has moved, or the gateway's address of the upstream is wrong. */
  | 'REDIRECTED'
  /** ifStatus did not hold; nothing was sent. */
  | 'STATUS_CHANGED'
  /** The upstream is down or in maintenance, or only reads, and has not done it; see retryAfter. */
  | 'UNAVAILABLE'
  /** The upstream, or a proxy before it, refused it for another reason, which the message tells; nothing was done. */
  | 'UPSTREAM_REFUSED';

/** Which job to cancel. */
export type JobCancelInput = {
  /** Cancel a job that is already canceling, without waiting for its after_script. It does nothing to jobs in other states, and needs a maintainer. */
  force?: boolean;
  /** Act only if the status is one of these; otherwise STATUS_CHANGED and no upstream write. Cost: 1 call, for reading the status first. */
  ifStatus?: Array<Status> | null | undefined;
  /** The job; bridges cannot be canceled. */
  job: JobRef;
};

/** A job by its project and number. */
export type JobPath = {
  /** Numeric job id. */
  job: string | number;
  /** Numeric id or full path. */
  project: string | number;
};

/** Which job or bridge to start, and with what. */
export type JobPlayInput = {
  /** Act only if the status is one of these; otherwise STATUS_CHANGED and no upstream write. Cost: 1 call, for reading the status first. */
  ifStatus?: Array<Status> | null | undefined;
  /** Values for the job's inputs, by name, where the upstream knows them. */
  inputs?: unknown;
  /** The job or bridge. */
  job: JobRef;
  /** Variables for this run; bridges take none. */
  variables?: Array<JobVariable> | null | undefined;
};

/** Which job: exactly one way to say it. */
export type JobRef =
  {   /** Global id, as an id field gave it. */
  id: string | number; path?: never; webUrl?: never; }
  |  { id?: never;   /** Project and number. */
  path: JobPath; webUrl?: never; }
  |  { id?: never; path?: never;   /** Address of the job's page. */
  webUrl: string; };

/** Which job or bridge to run again. */
export type JobRetryInput = {
  /** Act only if the status is one of these; otherwise STATUS_CHANGED and no upstream write. Cost: 1 call, for reading the status first. */
  ifStatus?: Array<Status> | null | undefined;
  /** Values for the job's inputs, by name, where the upstream knows them. */
  inputs?: unknown;
  /** The job or bridge. */
  job: JobRef;
};

/** A variable for a job that is started by hand. */
export type JobVariable = {
  /** Name; each only once. */
  key: string;
  /** Value; empty is allowed. */
  value: string;
};

/** A pipeline by its project and number. */
export type PipelinePath = {
  /** Numeric pipeline id; not its number inside the project. */
  pipeline: string | number;
  /** Numeric id or full path. */
  project: string | number;
};

/** Which pipeline: exactly one way to say it. */
export type PipelineRef =
  {   /** Global id, as an id field gave it. */
  id: string | number; path?: never; webUrl?: never; }
  |  { id?: never;   /** Project and number. */
  path: PipelinePath; webUrl?: never; }
  |  { id?: never; path?: never;   /** Address of the pipeline's page. */
  webUrl: string; };

/** Status of a job, bridge or pipeline. */
export type Status =
  /** Was stopped. */
  | 'CANCELED'
  /** Was told to stop; the runner is finishing its after_script. */
  | 'CANCELING'
  /** Waits for what has to run before it. */
  | 'CREATED'
  /** Finished badly. */
  | 'FAILED'
  /** Waits for somebody to start it. */
  | 'MANUAL'
  /** Waits for a runner. */
  | 'PENDING'
  /** What it needs, e.g. a cluster's namespace, is being set up. */
  | 'PREPARING'
  /** A runner is at it. */
  | 'RUNNING'
  /** Will start by itself after a delay. */
  | 'SCHEDULED'
  /** Left out, e.g. because something before it failed. */
  | 'SKIPPED'
  /** Finished well. */
  | 'SUCCESS'
  /** A word this gateway does not know yet; see statusText. */
  | 'UNKNOWN'
  /** Waits for an outside system to call back. */
  | 'WAITING_FOR_CALLBACK'
  /** Waits for a resource group that another job holds. */
  | 'WAITING_FOR_RESOURCE';

type Item_Bridge_Fragment = { __typename: 'Bridge', id: string, databaseId: number, name: string | null, stage: string | null, status: Status | null, allowFailure: boolean | null, startedAt: string | null, duration: number | null, failureReason: FailureReason | null, cancelable: boolean, retryable: boolean | null, playable: boolean | null, downstreamPipeline: { id: string, databaseId: number, status: Status | null } | null, pipeline: { id: string } | null };

type Item_Job_Fragment = { __typename: 'Job', id: string, databaseId: number, name: string | null, stage: string | null, status: Status | null, allowFailure: boolean | null, startedAt: string | null, duration: number | null, failureReason: FailureReason | null, cancelable: boolean | null, retryable: boolean | null, playable: boolean | null, pipeline: { id: string } | null };

export type ItemFragment =
  | Item_Bridge_Fragment
  | Item_Job_Fragment
;

export type HeadFragment = { id: string, databaseId: number, ref: string | null, sha: string | null, source: string | null, status: Status | null, createdAt: string | null };

export type PipelinesQueryVariables = Exact<{
  project: string | number;
  after?: string | null | undefined;
}>;


export type PipelinesQuery = { project: { id: string, fullPath: string | null, pipelines: { edges: Array<{ node: { name: string | null, id: string, databaseId: number, ref: string | null, sha: string | null, source: string | null, status: Status | null, createdAt: string | null } | null } | null>, pageInfo: { hasNextPage: boolean, endCursor: string | null } } | null } | null };

export type OpenPipelineQueryVariables = Exact<{
  pipeline: PipelineRef;
}>;


export type OpenPipelineQuery = { pipeline: { id: string, databaseId: number, ref: string | null, sha: string | null, source: string | null, status: Status | null, createdAt: string | null } | null };

export type PipelineQueryVariables = Exact<{
  pipeline: PipelineRef;
  withAttempts: boolean;
}>;


export type PipelineQuery = { pipeline: { id: string, databaseId: number, ref: string | null, sha: string | null, source: string | null, status: Status | null, createdAt: string | null, stages: { partial: boolean, nodes: Array<{ name: string | null, items: Array<
          | { __typename: 'Bridge', id: string, databaseId: number, name: string | null, stage: string | null, status: Status | null, allowFailure: boolean | null, startedAt: string | null, duration: number | null, failureReason: FailureReason | null, cancelable: boolean, retryable: boolean | null, playable: boolean | null, downstreamPipeline: { id: string, databaseId: number, status: Status | null } | null, pipeline: { id: string } | null }
          | { __typename: 'Job', id: string, databaseId: number, name: string | null, stage: string | null, status: Status | null, allowFailure: boolean | null, startedAt: string | null, duration: number | null, failureReason: FailureReason | null, cancelable: boolean | null, retryable: boolean | null, playable: boolean | null, attempts?: { nodes: Array<{ id: string, databaseId: number, status: Status | null, startedAt: string | null, duration: number | null }> } | null, pipeline: { id: string } | null }
        > }> } | null } | null };

export type PipelineChangesSubscriptionVariables = Exact<{
  pipeline: PipelineRef;
}>;


export type PipelineChangesSubscription = { pipelineUpdated: { pipeline: { name: string | null, id: string, databaseId: number, ref: string | null, sha: string | null, source: string | null, status: Status | null, createdAt: string | null }, changed: Array<
      | { __typename: 'Bridge', id: string, databaseId: number, name: string | null, stage: string | null, status: Status | null, allowFailure: boolean | null, startedAt: string | null, duration: number | null, failureReason: FailureReason | null, cancelable: boolean, retryable: boolean | null, playable: boolean | null, downstreamPipeline: { id: string, databaseId: number, status: Status | null } | null, pipeline: { id: string } | null }
      | { __typename: 'Job', id: string, databaseId: number, name: string | null, stage: string | null, status: Status | null, allowFailure: boolean | null, startedAt: string | null, duration: number | null, failureReason: FailureReason | null, cancelable: boolean | null, retryable: boolean | null, playable: boolean | null, pipeline: { id: string } | null }
    > | null } | null };

export type JobQueryVariables = Exact<{
  job: JobRef;
}>;


export type JobQuery = { job: { __typename: 'Job', id: string, databaseId: number, name: string | null, stage: string | null, status: Status | null, allowFailure: boolean | null, startedAt: string | null, duration: number | null, failureReason: FailureReason | null, cancelable: boolean | null, retryable: boolean | null, playable: boolean | null, user: { databaseId: number, name: string | null } | null, runner: { databaseId: number, description: string | null } | null, log: { id: string, tail: { text: string, startByte: number, endByte: number, truncated: boolean } | null } | null, pipeline: { id: string } | null } | null };

export type JobChangesSubscriptionVariables = Exact<{
  job: JobRef;
}>;


export type JobChangesSubscription = { jobUpdated: { __typename: 'Job', id: string, databaseId: number, name: string | null, stage: string | null, status: Status | null, allowFailure: boolean | null, startedAt: string | null, duration: number | null, failureReason: FailureReason | null, cancelable: boolean | null, retryable: boolean | null, playable: boolean | null, runner: { databaseId: number, description: string | null } | null, pipeline: { id: string } | null } | null };

export type LogGoesOnSubscriptionVariables = Exact<{
  job: JobRef;
  fromByte: number | string;
}>;


export type LogGoesOnSubscription = { jobLog: { text: string, startByte: number, endByte: number } | null };

export type RetryMutationVariables = Exact<{
  input: JobRetryInput;
}>;


export type RetryMutation = { jobRetry: { item:
      | { __typename: 'Bridge', id: string, databaseId: number, name: string | null, stage: string | null, status: Status | null, allowFailure: boolean | null, startedAt: string | null, duration: number | null, failureReason: FailureReason | null, cancelable: boolean, retryable: boolean | null, playable: boolean | null, downstreamPipeline: { id: string, databaseId: number, status: Status | null } | null, pipeline: { id: string } | null }
      | { __typename: 'Job', id: string, databaseId: number, name: string | null, stage: string | null, status: Status | null, allowFailure: boolean | null, startedAt: string | null, duration: number | null, failureReason: FailureReason | null, cancelable: boolean | null, retryable: boolean | null, playable: boolean | null, pipeline: { id: string } | null }
     | null, userErrors: Array<{ code: JobActionErrorCode, message: string }> } | null };

export type PlayMutationVariables = Exact<{
  input: JobPlayInput;
}>;


export type PlayMutation = { jobPlay: { item:
      | { __typename: 'Bridge', id: string, databaseId: number, name: string | null, stage: string | null, status: Status | null, allowFailure: boolean | null, startedAt: string | null, duration: number | null, failureReason: FailureReason | null, cancelable: boolean, retryable: boolean | null, playable: boolean | null, downstreamPipeline: { id: string, databaseId: number, status: Status | null } | null, pipeline: { id: string } | null }
      | { __typename: 'Job', id: string, databaseId: number, name: string | null, stage: string | null, status: Status | null, allowFailure: boolean | null, startedAt: string | null, duration: number | null, failureReason: FailureReason | null, cancelable: boolean | null, retryable: boolean | null, playable: boolean | null, pipeline: { id: string } | null }
     | null, userErrors: Array<{ code: JobActionErrorCode, message: string }> } | null };

export type CancelMutationVariables = Exact<{
  input: JobCancelInput;
}>;


export type CancelMutation = { jobCancel: { job: { __typename: 'Job', id: string, databaseId: number, name: string | null, stage: string | null, status: Status | null, allowFailure: boolean | null, startedAt: string | null, duration: number | null, failureReason: FailureReason | null, cancelable: boolean | null, retryable: boolean | null, playable: boolean | null, pipeline: { id: string } | null } | null, userErrors: Array<{ code: JobActionErrorCode, message: string }> } | null };

export type RetryAllFailedMutationVariables = Exact<{
  pipeline: PipelineRef;
}>;


export type RetryAllFailedMutation = { jobBatch: { results: Array<{ item:
        | { __typename: 'Bridge', id: string, databaseId: number, name: string | null, stage: string | null, status: Status | null, allowFailure: boolean | null, startedAt: string | null, duration: number | null, failureReason: FailureReason | null, cancelable: boolean, retryable: boolean | null, playable: boolean | null, downstreamPipeline: { id: string, databaseId: number, status: Status | null } | null, pipeline: { id: string } | null }
        | { __typename: 'Job', id: string, databaseId: number, name: string | null, stage: string | null, status: Status | null, allowFailure: boolean | null, startedAt: string | null, duration: number | null, failureReason: FailureReason | null, cancelable: boolean | null, retryable: boolean | null, playable: boolean | null, pipeline: { id: string } | null }
       | null, userErrors: Array<{ code: JobActionErrorCode, message: string }> } | null> } | null };

export type CancelPipelineMutationVariables = Exact<{
  pipeline: PipelineRef;
}>;


export type CancelPipelineMutation = { pipelineCancel: { pipeline: { id: string, databaseId: number, ref: string | null, sha: string | null, source: string | null, status: Status | null, createdAt: string | null } | null, userErrors: Array<{ code: JobActionErrorCode, message: string }> } | null };

export const ItemFragmentDoc = {"kind":"Document","definitions":[{"kind":"FragmentDefinition","name":{"kind":"Name","value":"Item"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"PipelineItem"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"__typename"}},{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"databaseId"}},{"kind":"Field","name":{"kind":"Name","value":"name"}},{"kind":"Field","name":{"kind":"Name","value":"stage"}},{"kind":"Field","name":{"kind":"Name","value":"status"}},{"kind":"Field","name":{"kind":"Name","value":"allowFailure"}},{"kind":"Field","name":{"kind":"Name","value":"startedAt"}},{"kind":"Field","name":{"kind":"Name","value":"duration"}},{"kind":"Field","name":{"kind":"Name","value":"failureReason"}},{"kind":"Field","name":{"kind":"Name","value":"cancelable"}},{"kind":"Field","name":{"kind":"Name","value":"retryable"}},{"kind":"Field","name":{"kind":"Name","value":"playable"}},{"kind":"Field","name":{"kind":"Name","value":"pipeline"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}}]}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"Bridge"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"downstreamPipeline"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"databaseId"}},{"kind":"Field","name":{"kind":"Name","value":"status"}}]}}]}}]}}]} as unknown as DocumentNode<ItemFragment, unknown>;
export const HeadFragmentDoc = {"kind":"Document","definitions":[{"kind":"FragmentDefinition","name":{"kind":"Name","value":"Head"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"Pipeline"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"databaseId"}},{"kind":"Field","name":{"kind":"Name","value":"ref"}},{"kind":"Field","name":{"kind":"Name","value":"sha"}},{"kind":"Field","name":{"kind":"Name","value":"source"}},{"kind":"Field","name":{"kind":"Name","value":"status"}},{"kind":"Field","name":{"kind":"Name","value":"createdAt"}}]}}]} as unknown as DocumentNode<HeadFragment, unknown>;
export const PipelinesDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"query","name":{"kind":"Name","value":"Pipelines"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"project"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"ID"}}}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"after"}},"type":{"kind":"NamedType","name":{"kind":"Name","value":"String"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"project"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"id"},"value":{"kind":"Variable","name":{"kind":"Name","value":"project"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"fullPath"}},{"kind":"Field","name":{"kind":"Name","value":"pipelines"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"first"},"value":{"kind":"IntValue","value":"20"}},{"kind":"Argument","name":{"kind":"Name","value":"after"},"value":{"kind":"Variable","name":{"kind":"Name","value":"after"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"edges"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"node"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"Head"}},{"kind":"Field","name":{"kind":"Name","value":"name"}}]}}]}},{"kind":"Field","name":{"kind":"Name","value":"pageInfo"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"hasNextPage"}},{"kind":"Field","name":{"kind":"Name","value":"endCursor"}}]}}]}}]}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"Head"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"Pipeline"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"databaseId"}},{"kind":"Field","name":{"kind":"Name","value":"ref"}},{"kind":"Field","name":{"kind":"Name","value":"sha"}},{"kind":"Field","name":{"kind":"Name","value":"source"}},{"kind":"Field","name":{"kind":"Name","value":"status"}},{"kind":"Field","name":{"kind":"Name","value":"createdAt"}}]}}]} as unknown as DocumentNode<PipelinesQuery, PipelinesQueryVariables>;
export const OpenPipelineDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"query","name":{"kind":"Name","value":"OpenPipeline"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"pipeline"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"PipelineRef"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"pipeline"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"by"},"value":{"kind":"Variable","name":{"kind":"Name","value":"pipeline"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"Head"}}]}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"Head"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"Pipeline"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"databaseId"}},{"kind":"Field","name":{"kind":"Name","value":"ref"}},{"kind":"Field","name":{"kind":"Name","value":"sha"}},{"kind":"Field","name":{"kind":"Name","value":"source"}},{"kind":"Field","name":{"kind":"Name","value":"status"}},{"kind":"Field","name":{"kind":"Name","value":"createdAt"}}]}}]} as unknown as DocumentNode<OpenPipelineQuery, OpenPipelineQueryVariables>;
export const PipelineDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"query","name":{"kind":"Name","value":"Pipeline"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"pipeline"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"PipelineRef"}}}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"withAttempts"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"Boolean"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"pipeline"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"by"},"value":{"kind":"Variable","name":{"kind":"Name","value":"pipeline"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"Head"}},{"kind":"Field","name":{"kind":"Name","value":"stages"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"partial"}},{"kind":"Field","name":{"kind":"Name","value":"nodes"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"name"}},{"kind":"Field","name":{"kind":"Name","value":"items"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"Item"}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"Job"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"attempts"},"directives":[{"kind":"Directive","name":{"kind":"Name","value":"include"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"if"},"value":{"kind":"Variable","name":{"kind":"Name","value":"withAttempts"}}}]}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"nodes"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"databaseId"}},{"kind":"Field","name":{"kind":"Name","value":"status"}},{"kind":"Field","name":{"kind":"Name","value":"startedAt"}},{"kind":"Field","name":{"kind":"Name","value":"duration"}}]}}]}}]}}]}}]}}]}}]}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"Head"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"Pipeline"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"databaseId"}},{"kind":"Field","name":{"kind":"Name","value":"ref"}},{"kind":"Field","name":{"kind":"Name","value":"sha"}},{"kind":"Field","name":{"kind":"Name","value":"source"}},{"kind":"Field","name":{"kind":"Name","value":"status"}},{"kind":"Field","name":{"kind":"Name","value":"createdAt"}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"Item"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"PipelineItem"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"__typename"}},{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"databaseId"}},{"kind":"Field","name":{"kind":"Name","value":"name"}},{"kind":"Field","name":{"kind":"Name","value":"stage"}},{"kind":"Field","name":{"kind":"Name","value":"status"}},{"kind":"Field","name":{"kind":"Name","value":"allowFailure"}},{"kind":"Field","name":{"kind":"Name","value":"startedAt"}},{"kind":"Field","name":{"kind":"Name","value":"duration"}},{"kind":"Field","name":{"kind":"Name","value":"failureReason"}},{"kind":"Field","name":{"kind":"Name","value":"cancelable"}},{"kind":"Field","name":{"kind":"Name","value":"retryable"}},{"kind":"Field","name":{"kind":"Name","value":"playable"}},{"kind":"Field","name":{"kind":"Name","value":"pipeline"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}}]}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"Bridge"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"downstreamPipeline"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"databaseId"}},{"kind":"Field","name":{"kind":"Name","value":"status"}}]}}]}}]}}]} as unknown as DocumentNode<PipelineQuery, PipelineQueryVariables>;
export const PipelineChangesDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"subscription","name":{"kind":"Name","value":"PipelineChanges"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"pipeline"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"PipelineRef"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"pipelineUpdated"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"pipeline"},"value":{"kind":"Variable","name":{"kind":"Name","value":"pipeline"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"pipeline"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"Head"}},{"kind":"Field","name":{"kind":"Name","value":"name"}}]}},{"kind":"Field","name":{"kind":"Name","value":"changed"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"Item"}}]}}]}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"Head"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"Pipeline"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"databaseId"}},{"kind":"Field","name":{"kind":"Name","value":"ref"}},{"kind":"Field","name":{"kind":"Name","value":"sha"}},{"kind":"Field","name":{"kind":"Name","value":"source"}},{"kind":"Field","name":{"kind":"Name","value":"status"}},{"kind":"Field","name":{"kind":"Name","value":"createdAt"}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"Item"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"PipelineItem"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"__typename"}},{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"databaseId"}},{"kind":"Field","name":{"kind":"Name","value":"name"}},{"kind":"Field","name":{"kind":"Name","value":"stage"}},{"kind":"Field","name":{"kind":"Name","value":"status"}},{"kind":"Field","name":{"kind":"Name","value":"allowFailure"}},{"kind":"Field","name":{"kind":"Name","value":"startedAt"}},{"kind":"Field","name":{"kind":"Name","value":"duration"}},{"kind":"Field","name":{"kind":"Name","value":"failureReason"}},{"kind":"Field","name":{"kind":"Name","value":"cancelable"}},{"kind":"Field","name":{"kind":"Name","value":"retryable"}},{"kind":"Field","name":{"kind":"Name","value":"playable"}},{"kind":"Field","name":{"kind":"Name","value":"pipeline"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}}]}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"Bridge"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"downstreamPipeline"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"databaseId"}},{"kind":"Field","name":{"kind":"Name","value":"status"}}]}}]}}]}}]} as unknown as DocumentNode<PipelineChangesSubscription, PipelineChangesSubscriptionVariables>;
export const JobDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"query","name":{"kind":"Name","value":"Job"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"job"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"JobRef"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"job"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"by"},"value":{"kind":"Variable","name":{"kind":"Name","value":"job"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"Item"}},{"kind":"Field","name":{"kind":"Name","value":"user"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"databaseId"}},{"kind":"Field","name":{"kind":"Name","value":"name"}}]}},{"kind":"Field","name":{"kind":"Name","value":"runner"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"databaseId"}},{"kind":"Field","name":{"kind":"Name","value":"description"}}]}},{"kind":"Field","name":{"kind":"Name","value":"log"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"tail"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"lines"},"value":{"kind":"IntValue","value":"1000"}},{"kind":"Argument","name":{"kind":"Name","value":"maxBytes"},"value":{"kind":"IntValue","value":"262144"}},{"kind":"Argument","name":{"kind":"Name","value":"format"},"value":{"kind":"EnumValue","value":"RAW"}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"text"}},{"kind":"Field","name":{"kind":"Name","value":"startByte"}},{"kind":"Field","name":{"kind":"Name","value":"endByte"}},{"kind":"Field","name":{"kind":"Name","value":"truncated"}}]}}]}}]}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"Item"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"PipelineItem"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"__typename"}},{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"databaseId"}},{"kind":"Field","name":{"kind":"Name","value":"name"}},{"kind":"Field","name":{"kind":"Name","value":"stage"}},{"kind":"Field","name":{"kind":"Name","value":"status"}},{"kind":"Field","name":{"kind":"Name","value":"allowFailure"}},{"kind":"Field","name":{"kind":"Name","value":"startedAt"}},{"kind":"Field","name":{"kind":"Name","value":"duration"}},{"kind":"Field","name":{"kind":"Name","value":"failureReason"}},{"kind":"Field","name":{"kind":"Name","value":"cancelable"}},{"kind":"Field","name":{"kind":"Name","value":"retryable"}},{"kind":"Field","name":{"kind":"Name","value":"playable"}},{"kind":"Field","name":{"kind":"Name","value":"pipeline"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}}]}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"Bridge"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"downstreamPipeline"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"databaseId"}},{"kind":"Field","name":{"kind":"Name","value":"status"}}]}}]}}]}}]} as unknown as DocumentNode<JobQuery, JobQueryVariables>;
export const JobChangesDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"subscription","name":{"kind":"Name","value":"JobChanges"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"job"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"JobRef"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"jobUpdated"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"job"},"value":{"kind":"Variable","name":{"kind":"Name","value":"job"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"Item"}},{"kind":"Field","name":{"kind":"Name","value":"runner"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"databaseId"}},{"kind":"Field","name":{"kind":"Name","value":"description"}}]}}]}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"Item"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"PipelineItem"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"__typename"}},{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"databaseId"}},{"kind":"Field","name":{"kind":"Name","value":"name"}},{"kind":"Field","name":{"kind":"Name","value":"stage"}},{"kind":"Field","name":{"kind":"Name","value":"status"}},{"kind":"Field","name":{"kind":"Name","value":"allowFailure"}},{"kind":"Field","name":{"kind":"Name","value":"startedAt"}},{"kind":"Field","name":{"kind":"Name","value":"duration"}},{"kind":"Field","name":{"kind":"Name","value":"failureReason"}},{"kind":"Field","name":{"kind":"Name","value":"cancelable"}},{"kind":"Field","name":{"kind":"Name","value":"retryable"}},{"kind":"Field","name":{"kind":"Name","value":"playable"}},{"kind":"Field","name":{"kind":"Name","value":"pipeline"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}}]}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"Bridge"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"downstreamPipeline"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"databaseId"}},{"kind":"Field","name":{"kind":"Name","value":"status"}}]}}]}}]}}]} as unknown as DocumentNode<JobChangesSubscription, JobChangesSubscriptionVariables>;
export const LogGoesOnDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"subscription","name":{"kind":"Name","value":"LogGoesOn"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"job"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"JobRef"}}}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"fromByte"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"BigInt"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"jobLog"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"job"},"value":{"kind":"Variable","name":{"kind":"Name","value":"job"}}},{"kind":"Argument","name":{"kind":"Name","value":"fromByte"},"value":{"kind":"Variable","name":{"kind":"Name","value":"fromByte"}}},{"kind":"Argument","name":{"kind":"Name","value":"format"},"value":{"kind":"EnumValue","value":"RAW"}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"text"}},{"kind":"Field","name":{"kind":"Name","value":"startByte"}},{"kind":"Field","name":{"kind":"Name","value":"endByte"}}]}}]}}]} as unknown as DocumentNode<LogGoesOnSubscription, LogGoesOnSubscriptionVariables>;
export const RetryDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"mutation","name":{"kind":"Name","value":"Retry"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"input"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"JobRetryInput"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"jobRetry"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"input"},"value":{"kind":"Variable","name":{"kind":"Name","value":"input"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"item"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"Item"}}]}},{"kind":"Field","name":{"kind":"Name","value":"userErrors"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"code"}},{"kind":"Field","name":{"kind":"Name","value":"message"}}]}}]}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"Item"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"PipelineItem"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"__typename"}},{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"databaseId"}},{"kind":"Field","name":{"kind":"Name","value":"name"}},{"kind":"Field","name":{"kind":"Name","value":"stage"}},{"kind":"Field","name":{"kind":"Name","value":"status"}},{"kind":"Field","name":{"kind":"Name","value":"allowFailure"}},{"kind":"Field","name":{"kind":"Name","value":"startedAt"}},{"kind":"Field","name":{"kind":"Name","value":"duration"}},{"kind":"Field","name":{"kind":"Name","value":"failureReason"}},{"kind":"Field","name":{"kind":"Name","value":"cancelable"}},{"kind":"Field","name":{"kind":"Name","value":"retryable"}},{"kind":"Field","name":{"kind":"Name","value":"playable"}},{"kind":"Field","name":{"kind":"Name","value":"pipeline"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}}]}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"Bridge"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"downstreamPipeline"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"databaseId"}},{"kind":"Field","name":{"kind":"Name","value":"status"}}]}}]}}]}}]} as unknown as DocumentNode<RetryMutation, RetryMutationVariables>;
export const PlayDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"mutation","name":{"kind":"Name","value":"Play"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"input"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"JobPlayInput"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"jobPlay"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"input"},"value":{"kind":"Variable","name":{"kind":"Name","value":"input"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"item"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"Item"}}]}},{"kind":"Field","name":{"kind":"Name","value":"userErrors"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"code"}},{"kind":"Field","name":{"kind":"Name","value":"message"}}]}}]}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"Item"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"PipelineItem"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"__typename"}},{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"databaseId"}},{"kind":"Field","name":{"kind":"Name","value":"name"}},{"kind":"Field","name":{"kind":"Name","value":"stage"}},{"kind":"Field","name":{"kind":"Name","value":"status"}},{"kind":"Field","name":{"kind":"Name","value":"allowFailure"}},{"kind":"Field","name":{"kind":"Name","value":"startedAt"}},{"kind":"Field","name":{"kind":"Name","value":"duration"}},{"kind":"Field","name":{"kind":"Name","value":"failureReason"}},{"kind":"Field","name":{"kind":"Name","value":"cancelable"}},{"kind":"Field","name":{"kind":"Name","value":"retryable"}},{"kind":"Field","name":{"kind":"Name","value":"playable"}},{"kind":"Field","name":{"kind":"Name","value":"pipeline"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}}]}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"Bridge"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"downstreamPipeline"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"databaseId"}},{"kind":"Field","name":{"kind":"Name","value":"status"}}]}}]}}]}}]} as unknown as DocumentNode<PlayMutation, PlayMutationVariables>;
export const CancelDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"mutation","name":{"kind":"Name","value":"Cancel"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"input"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"JobCancelInput"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"jobCancel"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"input"},"value":{"kind":"Variable","name":{"kind":"Name","value":"input"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"job"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"Item"}}]}},{"kind":"Field","name":{"kind":"Name","value":"userErrors"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"code"}},{"kind":"Field","name":{"kind":"Name","value":"message"}}]}}]}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"Item"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"PipelineItem"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"__typename"}},{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"databaseId"}},{"kind":"Field","name":{"kind":"Name","value":"name"}},{"kind":"Field","name":{"kind":"Name","value":"stage"}},{"kind":"Field","name":{"kind":"Name","value":"status"}},{"kind":"Field","name":{"kind":"Name","value":"allowFailure"}},{"kind":"Field","name":{"kind":"Name","value":"startedAt"}},{"kind":"Field","name":{"kind":"Name","value":"duration"}},{"kind":"Field","name":{"kind":"Name","value":"failureReason"}},{"kind":"Field","name":{"kind":"Name","value":"cancelable"}},{"kind":"Field","name":{"kind":"Name","value":"retryable"}},{"kind":"Field","name":{"kind":"Name","value":"playable"}},{"kind":"Field","name":{"kind":"Name","value":"pipeline"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}}]}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"Bridge"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"downstreamPipeline"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"databaseId"}},{"kind":"Field","name":{"kind":"Name","value":"status"}}]}}]}}]}}]} as unknown as DocumentNode<CancelMutation, CancelMutationVariables>;
export const RetryAllFailedDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"mutation","name":{"kind":"Name","value":"RetryAllFailed"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"pipeline"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"PipelineRef"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"jobBatch"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"input"},"value":{"kind":"ObjectValue","fields":[{"kind":"ObjectField","name":{"kind":"Name","value":"action"},"value":{"kind":"EnumValue","value":"RETRY"}},{"kind":"ObjectField","name":{"kind":"Name","value":"of"},"value":{"kind":"ObjectValue","fields":[{"kind":"ObjectField","name":{"kind":"Name","value":"pipeline"},"value":{"kind":"ObjectValue","fields":[{"kind":"ObjectField","name":{"kind":"Name","value":"pipeline"},"value":{"kind":"Variable","name":{"kind":"Name","value":"pipeline"}}},{"kind":"ObjectField","name":{"kind":"Name","value":"statuses"},"value":{"kind":"ListValue","values":[{"kind":"EnumValue","value":"FAILED"}]}}]}}]}}]}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"results"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"item"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"Item"}}]}},{"kind":"Field","name":{"kind":"Name","value":"userErrors"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"code"}},{"kind":"Field","name":{"kind":"Name","value":"message"}}]}}]}}]}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"Item"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"PipelineItem"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"__typename"}},{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"databaseId"}},{"kind":"Field","name":{"kind":"Name","value":"name"}},{"kind":"Field","name":{"kind":"Name","value":"stage"}},{"kind":"Field","name":{"kind":"Name","value":"status"}},{"kind":"Field","name":{"kind":"Name","value":"allowFailure"}},{"kind":"Field","name":{"kind":"Name","value":"startedAt"}},{"kind":"Field","name":{"kind":"Name","value":"duration"}},{"kind":"Field","name":{"kind":"Name","value":"failureReason"}},{"kind":"Field","name":{"kind":"Name","value":"cancelable"}},{"kind":"Field","name":{"kind":"Name","value":"retryable"}},{"kind":"Field","name":{"kind":"Name","value":"playable"}},{"kind":"Field","name":{"kind":"Name","value":"pipeline"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}}]}},{"kind":"InlineFragment","typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"Bridge"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"downstreamPipeline"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"databaseId"}},{"kind":"Field","name":{"kind":"Name","value":"status"}}]}}]}}]}}]} as unknown as DocumentNode<RetryAllFailedMutation, RetryAllFailedMutationVariables>;
export const CancelPipelineDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"mutation","name":{"kind":"Name","value":"CancelPipeline"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"pipeline"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"PipelineRef"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"pipelineCancel"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"input"},"value":{"kind":"ObjectValue","fields":[{"kind":"ObjectField","name":{"kind":"Name","value":"pipeline"},"value":{"kind":"Variable","name":{"kind":"Name","value":"pipeline"}}}]}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"pipeline"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"Head"}}]}},{"kind":"Field","name":{"kind":"Name","value":"userErrors"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"code"}},{"kind":"Field","name":{"kind":"Name","value":"message"}}]}}]}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"Head"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"Pipeline"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"databaseId"}},{"kind":"Field","name":{"kind":"Name","value":"ref"}},{"kind":"Field","name":{"kind":"Name","value":"sha"}},{"kind":"Field","name":{"kind":"Name","value":"source"}},{"kind":"Field","name":{"kind":"Name","value":"status"}},{"kind":"Field","name":{"kind":"Name","value":"createdAt"}}]}}]} as unknown as DocumentNode<CancelPipelineMutation, CancelPipelineMutationVariables>;