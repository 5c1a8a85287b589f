// B. One alert on a page of its own, with the keys that the queue has.
import { useEffect, useRef, useState } from "preact/hooks";
import { Problem, ask, asProblem, mayWork, part } from "./api";
import { Detail, Row, Triage, change, keyOf, keyQuery, keyText, readDetail, readPage, readTriage } from "./alerts";
import { Conditions, readConditions } from "./conditions";
import { Evidence, Fields, Head, TestOf } from "./detail";
import { Actions } from "./forms";
import { JsonObject, show, sourceOf } from "./json";
import { actionOf, takesText } from "./keys";
import { Data, Members, NotAllowed, Panel, ProblemBox, Severity, State, Time, useLoaded } from "./parts";
import { go, href } from "./place";
import { Ask, begin, lastQueue } from "./queue";
import * as queue from "./queue_state";
import { SilenceDialog } from "./silence_dialog";
import { StoodNotes, readStood, stoodByEvent } from "./stood";
import { Column, Table, member, objects } from "./table";
import { count, visible } from "./text";
import { Timeline } from "./timeline";
import { Trace } from "./trace";

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

const IS_SENT = /^(delivered|dead|grouped|braked|silenced)$/; // or is not to be sent: it can be owed once more
function deliveryColumns(id: string, again: () => void): readonly Column<JsonObject>[] {
  return [
    {
      title: "Subscription",
      cell: (one) => (
        <a href={href(`/subscriptions/${show(one.subscription)}`)}>
          <Data value={one.subscription} />
        </a>
      ),
    },
    member("State", "state"),
    {
      title: "Attempts",
      cell: (one) => (
        <ol class="plain">
          {objects(one, "attempts").map((attempt) => (
            <li>
              <Time at={show(attempt.at)} />: {attempt.status !== undefined ? `status ${show(attempt.status)}` : visible(show(attempt.error))}, {show(attempt.latency_ms)} ms
            </li>
          ))}
        </ol>
      ),
    },
    { title: "More", cell: (one) => <Members of={one} without={["subscription", "state", "attempts"]} /> },
    {
      title: "",
      cell: (one) =>
        IS_SENT.test(show(one.state)) && (
          <Actions
            role="analyst"
            actions={[
              {
                text: "Send it again",
                run: async () => {
                  await ask("POST", `/v1/subscriptions/${part(show(one.subscription))}/redeliver`, { body: { alert: id } });
                  again();
                  return "It is owed again.";
                },
              },
            ]}
          />
        ),
    },
  ];
}
function Deliveries({ id, deliveries, again }: { id: string; deliveries: JsonObject[]; again: () => void }) {
  return (
    <Table label="Deliveries of this alert" columns={deliveryColumns(id, again)} rows={deliveries} empty="No subscription had a filter that this alert matches." />
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
const IN_QUEUE = /^(assign|confirm|dismiss|close)$/; // with undo
type Act = (of: Row[], action: string, comment?: string) => Promise<void>;
function Work({ detail, act, changed }: { detail: Detail; act: Act; changed: () => Promise<void> }) {
  const [problem, setProblem] = useState<Problem>();
  const comment = useRef<HTMLTextAreaElement>(null);
  if (!mayWork("analyst")) return <NotAllowed role="analyst">Triage</NotAllowed>;
  const done = async (action: string) => {
    const text = comment.current?.value.trim() ?? "";
    setProblem(undefined);
    if (IN_QUEUE.test(action)) {
      if (text) await act([detail.row], action, text);
      else begin(action, [detail.row], act);
    } else {
      try {
        await change(detail.row.id, text ? { action, comment: text } : { action }, detail.triage.version);
        await changed();
      } catch (error) {
        setProblem(asProblem(error));
        return;
      }
    }
    if (comment.current) comment.current.value = "";
  };
  return (
    <form
      class="work"
      onSubmit={(event) => {
        event.preventDefault();
        if (comment.current?.value.trim()) void done("comment");
      }}
    >
      <label for="comment">Comment</label>
      <textarea ref={comment} id="comment" rows={2} maxLength={4000} />
      <div class="buttons">
        <button type="submit">Comment</button>
        {detail.triage.allowed.map((action) => (
          <button type="button" key={action} onClick={() => void done(action)}>
            {ACTION_TEXT[action] ?? action}
          </button>
        ))}
      </div>
      {problem && <ProblemBox problem={problem} {...(problem.status === 412 ? { again: () => void changed() } : {})} />}
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
            {page.next && <a href={href(`/alerts?key=${encodeURIComponent(key)}`)}>All alerts of this key</a>}
          </>
        );
      }}
    </Panel>
  );
}

