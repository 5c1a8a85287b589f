// Small parts of all screens: texts of events, times, and the states of a panel.
import { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { fieldsOf } from "./alerts";
import { Problem, asProblem } from "./api";
import { Json, JsonObject, show } from "./json";
import { href } from "./place";
import { isMask, localTime, visible, visibleLines } from "./text";

/** A text or value of an event or rule, which is data whatever is in it. */
export function Data({ value }: { value: Json | undefined }) {
  const text = show(value);
  if (!isMask(text)) return <bdi>{visible(text)}</bdi>;
  return (
    <bdi class="mask" title="Personal data, which your role does not see. Equal values have equal marks.">
      {text}
    </bdi>
  );
}
/** Members of an object, one after the other. */
export function Members({ of, without = [] }: { of: Json | undefined; without?: readonly string[] }) {
  return (
    <>
      {fieldsOf(of)
        .filter(([name]) => !without.includes(name))
        .map(([name, value]) => (
          <>
            <span class="field">
              <span class="quiet">
                <Data value={name} />
              </span>{" "}
              <Data value={value} />
            </span>{" "}
          </>
        ))}
    </>
  );
}
export function Time({ at }: { at: string }) {
  if (!at) return null;
  return (
    <time dateTime={at} title={`${at} (UTC)`}>
      {localTime(at)}
    </time>
  );
}
const TIMES = /(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z)/;
/** A text of the server, its times as all others are shown. */
export function Said({ text }: { text: string }) {
  return <>{text.split(TIMES).map((piece, at) => (at % 2 === 1 ? <Time at={piece} /> : <Data value={piece} />))}</>;
}
export function Severity({ name }: { name: string }) {
  return <span class={`severity ${name}`}>{name}</span>;
}
export function State({ name }: { name: string }) {
  return <span class={`state ${name}`}>{name}</span>;
}
export function ProblemBox({ problem, again }: { problem: Problem; again?: () => void }) {
  return (
    <div class="problem" role="alert">
      <strong>{problem.title}</strong>
      <p>{visible(problem.detail)}</p>
      {problem.list.length > 0 && (
        <ul>
          {problem.list.map((text) => (
            <li>
              <pre>{visibleLines(text)}</pre>
            </li>
          ))}
        </ul>
      )}
      {problem.requestId && <p class="quiet">Request {problem.requestId}</p>}
      {again && (
        <button type="button" onClick={again}>
          Try again
        </button>
      )}
    </div>
  );
}
export function NotAllowed({ role, children }: { role: string; children: ComponentChildren }) {
  return (
    <p class="quiet">
      {children} needs the role {role}.
    </p>
  );
}

export interface Loaded<T> {
  value: T | undefined;
  problem: Problem | undefined;
  again: () => void;
}
/** What `load` gives, again when `of` changes, and every `everyMs` while it `goesOn`. An old value stays while a newer one is on its way. */
export function useLoaded<T>(load: (signal: AbortSignal) => Promise<T>, of: string, everyMs = 0, goesOn: (value: T) => boolean = () => true): Loaded<T> {
  const [state, setState] = useState<{ of: string; value?: T; problem?: Problem }>({ of });
  const [round, setRound] = useState(0);
  useEffect(() => {
    const ended = new AbortController();
    let timer = 0;
    const run = async () => {
      let isOver = false;
      try {
        const value = await load(ended.signal);
        isOver = !goesOn(value);
        if (!ended.signal.aborted) setState({ of, value });
      } catch (error) {
        if (!ended.signal.aborted)
          setState((before) => {
            const problem = asProblem(error);
            return before.of === of && before.value !== undefined ? { of, value: before.value, problem } : { of, problem };
          });
      }
      if (everyMs > 0 && !isOver && !ended.signal.aborted) timer = window.setTimeout(() => void run(), everyMs);
    };
    void run();
    return () => {
      ended.abort();
      clearTimeout(timer);
    };
  }, [of, round]);
  const isOurs = state.of === of;
  return { value: isOurs ? state.value : undefined, problem: isOurs ? state.problem : undefined, again: () => setRound(round + 1) };
}
/** A panel with its states: loading, failed, or with what was loaded. */
export function Panel<T>({ title, loaded, children }: { title: string; loaded: Loaded<T>; children: (value: T) => ComponentChildren }) {
  return (
    <section class="panel" aria-label={title} aria-busy={loaded.value === undefined && !loaded.problem}>
      <h2>{title}</h2>
      {loaded.problem && <ProblemBox problem={loaded.problem} again={loaded.again} />}
      {loaded.value !== undefined ? children(loaded.value) : !loaded.problem && <p class="quiet">Loading…</p>}
    </section>
  );
}

/** An alert in a line: its message, which leads to it, and its rule. */
export function AlertLink({ alert }: { alert: JsonObject }) {
  return (
    <>
      <a href={href(`/alerts/${show(alert.id)}`)}>
        <Data value={alert.message} />
      </a>{" "}
      <span class="quiet">
        <Data value={alert.rule} />
      </span>
    </>
  );
}
