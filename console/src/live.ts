// One stream of all that the console follows, for all tabs of a browser: it opens six connections to a server at most, and each tab's
// stream would hold one. The tab with the lock has the stream, and tells the others what it hears. When it is closed, another one
// gets the lock.
import { useEffect, useRef, useState } from "preact/hooks";
import { me, readSession } from "./api";

const NAME = "tocsin stream";
const STREAM_AGAIN_MS = 2000;
const TOGETHER_MS = 50; // what is told so shortly one after another leads to one look
const STATES = ["rules", "notices", "health", "backtests", "changes"] as const;

/** What changes in the server beside its alerts. */
export type Topic = (typeof STATES)[number];
/** What the stream says of a topic. */
export interface Change {
  version?: number; // of rules
  ready?: boolean; // of the server's health
  id?: number | string; // of a backtest, or of what waits for another person
  approvals?: number;
  waits?: boolean; // false: it was approved, withdrawn or refused
}
/** What somebody did with an alert, and its triage since. */
export interface Triaged {
  alert: string;
  state: string;
  assignee?: string;
  version: number;
  who: string;
  action: string;
}
type Told = "raised" | "live" | "not live" | "how is it" | "triaged from here" | Triaged | { topic: Topic; change: Change };
export interface Listener {
  raised?: () => void; // something may have been, of whatever filter
  live?: (isLive: boolean) => void;
  triaged?: (what: Triaged) => void;
  triagedFromHere?: () => void; // what was done before is not told
  changed?: (topic: Topic, change: Change) => void;
}

/** The topics that the person may read: who is limited to some tags is told of no backtests and of nothing that waits. */
export function topicsOf(isLimited: boolean): string {
  return ["alerts", "triage", ...STATES.filter((topic) => !isLimited || topic === "rules" || topic === "health")].join(",");
}

/** Holds the stream; the function ends it. */
function hold(tell: (told: Told) => void): () => void {
  let stream: EventSource | undefined;
  let timer = 0;
  let isOver = false;
  const open = () => {
    if (isOver) return;
    stream = new EventSource(`/v1/stream?topics=${topicsOf(me.value?.isLimited ?? false)}&shadow=true`);
    stream.addEventListener("open", () => {
      tell("live");
      tell("raised"); // what came while there was no stream
    });
    stream.addEventListener("alert", () => tell("raised"));
    stream.addEventListener("triage", ({ data }: MessageEvent<string>) => tell(JSON.parse(data) as Triaged));
    stream.addEventListener("triage_from_here", () => tell("triaged from here"));
    for (const topic of STATES)
      stream.addEventListener(topic, ({ data }: MessageEvent<string>) => tell({ topic, change: JSON.parse(data) as Change }));
    stream.addEventListener("error", () => {
      tell("not live");
      if (stream?.readyState !== EventSource.CLOSED) return;
      // The browser itself tries again, but not after an answer such as 503, while a server starts; or 401, for who is not signed in
      // any more.
      timer = window.setTimeout(() => void readSession().catch(() => undefined).then(open), STREAM_AGAIN_MS);
    });
  };
  open();
  return () => {
    isOver = true;
    clearTimeout(timer);
    stream?.close();
  };
}

const listeners = new Set<Listener>();
let isLive = false;
let health: Change | undefined; // as it was told last, for those who come later
let leave = () => undefined as void;

function hear(told: Told): void {
  if (told === "live" || told === "not live") isLive = told === "live";
  else if (typeof told === "object" && "topic" in told && told.topic === "health") health = told.change;
  if (told === "not live") health = undefined;
  for (const listener of [...listeners]) {
    if (told === "raised") listener.raised?.();
    else if (told === "triaged from here") listener.triagedFromHere?.();
    else if (typeof told !== "object") listener.live?.(isLive);
    else if ("topic" in told) listener.changed?.(told.topic, told.change);
    else listener.triaged?.(told);
  }
}

/** Joins the tabs; the function leaves them. */
function join(): () => void {
  const channel = new BroadcastChannel(NAME);
  let isHolder = false;
  channel.addEventListener("message", ({ data }: MessageEvent<Told>) => {
    if (data !== "how is it") return hear(data);
    if (!isHolder) return;
    channel.postMessage(isLive ? "live" : "not live");
    if (health) channel.postMessage({ topic: "health", change: health } satisfies Told);
  });
  const begin = () => {
    isHolder = true;
    return hold((told) => {
      hear(told);
      channel.postMessage(told);
    });
  };
  let end = () => undefined as void;
  const left = new AbortController();
  const seen = () => {
    if (document.visibilityState === "visible" && !isHolder) end = begin();
    else if (document.visibilityState !== "visible" && isHolder) {
      end();
      end = () => undefined;
      isHolder = false;
    }
  };
  if (navigator.locks) {
    channel.postMessage("how is it" satisfies Told);
    navigator.locks
      .request(NAME, { signal: left.signal }, () => {
        if (left.signal.aborted) return undefined;
        const ended = begin();
        return new Promise<void>((resolve) => {
          end = () => {
            ended();
            resolve();
          };
        });
      })
      .catch(() => undefined); // it was left before the lock came
  } else {
    // Without TLS only a page of the server's machine has locks: each tab has a stream of its own, while it is looked at.
    document.addEventListener("visibilitychange", seen);
    seen();
  }
  return () => {
    document.removeEventListener("visibilitychange", seen);
    left.abort();
    end();
    channel.close();
    isLive = false;
    health = undefined;
  };
}

/** Listens to what is raised and what changes; the function ends it. */
export function listen(listener: Listener): () => void {
  listeners.add(listener);
  if (listeners.size === 1) leave = join();
  listener.live?.(isLive);
  if (health) listener.changed?.("health", health);
  return () => {
    if (!listeners.delete(listener)) return;
    if (listeners.size === 0) leave();
    listener.live?.(false);
  };
}

/** Calls `look` when the stream tells that the topic changed, of what `concerns` it. Gives whether there is a stream: without one, the caller asks now and then. */
export function useChanges(topic: Topic, look: () => void, concerns: (change: Change) => boolean = () => true): boolean {
  const [isFollowed, setFollowed] = useState(isLive);
  const now = useRef({ look, concerns });
  now.current = { look, concerns };
  useEffect(() => {
    let timer = 0;
    let was = isLive;
    const soon = () => {
      if (timer === 0)
        timer = window.setTimeout(() => {
          timer = 0;
          now.current.look();
        }, TOGETHER_MS);
    };
    const end = listen({
      live: (is) => {
        setFollowed(is);
        if (is !== was) soon();
        was = is;
      },
      changed: (what, change) => what === topic && now.current.concerns(change) && soon(),
    });
    return () => {
      end();
      clearTimeout(timer);
    };
  }, [topic]);
  return isFollowed;
}
