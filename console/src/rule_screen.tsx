// One rule: its text, what it says in words, and its stage.
import { useState } from "preact/hooks";
import { ask, get, mayWork, part, roleForLive } from "./api";
import { Automaton } from "./automaton";
import { Days, daysOf } from "./chart";
import { Comparison } from "./comparison";
import { Form, outcomeOf } from "./forms";
import { JsonObject, show } from "./json";
import { useChanges } from "./live";
import { NearKeys } from "./near_keys";
import { Data, Panel, ProblemBox, useLoaded } from "./parts";
import { href } from "./place";
import { RuleVersions } from "./rule_versions";
import { heldBackBy, isDelivered, stageText, statusIn } from "./stage";
import { shareText } from "./stats";
import { Column, Table, member, numberOf, objects } from "./table";
import { count, counted, size, visibleLines } from "./text";

const STAGES = ["draft", "shadow", "live", "retired"];

/** `held`: the status in its text that is less than live; `place`: where that is taken out. */
function Stage({ id, stage, held, place, again }: { id: string; stage: string; held: string; place: string; again: () => void }) {
  const isLive = /^live/.test(stage);
  return (
    <Form
      title="Change its stage"
      role={isLive ? roleForLive("analyst") : "analyst"}
      fields={[
        { name: "stage", label: "Stage", kind: "choice", choices: STAGES.filter((one) => one !== "live" || mayWork(roleForLive("analyst"))), value: stage.split(" ")[0] ?? "" },
        ...(mayWork(roleForLive("analyst")) ? [{ name: "share", label: "Share of the keys, in percent", hint: "For live alone; without it, all of them." }] : []),
        { name: "comment", label: "Reason", needed: true },
      ]}
      submit="Change the stage"
      run={async ({ stage: wanted = "", share, comment = "" }) => {
        const rule = await ask("GET", `/v1/rules/${part(id)}`);
        const answer = await ask("PUT", `/v1/rules/${part(id)}/stage?comment=${part(comment)}`, {
          body: { stage: share && wanted === "live" ? `live ${share.replace(/\s*%$/, "")}%` : wanted },
          headers: { "If-Match": rule.headers.get("ETag") ?? "" },
        });
        again();
        const version = show((answer.json as JsonObject).version);
        return outcomeOf(answer, <>It holds with <a href={href(`/versions/${version}`)}>version {version}</a>.</>);
      }}
    >
      {held && (
        <p>
          <code>status {held}</code> in its text holds it back: no stage lets it out further than that.{" "}
          <a href={href(place)}>Take that out of the text</a>
        </p>
      )}
      <p class="quiet">Draft: it is only checked. Shadow: it alerts, and nobody is told. Live: its alerts are delivered.</p>
    </Form>
  );
}

/** What the numbers in the picture are of. */
export function matchesText(found: JsonObject): string {
  const bySteps = (Array.isArray(found.by_step) ? found.by_step : []).map((one) => Number(show(one)));
  const sum = bySteps.reduce((all, one) => all + one, numberOf(found, "complete"));
  const more = numberOf(found, "uncounted");
  return [
    `${counted(sum, "partial match", "partial matches")} of ${counted(numberOf(found, "keys"), "key")}`,
    more > 0 ? `; ${count(more)} more of busy keys, of which the step is not sought` : "",
    found.all === true ? "." : `. Only ${count(numberOf(found, "examined"))} keys were looked at: ${found.limited_by === "time" ? "it took too long" : "the limit is history.keys_max"}.`,
  ].join("");
}
/** How it runs, as a picture and in words. */
function Explained({ id }: { id: string }) {
  const [counts, setCounts] = useState(0); // how often it was asked for
  const matches = useLoaded(async (signal) => (counts > 0 ? get(`/v1/rules/${part(id)}/partial-matches`, signal) : undefined), `${id} matches ${counts}`);
  const explained = useLoaded((signal) => get(`/v1/rules/${part(id)}/explain`, signal), id);
  const said = useLoaded(async (signal) => (await ask("GET", `/v1/rules/${part(id)}/explain?format=text`, { signal })).text, id);
  return (
    <>
      <Panel title="How it runs" loaded={explained}>
        {(one) =>
          one.automaton ? (
            <>
              <Automaton of={one.automaton as JsonObject} matches={matches.value} />
              {matches.problem && <ProblemBox problem={matches.problem} />}
              <p>
                <button type="button" onClick={() => setCounts(counts + 1)}>
                  {counts === 0 ? "Count the partial matches at each step" : "Count again"}
                </button>{" "}
                <span class="quiet" role="status">
                  {counts > 0 && !matches.problem && (matches.value ? matchesText(matches.value) : "Counting…")}
                </span>
              </p>
            </>
          ) : (
            <p class="quiet">It runs without an automaton.</p>
          )
        }
      </Panel>
      <Panel title="What it says" loaded={said}>
        {(text) => (
          <pre tabIndex={0} aria-label="The rule in words">
            {visibleLines(text)}
          </pre>
        )}
      </Panel>
    </>
  );
}

