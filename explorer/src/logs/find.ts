// Which strings of an answer are a log's text: those of LogChunk.text, wherever they were selected
// and whatever they were called there.

import {
  getNamedType,
  isCompositeType,
  isObjectType,
  Kind,
  parse,
  valueFromASTUntyped,
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLCompositeType,
  type GraphQLField,
  type GraphQLSchema,
  type OperationDefinitionNode,
  type SelectionSetNode,
} from "graphql";

export interface FoundLog {
  /** Keys and indices from the answer's root. */
  path: (string | number)[];
  /** What the job is called where the answer says so, with its number. */
  job: string | null;
  /** Which job's it is, as the graph takes it (JobRef), where the operation or the answer says so. */
  ref: unknown;
  text: string;
  /** Is more of it to come? */
  grows?: boolean;
}

type Row = Record<string, unknown>;

/** The job that an object is of, or below. */
interface Subject {
  name: string | null;
  ref: unknown;
}

export function findLogs(
  schema: GraphQLSchema,
  query: string,
  operationName: string | null,
  data: unknown,
  variables: Row = {},
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
  const nothing = { name: null, ref: null };
  new Walk(schema, document, found, variables).object(operation.selectionSet, root, data, [], nothing);
  const seen = new Set<string>();
  return found.filter(({ path }) => !seen.has(path.join("/")) && seen.add(path.join("/")));
}

class Walk {
  private readonly schema: GraphQLSchema;
  private readonly fragments: Map<string, FragmentDefinitionNode>;
  private readonly found: FoundLog[];
  private readonly variables: Row;

  constructor(schema: GraphQLSchema, document: DocumentNode, found: FoundLog[], variables: Row) {
    this.schema = schema;
    this.found = found;
    this.variables = variables;
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
    above: Subject,
  ): void {
    const of = subjectOf(row, type, above);
    for (const one of selected.selections) {
      if (one.kind === Kind.FIELD) {
        const key = one.alias?.value ?? one.name.value;
        const field = "getFields" in type ? type.getFields()[one.name.value] : undefined;
        if (!field || !(key in row)) continue;
        if (isObjectType(type) && type.name === "LogChunk" && one.name.value === "text") {
          if (typeof row[key] === "string")
            this.found.push({ path: [...path, key], job: of.name, ref: of.ref, text: row[key] });
          continue;
        }
        const below = getNamedType(field.type);
        if (one.selectionSet && isCompositeType(below))
          this.value(one.selectionSet, below, row[key], [...path, key], this.asked(one, field, of));
        continue;
      }
      const fragment =
        one.kind === Kind.FRAGMENT_SPREAD ? this.fragments.get(one.name.value) : one;
      if (!fragment) continue;
      const condition = fragment.typeCondition?.name.value;
      const narrowed = condition ? this.schema.getType(condition) : type;
      if (narrowed && isCompositeType(narrowed))
        this.object(fragment.selectionSet, narrowed, row, path, above);
    }
  }

  private value(
    selected: SelectionSetNode,
    type: GraphQLCompositeType,
    value: unknown,
    path: (string | number)[],
    of: Subject,
  ): void {
    if (Array.isArray(value))
      value.forEach((row, index) => this.value(selected, type, row, [...path, index], of));
    else if (isRow(value)) this.object(selected, type, value, path, of);
  }

  /** A job that a field was asked for by an argument: job(by: …), jobLog(job: …). */
  private asked(one: FieldNode, field: GraphQLField<unknown, unknown>, of: Subject): Subject {
    const argument = field.args.find(({ type }) => getNamedType(type).name === "JobRef");
    const given = one.arguments?.find(({ name }) => name.value === argument?.name);
    return given ? { name: null, ref: valueFromASTUntyped(given.value, this.variables) } : of;
  }
}

function subjectOf(row: Row, type: GraphQLCompositeType, above: Subject): Subject {
  const id = type.name === "Job" && typeof row.id === "string" ? { id: row.id } : null;
  return { name: nameOf(row) ?? above.name, ref: id ?? above.ref };
}

function nameOf(row: Row): string | null {
  const { name, databaseId } = row;
  if (typeof name !== "string") return null;
  return databaseId === undefined ? name : `${name} · ${String(databaseId)}`;
}

function isRow(value: unknown): value is Row {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
