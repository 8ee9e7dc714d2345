// The commands beside the operation: GraphiQL's own, a link to share, the schema to keep.

import { ToolbarButton, useGraphiQL } from "@graphiql/react";
import { useState, type ReactNode } from "react";

import { saveAs } from "./sdl.ts";
import { linkTo } from "./start.ts";

interface Props {
  own: { prettify: ReactNode; merge: ReactNode; copy: ReactNode };
  readSdl: () => Promise<string>;
}

const LINK = "M8 12h8M10 7H8a5 5 0 0 0 0 10h2M14 7h2a5 5 0 0 1 0 10h-2";
const DOWN = "M12 4v11m0 0 4.5-4.5M12 15l-4.5-4.5M5 19.5h14";

export function Toolbar({ own, readSdl }: Props) {
  const { queryEditor, variableEditor } = useGraphiQL(({ queryEditor, variableEditor }) => ({
    queryEditor,
    variableEditor,
  }));
  const [said, setSaid] = useState("");

  function tell(text: string) {
    setSaid(text);
    setTimeout(() => setSaid(""), 4000);
  }

  async function share() {
    const query = queryEditor?.getValue() ?? "";
    const link = linkTo(new URL(location.href), { query, variables: variableEditor?.getValue() ?? "" });
    try {
      await navigator.clipboard.writeText(link);
      tell("Link copied, without headers");
    } catch {
      // No clipboard without https (but on this machine): the address bar takes it.
      history.replaceState(null, "", link);
      tell("The link is in the address bar");
    }
  }

  async function download() {
    try {
      saveAs("schema.graphql", await readSdl());
    } catch (fault) {
      tell(fault instanceof Error ? fault.message : String(fault));
    }
  }

  return (
    <>
      {own.prettify}
      {own.merge}
      {own.copy}
      <ToolbarButton label="Copy a link to this operation (without headers)" onClick={share}>
        <Icon path={LINK} />
      </ToolbarButton>
      <ToolbarButton label="Download the schema (SDL)" onClick={download}>
        <Icon path={DOWN} />
      </ToolbarButton>
      <span className="said" role="status">{said}</span>
    </>
  );
}

function Icon({ path }: { path: string }) {
  return (
    <svg className="graphiql-toolbar-icon" viewBox="0 0 24 24" aria-hidden="true">
      <path d={path} fill="none" stroke="currentColor" strokeWidth="1.8" strokeLinecap="round" strokeLinejoin="round" />
    </svg>
  );
}
