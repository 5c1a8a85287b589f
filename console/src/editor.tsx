// E. The editor of rules: checked while somebody writes, tried on events and on the past, and proposed.
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { Answer, Problem, ask, askPatiently, asProblem, get, mayWork, part, roleForLive } from "./api";
import { BacktestForm } from "./backtests";
import { firstRule, ruleAt } from "./blocks";
import { Files, Said, check, eventsOf } from "./checked";
import { CodeEditor, Finding, Tool, openCode } from "./code_editor";
import { Difference, Fates, TextDifference } from "./difference";
import { Explained } from "./explained";
import { Form, outcomeOf } from "./forms";
import { JsonObject, show } from "./json";
import { Sheet, Spot, hoverAt, offersAt } from "./language";
import { LanguageTools } from "./language_tools";
import { Data, Panel, ProblemBox, Severity, useLoaded } from "./parts";
import { go, href, query } from "./place";
import { spliced } from "./positions";
import { withoutStatus } from "./stage";
import { Column, Table, member, numberOf, objects } from "./table";
import { Checked, Tested } from "./tested";
import { counted, visibleLines } from "./text";

const QUIET_MS = 100; // before what was written is checked

/** What is edited, and where it belongs. */
interface Edited {
  draft: string; // names it among the drafts
  path: string; // of its file
  base: string; // as it is on the server
  etag: string;
  files: Files; // all that are active, with what a rename changed in others
  line: number; // where a file is opened
  placed: (text: string) => { text: string; line: number } | undefined; // the whole file with it
  role: string; // who may ask for the change
  isRule: boolean; // and not a file
  save: (text: string, comment: string, etag: string) => Promise<Answer>;
  changeOthers?: (files: Files) => void; // saved together with the text
}
// What was written and not saved, and the text of the server that it was written on: a save that follows replaces that one alone.
interface Draft {
  text: string;
  base: string;
  etag: string;
  isClash: boolean; // somebody else changed that text, and was not brought in yet
}
// While the page is open: a backtest leads to another screen, and back.
const drafts = new Map<string, Draft>();
const draftOthers = new Map<string, Files>(); // by draft: other files that a rename changed
addEventListener("beforeunload", (event) => {
  if (drafts.size > 0) event.preventDefault();
});

