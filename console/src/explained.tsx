// What a rule says and how it would run, as it is written in the editor.
import { askPatiently } from "./api";
import { useState } from "preact/hooks";
import { Automaton } from "./automaton";
import { JsonObject, show } from "./json";
import { Data, ProblemBox } from "./parts";
import { visibleLines } from "./text";
import { Checked, useAnswer } from "./tested";

interface Props {
  checked: Checked | undefined;
  rule: () => string; // which, of those in the text
  isRule: boolean; // there is one
}
/** Made again at each pause while it is open. */
export function Explained({ checked, rule, isRule }: Props) {
  const [isOpen, setOpen] = useState(false);
  const [round, setRound] = useState(0);
  const { answer, problem, hasMistakes } = useAnswer(
    checked,
    isOpen,
    async (files) => {
      const of = rule();
      return of ? askPatiently("/v1/rules/explain", { files, rule: of }) : undefined;
    },
    round,
  );
  const explanation = answer?.explanation as JsonObject | undefined;
  return (
    <details class="form" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>What it says, and how it would run</summary>
      {isOpen && (
        <>
          {!isRule && (
            <button type="button" onClick={() => setRound(round + 1)}>
              Explain the rule at the cursor
            </button>
          )}
          {hasMistakes && <p class="quiet">{answer ? "It has mistakes: this is of the text before them." : "It is explained once it has no mistakes."}</p>}
          {problem && !hasMistakes && <ProblemBox problem={problem} />}
          {!hasMistakes && !problem && !answer && !isRule && <p class="quiet">No rule stands at the cursor.</p>}
          {explanation && answer && (
            <section aria-label="Explanation">
              <h3>
                <Data value={explanation.rule} />
              </h3>
              {explanation.automaton ? <Automaton of={explanation.automaton as JsonObject} /> : <p class="quiet">It runs without an automaton.</p>}
              <pre tabIndex={0} aria-label="The rule in words">
                {visibleLines(show(answer.text))}
              </pre>
            </section>
          )}
        </>
      )}
    </details>
  );
}
