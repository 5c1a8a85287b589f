// What is around every screen: the bar with search, the server's state and the person; sign-in; the keys.
import { signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { get, me, nameOf, signOut, unanswered } from "./api";
import { listen } from "./live";
import { KEYS, actionOf, takesText } from "./keys";
import { go, href, path } from "./place";
import { JsonObject, parseJson, show } from "./json";

const STATE_EVERY_MS = 5000;
const AGAIN_MS = 1000; // while it is not ready

/** The server in a word, and why. */
export const server = signal<{ word: string; why: string }>({ word: "…", why: "" });

function wordOf(slug: string, detail: string): string {
  if (slug === "disk-full") return "disk full";
  if (slug === "memory-full") return "memory full";
  if (/recover/.test(detail)) return "replaying";
  if (/stops/.test(detail)) return "stopping";
  return "not ready";
}
async function readState(): Promise<void> {
  try {
    const response = await fetch("/readyz", { cache: "no-store" });
    const text = await response.text();
    if (response.ok) server.value = { word: "ready", why: "" };
    else {
      const problem = parseJson(text) as JsonObject;
      const detail = show(problem.detail);
      server.value = { word: wordOf(show(problem.type).replace("urn:tocsin:problem:", ""), detail), why: detail };
    }
  } catch {
    server.value = { word: "no answer", why: "The server cannot be reached; what you see may be old." };
  }
}
let isFollowed = false; // by the stream, which says when it changes
const asked = signal(0); // how often its state was asked for beside the rounds
/** Asks now and then how the server is, while no stream tells. */
export function watchServer(): () => void {
  let timer = 0;
  let isOver = false;
  const round = async () => {
    clearTimeout(timer);
    await readState();
    clearTimeout(timer);
    if (!isOver && !isFollowed) timer = window.setTimeout(() => void round(), server.value.word === "ready" ? STATE_EVERY_MS : AGAIN_MS);
  };
  void round();
  const again = (times: number) => {
    if (times > 0) void round();
  };
  const forget = [unanswered.subscribe(again), asked.subscribe(again)];
  return () => {
    isOver = true;
    for (const one of forget) one();
    clearTimeout(timer);
  };
}
function followServer(): () => void {
  return listen({
    live: (is) => {
      if (is === isFollowed) return;
      isFollowed = is;
      asked.value += 1;
    },
    changed: (topic, { ready }) => {
      if (topic !== "health") return;
      if (ready) server.value = { word: "ready", why: "" };
      else asked.value += 1; // why it is not
    },
  });
}

export const isHelpOpen = signal(false);
function Help() {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    if (isHelpOpen.value) dialog.current?.showModal();
    else dialog.current?.close();
  }, [isHelpOpen.value]);
  return (
    <dialog ref={dialog} aria-labelledby="keys-title" onClose={() => (isHelpOpen.value = false)}>
      <h2 id="keys-title">Keys</h2>
      <dl class="keys">
        {KEYS.map((row) => (
          <div key={row.action}>
            <dt>
              {row.keys.map((key) => (
                <kbd key={key}>{/^[A-Z]$/.test(key) ? `shift+${key.toLowerCase()}` : key}</kbd>
              ))}
            </dt>
            <dd>{row.text}</dd>
          </div>
        ))}
      </dl>
      <button type="button" onClick={() => (isHelpOpen.value = false)}>
        Close
      </button>
    </dialog>
  );
}

/** Where a search leads: an alert's id of 32 hex digits, a key as `name=value`, keys as `name=begin*`, a rule's alerts, or those with its words. */
export function searchTarget(text: string, rules: readonly string[]): string {
  const wanted = text.trim();
  if (/^[0-9a-f]{32}$/i.test(wanted)) return `/alerts/${wanted.toLowerCase()}`;
  if (wanted.startsWith("{")) return `/alerts?key=${encodeURIComponent(wanted)}`;
  const begin = /^[\w.]+=([^*]*)\*$/.exec(wanted);
  if (begin) return `/keys?${new URLSearchParams({ prefix: begin[1] ?? "" }).toString()}`;
  if (/^[\w.]+=/.test(wanted)) return `/keys/${encodeURIComponent(wanted)}`;
  if (!wanted) return "/alerts";
  return rules.includes(wanted) ? `/rules/${encodeURIComponent(wanted)}` : `/alerts?text=${encodeURIComponent(wanted)}`;
}
async function search(text: string): Promise<void> {
  let rules: string[] = [];
  try {
    rules = ((await get("/v1/rules")).rules as JsonObject[]).map((rule) => show(rule.id));
  } catch {
    // Words are looked for; the screen says what is wrong.
  }
  go(searchTarget(text, rules));
}

const SCREENS = [
  { to: "/alerts?status=open", root: /^\/(alerts|keys)\b/, text: "Alerts" },
  { to: "/rules", root: /^\/(rules|pack)\b/, text: "Rules" },
  { to: "/changes", root: /^\/(changes|proposals|versions)\b/, text: "Changes" },
  { to: "/backtests", root: /^\/backtests\b/, text: "Backtests" },
  { to: "/lists", root: /^\/(lists|tables)\b/, text: "Lists" },
  { to: "/subscriptions", root: /^\/subscriptions\b/, text: "Deliveries" },
  { to: "/health", root: /^\/(health|set-aside|tokens|audit)\b/, text: "Health" },
];

function Bar() {
  const field = useRef<HTMLInputElement>(null);
  const { word, why } = server.value;
  return (
    <header class="bar">
      <a class="brand" href={href("/alerts?status=open")}>
        Tocsin
      </a>
      <nav aria-label="Screens">
        {SCREENS.map((screen) => (
          <a key={screen.to} href={href(screen.to)} aria-current={screen.root.test(path.value) ? "page" : undefined}>
            {screen.text}
          </a>
        ))}
      </nav>
      <form
        role="search"
        onSubmit={(event) => {
          event.preventDefault();
          void search(field.current?.value ?? "");
          field.current?.blur();
        }}
      >
        <input ref={field} id="search" type="search" aria-label="Search: an alert's id, a key, a rule, words" placeholder="id, card=c1, card=c*, rule   /" />
      </form>
      <a class={`server ${word === "ready" ? "good" : "bad"}`} href={href("/health")} title={why || "The server takes events"}>
        {word}
      </a>
      <button type="button" class="plain" aria-label="Keys" title="Keys: ?" onClick={() => (isHelpOpen.value = true)}>
        ?
      </button>
      {me.value && (
        <span class="person">
          {nameOf(me.value)} <span class="quiet">{me.value.role}</span>{" "}
          {me.value.hasSession && (
            <button type="button" class="plain" onClick={() => void signOut()}>
              Sign out
            </button>
          )}
        </span>
      )}
    </header>
  );
}

export function Shell({ children }: { children: preact.ComponentChildren }) {
  useEffect(followServer, []);
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (document.querySelector("dialog[open]")) return;
      const target = event.composedPath()[0] ?? null; // the editor's own, within its shadow root
      const action = actionOf(event, takesText(target));
      if (action === "help") isHelpOpen.value = true;
      else if (action === "search") (document.getElementById("search") as HTMLInputElement | null)?.select(); // and has the focus
      else if (action === "back" && takesText(target) && target === event.target) (target as HTMLElement).blur();
      else return;
      event.preventDefault();
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  }, []);
  return (
    <>
      <a class="skip" href="#main">
        Skip to the content
      </a>
      <Bar />
      {server.value.word === "no answer" && (
        <p class="banner" role="status">
          {server.value.why}
        </p>
      )}
      {children}
      <Help />
    </>
  );
}
