// What people do on the screens: buttons that say what came of it, and forms.
import { ComponentChildren } from "preact";
import { useId, useState } from "preact/hooks";
import { Answer, Problem, asProblem, mayWork } from "./api";
import { JsonObject, show } from "./json";
import { NotAllowed, ProblemBox } from "./parts";
import { href } from "./place";

/** What a change came to: done, or waiting for another person. */
export function outcomeOf(answer: Answer, done: ComponentChildren): ComponentChildren {
  if (answer.status !== 202) return done;
  const document = (answer.json ?? {}) as JsonObject;
  if (document.change !== undefined)
    return (
      <>
        It waits for the approval of another person: <a href={href(`/changes/${show(document.change)}`)}>the change</a>.
      </>
    );
  if (document.operation !== undefined)
    return (
      <>
        It waits for the approval of another person ({show(document.reason)}): <a href={href(`/proposals/${show(document.id)}`)}>the request</a>.
      </>
    );
  if (document.warming_up !== undefined) return "Earlier events are read first; ask again until it is done.";
  return done;
}

/** Runs what is given, and keeps what came of it. */
function useDoing(): {
  isBusy: boolean;
  problem: Problem | undefined;
  said: ComponentChildren;
  start: (run: () => Promise<ComponentChildren | void>) => Promise<boolean>;
} {
  const [isBusy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem>();
  const [said, setSaid] = useState<ComponentChildren>();
  const start = async (run: () => Promise<ComponentChildren | void>) => {
    setBusy(true);
    setProblem(undefined);
    setSaid(undefined);
    try {
      setSaid((await run()) ?? "Done.");
      return true;
    } catch (error) {
      setProblem(asProblem(error));
      return false;
    } finally {
      setBusy(false);
    }
  };
  return { isBusy, problem, said, start };
}
function Result({ problem, said }: { problem: Problem | undefined; said: ComponentChildren }) {
  return (
    <>
      {problem && <ProblemBox problem={problem} />}
      <div role="status">{said && <div class="came">{said}</div>}</div>
    </>
  );
}

const focus = (button: HTMLButtonElement | null) => button?.focus();
/** To the buttons that are there again, once they are. */
function backTo(box: HTMLElement | null | undefined): void {
  requestAnimationFrame(() => {
    if (box && document.activeElement === document.body) box.querySelector("button")?.focus();
  });
}

export interface Action {
  text: string;
  ask?: string; // asked first, where it cannot be taken back
  run: () => Promise<ComponentChildren | void>;
}
/** Buttons for who has the role; `what` they are for is told to who has not, nothing where it is empty. */
export function Actions({ role, what = "", actions }: { role: string; what?: string; actions: readonly Action[] }) {
  const { isBusy, problem, said, start } = useDoing();
  const [askedText, setAsked] = useState("");
  const asked = actions.find((action) => action.text === askedText); // as it is now, not as it was when it was asked
  if (!mayWork(role)) return what ? <NotAllowed role={role}>{what}</NotAllowed> : null;
  return (
    <div class="actions">
      <div class="buttons">
        {asked ? (
          <>
            <span id="asked">{asked.ask}</span>
            <button
              type="button"
              class="danger"
              ref={focus}
              onClick={() => {
                setAsked("");
                void start(asked.run);
              }}
            >
              {asked.text}
            </button>
            <button
              type="button"
              class="plain"
              onClick={(event) => {
                const box = event.currentTarget.closest<HTMLElement>(".actions");
                setAsked("");
                backTo(box);
              }}
            >
              Cancel
            </button>
          </>
        ) : (
          actions.map((action) => (
            <button type="button" key={action.text} disabled={isBusy} onClick={() => (action.ask ? setAsked(action.text) : void start(action.run))}>
              {action.text}
            </button>
          ))
        )}
      </div>
      <Result problem={problem} said={said} />
    </div>
  );
}

export interface Field {
  name: string;
  label: string;
  kind?: "text" | "area" | "check" | "time" | "date" | "choice" | "number";
  choices?: readonly (string | { value: string; text: string })[];
  value?: string; // at first; "true" for a check
  needed?: boolean;
  hint?: string;
  fromFile?: boolean; // an area that can be filled with a file
}
export type Values = { [name: string]: string };

function Input({ field, id }: { field: Field; id: string }) {
  const hint = field.hint ? { "aria-describedby": `${id}-hint` } : {};
  const common = { id, name: field.name, required: field.needed === true, ...hint };
  switch (field.kind) {
    case "area":
      return (
        <div>
          <textarea {...common} rows={3} spellcheck={false} defaultValue={field.value ?? ""} />
          {field.fromFile && (
            <input
              type="file"
              accept=".txt,.csv,.json,.ndjson,text/plain"
              aria-label={`${field.label}: from a file`}
              onChange={(event) => {
                const chosen = event.currentTarget.files?.[0];
                const area = document.getElementById(id) as HTMLTextAreaElement | null;
                void chosen?.text().then((text) => area && (area.value = text));
              }}
            />
          )}
        </div>
      );
    case "check":
      return <input {...common} type="checkbox" defaultChecked={field.value === "true"} />;
    case "choice":
      return (
        <select {...common}>
          {(field.choices ?? []).map((choice) => {
            const { value, text } = typeof choice === "string" ? { value: choice, text: choice } : choice;
            return (
              <option value={value} selected={value === field.value}>
                {text}
              </option>
            );
          })}
        </select>
      );
    default: {
      const type = (field.kind === "time" ? "datetime-local" : (field.kind ?? "text")) as "text";
      return <input {...common} type={type} autocomplete="off" spellcheck={false} defaultValue={field.value ?? ""} />;
    }
  }
}

interface FormProps {
  title: string;
  role: string;
  fields: readonly Field[];
  submit: string;
  run: (values: Values) => Promise<ComponentChildren | void>; // what it gives is shown below
  // Further buttons; a free one needs nothing to be filled in.
  more?: readonly { text: string; isFree?: boolean; run: (values: Values) => Promise<ComponentChildren | void> }[];
  isOpen?: boolean;
  keeps?: boolean; // what was filled in, after it was done
  children?: ComponentChildren;
}
/** A form for who has the role, behind its title; empty again after it was done. */
export function Form({ title, role, fields, submit, run, more = [], isOpen = false, keeps = false, children }: FormProps) {
  const id = useId();
  const { isBusy, problem, said, start } = useDoing();
  if (!mayWork(role)) return <NotAllowed role={role}>{title}</NotAllowed>;
  const valuesOf = (form: HTMLFormElement): Values => {
    const values: Values = {};
    for (const field of fields) {
      const input = form.elements.namedItem(field.name) as HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement;
      values[field.name] = field.kind === "check" ? String((input as HTMLInputElement).checked) : input.value.trim();
    }
    return values;
  };
  return (
    <details class="form" open={isOpen}>
      <summary>{title}</summary>
      {children}
      <form
        onSubmit={(event) => {
          event.preventDefault();
          const form = event.currentTarget;
          void start(() => run(valuesOf(form))).then((isDone) => isDone && !keeps && form.reset());
        }}
      >
        {fields.map((field) => (
          <div key={field.name} class={field.kind === "check" ? "entry check" : "entry"}>
            <label for={`${id}-${field.name}`}>{field.label}</label>
            <Input field={field} id={`${id}-${field.name}`} />
            {field.hint && (
              <small id={`${id}-${field.name}-hint`} class="quiet">
                {field.hint}
              </small>
            )}
          </div>
        ))}
        <div class="buttons">
          <button type="submit" disabled={isBusy}>
            {submit}
          </button>
          {more.map((button) => (
            <button
              type="button"
              key={button.text}
              disabled={isBusy}
              onClick={(event) => {
                const form = event.currentTarget.form;
                if (form && (button.isFree || form.reportValidity())) void start(() => button.run(valuesOf(form)));
              }}
            >
              {button.text}
            </button>
          ))}
        </div>
      </form>
      <Result problem={problem} said={said} />
    </details>
  );
}

/** The time of a field, which is in the browser's zone, as the API takes it; empty stays empty. */
export function timeOf(value: string | undefined): string {
  const at = value ? new Date(value) : undefined;
  return at && !Number.isNaN(at.getTime()) ? at.toISOString() : "";
}
/** Something that is shown once, such as a secret. */
export function Once({ what, value }: { what: string; value: string }) {
  return (
    <>
      {what}, shown this once: <code class="once">{value}</code>
    </>
  );
}
