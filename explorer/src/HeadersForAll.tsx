// One text of headers for all tabs, kept for the session or, if the person says so, in the browser.

import { useGraphiQL } from "@graphiql/react";
import { useEffect, useRef, useState } from "react";
import { createPortal } from "react-dom";

import type { KeptHeaders } from "./storage.ts";

export function HeadersForAll({ kept, initial }: { kept: KeptHeaders; initial: string }) {
  const editor = useGraphiQL((state) => state.headerEditor);
  const shared = useRef(initial);
  const [isRemembered, setRemembered] = useState(kept.isRemembered);
  const [bar, setBar] = useState<Element | null>(null);

  useEffect(() => setBar(document.querySelector(".graphiql-editor-tools")), []);

  useEffect(() => {
    const model = editor?.getModel();
    if (!model) return;
    const listening = model.onDidChangeContent(({ isFlush }) => {
      const text = model.getValue();
      if (text === shared.current) return;
      // GraphiQL sets the whole text when it changes tabs or takes something from the history, with
      // the headers of then; but also when it formats, which changes white space only.
      if (isFlush && compact(text) !== compact(shared.current)) {
        queueMicrotask(() => model.setValue(shared.current));
      } else {
        shared.current = text;
        kept.write(text);
      }
    });
    return () => listening.dispose();
  }, [editor, kept]);

  function remember(wanted: boolean) {
    kept.remember(wanted, shared.current);
    setRemembered(wanted);
  }

  if (bar === null) return null;
  return createPortal(
    <label className="remember" title="Otherwise they are forgotten when this browser tab is closed">
      <input
        type="checkbox"
        checked={isRemembered}
        onChange={(event) => remember(event.target.checked)}
      />
      <span>Remember<span className="unneeded"> headers</span></span>
    </label>,
    bar,
  );
}

function compact(text: string): string {
  return text.replace(/\s+/g, "");
}
