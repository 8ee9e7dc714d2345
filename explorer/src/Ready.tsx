// GraphiQL runs nothing until its editors are there, and says nothing of it: until then the button to
// run an operation is not to be pressed.

import { useGraphiQL } from "@graphiql/react";
import { useEffect, useLayoutEffect } from "react";

export function Ready() {
  const isReady = useGraphiQL(({ queryEditor, variableEditor, headerEditor, responseEditor }) =>
    [queryEditor, variableEditor, headerEditor, responseEditor].every((editor) => editor !== undefined),
  );
  const editor = useGraphiQL(({ queryEditor }) => queryEditor);
  useLayoutEffect(() => {
    const button = document.querySelector<HTMLButtonElement>(".graphiql-execute-button");
    if (button) button.disabled = !isReady;
  }, [isReady]);
  // In a narrow window nothing of an operation is hidden.
  useEffect(() => editor?.updateOptions({ wordWrap: "on", wrappingIndent: "indent" }), [editor]);
  return null;
}
