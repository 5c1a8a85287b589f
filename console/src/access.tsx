// J. Who may do what, and who did what: people, tokens and the audit log.
import { useEffect, useRef, useState } from "preact/hooks";
import { ask, get, mayWork, part } from "./api";
import { Actions, Field, Form, Once, Values } from "./forms";
import { JsonObject, show } from "./json";
import { Data, Members, NotAllowed, Panel, useLoaded } from "./parts";
import { go, href, query } from "./place";
import { Column, Table, member, objects } from "./table";

const ROLES = ["reader", "approver", "analyst", "author", "operator", "admin", "producer"];
const LIMITS: readonly Field[] = [
  { name: "tags", label: "Tags of rules", hint: "Only of rules with one of these, with commas between; empty: of all." },
  { name: "types", label: "Types of events", hint: "Only of these, with commas between; empty: of all." },
  { name: "pii", label: "Personal data", kind: "choice", choices: [{ value: "", text: "as the role says" }, { value: "true", text: "shown" }, { value: "false", text: "masked" }] },
];
/** The limits that were filled in, as the API takes them; none is left out. */
export function limitsOf({ tags = "", types = "", pii = "" }: Values): JsonObject {
  const names = (text: string) => text.split(",").map((name) => name.trim()).filter((name) => name !== "");
  const limits: JsonObject = {};
  if (names(tags).length > 0) limits.tags = names(tags);
  if (names(types).length > 0) limits.types = names(types);
  if (pii) limits.pii = pii === "true";
  return limits;
}
function Limits({ of }: { of: JsonObject }) {
  const shown: JsonObject = {};
  if (of.tags !== undefined) shown.tags = of.tags;
  if (of.types !== undefined) shown.types = of.types;
  if (of.pii !== undefined) shown["personal data"] = of.pii === true ? "shown" : "masked";
  return <Members of={shown} />;
}

const KINDS = ["person", "group", "certificate"];
function peopleColumns(change: (one: JsonObject) => void, again: () => void): Column<JsonObject>[] {
  return [
    member("Who", "who", "head"),
    member("Role", "role"),
    { title: "Limited to", cell: (one) => <Limits of={one} /> },
    {
      title: "",
      cell: (one) => (
        <div class="buttons">
          <button type="button" aria-label={`Change ${show(one.who)}`} onClick={() => change(one)}>
            Change
          </button>
          <Actions
            role="admin"
            actions={[
              {
                text: "Remove",
                ask: "Their requests are refused then, and their streams end.",
                run: async () => {
                  await ask("DELETE", `/v1/people/${part(show(one.who))}`);
                  again();
                },
              },
            ]}
          />
        </div>
      ),
    },
  ];
}
/** The fields of an entry, filled with one that is changed. */
function peopleFields(changed: JsonObject | undefined): Field[] {
  const texts = (value: unknown) => (Array.isArray(value) ? value.map((one) => show(one)).join(", ") : "");
  const values: Values = { tags: texts(changed?.tags), types: texts(changed?.types), pii: changed?.pii === undefined ? "" : show(changed.pii) };
  const who: Field[] = [
    { name: "kind", label: "Kind", kind: "choice", choices: KINDS },
    { name: "name", label: "Name", needed: true, hint: "As the proxy or the authority says it, such as ada@bank.example." },
  ];
  return [
    ...(changed ? [] : who),
    { name: "role", label: "Role", kind: "choice", choices: ROLES, value: show(changed?.role ?? "analyst") },
    ...LIMITS.map((field) => ({ ...field, value: values[field.name] ?? "" })),
  ];
}
function People() {
  const loaded = useLoaded((signal) => get("/v1/people", signal), "people");
  const [changed, setChanged] = useState<JsonObject>();
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (changed) box.current?.querySelector<HTMLElement>("select[name=role]")?.focus();
  }, [changed]);
  return (
    <Panel title="People, groups and certificates without a token" loaded={loaded}>
      {(document) => (
        <>
          <div ref={box}>
            <Form
              key={changed ? show(changed.who) : ""}
              title={changed ? `Change ${show(changed.who)}` : "New entry"}
              role="admin"
              isOpen={changed !== undefined}
              keeps={changed !== undefined}
              fields={peopleFields(changed)}
              submit={changed ? "Change it" : "Add it"}
              run={async ({ kind = "", name = "", role, ...limits }) => {
                const who = changed ? show(changed.who) : `${kind}:${name}`;
                const { status } = await ask("PUT", `/v1/people/${part(who)}`, { body: { role, ...limitsOf(limits) } });
                loaded.again();
                return `${who} ${status === 201 ? "is added" : "is changed"}. It counts from the next request on.`;
              }}
            >
              {changed && (
                <button type="button" class="plain" onClick={() => setChanged(undefined)}>
                  A new entry instead
                </button>
              )}
            </Form>
          </div>
          <Table label="Table of people" columns={peopleColumns(setChanged, loaded.again)} rows={objects(document, "people")} empty="Nobody has a role without a token." />
        </>
      )}
    </Panel>
  );
}

function tokenColumns(again: () => void): Column<JsonObject>[] {
  return [
    member("Name", "name", "head"),
    member("Role", "role"),
    { title: "Limited to", cell: (one) => <Limits of={one} /> },
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
              ...LIMITS,
            ]}
            submit="Make it"
            run={async ({ name, role, expires_in, ...limits }) => {
              const body = { name, role, expires_in: expires_in || undefined, ...limitsOf(limits) };
              const made = (await ask("POST", "/v1/tokens", { body })).json as JsonObject;
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
      <h1>People and tokens</h1>
      {mayWork("admin") ? (
        <>
          <Tokens />
          <People />
        </>
      ) : (
        <NotAllowed role="admin">Looking at people and tokens</NotAllowed>
      )}
    </main>
  );
}

const FILTERS = ["actor", "action", "result", "from", "to"];
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
  const filters = mayWork("operator") ? FILTERS : FILTERS.slice(1);
  const asked = new URLSearchParams(query.value);
  const parameters = new URLSearchParams({ limit: "100" });
  for (const name of [...filters, "cursor"]) if (asked.get(name)) parameters.set(name, asked.get(name) as string);
  const loaded = useLoaded((signal) => get(`/v1/audit?${parameters}`, signal), parameters.toString());
  return (
    <Panel title="Changes, refusals, and reads of keys" loaded={loaded}>
      {(document) => {
        const next = new URLSearchParams(asked);
        next.set("cursor", show(document.next));
        return (
          <>
            {document.own === true && <p class="quiet">What you did yourself. Operators see what all did.</p>}
            <Form
              key={query.value}
              title="Filters"
              role="reader"
              isOpen={filters.some((name) => asked.has(name))}
              fields={[
                { name: "actor", label: "Who", value: asked.get("actor") ?? "" },
                { name: "action", label: "What", value: asked.get("action") ?? "", hint: "The operation's name, such as putRule." },
                { name: "result", label: "Result", kind: "choice", choices: ["", "done", "refused", "failed", "unknown"], value: asked.get("result") ?? "" },
                { name: "from", label: "From", value: asked.get("from") ?? "", hint: "Such as 2026-03-02T12:00:00Z." },
                { name: "to", label: "To", value: asked.get("to") ?? "" },
              ].filter(({ name }) => filters.includes(name)) as Field[]}
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
      <Audit />
    </main>
  );
}
