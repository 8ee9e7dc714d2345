// Drives @gitbeaker/rest against the sandbox named by SANDBOX_URL and SANDBOX_TOKENS (JSON by role),
// and prints what each step gave as one JSON object. The assertions are in test_gitbeaker.py.
import { Gitlab } from '@gitbeaker/rest';

const host = process.env.SANDBOX_URL;
const tokens = JSON.parse(process.env.SANDBOX_TOKENS);
const api = new Gitlab({ host, token: tokens.maintainer });
const PROJECT = 1;
const PIPELINE = 6;
const JOB = 1;

const refusal = async (call) => {
  try {
    await call();
  } catch (error) {
    return {
      name: error.name,
      status: error.cause?.response?.status,
      description: error.cause?.description,
    };
  }
  return null;
};
const ids = (rows) => rows.map((row) => row.id);
const firstOf = async (status) =>
  (await api.Jobs.all(PROJECT, { scope: [status], perPage: 1, page: 1 }))[0];

const steps = {
  offset: async () => ids(await api.Jobs.all(PROJECT, { perPage: 50 })),
  keyset: async () => ids(await api.Jobs.all(PROJECT, { perPage: 50, pagination: 'keyset' })),
  keyset_scoped: async () =>
    (await api.Jobs.all(PROJECT, { perPage: 10, pagination: 'keyset', scope: ['failed', 'success'] }))
      .map((job) => job.status),
  first_page: async () =>
    api.Jobs.all(PROJECT, { pipelineId: PIPELINE, perPage: 2, page: 1, showExpanded: true }),
  pipeline_jobs: async () => ids(await api.Jobs.all(PROJECT, { pipelineId: PIPELINE })),
  pipeline_jobs_with_retried: async () =>
    ids(await api.Jobs.all(PROJECT, { pipelineId: PIPELINE, includeRetried: true })),
  by_path: async () => {
    const project = await api.Projects.show(PROJECT);
    return ids(await api.Jobs.all(project.path_with_namespace, { perPage: 50 }));
  },
  bridges: async () => api.Jobs.allPipelineBridges(PROJECT, PIPELINE),
  pipeline: async () => api.Pipelines.show(PROJECT, PIPELINE),
  job: async () => api.Jobs.show(PROJECT, JOB),
  log: async () => api.Jobs.showLog(PROJECT, JOB),
  commit: async () => {
    const job = await api.Jobs.show(PROJECT, JOB);
    return [job.commit.id, (await api.Commits.show(PROJECT, job.commit.id)).id];
  },
  bearer: async () => {
    const bearer = new Gitlab({ host, oauthToken: tokens.oauth });
    return ids(await bearer.Jobs.all(PROJECT, { perPage: 50 }));
  },

  unknown_job: async () => refusal(() => api.Jobs.show(PROJECT, 987654321)),
  unknown_project: async () => refusal(() => api.Jobs.all('no/such')),
  bad_scope: async () => refusal(() => api.Jobs.all(PROJECT, { scope: ['nonsense'] })),
  anonymous: async () => {
    const unknown = new Gitlab({ host, token: 'no-such-token' });
    return refusal(() => unknown.Jobs.show(PROJECT, JOB));
  },
  reporter_cancels: async () => {
    const reporter = new Gitlab({ host, token: tokens.reporter });
    return refusal(() => reporter.Jobs.cancel(PROJECT, JOB));
  },
  retry_of_running: async () => {
    const job = await firstOf('running');
    return refusal(() => api.Jobs.retry(PROJECT, job.id));
  },
  play_of_running: async () => {
    const job = await firstOf('running');
    return refusal(() => api.Jobs.play(PROJECT, job.id));
  },

  cancel: async () => {
    const job = await firstOf('pending');
    const answer = await api.Jobs.cancel(PROJECT, job.id);
    return { asked: job.id, id: answer.id, status: answer.status };
  },
  retry: async () => {
    const job = await firstOf('failed');
    const answer = await api.Jobs.retry(PROJECT, job.id);
    return { asked: job.id, id: answer.id, name: answer.name, was: job.name };
  },
  play: async () => {
    const job = await firstOf('manual');
    const jobVariablesAttributes = [{ key: 'A', value: '1' }];
    const answer = await api.Jobs.play(PROJECT, job.id, { jobVariablesAttributes });
    return { asked: job.id, id: answer.id, status: answer.status };
  },
  erase: async () => {
    const answer = await api.Jobs.erase(PROJECT, JOB);
    return { ...answer, log: await api.Jobs.showLog(PROJECT, JOB) };
  },
};

const results = {};
for (const [name, step] of Object.entries(steps)) {
  try {
    results[name] = await step();
  } catch (error) {
    results[name] = { failed: `${error.name}: ${error.message}` };
  }
}
console.log(JSON.stringify(results));
