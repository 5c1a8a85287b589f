// What a change of the rules changes: rules, stages, and the lines of files.
import { diffLines, folded } from "./diff";
import { JsonObject, show } from "./json";
import { Data } from "./parts";
import { objects } from "./table";
import { visible } from "./text";

const MARKS = { same: " ", added: "+", removed: "-", gap: "⋯" } as const;

export function TextDifference({ path, before, after }: { path: string; before: string; after: string }) {
  const lines = folded(diffLines(before, after));
  return (
    <div class="scroll difference" tabIndex={0} role="group" aria-label={`Lines of ${visible(path)}`}>
      {lines.map((line) => (
        <div class={line.kind}>
          <span class="mark">{MARKS[line.kind]}</span> <bdi>{visible(line.text)}</bdi>
        </div>
      ))}
    </div>
  );
}

const CHANGES: { [change: string]: string } = { added: "is new", removed: "is gone", changed: "is changed" };
/** `of` is a plan, a version's difference or a change that waits: all have the same members. */
export function Difference({ of }: { of: JsonObject }) {
  const rules = objects(of, "rules");
  const files = objects(of, "files");
  const stages = Object.entries((of.stages as { [rule: string]: string[] } | undefined) ?? {});
  if (rules.length + files.length + stages.length === 0) return <p class="quiet">Nothing differs.</p>;
  return (
    <>
      <ul>
        {rules.map((one) => (
          <li>
            The rule <Data value={one.rule} /> {CHANGES[show(one.change)] ?? show(one.change)}.
          </li>
        ))}
        {stages.map(([rule, [before, after]]) => (
          <li>
            The stage of <Data value={rule} />: {before || "none"}, then {after || "none"}.
          </li>
        ))}
      </ul>
      {files.map((file) => (
        <>
          <h3>
            <Data value={file.path} /> {CHANGES[show(file.change)] ?? ""}
          </h3>
          <TextDifference path={show(file.path)} before={show(file.before ?? "")} after={show(file.after ?? "")} />
        </>
      ))}
    </>
  );
}
/** What becomes of the state of rules and features: `kept`, `started` and `lost`. */
export function Fates({ of }: { of: JsonObject }) {
  const names = (list: string) => objects(of, list).map((fate) => show(fate.rule ?? fate.feature ?? Object.values(fate)[0]));
  const rows = (
    [
      ["Keep their state", "kept"],
      ["Begin without state", "started"],
      ["Read earlier events", "replayed"],
      ["Lose their state", "lost"],
    ] as const
  ).filter(([, list]) => names(list).length > 0);
  // Such a rule is among those that keep their state, or lose it.
  const anew = ["kept", "lost"].flatMap((list) => objects(of, list)).filter((fate) => fate.suppression !== undefined);
  return (
    <dl class="facts">
      {rows.map(([title, list]) => (
        <>
          <dt>{title}</dt>
          <dd>
            <Data value={names(list).join(", ")} />
          </dd>
        </>
      ))}
      {anew.length > 0 && (
        <>
          <dt>Suppress anew</dt>
          <dd>
            <Data value={[...new Set(anew.map((fate) => show(fate.rule)))].join(", ")} />: what kept them quiet is forgotten
          </dd>
        </>
      )}
    </dl>
  );
}
