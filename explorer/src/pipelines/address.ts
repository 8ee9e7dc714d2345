// What is looked at stands in the address, behind `#`: it can be bookmarked and shared, and no
// server sees it. The credential never does.

import { useSyncExternalStore } from "react";

export interface Place {
  /** Numeric id or full path. */
  project: string;
  /** A global id, or a number within the project. */
  pipeline?: string;
  job?: string;
}

const subscribe = (tell: () => void) => {
  addEventListener("hashchange", tell);
  return () => removeEventListener("hashchange", tell);
};

export function usePlace(first: Place): Place {
  const hash = useSyncExternalStore(subscribe, () => location.hash);
  const asked = Object.fromEntries(new URLSearchParams(hash.slice(1))) as Partial<Place>;
  return asked.project ? { project: asked.project, ...asked } : first;
}

export function hrefOf(place: Place): string {
  const given = Object.entries(place).filter(([, value]) => value);
  return `#${new URLSearchParams(given as [string, string][])}`;
}

/** Named by number in a project, or by global id. */
export function pipelineRef({ project, pipeline }: Place) {
  return /^\d+$/.test(pipeline!) ? { path: { project, pipeline: pipeline! } } : { id: pipeline! };
}

export function jobRef({ project, job }: Place) {
  return /^\d+$/.test(job!) ? { path: { project, job: job! } } : { id: job! };
}
