// What the drivers share: where the gateway is, who may ask it, and how findings are told.

export const url = process.env.GATEWAY_URL as string;
export const tokens = JSON.parse(process.env.GATEWAY_TOKENS as string) as Record<string, string>;

/** A job of project 1, by its number. */
export const jobOf = (job: number) => ({ path: { project: "1", job: String(job) } });

/** A manual job that waits: playing it makes it the caller's. */
export const MANUAL = Number(process.env.MANUAL_JOB);

const findings: Record<string, unknown> = {};

/** One finding; what is thrown is told, too. */
export async function step(name: string, find: () => Promise<unknown>) {
  try {
    findings[name] = await find();
  } catch (error) {
    findings[name] = { thrown: String(error) };
  }
}

export function tell() {
  console.log(JSON.stringify(findings));
}

/** Asks without any client, so that no cache hears of it. */
export async function ask(query: string, role = "developer") {
  const response = await fetch(url, {
    method: "POST",
    headers: { "Content-Type": "application/json", "PRIVATE-TOKEN": tokens[role] },
    body: JSON.stringify({ query }),
  });
  return (await response.json()).data;
}

export const play = () =>
  ask(
    `mutation { jobPlay(input: {job: {path: {project: 1, job: ${MANUAL}}}}) { item { id } } }`,
    "maintainer",
  );

/** Global ids of a job and of a bridge. */
export async function twoIds() {
  const { pipeline } = await ask(
    "{ pipeline(by: {path: {project: 1, pipeline: 6}})" +
      " { jobs { nodes { id } } bridges { nodes { id } } } }",
  );
  return [pipeline.jobs.nodes[0].id, pipeline.bridges.nodes[0].id] as string[];
}

export const numbersOf = (edges: any): number[] => edges?.map((edge: any) => edge.node.databaseId);