/** Passages of a rule in words, in their order. */
function Passages({ of, isNumbered }: { of: readonly JsonObject[]; isNumbered: boolean }) {
  const lines = of.map((passage) => (
    <li>
      {visible(show(passage.text))}
      {passage.parts !== undefined && <Passages of={objects(passage, "parts")} isNumbered={passage.numbered === true} />}
    </li>
  ));
  return isNumbered ? <ol>{lines}</ol> : <ul>{lines}</ul>;
}
function Says({ of }: { of: readonly JsonObject[] }) {
  return (
    <details class="form">
      <summary>What the rule says</summary>
      {of.map((section) => (
        <>
          <h3>{show(section.heading)}</h3>
          <Passages of={objects(section, "passages")} isNumbered={section.numbered === true} />
        </>
      ))}
    </details>
  );
}

/** Why it was raised: its events, and what the rule of that time asked of them. */
function Why({ row }: { row: Row }) {
  const loaded = useLoaded((signal) => readConditions(row, signal), row.id);
  const { of, says = [], then, now, isChanged, lives = 0, automaton }: Partial<Conditions> = loaded.value ?? {};
  // One replay runs at a time: it is asked for.
  const [wanted, setWanted] = useState("");
  const isWanted = wanted === row.id;
  const replayed = useLoaded(async (signal) => (isWanted ? readStood(row.id, signal) : undefined), `${row.id} ${isWanted}`);
  const stood = replayed.value ? stoodByEvent(replayed.value) : [];
  return (
    <section class="panel" aria-label="Why it was raised" aria-busy={!loaded.value && !loaded.problem}>
      <h2>Why it was raised</h2>
      <Timeline alert={row.alert} lives={lives} automaton={automaton} />
      <Evidence alert={row.alert} stood={stood} {...(of ? { conditions: of } : {})} />
      <StoodNotes loaded={replayed} isWanted={isWanted} want={() => setWanted(row.id)} />
      {says.length > 0 && <Says of={says} />}
      {isChanged && (
        <p>
          The rule has changed since: the conditions are those of version {then}, which was active then. <a href={href(`/versions/${now}?from=${then}`)}>What was changed up to version {now}</a>
        </p>
      )}
      {then === "" && <p class="quiet">The version of the rules that was active then is no longer kept, so its conditions are not shown.</p>}
      {loaded.problem && <p class="quiet">The conditions cannot be shown: {visible(loaded.problem.detail)}</p>}
    </section>
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

const placeOf = (id: string) => queue.rows.value.findIndex((row) => row.id === id);
function show_(id: string): void {
  go(`/alerts/${id}`, true); // back leads to the queue, however many were looked at
  scrollTo(0, 0);
}
/** To the alert before or after this one, in the order of the queue. */
async function step(id: string, by: number): Promise<void> {
  const at = placeOf(id);
  if (at < 0) {
    queue.said.value = "It was not opened from the queue: there is no next alert here.";
    return;
  }
  if (at + by >= queue.rows.value.length) await queue.loadMore();
  const row = queue.rows.value[at + by];
  if (!row) {
    queue.said.value = by > 0 ? "It is the last alert of the queue." : "It is the first alert of the queue.";
    return;
  }
  queue.current.value = at + by;
  show_(row.id);
}
/** The queue's current row is the alert that is looked at, if the queue has it. */
function stand(id: string): void {
  const at = placeOf(id);
  if (at >= 0) queue.current.value = at;
}

/** What is done with the alert of this page, and its triage since. */
function useTriage(id: string, loaded: Detail | undefined): { detail: Detail | undefined; act: Act; changed: () => Promise<void> } {
  const [now, setNow] = useState<{ id: string; triage: Triage }>();
  const shown = useRef(id);
  shown.current = id;
  const busy = useRef("");
  const isNewer = now !== undefined && now.id === id && loaded !== undefined && now.triage.version > loaded.triage.version;
  const triage = isNewer ? now.triage : undefined;
  const detail = loaded && triage ? { ...loaded, triage, row: { ...loaded.row, state: triage.state, assignee: triage.assignee, version: triage.version } } : loaded;
  const read = async (of: string) => {
    const triage = await readTriage(of);
    queue.put(of, { state: triage.state, assignee: triage.assignee, version: triage.version });
    if (shown.current === of) setNow({ id: of, triage });
  };
  const act: Act = async (of, action, comment) => {
    const own = of[0]?.id ?? "";
    if (busy.current === own) return; // the same key twice
    busy.current = own;
    try {
      await queue.act(of, action, comment);
      stand(shown.current); // the queue went on to its next row
      await read(own).catch(() => undefined); // the bar says where the server does not answer
    } finally {
      busy.current = "";
    }
  };
  return { detail, act, changed: () => read(shown.current) };
}

function Steps({ id, undo }: { id: string; undo: () => void }) {
  const at = placeOf(id);
  return (
    <div class="steps">
      <a href={href(lastQueue.value)}>Back to the queue</a>
      {at >= 0 && (
        <>
          <button type="button" onClick={() => void step(id, -1)}>
            Previous
          </button>
          <button type="button" onClick={() => void step(id, 1)}>
            Next
          </button>
          <span class="quiet">
            {count(at + 1)} of {count(queue.rows.value.length)}
            {queue.next.value && " loaded"}
          </span>
        </>
      )}
      <span role="status">{queue.said.value}</span>
      {queue.undoText.value && (
        <button type="button" onClick={undo}>
          Undo: {queue.undoText.value}
        </button>
      )}
    </div>
  );
}

/** B. One alert. */
export function AlertScreen({ id }: { id: string }) {
  const loaded = useLoaded((signal) => readDetail(id, signal), id);
  const { detail, act, changed } = useTriage(id, loaded.value);
  const [silenced, setSilenced] = useState("");
  const undo = async () => {
    stand(id);
    await queue.undo();
    const undone = queue.currentRow.value;
    if (placeOf(id) >= 0 && undone && undone.id !== id) show_(undone.id);
    else await changed();
  };
  const press = (event: KeyboardEvent) => {
    if (document.querySelector("dialog[open]")) return;
    const action = actionOf(event, takesText(event.target));
    switch (action) {
      case "down":
      case "up":
        if (/^Arrow/.test(event.key)) return; // they scroll the page
        void step(id, action === "down" ? 1 : -1);
        break;
      case "assign":
      case "confirm":
      case "dismiss":
      case "close": {
        const row = detail?.row ?? queue.rows.value[placeOf(id)];
        if (row) begin(action, [row], act);
        break;
      }
      case "undo":
        void undo();
        break;
      case "sameKey":
        if (placeOf(id) < 0) return;
        stand(id);
        queue.toSameKey();
        if (queue.currentRow.value && queue.currentRow.value.id !== id) show_(queue.currentRow.value.id);
        break;
      case "silence":
        if (mayWork("analyst")) setSilenced(id);
        else queue.said.value = "Silencing needs the role analyst.";
        break;
      case "back":
        if (takesText(event.target)) return;
        go(lastQueue.value);
        break;
      default:
        return;
    }
    event.preventDefault();
  };
  const pressed = useRef(press);
  pressed.current = press;
  useEffect(() => {
    const listen = (event: KeyboardEvent) => pressed.current(event);
    addEventListener("keydown", listen);
    queue.said.value = "";
    return () => removeEventListener("keydown", listen);
  }, []);
  useEffect(() => stand(id), [id]);
  return (
    <main id="main" tabIndex={-1} class="page">
      <h1>Alert</h1>
      <Steps id={id} undo={() => void undo()} />
      <Panel title="What was found" loaded={{ ...loaded, value: detail }}>
        {(one) => (
          <>
            <Head row={one.row} />
            <Fields alert={one.row.alert} />
            <Work key={id} detail={one} act={act} changed={changed} />
            {mayWork("analyst") && (
              <p>
                <button type="button" onClick={() => setSilenced(id)}>
                  Silence alerts like it
                </button>
              </p>
            )}
            <TestOf key={`test ${id}`} row={one.row} />
            {silenced === id && <SilenceDialog alert={one.row.alert} close={() => setSilenced("")} />}
          </>
        )}
      </Panel>
      {detail && (
        <>
          <Why key={`why ${id}`} row={detail.row} />
          {keyText(detail.row.alert) && (
            <Trace key={id} of={{ key: keyOf(detail.row.alert), rule: show(detail.row.alert.rule), limit: "200" }} alert={detail.row.alert} />
          )}
          <section class="panel" aria-label="History">
            <h2>History</h2>
            <History detail={detail} />
          </section>
          <Others row={detail.row} />
          <section class="panel" aria-label="Deliveries">
            <h2>Deliveries</h2>
            <Deliveries id={id} deliveries={detail.deliveries} again={loaded.again} />
          </section>
          <Raw alert={detail.row.alert} />
        </>
      )}
      <Ask act={act} back={() => document.getElementById("main")?.focus()} />
    </main>
  );
}
