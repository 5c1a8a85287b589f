import { ComponentType, render } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { me } from "./api";
import { AlertScreen } from "./alert_screen";
import { ProblemBox, useLoaded } from "./parts";
import { go, href, path } from "./place";
import { QueueScreen } from "./queue";
import { Shell, watchServer } from "./shell";
import { SignIn, Waiting } from "./sign_in";
import { visible } from "./text";

type ScreenOf = ComponentType<{ id: string }>;
interface Route {
  pattern: RegExp; // what its group has is the screen's id
  title: string;
  screen?: ScreenOf; // of the first page
  load?: () => Promise<ScreenOf>; // of the others: a file of its own, which comes when it is wanted
}
const ROUTES: readonly Route[] = [
  { pattern: /^\/(?:alerts)?$/, title: "Alerts", screen: QueueScreen },
  { pattern: /^\/alerts\/([0-9a-f]{1,64})$/, title: "Alert", screen: AlertScreen },
  { pattern: /^\/keys$/, title: "Keys", load: async () => (await import("./near_keys")).default },
  { pattern: /^\/keys\/([^/]+)$/, title: "Key", load: async () => (await import("./key_screen")).default },
  { pattern: /^\/rules$/, title: "Rules", load: async () => (await import("./rules")).RulesScreen },
  { pattern: /^\/rules\/([^/]+)$/, title: "Rule", load: async () => (await import("./rule_screen")).default },
  { pattern: /^\/rules\/([^/]+)\/edit$/, title: "Edit a rule", load: async () => (await import("./editor")).default },
  { pattern: /^\/pack\/([^/]+)$/, title: "Edit a file", load: async () => (await import("./editor")).FileEditor },
  { pattern: /^\/changes$/, title: "Changes", load: async () => (await import("./changes")).default },
  { pattern: /^\/changes\/([^/]+)$/, title: "Change", load: async () => (await import("./changes")).ChangeScreen },
  { pattern: /^\/proposals\/([^/]+)$/, title: "Request", load: async () => (await import("./changes")).ProposalScreen },
  { pattern: /^\/versions\/(\d+)$/, title: "Version", load: async () => (await import("./changes")).VersionScreen },
  { pattern: /^\/backtests$/, title: "Backtests", load: async () => (await import("./backtests")).default },
  { pattern: /^\/backtests\/(\d+)$/, title: "Backtest", load: async () => (await import("./backtests")).BacktestScreen },
  { pattern: /^\/lists$/, title: "Lists", load: async () => (await import("./lists")).default },
  { pattern: /^\/lists\/([^/]+)$/, title: "List", load: async () => (await import("./lists")).ListScreen },
  { pattern: /^\/tables\/([^/]+)$/, title: "Table", load: async () => (await import("./lists")).TableScreen },
  { pattern: /^\/subscriptions$/, title: "Deliveries", load: async () => (await import("./subscriptions")).default },
  { pattern: /^\/subscriptions\/([^/]+)$/, title: "Subscription", load: async () => (await import("./subscriptions")).SubscriptionScreen },
  { pattern: /^\/health$/, title: "Health", load: async () => (await import("./health")).HealthScreen },
  { pattern: /^\/set-aside$/, title: "Set aside", load: async () => (await import("./set_aside")).default },
  { pattern: /^\/tokens$/, title: "People and tokens", load: async () => (await import("./access")).default },
  { pattern: /^\/audit$/, title: "Audit log", load: async () => (await import("./access")).AuditScreen },
];

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // no text that was encoded: nothing has such an id
  }
}

/** Who works by keyboard, or hears the page, goes on at the screen that came. */
function toScreen(): void {
  document.getElementById("main")?.focus({ preventScroll: true });
}
function Later({ title, load, id }: { title: string; load: () => Promise<ScreenOf>; id: string }) {
  const loaded = useLoaded(async () => ({ screen: await load() }), title);
  const isThere = loaded.value !== undefined;
  useEffect(() => {
    if (isThere && document.activeElement === document.body) toScreen();
  }, [isThere]);
  if (loaded.value) {
    const Loaded = loaded.value.screen;
    return <Loaded key={id} id={id} />;
  }
  return (
    <main id="main" tabIndex={-1} class="page">
      <h1>{title}</h1>
      {loaded.problem ? (
        <>
          <ProblemBox problem={loaded.problem} />
          <p>A part of the page did not come; the server may be starting, or have another version.</p>
          <button type="button" onClick={() => location.reload()}>
            Load the page again
          </button>
        </>
      ) : (
        <p class="quiet">Loading…</p>
      )}
    </main>
  );
}

function Screen({ route, id }: { route: Route | undefined; id: string }) {
  if (route?.screen) return <route.screen id={id} />;
  if (route?.load) return <Later title={route.title} load={route.load} id={id} />;
  return (
    <main id="main" tabIndex={-1} class="page">
      <h1>There is no such page</h1>
      <p>
        <a href={href("/alerts?status=open")}>To the alerts</a>
      </p>
    </main>
  );
}

function App() {
  useEffect(watchServer, []);
  const at = path.value;
  const route = ROUTES.find(({ pattern }) => pattern.test(at));
  const id = decoded(route?.pattern.exec(at)?.[1] ?? "");
  const before = useRef(at);
  useEffect(() => {
    document.title = route ? `${visible(`${route.title} ${id}`.trim())} · Tocsin` : "Tocsin";
    if (before.current !== at && before.current !== "/") toScreen();
    before.current = at;
  }, [at]);
  useEffect(() => {
    if (at === "/") go("/alerts?status=open", true);
  }, [at]);
  if (me.value === undefined) return <Waiting />;
  if (me.value === null) return <SignIn />;
  return (
    <Shell>
      <Screen key={route?.title} route={route} id={id} />
    </Shell>
  );
}

const root = document.getElementById("app");
if (root) {
  root.textContent = "";
  render(<App />, root);
}