async function readPack(signal: AbortSignal): Promise<{ files: Files; etag: string }> {
  const answer = await ask("GET", "/v1/pack", { signal });
  return { files: (answer.json as JsonObject).files as Files, etag: answer.headers.get("ETag") ?? "" };
}
/** Puts a test that is made of an alert behind what is written, in a file behind its rule, unless it stands there; gives the line where it begins. */
async function putTest(draft: string, fresh: Draft, signal: AbortSignal): Promise<number> {
  const wanted = new URLSearchParams(query.value);
  const alert = wanted.get("test");
  if (!alert) return Number(wanted.get("line")) || 1;
  const made = (await ask("GET", `/v1/alerts/${part(alert)}/test`, { signal })).json as JsonObject;
  const test = show(made.text);
  const head = test.split("\n", 1)[0] ?? "";
  let now = drafts.get(draft) ?? fresh;
  if (!now.text.includes(head)) {
    const lines = now.text.trimEnd().split("\n");
    lines.splice(draft.startsWith("file ") && now === fresh ? numberOf(made, "behind") : lines.length, 0, "", test.trimEnd());
    now = { ...now, text: `${lines.join("\n")}\n` };
    drafts.set(draft, now);
  }
  return now.text.slice(0, now.text.indexOf(head)).split("\n").length;
}
async function readFile(path: string, signal: AbortSignal): Promise<Edited> {
  const { files, etag } = await readPack(signal);
  const draft = `file ${path}`;
  const base = files[path] ?? "";
  const line = await putTest(draft, { text: base, base, etag, isClash: false }, signal);
  // What else a rename changed is kept as long as what was written.
  const others = () => (drafts.has(draft) ? (draftOthers.get(draft) ?? {}) : {});
  return {
    draft,
    path,
    base,
    etag,
    files: { ...files, ...others() },
    line,
    placed: (text) => ({ text, line: 0 }),
    role: roleForLive("author"),
    isRule: false,
    save: (text, comment, known) => ask("PATCH", `/v1/pack?comment=${part(comment)}`, { body: { files: { ...others(), [path]: text } }, headers: { "If-Match": known } }),
    changeOthers: (changed) => draftOthers.set(draft, { ...others(), ...changed }),
  };
}
// A new one is watched before it is let out.
const template = (name: string) => `rule ${name} "What it finds" {\n  status shadow\n  severity medium\n  by \n  when \n  alert ""\n}\n`;
async function readNewRule(id: string, signal: AbortSignal): Promise<Edited> {
  const { files } = await readPack(signal);
  if (!drafts.has(`rule ${id}`)) drafts.set(`rule ${id}`, { text: template(id), base: "", etag: "", isClash: false });
  return {
    draft: `rule ${id}`,
    path: `${id}.tocsin`,
    base: "",
    etag: "",
    files,
    line: 1,
    placed: (text) => ({ text, line: 0 }),
    role: "analyst",
    isRule: true,
    save: async (text, comment) => {
      const answer = await ask("PUT", `/v1/rules/${part(id)}?comment=${part(comment)}`, { plain: text, headers: { "If-None-Match": "*" } });
      if (answer.status !== 202) go(`/rules/${part(id)}/edit`, true);
      return answer;
    },
  };
}
async function readRule(id: string, signal: AbortSignal): Promise<Edited> {
  if (new URLSearchParams(query.value).has("new")) return readNewRule(id, signal);
  const at = `/v1/rules/${part(id)}`;
  const [rule, pack] = await Promise.all([ask("GET", at, { signal }), readPack(signal)]);
  const document = rule.json as JsonObject;
  const source = show(document.source ?? "");
  const path = show(document.file);
  const isLetOut = new URLSearchParams(query.value).has("let_out") && !drafts.has(`rule ${id}`);
  const etag = rule.headers.get("ETag") ?? "";
  // It is changed as if somebody had written so, and saved like that.
  const letOut = withoutStatus(source);
  if (isLetOut && letOut !== source) drafts.set(`rule ${id}`, { text: letOut, base: source, etag, isClash: false });
  const line = await putTest(`rule ${id}`, { text: source, base: source, etag, isClash: false }, signal);
  return {
    draft: `rule ${id}`,
    path,
    base: source,
    etag,
    files: pack.files,
    line,
    placed: (text) => spliced(pack.files[path] ?? "", source, text),
    role: /^live/.test(show(document.stage)) ? roleForLive("analyst") : "analyst",
    isRule: true,
    save: (text, comment, known) => ask("PUT", `${at}?comment=${part(comment)}`, { plain: text, headers: { "If-Match": known } }),
  };
}

function Problems({ said, editor }: { said: readonly Said[] | undefined; editor: CodeEditor | undefined }) {
  if (!said) return <p class="quiet">Checking…</p>;
  if (said.length === 0) return <p class="good">Nothing is wrong with it.</p>;
  return (
    <ul class="plain problems">
      {said.map((one) => (
        <li>
          <span class={one.level === "error" ? "severity high" : "severity medium"}>{one.level}</span>{" "}
          {one.isHere ? (
            <button type="button" class="plain" onClick={() => editor?.goTo(one.begin.line, one.begin.column)}>
              line {one.begin.line}
            </button>
          ) : (
            <>
              <Data value={one.file} />, line {one.begin.line}
            </>
          )}
          : <Data value={one.message} /> <span class="quiet">{one.code}</span>{" "}
          {one.fix && (
            <button type="button" onClick={() => editor?.fix(one)}>
              Correct it
            </button>
          )}
        </li>
      ))}
    </ul>
  );
}

const ALERTS: readonly Column<JsonObject>[] = [
  member("Event time", "time", "time"),
  member("Rule", "rule"),
  { title: "Severity", cell: (alert) => <Severity name={show(alert.severity)} /> },
  member("Message", "message", "head"),
];
function Tried({ result }: { result: JsonObject }) {
  return (
    <>
      <p>
        {counted(numberOf(result, "events"), "event")}, {counted(objects(result, "alerts").length + numberOf(result, "alerts_left_out"), "alert")}.
      </p>
      {objects(result, "invalid").map((one) => (
        <p>
          Event {numberOf(one, "event") + 1} is not valid: <Data value={one.reason} />
        </p>
      ))}
      {objects(result, "late").map((one) => (
        <p>
          Event {numberOf(one, "event") + 1} is late by <Data value={one.late_by} />.
        </p>
      ))}
      {result.near_miss !== undefined && show(result.near_miss).trim() !== "it alerts" && (
        <pre tabIndex={0} aria-label="How far the rule came">
          {visibleLines(show(result.near_miss))}
        </pre>
      )}
      <Table label="Alerts of these events" columns={ALERTS} rows={objects(result, "alerts")} empty="No rule alerts." />
    </>
  );
}

