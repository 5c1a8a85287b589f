// The automaton of a rule: a picture, and the same in words.
import { BOX_HEIGHT, Transition, drawingOf } from "./automaton_layout";
import { JsonObject, show } from "./json";
import { Data } from "./parts";
import { numberOf, objects } from "./table";
import { visible } from "./text";

function texts(of: JsonObject | undefined, name: string): string[] {
  return (Array.isArray(of?.[name]) ? (of[name] as string[]) : []).map(show);
}
/** One transition for each state that it leads to. */
export function transitionsOf(automaton: JsonObject): Transition[] {
  return objects(automaton, "transitions").flatMap((one, at) => {
    const to = numberOf(one, "to");
    const last = one.to_last === undefined ? to : numberOf(one, "to_last");
    return Array.from({ length: Math.max(1, last - to + 1) }, (_, i) => ({ number: at + 1, from: numberOf(one, "from"), to: to + i }));
  });
}
/** What a transition does, in words. */
export function sentenceOf(automaton: JsonObject, one: JsonObject): string {
  const states = objects(automaton, "states");
  const conditions = new Map(objects(automaton, "conditions").map((condition) => [show(condition.name), show(condition.text)]));
  const [from, to] = [states[numberOf(one, "from")], states[numberOf(one, "to")]];
  const last = one.to_last === undefined ? undefined : states[numberOf(one, "to_last")];
  const where = texts(to, "conditions").map((name) => conditions.get(name) ?? name);
  const takes = one.kind === "complete" ? show(one.gives) : `takes ${show(to?.takes).replaceAll("`", "")}${where.length > 0 ? ` where ${where.join(" and ")}` : ""}`;
  const needs = texts(one, "needs").map((need) => need.replaceAll("`", ""));
  const ends = texts(one, "ended_by").map((end) => end.replaceAll("`", ""));
  return [
    `${show(from?.name)} to ${show(to?.name)}${last && last !== to ? ` or up to ${show(last.name)}` : ""}: ${takes}`,
    needs.length > 0 ? `if ${needs.join(" and ")}` : "",
    one.passes === undefined ? "" : show(one.passes),
    ends.length > 0 ? `ended by ${ends.join(", ")}` : "",
  ]
    .filter((text) => text !== "")
    .join("; ");
}

export function Automaton({ of }: { of: JsonObject }) {
  const states = objects(of, "states").map((state) => ({ name: visible(show(state.name)), kind: show(state.kind) }));
  const { boxes, edges, middle, width, height } = drawingOf(states, transitionsOf(of));
  const ends = texts(of, "ended_by");
  return (
    <>
      <div class="scroll" tabIndex={0} role="group" aria-label="Picture of the automaton">
        <svg class="automaton" width={width} height={height} viewBox={`0 0 ${width} ${height}`} role="img" aria-label={`${states.map(({ name }) => name).join(", ")}; the list below has the transitions`}>
          <defs>
            <marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto-start-reverse">
              <path class="head" d="M0 0L8 4L0 8Z" />
            </marker>
          </defs>
          {boxes.map((box) => (
            <g class={`box ${box.kind}`}>
              <rect x={box.x} y={middle - BOX_HEIGHT / 2} width={box.width} height={BOX_HEIGHT} rx={box.kind === "step" ? 5 : BOX_HEIGHT / 2} />
              <text x={box.x + box.width / 2} y={middle + 5} text-anchor="middle">
                {box.name}
              </text>
            </g>
          ))}
          {edges.map((edge) => (
            <g class="edge">
              <path d={edge.path} marker-end="url(#arrow)" />
              <circle cx={edge.labelX} cy={edge.labelY} r="9" />
              <text x={edge.labelX} y={edge.labelY + 4} text-anchor="middle">
                {edge.number}
              </text>
            </g>
          ))}
        </svg>
      </div>
      <ol>
        {objects(of, "transitions").map((one) => (
          <li>
            <Data value={sentenceOf(of, one)} />
          </li>
        ))}
      </ol>
      {ends.length > 0 && (
        <p class="quiet">
          A partial match ends by itself <Data value={ends.join(", ")} />.
        </p>
      )}
    </>
  );
}
