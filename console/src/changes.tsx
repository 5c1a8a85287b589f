// G. Changes of the rules: what waits for approval, the versions, and what each changed.
import { useEffect, useRef, useState } from "preact/hooks";
import { ask, get, me, part, roleForLive } from "./api";
import { Consequences } from "./consequences";
import { Difference } from "./difference";
import { Actions, Form, outcomeOf } from "./forms";
import { JsonObject, show } from "./json";
import { listen, useChanges } from "./live";
import { Data, Loaded, Panel, Time, useLoaded } from "./parts";
import { go, href, query } from "./place";
import { VERSIONS, approversOf } from "./rule_versions";
import { Column, Table, member, numberOf, objects } from "./table";
import { visibleLines } from "./text";

const EVERY_MS = 10_000;

function approvalsOf(change: JsonObject): string {
  return `${objects(change, "approvals").length} of ${show(change.approvals_needed)}`;
}
const WAITING: readonly Column<JsonObject>[] = [
  {
    title: "Change",
    isHead: true,
    cell: (change) => (
      <a href={href(`/changes/${show(change.change)}`)}>
        <Data value={change.edit} />
      </a>
    ),
  },
  member("Asked for by", "who"),
  member("At", "at", "time"),
  member("Why", "comment"),
  { title: "Approved", cell: approvalsOf },
  { title: "", cell: (change) => (change.stale === true ? "The rules have changed since." : "") },
];
const PROPOSALS: readonly Column<JsonObject>[] = [
  {
    title: "Request",
    isHead: true,
    cell: (one) => (
      <a href={href(`/proposals/${show(one.id)}`)}>
        <Data value={one.operation} />
      </a>
    ),
  },
  member("Asked for by", "who"),
  member("At", "at", "time"),
  member("Why it waits", "reason"),
];
export default function ChangesScreen() {
  const isTold = useChanges("changes", () => {
    changes.again();
    proposals.again();
  });
  const changes: Loaded<JsonObject> = useLoaded((signal) => get("/v1/changes", signal), "changes", isTold ? 0 : EVERY_MS);
  const proposals: Loaded<JsonObject> = useLoaded((signal) => get("/v1/proposals", signal), "proposals", isTold ? 0 : EVERY_MS);
  const before = new URLSearchParams(query.value).get("before") ?? "";
  const versions = useLoaded((signal) => get(`/v1/versions?limit=50${before ? `&before=${part(before)}` : ""}`, signal), `versions ${before}`);
  useChanges("rules", () => {
    changes.again();
    versions.again();
  });
  return (
    <main id="main" tabIndex={-1} class="page">
      <h1>Changes</h1>
      <Panel title="Changes of rules that wait for approval" loaded={changes}>
        {(document) => <Table label="Changes that wait" columns={WAITING} rows={objects(document, "changes")} empty="No change waits." />}
      </Panel>
      <Panel title="Other requests that wait for another person" loaded={proposals}>
        {(document) => <Table label="Requests that wait" columns={PROPOSALS} rows={objects(document, "proposals")} empty="No request waits." />}
      </Panel>
      <Panel title="Versions of the rules" loaded={versions}>
        {(document) => {
          const rows = objects(document, "versions");
          const next = show(document.next ?? "");
          return (
            <>
              <Table label="Versions" columns={VERSIONS} rows={rows} />
              {next && <a href={href(`/changes?before=${next}`)}>Earlier versions</a>}
            </>
          );
        }}
      </Panel>
    </main>
  );
}

/** Whether it has ended since it was shown. Approvals of it are shown as they come, but for the last one, with which it ends. */
function useEnd(id: string, again: () => void, needed = 0): boolean {
  const [hasEnded, setEnded] = useState(false);
  const now = useRef({ again, needed });
  now.current = { again, needed };
  useEffect(() => {
    setEnded(false);
    return listen({
      changed: (topic, { id: told, waits, approvals = 0 }) => {
        if (topic !== "changes" || told !== id) return;
        if (waits === false) setEnded(true);
        else if (approvals > 0 && approvals < now.current.needed) now.current.again();
      },
    });
  }, [id]);
  return hasEnded;
}
const ENDED = <p role="status">It no longer waits: it was approved, withdrawn or refused.</p>;

/** Approve and withdraw, for a change of rules and for any other request that waits. */
function Decide({ at, who, kind, leads }: { at: string; who: string; kind: string; leads: (answer: JsonObject) => string }) {
  const isOwn = who === me.value?.name;
  const withdraw = async (comment: string) => {
    await ask("DELETE", comment ? `${at}?${new URLSearchParams({ comment }).toString()}` : at);
    go("/changes");
  };
  return (
    <>
      {isOwn ? (
        <p class="quiet">You asked for it: somebody else has to approve it.</p>
      ) : (
        <Actions
          role="approver"
          what="Approving"
          actions={[
            {
              text: "Approve",
              run: async () => {
                const answer = await ask("POST", `${at}/approval`);
                return outcomeOf(answer, <>Approved. <a href={href(leads(answer.json as JsonObject))}>What holds now</a></>);
              },
            },
          ]}
        />
      )}
      {isOwn ? (
        <Actions role="reader" actions={[{ text: `Withdraw the ${kind}`, ask: "It is gone then.", run: () => withdraw("") }]} />
      ) : (
        <Form
          title={`Refuse the ${kind}`}
          role="approver"
          submit="Refuse it"
          fields={[{ name: "comment", label: "Why", needed: true, hint: "It is gone then; the audit log has the reason." }]}
          run={(values) => withdraw(values.comment ?? "")}
        />
      )}
    </>
  );
}

