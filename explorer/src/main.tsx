// The page: GraphiQL with what this graph needs beside it.

import "./workers.ts";
import "@graphiql/react/style.css";
import "@graphiql/plugin-doc-explorer/style.css";
import "@graphiql/plugin-history/style.css";
import "@graphiql/plugin-explorer/style.css";
import "graphiql/graphiql.css";
import "./style.css";

import { explorerPlugin } from "@graphiql/plugin-explorer";
import { HISTORY_PLUGIN } from "@graphiql/plugin-history";
import { useGraphiQL } from "@graphiql/react";
import { GraphiQL } from "graphiql";
import { useEffect, useState } from "react";
import { createRoot } from "react-dom/client";

import { Answers, type Answered } from "./answers/answers.ts";
import { AnswerPanel } from "./answers/AnswerPanel.tsx";
import { follow, newAttempt, type Followed } from "./attempts.ts";
import { INTROSPECTION } from "./descriptions.ts";
import { makeFetcher, send } from "./fetcher.ts";
import { HeadersForAll } from "./HeadersForAll.tsx";
import { leaveEditorsByEscape } from "./keyboard.ts";
import { keepLabelled } from "./labels.ts";
import { EVERYTHING, sdlOf } from "./sdl.ts";
import { Ready } from "./Ready.tsx";
import { openingTabs, readLink, readStart } from "./start.ts";
import { KeptHeaders, withoutHeaders } from "./storage.ts";
import { Toolbar } from "./Toolbar.tsx";

const start = readStart();
const link = readLink(new URL(location.href));
const address = location.origin + location.pathname;
// What the link brought is in a tab from here on; a reload shall not bring it again.
if (link !== null) history.replaceState(null, "", location.pathname);

const answers = new Answers();
const kept = new KeptHeaders(sessionStorage, localStorage);
const headers = kept.read() ?? start.headers;
const storage = withoutHeaders(localStorage);
const tabs = openingTabs(start, link);
// GraphiQL takes the editors' texts apart from the tabs; later visits go on where the last one ended.
const opening = link ?? (storage.getItem("graphiql:tabState") === null ? tabs[0] : undefined);
let activeTab = "";
const fetcher = makeFetcher(address, answers, () => activeTab);
const plugins = [HISTORY_PLUGIN, { ...explorerPlugin(), title: "Operation Builder" }];

/** Knows whose answer comes next, and lets variables follow to new attempts of jobs. */
function Following({ tell }: { tell: (answered: Answered, followed: Followed) => void }) {
  const { tab, editor } = useGraphiQL(({ tabs, activeTabIndex, variableEditor }) => ({
    tab: tabs[activeTabIndex]?.id ?? "",
    editor: variableEditor,
  }));
  activeTab = tab;

  useEffect(
    () =>
      answers.subscribe(() => {
        const answered = answers.of(tab);
        const followed = answered && newAttempt(answered);
        const model = editor?.getModel();
        if (!answered || !followed || !model) return;
        const text = follow(model.getValue(), followed);
        // As an edit, so that it can be undone.
        editor!.executeEdits("attempt", [{ range: model.getFullModelRange(), text }]);
        tell(answered, followed);
      }),
    [tab, editor, tell],
  );
  return null;
}

async function readSdl(): Promise<string> {
  const { answer } = await send(address, { query: EVERYTHING }, {}, new AbortController().signal);
  return sdlOf(answer);
}

function Explorer() {
  const [followed, setFollowed] = useState<ReadonlyMap<Answered, Followed>>(new Map());
  const [tell] = useState(() => (answered: Answered, one: Followed) => {
    setFollowed(new Map([[answered, one]]));
  });

  return (
    <GraphiQL
      fetcher={fetcher as never}
      introspectionQueryName={INTROSPECTION}
      inputValueDeprecation
      schemaDescription
      storage={storage as Storage}
      plugins={plugins}
      defaultTabs={tabs}
      initialQuery={opening?.query ?? undefined}
      initialVariables={opening?.variables ?? undefined}
      initialHeaders={headers}
      defaultHeaders={headers}
      defaultQuery=""
      defaultEditorToolsVisibility="variables"
      shouldPersistHeaders={false}
      showPersistHeadersSettings={false}
    >
      <GraphiQL.Logo>
        <h1 className="logo">Jobs Gateway</h1>
      </GraphiQL.Logo>
      <GraphiQL.Toolbar>
        {(own: Parameters<typeof Toolbar>[0]["own"]) => <Toolbar own={own} readSdl={readSdl} />}
      </GraphiQL.Toolbar>
      <GraphiQL.Footer>
        <AnswerPanel address={address} answers={answers} version={start.version} followed={followed} />
      </GraphiQL.Footer>
      <Ready />
      <HeadersForAll kept={kept} initial={headers} />
      <Following tell={tell} />
    </GraphiQL>
  );
}

leaveEditorsByEscape(document);
keepLabelled(document.getElementById("explorer")!);
createRoot(document.getElementById("explorer")!).render(<Explorer />);
