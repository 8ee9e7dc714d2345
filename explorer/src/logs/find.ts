// Which strings of an answer are a log's text: those of LogChunk.text, wherever they were selected
// and whatever they were called there.

import {
  getNamedType,
  isCompositeType,
  isObjectType,
  Kind,
  parse,
  type DocumentNode,
  type FragmentDefinitionNode,
  type GraphQLCompositeType,
  type GraphQLSchema,
  type OperationDefinitionNode,
  type SelectionSetNode,
} from "graphql";

export interface FoundLog {
  /** Keys and indices from the answer's root. */
  path: (string | number)[];
  /** What the job is called where the answer says so, with its number. */
  job: string | null;
  text: string;
  /** Is more of it to come? */
  grows?: boolean;
}

type Row = Record<string, unknown>;

export function findLogs(
  schema: GraphQLSchema,
  query: string,
  operationName: string | null,
  data: unknown,
): FoundLog[] {
  let document: DocumentNode;
  try {
    document = parse(query);
  } catch {
    return [];
  }
  const operation = document.definitions.find(
    (one): one is OperationDefinitionNode =>
      one.kind === Kind.OPERATION_DEFINITION &&
      (!operationName || one.name?.value === operationName),
  );
  const root = operation && schema.getRootType(operation.operation);
  if (!root || !isRow(data)) return [];
  const found: FoundLog[] = [];
  new Walk(schema, document, found).object(operation.selectionSet, root, data, [], null);
  const seen = new Set<string>();
  return found.filter(({ path }) => !seen.has(path.join("/")) && seen.add(path.join("/")));
}

class Walk {
  private readonly schema: GraphQLSchema;
  private readonly fragments: Map<string, FragmentDefinitionNode>;
  private readonly found: FoundLog[];

  constructor(schema: GraphQLSchema, document: DocumentNode, found: FoundLog[]) {
    this.schema = schema;
    this.found = found;
    this.fragments = new Map(
      document.definitions.flatMap((one) =>
        one.kind === Kind.FRAGMENT_DEFINITION ? [[one.name.value, one] as const] : [],
      ),
    );
  }

  object(
    selected: SelectionSetNode,
    type: GraphQLCompositeType,
    row: Row,
    path: (string | number)[],
    job: string | null,
  ): void {
    const named = nameOf(row) ?? job;
    for (const one of selected.selections) {
      if (one.kind === Kind.FIELD) {
        const key = one.alias?.value ?? one.name.value;
        const field = "getFields" in type ? type.getFields()[one.name.value] : undefined;
        if (!field || !(key in row)) continue;
        if (isObjectType(type) && type.name === "LogChunk" && one.name.value === "text") {
          if (typeof row[key] === "string")
            this.found.push({ path: [...path, key], job: named, text: row[key] });
          continue;
        }
        const below = getNamedType(field.type);
        if (one.selectionSet && isCompositeType(below))
          this.value(one.selectionSet, below, row[key], [...path, key], named);
        continue;
      }
      const fragment =
        one.kind === Kind.FRAGMENT_SPREAD ? this.fragments.get(one.name.value) : one;
      if (!fragment) continue;
      const condition = fragment.typeCondition?.name.value;
      const narrowed = condition ? this.schema.getType(condition) : type;
      if (narrowed && isCompositeType(narrowed))
        this.object(fragment.selectionSet, narrowed, row, path, job);
    }
  }

  private value(
    selected: SelectionSetNode,
    type: GraphQLCompositeType,
    value: unknown,
    path: (string | number)[],
    job: string | null,
  ): void {
    if (Array.isArray(value))
      value.forEach((row, index) => this.value(selected, type, row, [...path, index], job));
    else if (isRow(value)) this.object(selected, type, value, path, job);
  }
}

function nameOf(row: Row): string | null {
  const { name, databaseId } = row;
  if (typeof name !== "string") return null;
  return databaseId === undefined ? name : `${name} · ${String(databaseId)}`;
}

function isRow(value: unknown): value is Row {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