const DAYS: readonly Column<JsonObject>[] = [
  member("Day", "day", "head"),
  member("Alerts", "alerts", "number"),
  member("In shadow", "shadow", "number"),
  { title: "Confirmed of those judged", isNumber: true, cell: (day) => shareText(numberOf(day, "confirmed"), numberOf(day, "confirmed") + numberOf(day, "dismissed")) },
];
/** What it raised on each of the last days, and what people made of that. */
function OverDays({ id }: { id: string }) {
  const loaded = useLoaded((signal) => get(`/v1/rules/${part(id)}/series`, signal), `${id} series`);
  return (
    <Panel title="By day" loaded={loaded}>
      {(answer) => {
        const days = objects(answer, "days");
        const busy = days.filter((day) => numberOf(day, "alerts") + numberOf(day, "shadow") > 0).reverse();
        if (busy.length === 0) return <p class="quiet">It raised nothing in the last {days.length} days.</p>;
        const raised = Object.fromEntries(days.map((day) => [show(day.day), numberOf(day, "alerts") + numberOf(day, "shadow")]));
        return (
          <>
            <Days days={daysOf(raised, undefined)} label="Alerts by the day (UTC) on which they were stored" />
            {answer.complete !== true && <p class="quiet">Of the newest {count(numberOf(answer, "examined"))} alerts of all rules; there are older ones.</p>}
            <Table label="Alerts by day" columns={DAYS} rows={busy} />
          </>
        );
      }}
    </Panel>
  );
}

export default function RuleScreen({ id }: { id: string }) {
  const loaded = useLoaded((signal) => get(`/v1/rules/${part(id)}`, signal), id);
  useChanges("rules", loaded.again);
  return (
    <main id="main" tabIndex={-1} class="page">
      <h1>
        Rule <Data value={id} />
      </h1>
      <Panel title="Now" loaded={loaded}>
        {(rule) => {
          const state = rule.state as JsonObject | undefined;
          const stage = show(rule.stage);
          const source = show(rule.source ?? "");
          const held = heldBackBy(rule) || statusIn(source);
          const shown = stageText(rule);
          return (
            <>
              <p class="message">
                <Data value={rule.title} />
              </p>
              <dl class="facts">
                <dt>Stage</dt>
                <dd>
                  <span class={`stage ${shown.split(" ")[0]}`}>{shown}</span>
                  {shown !== stage && <span class="quiet"> (its stage is {stage})</span>}
                </dd>
                <dt>Alerts</dt>
                <dd>
                  <a href={href(`/alerts?rule=${part(id)}${isDelivered(rule) ? "" : "&shadow=true"}`)}>{count(numberOf(rule, "alerts"))}</a>
                </dd>
                {state && (
                  <>
                    <dt>Keeps</dt>
                    <dd>
                      {count(numberOf(state, "keys"))} keys, {count(numberOf(state, "runs"))} partial matches, {size(numberOf(state, "bytes"))}
                    </dd>
                  </>
                )}
                <dt>File</dt>
                <dd>
                  <a href={href(`/pack/${part(show(rule.file))}?line=${show(rule.line)}`)}>
                    <Data value={rule.file} />, line {show(rule.line)}
                  </a>
                </dd>
                {show(rule.owner) && (
                  <>
                    <dt>Owner</dt>
                    <dd>
                      <Data value={rule.owner} />
                    </dd>
                  </>
                )}
              </dl>
              <p>
                <a href={href(`/rules/${part(id)}/edit`)}>Edit this rule</a> · <a href={href("/changes")}>Versions of the rules</a>
              </p>
              <Stage id={id} stage={stage} held={held} place={statusIn(source) ? `/rules/${part(id)}/edit?let_out` : `/pack/${part(show(rule.file))}?line=${show(rule.line)}`} again={loaded.again} />
            </>
          );
        }}
      </Panel>
      {loaded.value && !/^(draft|retired)/.test(show(loaded.value.stage)) && <Explained id={id} />}
      {loaded.value && /^(shadow|live \d)/.test(stageText(loaded.value)) && <Comparison id={id} />}
      {loaded.value && !/^(draft|retired)/.test(show(loaded.value.stage)) && <NearKeys key={`keys of ${id}`} rule={id} />}
      <OverDays id={id} />
      <RuleVersions id={id} />
      {loaded.value && (
        <section class="panel" aria-label="Its text">
          <h2>Its text</h2>
          <pre tabIndex={0} aria-label="The rule and its tests">
            {visibleLines(show(loaded.value.source ?? ""))}
          </pre>
        </section>
      )}
    </main>
  );
}
