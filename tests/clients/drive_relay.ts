// Runs the Relay environment of docs/clients.md over the gateway, and prints what it found.

import {
  commitMutation,
  createOperationDescriptor,
  fetchQuery,
  getRequest,
  getSingularSelector,
} from "relay-runtime";
import { jobOf, MANUAL, numbersOf, play, step, tell, tokens, twoIds, url } from "./drive";
import nextPage from "./src/relay/__generated__/FailedJobsNextPageQuery.graphql";
import { type Cost, makeEnvironment } from "./src/relay/environment";
import * as failedJobs from "./src/relay/FailedJobs";
import * as more from "./src/relay/More";
import * as oneJob from "./src/relay/OneJob";

const costs: Cost[] = [];
const environment = makeEnvironment(url, () => tokens.developer, (cost) => costs.push(cost));
const query = async (document: any, variables: any, where = environment) => {
  const data: any = await fetchQuery(where, document, variables).toPromise();
  where.retain(createOperationDescriptor(getRequest(document), variables));
  return data;
};
/** What the store knows of a query, without asking. */
const known = (document: any, variables: any) => {
  const operation = createOperationDescriptor(getRequest(document), variables);
  const isWhole = environment.check(operation).status === "available";
  return { data: environment.lookup(operation.fragment).data as any, isWhole };
};
const mutate = (variables: any) =>
  new Promise<any>((resolve, reject) => {
    commitMutation(environment, {
      mutation: oneJob.retry,
      variables,
      onCompleted: resolve,
      onError: reject,
    });
  });
const codesOf = (errors: any) => errors.map((one: any) => one.extensions.code);
let id = "";

await step("pages", async () => {
  const { project } = await query(failedJobs.query, { project: "1" });
  const list = getSingularSelector(failedJobs.fragment as any, project) as any;
  const jobs = () => (environment.lookup(list).data as any).jobs;
  const first = numbersOf(jobs().edges);
  await query(nextPage, { id: project.id, after: jobs().pageInfo.endCursor });
  return { first, both: numbersOf(jobs().edges), asked: costs.length };
});

await step("known", async () => {
  const { value } = (await query(oneJob.query, { job: jobOf(8) })).job;
  id = value.id;
  const { data, isWhole } = known(more.name, { job: { id } });
  return { name: data.job?.name, asked: isWhole ? 0 : 1 };
});

await step("log", async () => {
  const job = { id };
  await query(oneJob.query, { job });
  await query(more.lines, { job });
  const tail = known(oneJob.query, { job });
  const lines = known(more.lines, { job });
  return {
    text: tail.data.job.value.log.tail.text,
    lineCount: lines.data.job.log.lineCount,
    asked: tail.isWhole && lines.isWhole ? 0 : 1,
  };
});

await step("types", async () => {
  const { nodes } = await query(more.items, { ids: await twoIds() });
  return nodes.map((node: any) => [node.__typename, node.name]);
});

await step("changed user", async () => {
  const job = jobOf(MANUAL);
  const before = (await query(more.user, { job })).job.user;
  await play();
  await query(more.lessOfUser, { job });
  const stored = known(more.user, { job });
  const after = (stored.isWhole ? stored.data : await query(more.user, { job })).job.user;
  return { before: [before.username, before.name], after: [after.username, after.name] };
});

await step("partial", async () => {
  const { there, gone } = await query(more.both, { there: jobOf(8), gone: jobOf(999_999) });
  return { there: there.name, gone: gone.ok ? gone.value : null, codes: codesOf(gone.errors) };
});

await step("refused", async () => {
  const { jobRetry } = await mutate({ job: jobOf(8) });
  return { codes: jobRetry.userErrors.map(({ code }: any) => code), error: null };
});

await step("retried", async () => {
  const { item, userErrors } = (await mutate({ job: jobOf(7) })).jobRetry;
  const { data, isWhole } = known(more.name, { job: { id: item.id } });
  return { refusals: userErrors, name: data.job?.name, asked: isWhole ? 0 : 1 };
});

await step("credential", async () => {
  const stranger = makeEnvironment(url, () => "glpat-nobody");
  const { job } = await query(oneJob.query, { job: jobOf(8) }, stranger);
  return codesOf(job.errors);
});

await step("costs", async () => costs);

tell();
