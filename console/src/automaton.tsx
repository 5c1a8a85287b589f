// The automaton of a rule: a picture, laid out by the server (library/explain/automaton_layout.h), and the same in words.
import { useState } from "preact/hooks";
import { Json, JsonObject, show } from "./json";
import { Data } from "./parts";
import { numberOf, objects } from "./table";
import { count, visible } from "./text";

function texts(of: JsonObject | undefined, name: string): string[] {
  return (Array.isArray(of?.[name]) ? (of[name] as string[]) : []).map(show);
}
/** What a transition does, in words. */
export function sentenceOf(automaton: JsonObject, one: JsonObject): string {
  const states = objects(automaton, "states");
  const conditions = new Map(objects(automaton, "conditions").map((condition) => [show(condition.name), show(condition.text)]));
  const [from, to] = [states[numberOf(one, "from")], states[numberOf(one, "to")]];
  const last = one.to_last === undefined ? undefined : states[numberOf(one, "to_last")];
  const where = texts(to, "conditions").map((name) => conditions.get(name) ?? name);
  const takes = last ? `takes an event of any step from ${show(to?.name)} to ${show(last.name)}` : one.kind === "complete" ? show(one.gives) : `takes ${show(to?.takes).replaceAll("`", "")}${where.length > 0 ? ` where ${where.join(" and ")}` : ""}`;
  const needs = texts(one, "needs").map((need) => need.replaceAll("`", ""));
  const ends = texts(one, "ended_by").map((end) => end.replaceAll("`", ""));
  return [
    `${show(from?.name)} to ${last ? "others" : show(to?.name)}: ${takes}`,
    needs.length > 0 ? `if ${needs.join(" and ")}` : "",
    one.passes === undefined ? "" : show(one.passes),
    ends.length > 0 ? `ended by ${ends.join(", ")}` : "",
  ]
    .filter((text) => text !== "")
    .join("; ");
}

/** How many partial matches stand at each state, of an answer that has them by step; complete ones stand at the match. */
export function countsOf(states: readonly { kind: string }[], matches: JsonObject): (number | undefined)[] {
  const bySteps = Array.isArray(matches.by_step) ? (matches.by_step as Json[]) : [];
  let step = 0;
  return states.map(({ kind }) => (kind === "step" ? Number(show(bySteps[step++] ?? 0)) : kind === "match" ? numberOf(matches, "complete") : undefined));
}
/** Whether a transition leads to a state, or from it. */
export function touches(one: JsonObject, state: number): boolean {
  const to = numberOf(one, "to");
  return numberOf(one, "from") === state || (state >= to && state <= (one.to_last === undefined ? to : numberOf(one, "to_last")));
}

/** `matches`: how many partial matches stand at each step now. */
export function Automaton({ of, matches }: { of: JsonObject; matches?: JsonObject | undefined }) {
  const [chosen, choose] = useState<number>();
  const drawing = of.drawing as JsonObject;
  const at = (one: JsonObject | undefined, name: string) => numberOf(one, name);
  const [width, height, radius] = [at(drawing, "width"), at(drawing, "height"), at(drawing, "label_radius")];
  const states = objects(of, "states").map((state) => ({ name: visible(show(state.name)), kind: show(state.kind) }));
  const boxes = objects(drawing, "states");
  const lines = objects(drawing, "transitions");
  const transitions = objects(of, "transitions");
  const ends = texts(of, "ended_by");
  const counts = matches && countsOf(states, matches);
  const pick = (state: number) => choose(state === chosen ? undefined : state);
  return (
    <>
      <div class="scroll" role="group" aria-label="Picture of the automaton">
        <svg class="automaton" width={width} height={height} viewBox={`0 0 ${width} ${height}`} role="group" aria-label={`${states.map(({ name }) => name).join(", ")}; the list below has the transitions`}>
          {lines.map((line, i) => (
            <path class={`way ${show(transitions[i]?.kind)}`} d={show(line.path)} />
          ))}
          {texts(drawing, "heads").map((head) => (
            <path class="head" d={head} />
          ))}
          {lines.flatMap((line, i) =>
            objects(line, "labels").map((label) => (
              <g class="label">
                <circle cx={at(label, "x")} cy={at(label, "y")} r={radius} />
                <text x={at(label, "x")} y={at(label, "y") + 4} text-anchor="middle">
                  {i + 1}
                </text>
              </g>
            )),
          )}
          {boxes.map((box, i) => (
            <g
              class={`box ${states[i]?.kind}`}
              tabindex={0}
              role="button"
              aria-pressed={chosen === i}
              onClick={() => pick(i)}
              onKeyDown={(event) => {
                if (event.key !== "Enter" && event.key !== " ") return;
                event.preventDefault();
                pick(i);
              }}
            >
              {show(box.text) !== states[i]?.name && <title>{states[i]?.name}</title>}
              <rect x={at(box, "x")} y={at(box, "y")} width={at(box, "width")} height={at(box, "height")} rx={states[i]?.kind === "step" ? 5 : at(box, "height") / 2} />
              <text x={at(box, "x") + at(box, "width") / 2} y={at(box, "y") + at(box, "height") / 2 + 5} text-anchor="middle">
                {visible(show(box.text))}
              </text>
              {counts?.[i] !== undefined && (
                <text class="count" x={at(box, "x") + at(box, "width") / 2} y={at(box, "y") + at(box, "height") + 13} text-anchor="middle">
                  {count(counts[i])}
                </text>
              )}
            </g>
          ))}
        </svg>
      </div>
      <ol>
        {transitions.map((one) => (
          <li aria-current={chosen !== undefined && touches(one, chosen)}>
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
