// One stream of alerts for all tabs of a browser: it opens six connections to a server at most, and each tab's stream would hold one.
// The tab with the lock has the stream, and tells the others when something was raised, or done with an alert. When it is closed,
// another one gets the lock.

const NAME = "tocsin alerts";
const STREAM_AGAIN_MS = 2000;

/** What somebody did with an alert, and its triage since. */
export interface Triaged {
  alert: string;
  state: string;
  assignee?: string;
  version: number;
  who: string;
  action: string;
}
type Told = "raised" | "live" | "not live" | "how is it" | "triaged from here" | Triaged;
export interface Listener {
  raised?: () => void; // something may have been, of whatever filter
  live?: (isLive: boolean) => void;
  triaged?: (what: Triaged) => void;
  triagedFromHere?: () => void; // what was done before is not told
}

/** Holds the stream; the function ends it. */
function hold(tell: (told: Told) => void): () => void {
  let stream: EventSource | undefined;
  let timer = 0;
  const open = () => {
    stream = new EventSource("/v1/alerts/stream?shadow=true&triage=true");
    stream.addEventListener("open", () => {
      tell("live");
      tell("raised"); // what came while there was no stream
    });
    stream.addEventListener("alert", () => tell("raised"));
    stream.addEventListener("triage", ({ data }: MessageEvent<string>) => tell(JSON.parse(data) as Triaged));
    stream.addEventListener("triage_from_here", () => tell("triaged from here"));
    stream.addEventListener("error", () => {
      tell("not live");
      // The browser itself tries again, but not after an answer such as 503, while a server starts.
      if (stream?.readyState === EventSource.CLOSED) timer = window.setTimeout(open, STREAM_AGAIN_MS);
    });
  };
  open();
  return () => {
    clearTimeout(timer);
    stream?.close();
  };
}

/** Listens to what is raised; the function ends it. */
export function listen(listener: Listener): () => void {
  const channel = new BroadcastChannel(NAME);
  let isHolder = false;
  let isLive = false;
  const hear = (told: Told) => {
    if (told === "raised") listener.raised?.();
    else if (told === "triaged from here") listener.triagedFromHere?.();
    else if (typeof told === "object") listener.triaged?.(told);
    else listener.live?.((isLive = told === "live"));
  };
  channel.addEventListener("message", ({ data }: MessageEvent<Told>) => {
    if (data !== "how is it") hear(data);
    else if (isHolder) channel.postMessage(isLive ? "live" : "not live");
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
    listener.live?.(false);
  };
}
