// What the page starts with: what the gateway wrote into it, and what a link brings.

export interface Start {
  /** The gateway's version. */
  version: string;
  /** JSON for the header editor: a demo token over the sandbox, an empty one elsewhere. */
  headers: string;
  tabs: { query: string; variables: string }[];
}

export interface Link {
  query: string;
  variables: string;
}

export function readStart(): Start {
  return JSON.parse(document.getElementById("start")!.textContent) as Start;
}

/**
 * The operation a link names: in its fragment, which no server sees, or in its query string, as a
 * GET request has it. Headers in a link are not read, and nothing is run.
 */
export function readLink(address: URL): Link | null {
  for (const text of [address.hash.slice(1), address.search.slice(1)]) {
    const asked = new URLSearchParams(text);
    const query = asked.get("query");
    if (query) return { query, variables: asked.get("variables") ?? "" };
  }
  return null;
}

/** A link that brings an operation here, without headers. */
export function linkTo(address: URL, { query, variables }: Link): string {
  const told = new URLSearchParams({ query });
  if (variables.trim()) told.set("variables", variables);
  return `${address.origin}${address.pathname}#${told}`;
}

/** The tabs of a first visit, one that a link brings before the others. */
export function openingTabs(start: Start, link: Link | null) {
  const brought = link === null ? [] : [link];
  return [...brought, ...start.tabs].map(({ query, variables }) => ({
    query,
    variables: variables || null,
    headers: null,
  }));
}
