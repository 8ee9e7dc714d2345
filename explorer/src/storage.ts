// What the browser keeps: GraphiQL's tabs, history and looks without any header, and the headers
// apart, for the session only unless the person wants them remembered.

const HEADERS = "jobs-gateway:headers";
/** Of the values GraphiQL stores, the one that is nothing but headers. */
const GRAPHIQL_HEADERS = "graphiql:headers";

type Store = Pick<Storage, "getItem" | "setItem" | "removeItem">;

/** A storage for GraphiQL that takes the headers out of all it is given. */
export function withoutHeaders(store: Storage) {
  const ours = () => Object.keys(store).filter((key) => key.startsWith("graphiql:"));
  return {
    getItem: (key: string) => store.getItem(key),
    setItem(key: string, value: string) {
      if (key !== GRAPHIQL_HEADERS) store.setItem(key, stripped(value));
    },
    removeItem: (key: string) => store.removeItem(key),
    clear: () => ours().forEach((key) => store.removeItem(key)),
    get length() {
      return ours().length;
    },
  };
}

function stripped(text: string): string {
  if (!text.includes('"headers"')) return text;
  try {
    return JSON.stringify(JSON.parse(text), (key, value: unknown) =>
      key === "headers" ? null : value,
    );
  } catch {
    return text;
  }
}

/** The text of the header editor, one for all tabs. */
export class KeptHeaders {
  private readonly session: Store;
  private readonly browser: Store;

  constructor(session: Store, browser: Store) {
    this.session = session;
    this.browser = browser;
  }

  get isRemembered(): boolean {
    return this.browser.getItem(HEADERS) !== null;
  }

  read(): string | null {
    return this.session.getItem(HEADERS) ?? this.browser.getItem(HEADERS);
  }

  write(headers: string): void {
    this.session.setItem(HEADERS, headers);
    if (this.isRemembered) this.browser.setItem(HEADERS, headers);
  }

  /** Keep them beyond the session, or for the session only. */
  remember(wanted: boolean, headers: string): void {
    this.session.setItem(HEADERS, headers);
    if (wanted) this.browser.setItem(HEADERS, headers);
    else this.browser.removeItem(HEADERS);
  }
}
