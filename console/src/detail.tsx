// One alert: beside its row in the queue, and on a page of its own.
import { useRef, useState } from "preact/hooks";
import { Problem, asProblem, mayWork } from "./api";
import { Detail, Row, change, fieldsOf, keyOf, keyPlace, keyQuery, keyText, readDetail, readPage } from "./alerts";
import { JsonObject, show, sourceOf } from "./json";
import { Data, Members, NotAllowed, Panel, ProblemBox, Severity, State, Time, useLoaded } from "./parts";
import { href } from "./place";
import { put } from "./queue_state";
import { SilenceDialog } from "./silence_dialog";
import { Column, Table, member, objects } from "./table";
import { count, counted, visible } from "./text";
import { Timeline } from "./timeline";
import { Trace } from "./trace";

function sameKeyLink(alert: JsonObject): string {
  return href(`/alerts?key=${encodeURIComponent(keyQuery(alert))}`);
}

export function Head({ row }: { row: Row }) {
  const alert = row.alert;
  const heldBack = Number(show(alert.held_back)) || 0;
  return (
    <>
      <p class="message">
        <Data value={alert.message} />
      </p>
      <dl class="facts">
        <dt>State</dt>
        <dd>
          <State name={row.state} /> {row.assignee && <Data value={row.assignee} />}
        </dd>
        <dt>Severity</dt>
        <dd>
          <Severity name={show(alert.severity)} /> {show(alert.score) !== "0" && <>score {show(alert.score)}</>}
        </dd>
        <dt>Rule</dt>
        <dd>
          <a href={href(`/rules/${encodeURIComponent(show(alert.rule))}`)}>
            <Data value={alert.rule} />
          </a>
          , version {show(alert.version)}
          <br />
          <span class="quiet">
            <Data value={alert.title} />
          </span>
        </dd>
        <dt>Key</dt>
        <dd>
          {keyQuery(alert) ? (
            <a href={href(keyPlace(alert))}>
              <Data value={keyText(alert)} />
            </a>
          ) : (
            keyText(alert) ? <Members of={alert.key} /> : <span class="quiet">none</span>
          )}
        </dd>
        <dt>Event time</dt>
        <dd>
          <Time at={show(alert.time)} />
        </dd>
        <dt>Stored</dt>
        <dd>
          <Time at={row.storedAt} />
        </dd>
        {heldBack > 0 && (
          <>
            <dt>Suppressed</dt>
            <dd>{counted(heldBack, "earlier match", "earlier matches")}</dd>
          </>
        )}
      </dl>
    </>
  );
}

export function Fields({ alert }: { alert: JsonObject }) {
  const fields = fieldsOf(alert.fields);
  if (fields.length === 0) return null;
  return (
    <dl class="facts">
      {fields.map(([name, value]) => (
        <>
          <dt>
            <Data value={name} />
          </dt>
          <dd class="number">
            <Data value={value} />
          </dd>
        </>
      ))}
    </dl>
  );
}

const EVIDENCE: readonly Column<JsonObject>[] = [
  member("Step", "as"),
  { title: "Event time", cell: (event) => <Time at={eventTime(event)} /> },
  {
    title: "Event",
    cell: (event) => (
      <>
        <Data value={event.type} /> <span class="quiet"><Data value={event.id} /></span>
      </>
    ),
  },
  { title: "Fields", cell: (event) => <Members of={event.fields} /> },
];
/** The events that the rule took, in order, each with the step it was taken for. */
export function Evidence({ alert }: { alert: JsonObject }) {
  return <Table label="The events that matched" columns={EVIDENCE} rows={objects(alert, "events")} empty="The rule keeps no events with its alerts." />;
}
function eventTime(event: JsonObject): string {
  const microseconds = Number(show(event.ts));
  const at = new Date(microseconds / 1000);
  return Number.isNaN(at.getTime()) ? show(event.ts) : at.toISOString();
}

/** Beside the queue: enough for most decisions. */
export function Aside({ row }: { row: Row }) {
  return (
    <article aria-label="The current alert">
      <h2 class="hidden">The current alert</h2>
      <Head row={row} />
      <Fields alert={row.alert} />
      <h3>Events</h3>
      <Evidence alert={row.alert} />
      <p>
        <a href={href(`/alerts/${row.id}`)}>Open this alert</a>
      </p>
    </article>
  );
}

function History({ detail }: { detail: Detail }) {
  if (detail.triage.history.length === 0) return <p class="quiet">Nobody has worked on this alert.</p>;
  return (
    <ol class="history">
      {detail.triage.history.map((entry) => (
        <li>
          <Time at={entry.at} /> <strong><Data value={entry.who} /></strong>{" "}
          {entry.action === "comment" ? "commented" : `${entry.action}: ${entry.from} to ${entry.to}`}
          {entry.assignee && (
            <>
              {" "}
              (<Data value={entry.assignee} />)
            </>
          )}
          {entry.comment && (
            <p>
              <Data value={entry.comment} />
            </p>
          )}
        </li>
      ))}
    </ol>
  );
}