/** Puts the lines of a key's events into the form, the oldest first. */
async function takeEvents(key: string): Promise<string> {
  const found = objects(await get(`/v1/keys/${part(key)}/events?limit=200&lines=true`), "events").reverse();
  const area = document.querySelector<HTMLTextAreaElement>("textarea[name=events]");
  if (area) area.value = found.map((event) => show(event.line)).join("\n");
  return `${counted(found.length, "event")} of the key, the newest of those that the archive has.`;
}
function Try({ filesNow, rule }: { filesNow: () => Files; rule: () => string }) {
  return (
    <Form
      title="Try it on events"
      role="reader"
      keeps
      fields={[
        { name: "events", label: "Events, one in each line", kind: "area", needed: true, fromFile: true, hint: 'Such as {"type":"payment","ts":"2026-03-02T12:00:00Z",…}' },
        { name: "key", label: "Or those of a key, from the archive", hint: "Such as card=c1" },
      ]}
      more={[{ text: "Take the events of the key", isFree: true, run: ({ key = "" }) => takeEvents(key) }]}
      submit="Try"
      run={async ({ events = "" }) => {
        let parsed: unknown[];
        try {
          parsed = eventsOf(events);
        } catch (error) {
          throw new Problem(0, "These are no events", error instanceof Error ? error.message : "", "");
        }
        const of = rule();
        return <Tried result={await askPatiently("/v1/rules/dry-run", { files: filesNow(), events: parsed, ...(of ? { near_miss_of: of } : {}) })} />;
      }}
    />
  );
}
function Plan({ filesNow }: { filesNow: () => Files }) {
  return (
    <Form
      title="Run the tests, and say what it would change"
      role="reader"
      keeps
      fields={[]}
      submit="Run the tests"
      run={async () => {
        const plan = await askPatiently("/v1/pack/plan", { files: filesNow() });
        const needed = numberOf(plan, "approvals_needed");
        return (
          <>
            <p class="good">All tests pass.</p>
            <Difference of={plan} />
            <Fates of={plan} />
            {needed > 0 && <p>It needs the approval of {counted(needed, "other person", "others")}.</p>}
            {plan.closed !== undefined && (
              <p>
                It would be refused: <Data value={plan.closed} />
              </p>
            )}
          </>
        );
      }}
    />
  );
}

/** What a text in the editor rests on when it is opened: what its draft was written on, if that is not the server's any more. */
function restsOn(of: Edited): Omit<Draft, "text"> {
  const now = { base: of.base, etag: of.etag, isClash: false };
  const draft = drafts.get(of.draft);
  if (!draft || draft.text === of.base) return now;
  const isSame = draft.base === of.base && (draft.etag === of.etag || Object.keys(draftOthers.get(of.draft) ?? {}).length === 0);
  if (isSame) return { ...now, isClash: draft.isClash };
  return { base: draft.base, etag: draft.etag, isClash: true };
}

