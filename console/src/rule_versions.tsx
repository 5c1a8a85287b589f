// The versions of the rules that changed one rule: what each did to it, who made it and why.
import { useState } from "preact/hooks";
import { get, part } from "./api";
import { JsonObject, show } from "./json";
import { useChanges } from "./live";
import { Data, Panel, useLoaded } from "./parts";
import { href } from "./place";
import { Column, Table, member, objects } from "./table";

const SHOWN = 20; // of one page

export function approversOf(version: JsonObject): string {
  return (Array.isArray(version.approved_by) ? version.approved_by : []).map(show).join(", ");
}
/** The columns of every table of versions. */
export const VERSIONS: readonly Column<JsonObject>[] = [
  {
    title: "Version",
    isHead: true,
    cell: (version) => <a href={href(`/versions/${show(version.version)}`)}>{show(version.version)}</a>,
  },
  member("Since", "at", "time"),
  member("By", "who"),
  { title: "Approved by", cell: (version) => <Data value={approversOf(version)} /> },
  member("Why", "comment"),
];

/** What a version did to the rule that was asked for. */
export function changeText(version: JsonObject): string {
  const [before, after] = Array.isArray(version.stage) ? version.stage.map(show) : [];
  const stage = before !== undefined && after !== undefined ? `stage ${before} → ${after}` : "";
  const change = show(version.change ?? "");
  if (change === "stage") return stage;
  return stage ? `${change}, ${stage}` : change;
}
const CHANGES: readonly Column<JsonObject>[] = [...VERSIONS.slice(0, 1), { title: "The rule was", cell: changeText }, ...VERSIONS.slice(1)];

export function RuleVersions({ id }: { id: string }) {
  const [cursor, setCursor] = useState("");
  const at = `/v1/versions?rule=${part(id)}&limit=${SHOWN}${cursor && `&cursor=${part(cursor)}`}`;
  const loaded = useLoaded((signal) => get(at, signal), at);
  useChanges("rules", loaded.again);
  return (
    <Panel title="Versions of this rule" loaded={loaded}>
      {(page) => {
        const next = show(page.next ?? "");
        return (
          <>
            <Table label="Versions of this rule" columns={CHANGES} rows={objects(page, "versions")} empty={next ? "None of these versions changed it." : "No other version that is kept changed it."} />
            {cursor && <button onClick={() => setCursor("")}>Newest versions</button>} {next && <button onClick={() => setCursor(next)}>Earlier versions</button>}
          </>
        );
      }}
    </Panel>
  );
}