const DELIVERIES: readonly Column<JsonObject>[] = [
  {
    title: "Subscription",
    cell: (one) => (
      <a href={href(`/subscriptions/${show(one.subscription)}`)}>
        <Data value={one.subscription} />
      </a>
    ),
  },
  member("State", "state"),
  { title: "Attempts", isNumber: true, cell: (one) => count(objects(one, "attempts").length) },
  { title: "More", cell: (one) => <Members of={one} without={["subscription", "state", "attempts"]} /> },
];
function Deliveries({ deliveries }: { deliveries: JsonObject[] }) {
  return (
    <Table label="Deliveries of this alert" columns={DELIVERIES} rows={deliveries} empty="No subscription had a filter that this alert matches." />
  );
}

const ACTION_TEXT: { [action: string]: string } = {
  assign: "Assign to me",
  release: "Release",
  confirm: "Confirm",
  dismiss: "Dismiss",
  close: "Close",
  reopen: "Reopen",
};
function Work({ detail, again }: { detail: Detail; again: () => void }) {
  const [problem, setProblem] = useState<Problem>();
  const comment = useRef<HTMLTextAreaElement>(null);
  if (!mayWork("analyst")) return <NotAllowed role="analyst">Triage</NotAllowed>;
  const act = async (action: string) => {
    const text = comment.current?.value.trim() ?? "";
    setProblem(undefined);
    try {
      const now = await change(detail.row.id, text ? { action, comment: text } : { action }, detail.triage.version);
      if (comment.current) comment.current.value = "";
      put(detail.row.id, { state: now.state, assignee: now.assignee, version: now.version });
      again();
    } catch (error) {
      setProblem(asProblem(error));
    }
  };
  return (
    <form
      class="work"
      onSubmit={(event) => {
        event.preventDefault();
        if (comment.current?.value.trim()) void act("comment");
      }}
    >
      <label for="comment">Comment</label>
      <textarea ref={comment} id="comment" rows={2} maxLength={4000} />
      <div class="buttons">
        <button type="submit">Comment</button>
        {detail.triage.allowed.map((action) => (
          <button type="button" key={action} onClick={() => void act(action)}>
            {ACTION_TEXT[action] ?? action}
          </button>
        ))}
      </div>
      {problem && <ProblemBox problem={problem} {...(problem.status === 412 ? { again } : {})} />}
    </form>
  );
}

function Others({ row }: { row: Row }) {
  const key = keyQuery(row.alert);
  const loaded = useLoaded((signal) => readPage(new URLSearchParams({ key }).toString(), "", 20, signal), `others ${key}`);
  if (!key) return null;
  return (
    <Panel title="Others of this key" loaded={loaded}>
      {(page) => {
        const others = page.rows.filter((other) => other.id !== row.id);
        if (others.length === 0) return <p class="quiet">There is no other alert of this key.</p>;
        return (
          <>
            <ul class="plain">
              {others.map((other) => (
                <li>
                  <a href={href(`/alerts/${other.id}`)}>
                    <Data value={other.alert.message} />
                  </a>{" "}
                  <Severity name={show(other.alert.severity)} /> <State name={other.state} /> <Time at={show(other.alert.time)} />
                </li>
              ))}
            </ul>
            {page.next && <a href={sameKeyLink(row.alert)}>All alerts of this key</a>}
          </>
        );
      }}
    </Panel>
  );
}

function Raw({ alert }: { alert: JsonObject }) {
  return (
    <details class="panel">
      <summary>Raw</summary>
      <pre tabIndex={0} aria-label="The alert's line">
        {visible(sourceOf(alert))}
      </pre>
    </details>
  );
}

/** B. One alert. */
export function AlertScreen({ id }: { id: string }) {
  const loaded = useLoaded((signal) => readDetail(id, signal), id);
  const [isSilencing, setSilencing] = useState(false);
  const detail = loaded.value;
  return (
    <main id="main" tabIndex={-1} class="page">
      <h1>Alert</h1>
      <Panel title="What was found" loaded={loaded}>
        {(one) => (
          <>
            <Head row={one.row} />
            <Fields alert={one.row.alert} />
            <Work detail={one} again={loaded.again} />
            {mayWork("analyst") && (
              <p>
                <button type="button" onClick={() => setSilencing(true)}>
                  Silence alerts like it
                </button>
              </p>
            )}
            {isSilencing && <SilenceDialog alert={one.row.alert} close={() => setSilencing(false)} />}
          </>
        )}
      </Panel>
      {detail && (
        <>
          <section class="panel" aria-label="Why it was raised">
            <h2>Why it was raised</h2>
            <Timeline alert={detail.row.alert} />
            <Evidence alert={detail.row.alert} />
          </section>
          {keyText(detail.row.alert) && (
            <Trace key={id} of={{ key: keyOf(detail.row.alert), rule: show(detail.row.alert.rule), at: show(detail.row.alert.time), limit: "50" }} />
          )}
          <section class="panel" aria-label="History">
            <h2>History</h2>
            <History detail={detail} />
          </section>
          <Others row={detail.row} />
          <section class="panel" aria-label="Deliveries">
            <h2>Deliveries</h2>
            <Deliveries deliveries={detail.deliveries} />
          </section>
          <Raw alert={detail.row.alert} />
        </>
      )}
    </main>
  );
}
