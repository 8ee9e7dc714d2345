// Writes: what came of them is told in one place, and whoever shows something finished looks again.

import { createContext, useCallback, useContext, useMemo, useState, type ReactNode } from "react";
import { useClient, type AnyVariables, type TypedDocumentNode } from "urql";

import { messagesOf } from "./Panel.tsx";

interface UserError {
  code: string;
  message: string;
}

interface Payload {
  userErrors?: UserError[];
  results?: ({ userErrors: UserError[] } | null)[];
}

type Act = <Data, Variables extends AnyVariables>(
  /** What is done, to what: "retry rspec". */
  what: string,
  document: TypedDocumentNode<Data, Variables>,
  variables: Variables,
) => Promise<Data | undefined>;

interface Actions {
  act: Act;
  /** How many have been taken: a subscription that had ended begins again. */
  taken: number;
  isBusy: boolean;
}

const Context = createContext<Actions>(null!);
export const useActions = () => useContext(Context);

export function ActionsProvider({ children }: { children: ReactNode }) {
  const client = useClient();
  const [taken, setTaken] = useState(0);
  const [running, setRunning] = useState(0);
  const [told, setTold] = useState<{ text: string; refused: string[] } | null>(null);

  const act: Act = useCallback(
    async (what, document, variables) => {
      setRunning((count) => count + 1);
      setTold(null);
      const { data, error } = await client.mutation(document, variables).toPromise();
      const [payload] = Object.values(data ?? {}) as (Payload | null)[];
      const results = payload?.results ?? (payload ? [payload as { userErrors: UserError[] }] : []);
      // A refusal is no error: it stands in the payload, for each job of a batch apart.
      const refused = results.flatMap((one) => one?.userErrors ?? []).map(({ code, message }) => `${message} (${code})`);
      if (error) refused.push(...messagesOf(error));
      const done = results.filter((one) => one && !one.userErrors.length).length;
      setTold({ text: payload?.results ? `${what}: ${done} of ${results.length} done` : `${what}: ${done ? "done" : "not done"}`, refused });
      setRunning((count) => count - 1);
      setTaken((count) => count + 1);
      return data;
    },
    [client],
  );
  const actions = useMemo(() => ({ act, taken, isBusy: running > 0 }), [act, taken, running]);

  return (
    <Context value={actions}>
      {children}
      <div role="status" className="told">
        {told && (
          <div className={told.refused.length ? "notice refused" : "notice"}>
            <p>{told.text}</p>
            {told.refused.length > 0 && <ul>{told.refused.map((text, index) => <li key={index}>{text}</li>)}</ul>}
            <button type="button" onClick={() => setTold(null)} aria-label="Dismiss">×</button>
          </div>
        )}
      </div>
    </Context>
  );
}
