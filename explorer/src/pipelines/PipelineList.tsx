// The pipelines of a project, newest first. The one that is open changes here too: it is one record.

import { useState } from "react";
import { useQuery } from "urql";

import { hrefOf, pipelineRef, type Place } from "./address.ts";
import { Ago, State } from "./facts.tsx";
import type { HeadFragment } from "./gql/graphql.ts";
import { OpenPipeline, Pipelines } from "./operations.ts";
import { Panel } from "./Panel.tsx";

export function PipelineList({ place }: { place: Place }) {
  const [pages, setPages] = useState<(string | null)[]>([null]);
  const [query, setQuery] = useState({ project: place.project, after: null as string | null });
  const [result, again] = useQuery({ query: Pipelines, variables: query });
  const project = result.data?.project;
  const edges = project?.pipelines?.edges;
  const page = project?.pipelines?.pageInfo;

  function show(cursors: (string | null)[]) {
    setPages(cursors);
    setQuery({ project: place.project, after: cursors.at(-1)! });
  }

  return (
    <Panel
      title={project?.fullPath ?? `Project ${place.project}`}
      asked={{ query: Pipelines, variables: query }}
      result={result}
      actions={
        <button type="button" onClick={() => again({ requestPolicy: "network-only" })}>
          Reload
        </button>
      }
    >
      <ul className="pipelines">
        {edges && place.pipeline && !edges.some((edge) => edge?.node && isOpen(edge.node, place)) && <Elsewhere place={place} />}
        {edges?.map((edge, index) =>
          edge?.node ? (
            <Row key={edge.node.id} one={edge.node} name={edge.node.name} place={place} />
          ) : (
            <li key={index} className="empty">A pipeline that cannot be read.</li>
          ),
        )}
      </ul>
      {edges?.length === 0 && <p className="empty">There are no pipelines yet.</p>}
      {(pages.length > 1 || page?.hasNextPage) && (
        <div className="pages">
          <button type="button" disabled={pages.length < 2} onClick={() => show(pages.slice(0, -1))}>Newer</button>
          <button type="button" disabled={!page?.hasNextPage} onClick={() => show([...pages, page!.endCursor ?? null])}>
            Older
          </button>
        </div>
      )}
    </Panel>
  );
}

function Row({ one, name, place, more = "" }: { one: HeadFragment; name?: string | null; place: Place; more?: string }) {
  const pipeline = String(one.databaseId);
  return (
    <li>
      <a href={hrefOf({ project: place.project, pipeline })} aria-current={isOpen(one, place) || undefined}>
        <State status={one.status} />
        <span className="name">{name ?? one.ref}</span>
        <span className="quiet">
          #{pipeline} · {name ? `${one.ref} · ` : ""}{one.source} · <Ago time={one.createdAt} />{more}
        </span>
      </a>
    </li>
  );
}

/** The open one, where it is on another page than the list shows. */
function Elsewhere({ place }: { place: Place }) {
  const variables = { pipeline: pipelineRef(place) };
  const [{ data }] = useQuery({ query: OpenPipeline, variables, requestPolicy: "cache-only" });
  return data?.pipeline ? <Row one={data.pipeline} place={place} more=" · on another page" /> : null;
}

function isOpen({ id, databaseId }: HeadFragment, { pipeline }: Place): boolean {
  return pipeline === id || pipeline === String(databaseId);
}