export function ChangeScreen({ id }: { id: string }) {
  const at = `/v1/changes/${part(id)}`;
  const loaded = useLoaded((signal) => get(at, signal), at);
  const hasEnded = useEnd(id, loaded.again, numberOf(loaded.value, "approvals_needed"));
  const change = loaded.value;
  return (
    <main id="main" tabIndex={-1} class="page">
      <h1>Change</h1>
      {hasEnded && ENDED}
      <Panel title="What is asked for" loaded={loaded}>
        {(change) => (
          <>
            <p class="message">
              <Data value={change.edit} />
            </p>
            <dl class="facts">
              <dt>Asked for by</dt>
              <dd>
                <Data value={change.who} />, <Time at={show(change.at)} />
              </dd>
              <dt>Why</dt>
              <dd>{change.comment ? <Data value={change.comment} /> : <span class="quiet">no reason was given</span>}</dd>
              <dt>Approved</dt>
              <dd>
                {approvalsOf(change)}
                {objects(change, "approvals").map((one) => (
                  <>
                    {" "}
                    <Data value={one.who} />
                  </>
                ))}
              </dd>
              <dt>Waits until</dt>
              <dd>
                <Time at={show(change.until)} />
              </dd>
            </dl>
            {change.stale === true && <p>The rules have changed since it was asked for.</p>}
            {change.problem !== undefined && (
              <p>
                It cannot be made: <Data value={change.problem} />
              </p>
            )}
            <Difference of={change} />
          </>
        )}
      </Panel>
      {change && (
        <>
          {change.problem === undefined && <Consequences of={change} />}
          <section class="panel" aria-label="Decide">
            <h2>Decide</h2>
            <Decide at={at} who={show(change.who)} kind="change" leads={(answer) => `/versions/${show(answer.version)}`} />
          </section>
        </>
      )}
    </main>
  );
}

export function ProposalScreen({ id }: { id: string }) {
  const at = `/v1/proposals/${part(id)}`;
  const loaded = useLoaded((signal) => get(at, signal), at);
  const hasEnded = useEnd(id, loaded.again);
  return (
    <main id="main" tabIndex={-1} class="page">
      <h1>Request that waits</h1>
      {hasEnded && ENDED}
      <Panel title="What is asked for" loaded={loaded}>
        {(one) => (
          <>
            <p class="message">
              <Data value={one.operation} />: <Data value={one.reason} />
            </p>
            <dl class="facts">
              <dt>Asked for by</dt>
              <dd>
                <Data value={one.who} />, <Time at={show(one.at)} />
              </dd>
              <dt>Request</dt>
              <dd>
                <Data value={one.method} /> <Data value={one.target} />
              </dd>
              <dt>Waits until</dt>
              <dd>
                <Time at={show(one.until)} />
              </dd>
            </dl>
            {one.body !== undefined && (
              <pre tabIndex={0} aria-label="Its body">
                {visibleLines(show(one.body))}
              </pre>
            )}
            <Decide at={at} who={show(one.who)} kind="request" leads={() => "/changes"} />
          </>
        )}
      </Panel>
    </main>
  );
}

export function VersionScreen({ id }: { id: string }) {
  const from = new URLSearchParams(query.value).get("from") ?? "";
  const version = useLoaded((signal) => get(`/v1/versions/${part(id)}`, signal), id);
  const isFirst = id === "1" && from === "";
  const difference = useLoaded(
    async (signal) => (isFirst ? null : await get(`/v1/versions/${part(id)}/diff${from ? `?from=${part(from)}` : ""}`, signal)),
    `${id} ${from}`,
  );
  return (
    <main id="main" tabIndex={-1} class="page">
      <h1>Version {id}</h1>
      <Panel title="Who and why" loaded={version}>
        {(one) => (
          <>
            <dl class="facts">
              <dt>Since</dt>
              <dd>
                <Time at={show(one.at)} />
              </dd>
              <dt>By</dt>
              <dd>
                <Data value={one.who} />
              </dd>
              {approversOf(one) && (
                <>
                  <dt>Approved by</dt>
                  <dd>
                    <Data value={approversOf(one)} />
                  </dd>
                </>
              )}
              {show(one.comment) && (
                <>
                  <dt>Why</dt>
                  <dd>
                    <Data value={one.comment} />
                  </dd>
                </>
              )}
              {show(one.commit ?? "") && (
                <>
                  <dt>Commit</dt>
                  <dd>
                    <Data value={one.commit} />
                  </dd>
                </>
              )}
            </dl>
            <Form
              title="Go back to this version"
              role={roleForLive("author")}
              fields={[{ name: "comment", label: "Reason", needed: true }]}
              submit={`Make version ${id} active again`}
              run={async ({ comment = "" }) => {
                const pack = await ask("GET", "/v1/pack");
                const answer = await ask("POST", `/v1/versions/${part(id)}/rollback?comment=${part(comment)}`, { headers: { "If-Match": pack.headers.get("ETag") ?? "" } });
                const now = show((answer.json as JsonObject).version);
                return outcomeOf(answer, <>It holds again, as <a href={href(`/versions/${now}`)}>version {now}</a>.</>);
              }}
            />
          </>
        )}
      </Panel>
      <Panel title="What it changed" loaded={difference}>
        {(one) =>
          one === null ? (
            <p class="quiet">It is the first version: there is none before.</p>
          ) : (
            <>
              <p class="quiet">Beside version {show(one.from)}.</p>
              <Difference of={one} />
            </>
          )
        }
      </Panel>
      <section class="panel" aria-label="Compare with another version">
        <Form
          title="Compare with another version"
          role="reader"
          fields={[{ name: "from", label: "Version before", kind: "number", needed: true, hint: "Its number. What is shown leads from that version to this one." }]}
          submit="Compare"
          run={async ({ from: wanted = "" }) => go(`/versions/${part(id)}?from=${part(wanted)}`)}
        />
      </section>
    </main>
  );
}
