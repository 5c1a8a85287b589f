// J. Who may do what, and who did what: tokens and the audit log.
import { ask, get, mayWork, part } from "./api";
import { Actions, Form, Once } from "./forms";
import { JsonObject, show } from "./json";
import { Data, Members, NotAllowed, Panel, useLoaded } from "./parts";
import { go, href, query } from "./place";
import { Column, Table, member, objects } from "./table";

const ROLES = ["reader", "approver", "analyst", "author", "operator", "admin", "producer"];

function tokenColumns(again: () => void): Column<JsonObject>[] {
  return [
    member("Name", "name", "head"),
    member("Role", "role"),
    { title: "Limited to", cell: (one) => <Members of={{ ...(one.tags !== undefined ? { tags: one.tags } : {}), ...(one.types !== undefined ? { types: one.types } : {}) }} /> },
    member("Last used", "used_at", "time"),
    member("Ends", "expires_at", "time"),
    {
      title: "",
      cell: (one) => (
        <Actions
          role="admin"
          actions={[
            {
              text: "New secret",
              ask: "The one before counts for another hour.",
              run: async () => {
                const made = (await ask("POST", `/v1/tokens/${part(show(one.name))}/secret`, { body: { overlap: "1h" } })).json as JsonObject;
                return <Once what={`The token of ${show(one.name)}`} value={show(made.token)} />;
              },
            },
            {
              text: "Revoke",
              ask: "It counts no more then, and its sessions end.",
              run: async () => {
                await ask("DELETE", `/v1/tokens/${part(show(one.name))}`);
                again();
              },
            },
          ]}
        />
      ),
    },
  ];
}
function Tokens() {
  const loaded = useLoaded((signal) => get("/v1/tokens", signal), "tokens");
  return (
    <Panel title="Who may sign in or send" loaded={loaded}>
      {(document) => (
        <>
          <Form
            title="New token"
            role="admin"
            fields={[
              { name: "name", label: "Name", needed: true },
              { name: "role", label: "Role", kind: "choice", choices: ROLES, value: "analyst" },
              { name: "expires_in", label: "Ends in", hint: "Such as 90d; empty: it does not end." },
            ]}
            submit="Make it"
            run={async ({ name, role, expires_in }) => {
              const made = (await ask("POST", "/v1/tokens", { body: { name, role, expires_in: expires_in || undefined } })).json as JsonObject;
              loaded.again();
              return <Once what={`The token of ${show(made.name)}`} value={show(made.token)} />;
            }}
          />
          <Table label="Table of tokens" columns={tokenColumns(loaded.again)} rows={objects(document, "tokens")} />
        </>
      )}
    </Panel>
  );
}
export default function TokensScreen() {
  return (
    <main id="main" tabIndex={-1} class="page">
      <h1>Tokens</h1>
      {mayWork("admin") ? <Tokens /> : <NotAllowed role="admin">Looking at tokens</NotAllowed>}
    </main>
  );
}

const FILTERS = ["actor", "action", "result", "from", "to"] as const;
const KNOWN = ["format", "sequence", "at", "actor", "role", "from", "action", "method", "path", "result", "status", "resource", "request_id", "previous", "tag", "key"];
const ENTRIES: readonly Column<JsonObject>[] = [
  member("At", "at", "time"),
  { title: "Who", isHead: true, cell: (one) => (one.actor ? <><Data value={one.actor} /> <span class="quiet"><Data value={one.role} /></span></> : <span class="quiet">nobody known</span>) },
  member("From", "from"),
  member("What", "action"),
  { title: "Of", cell: (one) => <Members of={one.resource} /> },
  { title: "Result", cell: (one) => <><Data value={one.result} /> {one.status !== undefined && <span class="quiet">{show(one.status)}</span>}</> },
  { title: "More", cell: (one) => <Members of={one} without={KNOWN} /> },
];
function Audit() {
  const asked = new URLSearchParams(query.value);
  const parameters = new URLSearchParams({ limit: "100" });
  for (const name of [...FILTERS, "cursor"]) if (asked.get(name)) parameters.set(name, asked.get(name) as string);
  const loaded = useLoaded((signal) => get(`/v1/audit?${parameters}`, signal), parameters.toString());
  return (
    <Panel title="Changes, refusals, and reads of keys" loaded={loaded}>
      {(document) => {
        const next = new URLSearchParams(asked);
        next.set("cursor", show(document.next));
        return (
          <>
            <Form
              key={query.value}
              title="Filters"
              role="operator"
              isOpen={FILTERS.some((name) => asked.has(name))}
              fields={[
                { name: "actor", label: "Who", value: asked.get("actor") ?? "" },
                { name: "action", label: "What", value: asked.get("action") ?? "", hint: "The operation's name, such as putRule." },
                { name: "result", label: "Result", kind: "choice", choices: ["", "done", "refused", "failed", "unknown"], value: asked.get("result") ?? "" },
                { name: "from", label: "From", value: asked.get("from") ?? "", hint: "Such as 2026-03-02T12:00:00Z." },
                { name: "to", label: "To", value: asked.get("to") ?? "" },
              ]}
              submit="Show"
              run={async (values) => {
                const chosen = new URLSearchParams(Object.entries(values).filter(([, value]) => value !== ""));
                go(`/audit?${chosen}`);
              }}
            />
            <Table label="Entries of the audit log" columns={ENTRIES} rows={objects(document, "entries")} empty="No entry is like this." />
            {document.next !== undefined && document.next !== null && <a href={href(`/audit?${next}`)}>Older entries</a>}
          </>
        );
      }}
    </Panel>
  );
}
export function AuditScreen() {
  return (
    <main id="main" tabIndex={-1} class="page">
      <h1>Audit log</h1>
      {mayWork("operator") ? <Audit /> : <NotAllowed role="operator">Looking at the audit log</NotAllowed>}
    </main>
  );
}
