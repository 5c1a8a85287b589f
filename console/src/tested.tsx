// The tests of what is edited, run at each pause: how many pass, and why one does not.
import { useEffect, useState } from "preact/hooks";
import { Problem, askPatiently, asProblem } from "./api";
import { Files, Said } from "./checked";
import { CodeEditor, Finding } from "./code_editor";
import { JsonObject, show } from "./json";
import { Data, ProblemBox } from "./parts";
import { numberOf, objects } from "./table";
import { counted, visibleLines } from "./text";

const SECONDS = 5; // in which tests of a whole set are begun

let turn: Promise<unknown> = Promise.resolve();
/** One after the other, to its end, as the server works on two of this kind at once: the other place is for the check of what is written. */
function inTurn<T>(request: () => Promise<T>): Promise<T> {
  const own = turn.then(request);
  turn = own.catch(() => undefined);
  return own;
}
/** What the server has said of a text, and of which files it is: they may have changed since. */
export interface Checked {
  said: readonly Said[];
  files: Files;
}
/** What is asked of the server once the text has no mistakes: again for each check, and only where it `isWanted`. */
export function useAnswer(checked: Checked | undefined, isWanted: boolean, request: (files: Files) => Promise<JsonObject | undefined>, of: unknown = "") {
  const [answer, setAnswer] = useState<JsonObject>();
  const [answered, setAnswered] = useState<Checked>(); // what the answer is of
  const [problem, setProblem] = useState<Problem>();
  const hasMistakes = checked?.said.some((one) => one.level === "error") ?? true;
  useEffect(() => {
    if (hasMistakes || !isWanted || !checked) return;
    const ended = new AbortController();
    inTurn(async () => (ended.signal.aborted ? undefined : request(checked.files))).then(
      (found) => {
        if (ended.signal.aborted) return;
        setAnswer(found);
        setAnswered(checked);
        setProblem(undefined);
      },
      (error: unknown) => !ended.signal.aborted && setProblem(asProblem(error)),
    );
    return () => ended.abort();
  }, [checked, isWanted, of]);
  return { answer, problem, hasMistakes, isOfNow: answered === checked };
}

/** "3 of 4 tests pass." */
export function resultText(answer: JsonObject): string {
  const [passed, failed, left] = [numberOf(answer, "passed"), numberOf(answer, "failed"), numberOf(answer, "not_run")];
  const all = passed + failed + left;
  const same = numberOf(answer, "unchanged");
  const others = same > 0 ? ` ${counted(same, "other is", "others are")} of rules that did not change.` : "";
  if (all === 0 && same > 0) return `No test is of what changed.${others}`;
  const not = left > 0 ? `; ${counted(left, "of them was", "of them were")} not run, for want of time` : "";
  if (all === 0) return "There are no tests.";
  return `${passed} of ${counted(all, "test passes", "tests pass")}${not}.${others}`;
}

/** Tests that failed, and what stopped them; `place`: of one that stands in what is edited. */
export function Failures({ of, place = () => undefined }: { of: readonly JsonObject[]; place?: (test: JsonObject) => { line: number; go: () => void } | undefined }) {
  if (of.length === 0) return null;
  return (
    <ul class="plain problems">
      {of.map((test) => {
        const at = place(test);
        return (
          <li>
            <span class="severity high">failed</span>{" "}
            {at ? (
              <button type="button" class="plain" onClick={at.go}>
                line {at.line}
              </button>
            ) : (
              <>
                <Data value={test.file} />, line {numberOf(test, "line")}
              </>
            )}
            : <Data value={test.rule} />, <Data value={test.title} />: <Data value={test.difference} />
            <details>
              <summary>What came, and what stopped it</summary>
              <pre tabIndex={0} aria-label={`What came of ${show(test.title)}`}>
                {visibleLines(show(test.text))}
              </pre>
            </details>
          </li>
        );
      })}
    </ul>
  );
}

/** What the editor marks at a test that failed: what was otherwise, and how far its rule came. */
export function failureOf(test: JsonObject, line: number): Finding {
  const text = show(test.text);
  const why = /^  why [^]*/m.exec(text)?.[0].trim() ?? "";
  const said = `${show(test.difference)}\n${why}`.slice(0, WHY_MAX).trim();
  return { level: "error", message: visibleLines(said), begin: { line, column: 1 }, end: { line, column: LINE_END }, fix: undefined };
}
const WHY_MAX = 1000;
const LINE_END = 10_000;

interface Props {
  checked: Checked | undefined;
  rule: () => string; // whose tests run; empty: all
  lineOff: (test: JsonObject) => number | undefined; // of the text in its file, for a test that stands in it
  editor: CodeEditor | undefined;
  isEdited: boolean; // then those of all rules that are not as the active ones run too
  mark: (failures: readonly Finding[]) => void; // those that stand in what is edited, of the text as it is
}
export function Tested({ checked, rule, lineOff, editor, isEdited, mark }: Props) {
  const { answer, problem, hasMistakes, isOfNow } = useAnswer(checked, true, (files) => {
    const of = rule();
    return askPatiently("/v1/rules/test", { files, seconds: SECONDS, ...(of ? { rule: of } : {}), ...(isEdited ? { changed: true } : {}) });
  });
  const failed = objects(answer, "tests").filter((test) => test.outcome === "failed");
  const isShown = isOfNow && !hasMistakes;
  useEffect(() => {
    if (!isShown) return mark([]);
    const here = failed.flatMap((test) => {
      const off = lineOff(test);
      return off === undefined ? [] : [failureOf(test, numberOf(test, "line") - off)];
    });
    mark(here);
  }, [answer, isShown]);
  return (
    <section aria-label="Tests">
      <h2>Tests</h2>
      <p role="status" class={answer && failed.length === 0 && !hasMistakes ? "good" : undefined}>
        {hasMistakes && checked ? "They run once it has no mistakes." : answer ? resultText(answer) : "They run at each pause."}
      </p>
      {problem && !hasMistakes && <ProblemBox problem={problem} />}
      {!hasMistakes && (
        <Failures
          of={failed}
          place={(test) => {
            const off = lineOff(test);
            if (off === undefined) return undefined;
            const line = numberOf(test, "line") - off;
            return { line, go: () => editor?.goTo(line, 1) };
          }}
        />
      )}
    </section>
  );
}