const TEST = /^test\s/m;
function Workbench({ of, again }: { of: Edited; again: () => void }) {
  const host = useRef<HTMLDivElement>(null);
  const editor = useRef<CodeEditor | undefined>(undefined);
  const [text, setText] = useState(drafts.get(of.draft)?.text ?? of.base);
  const [checked, setChecked] = useState<Checked>();
  const said = checked?.said;
  const [problem, setProblem] = useState<Problem>();
  const [ground, setGround] = useState(() => restsOn(of));
  const before = useRef(of);
  const saved = useRef<string | undefined>(undefined); // by this page, and perhaps not read again yet
  const [others, setOthers] = useState<Files>({}); // what a rename changed elsewhere since it was read
  const latest = useRef({ of, text, others });
  latest.current = { of, text, others };
  const useTool = useRef<(tool: Tool) => void>(() => undefined);
  // The text as it is in the editor, which may be newer than what was drawn last.
  const sheetNow = (): Sheet => {
    const now = latest.current;
    const own = editor.current?.text() ?? now.text;
    const at = now.of.placed(own);
    return { files: { ...now.of.files, ...now.others, [now.of.path]: at?.text ?? "" }, path: now.of.path, line: at?.line ?? 0, text: own };
  };
  useEffect(() => {
    if (!host.current) return;
    const opened = openCode(host.current, {
      text,
      label: `Text of ${of.path}`,
      names: () => Object.values(latest.current.of.files),
      offers: async (offset, signal) => (await offersAt(sheetNow(), offset, signal)).offers,
      hover: (offset) => hoverAt(sheetNow(), offset),
      use: (tool) => useTool.current(tool),
      changed: () => setText(opened.text()),
    });
    editor.current = opened;
    if (of.line > 1) opened.goTo(of.line, 1);
    return () => opened.close();
  }, []);
  const isEdited = text !== of.base;
  // It was read again here, after a save or a refusal: what is written next rests on that.
  useEffect(() => {
    if (before.current !== of) setGround((before) => ({ base: of.base, etag: of.etag, isClash: before.isClash }));
    before.current = of;
  }, [of]);
  // With the drawing itself, not after it: who leaves the page at once is asked about what was written, and not about what was given up.
  useLayoutEffect(() => {
    if (isEdited && text !== saved.current) drafts.set(of.draft, { text, ...ground });
    else drafts.delete(of.draft);
  }, [text, of.base, ground]);
  useEffect(() => {
    const ended = new AbortController();
    const timer = window.setTimeout(() => {
      const placed = of.placed(text);
      if (!placed) return;
      const files = { ...of.files, ...others, [of.path]: placed.text };
      check(files, { path: of.path, line: placed.line, lines: text.split("\n").length }, ended.signal).then(
        (found) => {
          if (ended.signal.aborted) return;
          setChecked({ said: found, files });
          setProblem(undefined);
        },
        (error: unknown) => !ended.signal.aborted && setProblem(asProblem(error)),
      );
    }, QUIET_MS);
    return () => {
      clearTimeout(timer);
      ended.abort();
    };
  }, [text, of.etag, others]);
  const [failures, mark] = useState<readonly Finding[]>([]);
  useEffect(() => {
    // Of a text that is another by now the next answer says more.
    if (said && checked?.files[of.path] === sheetNow().files[of.path]) editor.current?.show([...said.filter((one) => one.isHere), ...failures]);
  }, [said, failures]);
  const placed = of.placed(text);
  if (!placed)
    return (
      <p>
        The rule does not stand in its file as one piece. <a href={href(`/pack/${part(of.path)}?${query.value}`)}>Edit the file</a>
      </p>
    );
  const filesNow = (): Files => ({ ...of.files, ...others, [of.path]: of.placed(text)?.text ?? "" });
  const changeOthers = (changed: Files) => {
    of.changeOthers?.(changed);
    setOthers({ ...others, ...changed });
  };
  const changedOthers = (): Files => ({ ...draftOthers.get(of.draft), ...others });
  // Lines behind the text are as far off as it has grown.
  const savedLine = ({ file, line }: Spot) => {
    const now = sheetNow();
    const own = now.text.split("\n").length;
    return file === of.path && line > now.line + own ? line - (own - of.base.split("\n").length) : line;
  };
  const save = async (comment: string) => {
    try {
      const answer = await of.save(text, comment, ground.etag);
      if (ground.isClash) setGround({ ...ground, isClash: false });
      if (answer.status === 202) return outcomeOf(answer, "");
      saved.current = text;
      drafts.delete(of.draft);
      draftOthers.delete(of.draft);
      setOthers({});
      again();
      const version = show((answer.json as JsonObject).version);
      return (
        <>
          It holds, with <a href={href(`/versions/${version}`)}>version {version}</a>.<Fates of={answer.json as JsonObject} />
        </>
      );
    } catch (error) {
      if (asProblem(error).status === 412) {
        setGround({ ...ground, isClash: true });
        again();
      }
      throw error;
    }
  };
  const giveUp = () => {
    draftOthers.delete(of.draft);
    setOthers({});
    if (Object.keys(others).length > 0) again();
    setGround({ base: of.base, etag: of.etag, isClash: false });
    editor.current?.replace(of.base);
  };
  // In a file it is the rule at the cursor; what stands in none may change every one.
  const ruleNow = () => (of.isRule ? firstRule(text) : ruleAt(text, editor.current?.cursor() ?? 0));
  const lineOff = (test: JsonObject) => {
    const { line } = sheetNow();
    const at = numberOf(test, "line") - line;
    return show(test.file) === of.path && at > 0 && at <= text.split("\n").length ? line : undefined;
  };
  const errors = said?.filter((one) => one.level === "error").length ?? 0;
  return (
    <div class="workbench">
      <div>
        <div ref={host} class="code" />
        <p class="quiet" role="status">
          {isEdited ? "Not saved. " : "As it is on the server. "}
          {said && (said.length === 0 ? "No mistakes." : `${counted(errors, "error")}, ${counted(said.length - errors, "warning")}.`)}{" "}
          {isEdited && (
            <button type="button" class="plain" onClick={giveUp}>
              Give up what was written
            </button>
          )}
        </p>
        {Object.keys(changedOthers()).length > 0 && (
          <p>
            A name was changed in other files too, which are saved with this text: <Data value={Object.keys(changedOthers()).join(", ")} />.
          </p>
        )}
        <LanguageTools sheet={sheetNow} editor={editor} savedLine={savedLine} changeOthers={of.changeOthers && changeOthers} use={useTool} />
        {problem && <ProblemBox problem={problem} />}
        {of.isRule && TEST.test(of.base) && !TEST.test(text) && (
          <p>
            A rule that comes without tests keeps those that it has. They go with the text of <a href={href(`/pack/${part(of.path)}`)}>its file</a>.
          </p>
        )}
        <h2>Problems</h2>
        <Problems said={said} editor={editor.current} />
        <Tested checked={checked} rule={ruleNow} lineOff={lineOff} editor={editor.current} isEdited={isEdited} mark={mark} />
      </div>
      <div>
        {ground.isClash && (
          <section aria-label="Somebody else changed it">
            <h2>Somebody else changed it</h2>
            <p>Nothing was saved. Removed lines are those on the server, added ones yours: bring in theirs, and save again.</p>
            <TextDifference path={of.path} before={of.base} after={text} />
            {ground.etag !== of.etag && (
              <p>
                What you wrote rests on an older text, and is refused until you say so.{" "}
                <button type="button" onClick={() => setGround({ base: of.base, etag: of.etag, isClash: true })}>
                  Theirs is in it
                </button>
              </p>
            )}
          </section>
        )}
        <Plan filesNow={filesNow} />
        <Explained checked={checked} rule={ruleNow} isRule={of.isRule} />
        <Try filesNow={filesNow} rule={ruleNow} />
        <BacktestForm files={{ ...changedOthers(), [of.path]: of.placed(text)?.text }} submit="Start a backtest against the active rules">
          <p class="quiet">What was written is kept meanwhile, as long as the page is open.</p>
        </BacktestForm>
        <Form title="Save" role={of.role} isOpen fields={[{ name: "comment", label: "Why", needed: true }]} submit="Save it" run={({ comment = "" }) => save(comment)}>
          <p class="quiet">Its tests run first. A change of live rules waits for approval where the server asks for that.</p>
        </Form>
      </div>
    </div>
  );
}

function EditorScreen({ title, id, read }: { title: string; id: string; read: (id: string, signal: AbortSignal) => Promise<Edited> }) {
  const loaded = useLoaded((signal) => read(id, signal), `${title} ${id}`);
  return (
    <main id="main" tabIndex={-1} class="page wide">
      <h1>
        {title} <Data value={id} />
      </h1>
      {!mayWork("analyst") && <p class="quiet">You may try what you write; saving needs a role.</p>}
      <Panel title="Text" loaded={loaded}>
        {(of) => <Workbench of={of} again={loaded.again} />}
      </Panel>
    </main>
  );
}
export default function RuleEditor({ id }: { id: string }) {
  return <EditorScreen title="Rule" id={id} read={readRule} />;
}
export function FileEditor({ id }: { id: string }) {
  return <EditorScreen title="File" id={id} read={readFile} />;
}
