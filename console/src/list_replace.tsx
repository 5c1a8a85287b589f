// A whole list or table, replaced by what is written or comes from a file, or set back to what the rules declare.
import { ComponentChildren } from "preact";
import { Answer, Problem, ask } from "./api";
import { Actions, Field, Form, Values } from "./forms";
import { Json, JsonObject, parseJson, show } from "./json";
import { numberOf } from "./table";
import { counted } from "./text";

/** Why entries are written, and the header that says so. */
export const WHY: Field = { name: "why", label: "Why", hint: "It stands beside what is written." };
export function commented(values: Values): Record<string, string> {
  return values.why ? { "Tocsin-Comment": encodeURIComponent(values.why) } : {};
}

/** Rows of a table, each a JSON object in a line of its own, or all as a JSON array. Throws Problem. */
export function rowsOf(text: string): Json[] {
  const rowOf = (value: Json, where: string): Json => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) throw new Problem(0, "These are no rows", `${where} is no JSON object such as {"column": "value"}`, "");
    // A table that was saved has each row beside its origin and end.
    const of = value as JsonObject;
    const { row, until } = of;
    return typeof row === "object" && row !== null && "origin" in of ? (until === undefined ? { row } : { row, until }) : { row: value };
  };
  const read = (part: string, where: string): Json => {
    try {
      return parseJson(part);
    } catch (error) {
      throw new Problem(0, "These are no rows", `${where} is no JSON: ${error instanceof Error ? error.message : ""}`, "");
    }
  };
  if (text.trim().startsWith("[")) return (read(text, "the text") as Json[]).map((value, at) => rowOf(value, `row ${at + 1}`));
  return text.split("\n").flatMap((line, at) => (line.trim() === "" ? [] : [rowOf(read(line, `line ${at + 1}`), `line ${at + 1}`)]));
}

interface Props {
  what: "list" | "table";
  of: JsonObject; // as it was read, with its etag
  at: string; // its path
  hint: string;
  entriesOf: (text: string) => unknown[]; // throws Problem
  preview: (text: string) => Promise<ComponentChildren>;
  done: (answer: Answer) => ComponentChildren;
}
/** For operators. What somebody else has changed since it was read is not lost: the server compares the ETag. */
export function ReplaceWhole({ what, of, at, hint, entriesOf, preview, done }: Props) {
  const entries = what === "list" ? "entry" : "row";
  const many = what === "list" ? "entries" : "rows";
  const now = counted(numberOf(of, "size"), entries, many);
  const headers = { "If-Match": show(of.etag) };
  const isChanged = of.replaced === true || numberOf(of, "added") > 0 || numberOf(of, "removed") > 0;
  return (
    <>
      <Form
        title={`Replace the whole ${what}`}
        role="operator"
        fields={[
          { name: "whole", label: `All ${many} that it is to have`, kind: "area", fromFile: true, hint },
          { name: "sure", label: `The ${now} that it has now, but for those named here, are gone then`, kind: "check", needed: true },
          WHY,
        ]}
        submit={`Replace the ${what}`}
        more={[{ text: "What would change", isFree: true, run: ({ whole = "" }) => preview(whole) }]}
        run={async ({ whole = "", ...more }) => done(await ask("PUT", at, { body: { entries: entriesOf(whole) }, headers: { ...headers, ...commented(more) } }))}
      />
      {isChanged && (
        <Actions
          role="operator"
          actions={[
            {
              text: "Set back to what the rules declare",
              ask: `All changes of its ${many} are gone then.`,
              run: async () => done(await ask("DELETE", at, { headers })),
            },
          ]}
        />
      )}
    </>
  );
}
