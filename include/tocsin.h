/*
 * tocsin.h: Tocsin inside another program. C99; also C++. Long because it is the one header that
 * a program includes, and each function says all that a caller needs to know.
 *
 *     tocsin_pack_load_files()   rules      ─▶ a pack, and diagnostics
 *     tocsin_run_open()          a pack     ─▶ a run, with state of its own
 *     tocsin_run_push()          JSON lines ─▶ the run
 *     tocsin_run_take()          the run    ─▶ alerts as JSON lines, byte for byte those of
 *                                              `tocsin run`; late and rejected lines
 *     tocsin_run_push_arrow(), tocsin_run_take_arrow()     the same by column, as Arrow has it
 *
 * Ownership. What a function makes is the caller's, who gives it back to the _free function of its
 * kind; each takes NULL. What a function is given it only reads, and keeps no pointer to once it
 * has returned. A run goes on although its pack was freed. Pointers that a handle gives (texts of a
 * buffer or an error) are valid until the next call that changes the handle, or frees it.
 *
 * Errors. A function that can fail returns a tocsin_status. The last argument takes the reason: on
 * failure *error is a new error object, on success NULL; the argument itself may be NULL. Other
 * results are set on success alone, unless said otherwise. A handle that must not be NULL and is,
 * gives TOCSIN_INVALID_ARGUMENT. No exception leaves the library.
 *
 * Threads. A pack is immutable: any threads may use it at the same time. A run, a stage, a buffer
 * and an error are for one thread at a time, which need not be the same one; a call of a run or a
 * stage while another thread is in one gives TOCSIN_WRONG_STATE and changes nothing. The library
 * starts no threads, reads no clock, installs no signal handlers and has no settings that handles
 * share.
 *
 * Texts. Names, paths and options are UTF-8 and end with a zero byte. Data has a size and may hold
 * any bytes. Options are one JSON object, as in {"out_of_orderness":"5s"}; NULL or "" is none, and
 * an option that is not known is refused. Durations are texts as in rules ("500ms", "1h30m"), sizes
 * are whole numbers of bytes, times are microseconds since 1970-01-01T00:00:00Z.
 *
 * Versions. Functions are added and never change: a program that was compiled with this header
 * works with every later libtocsin.so.1. Members of JSON results are added too: a reader passes
 * over those that it does not know.
 */
#ifndef TOCSIN_H
#define TOCSIN_H

#include <stddef.h>
#include <stdint.h>

/* The version of this header. tocsin_version() says that of the library. */
#define TOCSIN_VERSION_MAJOR 0
#define TOCSIN_VERSION_MINOR 1
#define TOCSIN_VERSION_PATCH 0
/* The number in libtocsin.so.N: raised when a program must be compiled again. */
#define TOCSIN_ABI 1

#if defined(__GNUC__)
#define TOCSIN_API __attribute__((visibility("default")))
#else
#define TOCSIN_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* The Arrow C data interface, as https://arrow.apache.org/docs/format/CDataInterface.html has it.
 */
#ifndef ARROW_C_DATA_INTERFACE
#define ARROW_C_DATA_INTERFACE

#define ARROW_FLAG_DICTIONARY_ORDERED 1
#define ARROW_FLAG_NULLABLE 2
#define ARROW_FLAG_MAP_KEYS_SORTED 4

struct ArrowSchema {
  const char* format;
  const char* name;
  const char* metadata;
  int64_t flags;
  int64_t n_children;
  struct ArrowSchema** children;
  struct ArrowSchema* dictionary;
  void (*release)(struct ArrowSchema*);
  void* private_data;
};

struct ArrowArray {
  int64_t length;
  int64_t null_count;
  int64_t offset;
  int64_t n_buffers;
  int64_t n_children;
  const void** buffers;
  struct ArrowArray** children;
  struct ArrowArray* dictionary;
  void (*release)(struct ArrowArray*);
  void* private_data;
};

#endif /* ARROW_C_DATA_INTERFACE */

/* How a call ended. Values are added and never change. */
typedef int32_t tocsin_status;
enum {
  TOCSIN_OK = 0,
  TOCSIN_INVALID_ARGUMENT = 1, /* an argument or option that cannot be used */
  TOCSIN_INVALID_RULES = 2,    /* the rules have errors: the diagnostics name them */
  TOCSIN_NOT_FOUND = 3,
  TOCSIN_IO = 4,            /* a file or folder could not be read */
  TOCSIN_LIMIT = 5,         /* a limit was reached; the message names it and the remedy */
  TOCSIN_WRONG_STATE = 6,   /* the handle is finished, has failed, or is in use by another thread */
  TOCSIN_CORRUPT = 7,       /* bytes that are not what they claim to be */
  TOCSIN_OTHER_VERSION = 8, /* of a format that this library does not read */
  TOCSIN_MISMATCH = 9,      /* of other rules or options */
  TOCSIN_UNSUPPORTED = 10,
  TOCSIN_NO_MEMORY = 11,
  TOCSIN_INTERNAL = 12 /* a fault of the library */
};

/* Why a call failed. */
typedef struct tocsin_error tocsin_error;
/* A text that a function gives. Each use replaces the text and keeps the memory. */
typedef struct tocsin_buffer tocsin_buffer;
/* A set of rules that was checked and compiled, with its lists and tables. */
typedef struct tocsin_pack tocsin_pack;
/* One run of a pack: state by key, and time. */
typedef struct tocsin_run tocsin_run;
/* A part of a stage of a job: of one pass of a pack, or of what stands before or behind passes. */
typedef struct tocsin_stage tocsin_stage;

/* ---- The library ---- */

/* The version as text, "0.1.0". Never fails; the text is the library's. */
TOCSIN_API const char* tocsin_version(void);
/* TOCSIN_ABI of the library. Never fails. */
TOCSIN_API uint32_t tocsin_abi(void);
/* The name of a status, "ok", "invalid_argument", …; "unknown" for any other number. Never fails;
 * the text is the library's. */
TOCSIN_API const char* tocsin_status_name(tocsin_status status);

/* ---- Errors ---- */

/* The status that the failed call returned; TOCSIN_OK for NULL. */
TOCSIN_API tocsin_status tocsin_error_status(const tocsin_error* error);
/* One sentence or more for people, without a line end; "" for NULL. */
TOCSIN_API const char* tocsin_error_message(const tocsin_error* error);
/* The same as one JSON object: {"status":"limit","code":5,"message":"…"}; "{}" for NULL. */
TOCSIN_API const char* tocsin_error_json(const tocsin_error* error);
TOCSIN_API void tocsin_error_free(tocsin_error* error);

/* ---- Buffers ---- */

/* An empty buffer; NULL if there is no memory. */
TOCSIN_API tocsin_buffer* tocsin_buffer_new(void);
/* The text, with a zero byte behind it that does not count; "" for NULL. */
TOCSIN_API const char* tocsin_buffer_data(const tocsin_buffer* buffer);
/* Its size in bytes; 0 for NULL. */
TOCSIN_API size_t tocsin_buffer_size(const tocsin_buffer* buffer);
TOCSIN_API void tocsin_buffer_free(tocsin_buffer* buffer);

/* ---- Packs ---- */

/* One file of a pack that is not read from disk. This struct does not change. */
typedef struct tocsin_text {
  const char* name; /* a path: what ends in ".tocsin" is a rule file, others are data files */
  const char* data; /* NULL if `size` is 0 */
  size_t size;
} tocsin_text;

/*
 * Loads rule files, and folders with .tocsin files below them, with all that they use, and compiles
 * them. Options: "warn_of_untested" (true or false; false): warn of rules that their tests do not
 * show firing and not firing.
 *
 * `diagnostics` (may be NULL) becomes errors and warnings, one JSON object a line, as `tocsin check
 * --format json` prints them; also when the call fails with TOCSIN_INVALID_RULES. Other errors:
 * TOCSIN_INVALID_ARGUMENT, TOCSIN_NOT_FOUND for a folder without a rule file, TOCSIN_IO,
 * TOCSIN_NO_MEMORY. A file that cannot be read is a diagnostic. Time zones that rules name are read
 * from the system's database.
 */
TOCSIN_API tocsin_status tocsin_pack_load_files(const char* const* paths, size_t count,
                                                const char* options, tocsin_pack** pack,
                                                tocsin_buffer* diagnostics, tocsin_error** error);
/*
 * The same of texts: all rule files among them, in their order. A rule file finds what it uses, and
 * its data files, by paths relative to its own name; no file is read from disk. Names are not empty
 * and all different.
 */
TOCSIN_API tocsin_status tocsin_pack_load_texts(const tocsin_text* texts, size_t count,
                                                const char* options, tocsin_pack** pack,
                                                tocsin_buffer* diagnostics, tocsin_error** error);
/*
 * What the pack needs and has, as one JSON object: event types with their fields and which of them
 * anything reads; features and rules with their keys, levels and passes, and what each reads of
 * which; keys with the operators that share their state; lists and tables; digest and semantics
 * number.
 */
TOCSIN_API tocsin_status tocsin_pack_describe(const tocsin_pack* pack, tocsin_buffer* json,
                                              tocsin_error** error);
/*
 * The tests in the pack's rule files, one JSON object a line: file, line, rule and title. Tests are
 * numbered from 0 on in this order.
 */
TOCSIN_API tocsin_status tocsin_pack_list_tests(const tocsin_pack* pack, tocsin_buffer* lines,
                                                tocsin_error** error);
/*
 * Runs one test, with all rules of the pack. `json` becomes one object, as `tocsin test --format
 * json` prints it, without "seconds": "outcome" is "passed" or "failed", and a failed test has its
 * first difference, and the text that says what came and why. A number that no test has:
 * TOCSIN_NOT_FOUND.
 */
TOCSIN_API tocsin_status tocsin_pack_run_test(const tocsin_pack* pack, size_t number,
                                              tocsin_buffer* json, tocsin_error** error);
/*
 * What a rule does, in plain English, as `tocsin explain` says it; `rule` is its id or its name.
 * Options: "format" ("text" or "json"; "text"), "columns" (the width of text; 100). A rule that the
 * pack does not have: TOCSIN_NOT_FOUND.
 */
TOCSIN_API tocsin_status tocsin_pack_explain(const tocsin_pack* pack, const char* rule,
                                             const char* options, tocsin_buffer* text,
                                             tocsin_error** error);
TOCSIN_API void tocsin_pack_free(tocsin_pack* pack);

/* ---- Runs ---- */

/*
 * A run of a pack, with no state. Options, with their standard values:
 *
 *   "out_of_orderness"  how long to wait for events out of time order; null: what the event types
 *                       say in `up to D late` (null)
 *   "late_policy"       "side": a later event is put out as late; "clamp": it is processed at the
 *                       time already reached ("side")
 *   "late_max"          an event later than this is put out as late under either; null: none (null)
 *   "ahead_max"         an event further ahead of the clock that tocsin_run_set_clock() sets is
 *                       rejected; null: none ("10m")
 *   "jump_max"          with "side": an event further ahead of its source's time is held until the
 *                       source's next events confirm it; null: none ("1d")
 *   "unknown_types"     "dead": events of types that no rule file declares are rejected; "ignore":
 *                       they are counted ("dead")
 *   "order"             which of several events at one time is first: "merged": the one that was
 *                       pushed first; "position": that of the source that was opened first, then
 *                       the line that stands first, however pushes are cut and mixed ("merged")
 *   "event_steps_max"   steps that one event may take for a rule and a key (100000)
 *   "line_bytes_max"    a longer line is rejected (1048576)
 *   "unique_ids_max"    ids that are known of each `unique` type (10000000)
 *   "reorder_bytes_max" memory of events that wait to be put in order (1073741824)
 *   "state_bytes_max"   memory of the state; beyond it the run fails; null: no limit (null)
 *   "output_bytes_max"  memory of lines that wait for tocsin_run_take() (268435456)
 *   "alerts"            "lines": tocsin_run_take() gives them; "arrow": tocsin_run_take_arrow()
 *                       does ("lines")
 *   "keeps_state"       whether tocsin_run_cut() will be called; such a run takes lines, and no
 *                       record batches (false)
 *   "keeps_late"        whether late events can be taken, or are only counted (true)
 *   "keeps_rejected"    the same for rejected lines (true)
 */
TOCSIN_API tocsin_status tocsin_run_open(const tocsin_pack* pack, const char* options,
                                         tocsin_run** run, tocsin_error** error);
/*
 * The number of the source of this name, which is opened if it is not known. Each source has a
 * watermark: the time of its newest event less "out_of_orderness". The run's watermark is the least
 * of all sources that have not ended; until each has had an event, nothing is processed. A run has
 * at most 1,024 sources (TOCSIN_LIMIT).
 */
TOCSIN_API tocsin_status tocsin_run_source(tocsin_run* run, const char* name, uint32_t* source,
                                           tocsin_error** error);
/*
 * Takes `size` bytes of a source: JSON objects, one a line. Lines may be cut anywhere; what is
 * behind the last line end waits for the next call. Lines of several sources arrive in the order of
 * the calls, which decides among events of one time.
 *
 * `taken` (may be NULL) is always set. It is less than `size` only with TOCSIN_LIMIT: memory of
 * waiting events or of lines that were not taken is used up; tocsin_run_advance() or
 * tocsin_run_take() makes room, and the rest can be pushed again. TOCSIN_WRONG_STATE once the
 * source has ended. A line that is no event is rejected, and no error.
 */
TOCSIN_API tocsin_status tocsin_run_push(tocsin_run* run, uint32_t source, const char* data,
                                         size_t size, size_t* taken, tocsin_error** error);
/*
 * Takes the rows of a record batch from `first_row` (0) on: a struct of columns, one for each field
 * that the rules read, by the name that stands in the field's JSON. Structs and the memory that
 * they show are only read, and remain the caller's to release. `type` is the event type of all
 * rows, as `type` of a JSON line says it; NULL or "": a column `type` says it of each.
 *
 * Each row is what its JSON line would be: with the same columns in their order but for those that
 * are null, times as RFC 3339 in UTC, rounded down to microseconds, decimals with all digits,
 * floats in the shortest form, durations in the field's unit. So alerts are the same, byte for
 * byte, and a row without a usable time or type is rejected, with that line for its text; `line` is
 * then the row's number among all of the source, from 1.
 *
 *   field       columns
 *   bool        bool
 *   int         int8 to int64, uint8 to uint64, decimal32 to decimal128, float32, float64
 *   decimal(N)  the same; a float as its shortest text says it
 *   float       the same
 *   string, enum    utf8, large_utf8, string_view
 *   time        timestamp in any unit, as UTC without a zone; utf8; numbers, in the field's unit
 *   date        date32, date64, utf8
 *   duration    duration in any unit; numbers, in the field's unit
 *
 * Dictionaries of these are as these. A field `a.b` stands in a struct `a`; elements of lists are
 * not read. A column that does not fit, or that a field without `?` lacks, is an error that names
 * it (TOCSIN_INVALID_ARGUMENT), and nothing is taken; offsets or indices that lie outside of their
 * array give TOCSIN_CORRUPT. A source takes record batches or lines, not both.
 *
 * `taken` (may be NULL) is always set, to a number of rows: fewer than there are only with
 * TOCSIN_LIMIT, as for tocsin_run_push(); the rest can be pushed with a higher `first_row`.
 */
TOCSIN_API tocsin_status tocsin_run_push_arrow(tocsin_run* run, uint32_t source, const char* type,
                                               const struct ArrowSchema* schema,
                                               const struct ArrowArray* batch, int64_t first_row,
                                               int64_t* taken, tocsin_error** error);
/* Nothing more comes from the source, which no longer holds back the run's watermark. The last line
 * may lack its end. No error if it has ended. */
TOCSIN_API tocsin_status tocsin_run_end_source(tocsin_run* run, uint32_t source,
                                               tocsin_error** error);
/* What a clock shows while further lines are pushed, for "ahead_max"; the library reads none. Until
 * this is called, no event is ahead of the clock. */
TOCSIN_API tocsin_status tocsin_run_set_clock(tocsin_run* run, int64_t now_us,
                                              tocsin_error** error);
/*
 * Promises that no event before `watermark_us` follows: an event that comes nevertheless is late.
 * What waits up to there is processed, and deadlines at or before it pass; with "order":"position"
 * and several sources, events at it wait until time has passed them. Time never moves back:
 * an earlier watermark changes nothing.
 */
TOCSIN_API tocsin_status tocsin_run_advance(tocsin_run* run, int64_t watermark_us,
                                            tocsin_error** error);
/*
 * Ends all sources and processes all that waits. If `end_of_time` is not 0, every deadline passes,
 * so that absences are decided, as at the end of `tocsin run`; else time stops at the newest event.
 * After it lines are taken out, and nothing can be pushed. No error the second time.
 */
TOCSIN_API tocsin_status tocsin_run_finish(tocsin_run* run, int end_of_time, tocsin_error** error);

/* What a run puts out. */
enum {
  TOCSIN_ALERTS = 0,  /* alerts of live rules, format 1, as `tocsin run --alerts` writes them */
  TOCSIN_LATE = 1,    /* {"input":SOURCE,"line":17,"late_us":1500000,"text":LINE} */
  TOCSIN_REJECTED = 2 /* {"input":SOURCE,"line":17,"reason":WHY,"text":LINE} */
};
/*
 * Moves all lines of one kind that are ready to `lines`, in their order, each with its line end;
 * none is an empty text. Before that, all that is settled by what was pushed is processed: a
 * program that takes alerts after each push has them as soon as they are decided. Which lines there
 * are in the end does not depend on when they are taken. What a run put out before it failed can be
 * taken. `output` that is none of these: TOCSIN_INVALID_ARGUMENT.
 */
TOCSIN_API tocsin_status tocsin_run_take(tocsin_run* run, int output, tocsin_buffer* lines,
                                         tocsin_error** error);
/*
 * The same of alerts as a record batch, of a run that was opened with "alerts":"arrow". One batch
 * has at most a million alerts: call it until there is one without rows. Both structs become the
 * caller's, to be released by their `release`, on any thread, also after the run was freed.
 *
 *   id, rule, title, severity, status   utf8; status is "live"
 *   key         utf8: the values of the rule's key, with ", " between them
 *   time        timestamp[us, UTC]
 *   score       float64; 0 where there is none
 *   message     utf8
 *   event_ids   list of utf8: of the events that the alert lists, in their order
 *   json        utf8: the alert's line, as tocsin_run_take() would give it, without its end
 */
TOCSIN_API tocsin_status tocsin_run_take_arrow(tocsin_run* run, struct ArrowSchema* schema,
                                               struct ArrowArray* alerts, tocsin_error** error);
/* The time up to which all is processed or promised; INT64_MIN if there is none yet. */
TOCSIN_API tocsin_status tocsin_run_watermark(tocsin_run* run, int64_t* watermark_us,
                                              tocsin_error** error);
/* Counts of all so far, the memory in use, and each source, as one JSON object. */
TOCSIN_API tocsin_status tocsin_run_statistics(tocsin_run* run, tocsin_buffer* json,
                                               tocsin_error** error);
/*
 * The state of a run, as entries by key group: as of a map, u8 (1 put, 2 remove) | u32 group | u32
 * size and bytes of the key | put alone: u32 size and bytes of the value; numbers are little
 * endian. It has all that later alerts depend on: what rules and features remember, events that
 * wait to be put in order, sources with their watermarks.
 *
 * Begins a cut: the state behind all lines that were pushed. TOCSIN_WRONG_STATE while there is
 * something to take, a source has had a part of a line, or the cut before is not complete: alerts
 * that were taken, lines that were pushed and the cut then belong together.
 */
TOCSIN_API tocsin_status tocsin_run_cut(tocsin_run* run, tocsin_error** error);
/* Moves the cut's next entries to `entries`, about `bytes_max` bytes: what changed since the cut
 * before, and all that waits. *done is 1 when these were the last; only then is the map a state.
 * Between the calls the run may go on. */
TOCSIN_API tocsin_status tocsin_run_take_cut(tocsin_run* run, size_t bytes_max,
                                             tocsin_buffer* entries, int* done,
                                             tocsin_error** error);
/*
 * Lets a fresh run, of the same or of other rules, go on from the entries of a map. First those
 * whose key is one byte. `report` (may be NULL) becomes one JSON object: the rules and features
 * that are "kept", "started" and "lost", and "is_same" for the same rules. Sources have their
 * numbers again. Until the restore is finished no other call is taken. After an error the run is
 * of no use.
 *
 * Errors: TOCSIN_CORRUPT; TOCSIN_OTHER_VERSION for entries of another format or semantics number.
 */
TOCSIN_API tocsin_status tocsin_run_begin_restore(tocsin_run* run, const void* entries, size_t size,
                                                  tocsin_buffer* report, tocsin_error** error);
/* Then all others, in any order, in calls of any size. */
TOCSIN_API tocsin_status tocsin_run_restore(tocsin_run* run, const void* entries, size_t size,
                                            tocsin_error** error);
/* Then the run goes on. If `writes_all` is not 0 the next cut has everything: for a store that is
 * empty, and always where "is_same" was false. */
TOCSIN_API tocsin_status tocsin_run_finish_restore(tocsin_run* run, int writes_all,
                                                   tocsin_error** error);
TOCSIN_API void tocsin_run_free(tocsin_run* run);

/*
 * ---- Stages of a job ----
 *
 * A pack runs over many machines as a job of stages, each in any number of parts, which the
 * caller's runtime connects: it carries blocks of bytes from part to part, and keeps state. The
 * alerts are those of a run over the same events in the same order, byte for byte.
 *
 *     judge ─▶ intake ─▶ pass 0 ─▶ hold 0 ─▶ pass 1 ─▶ …  ─▶ alerts
 *
 * A judge sends to the intake, the intake (or a source, in place of both) to every pass, a pass to
 * its hold, and with it to later passes and to alerts.
 *
 * Keys are in 1,024 groups (XXH3-64 of the key's bytes, modulo 1,024). Part P of N has the groups
 * from (P * 1024 + N - 1) / N on to before that of P + 1, rounded down: group G is of part G * N /
 * 1024. Alerts have one part; judges divide the inputs as their caller likes.
 */
enum {
  TOCSIN_STAGE_SOURCE = 0, /* sends events to the passes that want them */
  TOCSIN_STAGE_PASS = 1,   /* features and rules of one pass, for the keys of its groups */
  TOCSIN_STAGE_HOLD = 2,   /* what rules of the pass hold back by other values than their key */
  TOCSIN_STAGE_ALERTS = 3, /* alerts in their one order */
  TOCSIN_STAGE_JUDGE = 4,  /* lines of sources, judged by the time of their source */
  TOCSIN_STAGE_INTAKE = 5  /* events in order and without repeats, to the passes that want them */
};
/*
 * How the pack is spread, as one JSON object: "can_be_spread"; "obstacles" with rule, feature and
 * the reason as a text; "rules", their digest; "passes" with the keys, features and rules of each,
 * and whether it has a hold; "exchanges", what each stage sends to which other; the rules and
 * features that have no key, and so are in one part.
 */
TOCSIN_API tocsin_status tocsin_pack_describe_job(const tocsin_pack* pack, tocsin_buffer* json,
                                                  tocsin_error** error);
/*
 * A part of a stage, with no state; `pass` is 0 for all but passes and holds. Options, with their
 * standard values:
 *
 *   "part", "parts"  which of how many it is; a source, a judge and alerts are as one (0, 1)
 *   "keeps_state"    whether cuts will be made; not of a source (false)
 *   "passes"         that the job has stages for, each with a hold (as the pack has them)
 *   "one_part"       whether a pack that cannot be spread may run in one part of one pass, without
 *                    a hold; its rules do not change while the job runs (false)
 *
 * Of a judge and the intake, and the same of all their parts:
 *
 *   "judges_change"  whether judges are told of changes of rules, as all others are; else judges
 *                    send events of all types, and the intake refuses a change of event types that
 *                    judges would have to know of (true)
 *
 * A judge and the intake also take these of tocsin_run_open(), with the same standard values, and
 * all parts of both the same: "out_of_orderness", "late_policy", "late_max", "ahead_max",
 * "jump_max", "unknown_types", "line_bytes_max", "unique_ids_max" (of which each part of the intake
 * has the share of its groups), "reorder_bytes_max" (of one part), "output_bytes_max",
 * "keeps_late", "keeps_rejected".
 *
 * Errors: TOCSIN_UNSUPPORTED, with the reasons; TOCSIN_INVALID_ARGUMENT: the job has no such stage.
 */
TOCSIN_API tocsin_status tocsin_stage_open(const tocsin_pack* pack, int kind, uint32_t pass,
                                           const char* options, tocsin_stage** stage,
                                           tocsin_error** error);
/* How many parts the stage behind has that this one sends to; 1 if it is not said. Before the first
 * event or block, or when all was taken. */
TOCSIN_API tocsin_status tocsin_stage_set_parts(tocsin_stage* stage, int kind, uint32_t pass,
                                                uint32_t parts, tocsin_error** error);

/* What became of an event. */
enum {
  TOCSIN_EVENT_SENT = 0,
  TOCSIN_EVENT_UNUSED = 1,   /* of a type that no rule or feature uses; a blank line */
  TOCSIN_EVENT_UNKNOWN = 2,  /* of a type that no rule file declares */
  TOCSIN_EVENT_REJECTED = 3, /* the line is no event, or one too far ahead */
  TOCSIN_EVENT_LATE = 4,     /* it came too late, and was set aside */
  TOCSIN_EVENT_HELD = 5      /* it jumped ahead of its source: the source's next events decide */
};
/*
 * Gives a source one event: a JSON object, without a line end. Which events are late, repeats, or
 * too early is the caller's to decide, before. Events may come in any order. They are processed in
 * that of their engine times, which is the event's own time for INT64_MIN; at one time in that of
 * (`record`, `index`), which no two events share. `equal_number` counts equal events of one time,
 * of types without an id field: 0 for the first.
 */
TOCSIN_API tocsin_status tocsin_stage_put_event(tocsin_stage* stage, const char* line, size_t size,
                                                int64_t engine_time_us, uint64_t record,
                                                uint32_t index, uint32_t equal_number, int* outcome,
                                                tocsin_error** error);
/*
 * Gives a judge one line, without its end, of a source: a file, or a partition of a topic. A source
 * is opened by its first line, and read by one part at a time. Each line is judged as `tocsin run`
 * judges it, by the watermark of its own source alone. Lines of a source have ascending numbers
 * (`record`, `index`); events of equal time are in that order over all sources. In the order of
 * `tocsin run --order position` they are
 *
 *   record   bits 44 to 59: the input's place, of files; of topics 4 bits for the topic's place, 12
 *            for the partition. Bits 0 to 43: the line, or the message's offset
 *   index    the line in the message; 0 of files
 *
 * The low 44 bits are what outputs call the line. `taken_at_us` is what a clock showed when the
 * line was read, for "ahead_max" (of a message its own time stamp, so that a repeated reading
 * judges alike); INT64_MIN: no event is ahead. TOCSIN_LIMIT: lines that were set aside are to be
 * taken first.
 */
TOCSIN_API tocsin_status tocsin_stage_put_line(tocsin_stage* stage, const char* source,
                                               size_t source_size, const char* line, size_t size,
                                               int64_t taken_at_us, uint64_t record, uint32_t index,
                                               int* outcome, tocsin_error** error);
/*
 * The watermark of a judge's source: an event at it may still come, none before it. INT64_MIN until
 * an event moved it, INT64_MAX once it has ended. When all that was put has been taken and put to
 * the intake, this may be advanced to one less than the least of all sources that are not idle.
 * What an idle source brings later, at or before the intake's watermark, is late there.
 */
TOCSIN_API tocsin_status tocsin_stage_source_watermark(tocsin_stage* stage, const char* source,
                                                       size_t source_size, int64_t* watermark_us,
                                                       tocsin_error** error);
/* Nothing more comes of the source: what it holds is taken, and its watermark is INT64_MAX. */
TOCSIN_API tocsin_status tocsin_stage_end_source(tocsin_stage* stage, const char* source,
                                                 size_t source_size, tocsin_error** error);
/* Moves the lines that a judge or the intake has set aside to `lines`, as tocsin_run_take() gives
 * them. `output` is TOCSIN_LATE or TOCSIN_REJECTED. */
TOCSIN_API tocsin_status tocsin_stage_take_lines(tocsin_stage* stage, int output,
                                                 tocsin_buffer* lines, tocsin_error** error);
/* Gives any other stage a block that was taken for this part, in the order in which its sender gave
 * them. TOCSIN_CORRUPT for a block that was damaged, and for one that comes too late; the stage is
 * used no more then. TOCSIN_MISMATCH for a block of rules that were not prepared; nothing was
 * taken. */
TOCSIN_API tocsin_status tocsin_stage_put(tocsin_stage* stage, const void* block, size_t size,
                                          tocsin_error** error);
/* Works up to a watermark: all blocks have come that stages before sent up to it, the event times
 * of the source's events and of what was made of them included. INT64_MAX is the end of time, at
 * which every deadline passes. About `work_max` rows are worked on; *done is 0 while there are
 * more, and the same watermark is to be given again. Blocks may be taken at any time; once it is
 * done and all was taken, stages behind may be given the watermark. A source takes no event at or
 * before it; it needs none but to forget the rules before a change.
 *
 * A judge needs no watermark before the end, INT64_MAX, at which its sources end. An earlier one
 * takes what they hold up to there. Its sources are those that it was given a line of, or asked for
 * by name: others may be read by another part.
 */
TOCSIN_API tocsin_status tocsin_stage_advance(tocsin_stage* stage, int64_t watermark_us,
                                              size_t work_max, int* done, tocsin_error** error);
/* Moves the next block to `block`, and says which stage and part it is for. An empty one: there is
 * no more, and the others are not set. Not of alerts. */
TOCSIN_API tocsin_status tocsin_stage_take(tocsin_stage* stage, int* kind, uint32_t* pass,
                                           uint32_t* part, tocsin_buffer* block,
                                           tocsin_error** error);
/* Moves all alerts up to the watermark to `lines`, as tocsin_run_take() gives them. */
TOCSIN_API tocsin_status tocsin_stage_take_alerts(tocsin_stage* stage, tocsin_buffer* lines,
                                                  tocsin_error** error);
/* Rules change while the job runs: what happens from `from_us` on is of `next`. Every part of every
 * stage is told before it comes to `from_us` (docs/c.md). Errors, with nothing changed:
 * TOCSIN_INVALID_ARGUMENT where it has come there, for the same rules, more passes than the job
 * has, or state that would move to another pass; TOCSIN_UNSUPPORTED for a pack that cannot be
 * spread; TOCSIN_WRONG_STATE while a change waits. Judges and the intake refuse, with
 * TOCSIN_INVALID_ARGUMENT, a type whose events would take their time from another field, and
 * another bound of late events where "out_of_orderness" was not given. */
TOCSIN_API tocsin_status tocsin_stage_prepare(tocsin_stage* stage, const tocsin_pack* next,
                                              int64_t from_us, tocsin_error** error);
/* Once a change took place, what became of the state, as in tocsin_stage_begin_restore(). */
TOCSIN_API tocsin_status tocsin_stage_take_report(tocsin_stage* stage, tocsin_buffer* json,
                                                  tocsin_error** error);
/*
 * State is entries by key group, as of a map (of a judge: by source, see
 * tocsin_stage_begin_restore()): u8 (1 put, 2 remove, 3 clear) | u32 group | u32 size and bytes of
 * the key | put alone: u32 size and bytes of the value; numbers are little endian. To clear (no
 * key) forgets what cuts before gave of the group: first in the cut behind a change.
 *
 * Begins a cut: the state as of now. TOCSIN_WRONG_STATE while the watermark in hand is not worked
 * through, what there is to take was not taken, or the cut before is not complete.
 */
TOCSIN_API tocsin_status tocsin_stage_cut(tocsin_stage* stage, tocsin_error** error);
/* Moves the cut's next entries to `entries`, about `bytes_max` bytes: what changed since the cut
 * before. *done is 1 when these were the last. Between the calls the stage may go on. */
TOCSIN_API tocsin_status tocsin_stage_take_cut(tocsin_stage* stage, size_t bytes_max,
                                               tocsin_buffer* entries, int* done,
                                               tocsin_error** error);
/*
 * Lets a fresh stage go on from entries of its groups, whatever parts wrote them. First those whose
 * key is one byte, of all its groups together. A judge is given the entries of all parts,
 * whoever read which source; of several with one key it takes the one that was read furthest.
 * `report` (may be NULL) becomes one JSON object: the rules and features that are "kept", "started"
 * and "lost", and "is_same" for the same rules; "waits_for", with "from_us" and "rules", for a
 * change that waits and was not prepared.
 *
 * Errors: TOCSIN_CORRUPT; TOCSIN_OTHER_VERSION for entries of another format or semantics number;
 * TOCSIN_INVALID_ARGUMENT for state that would move to another pass or waits for another change.
 */
TOCSIN_API tocsin_status tocsin_stage_begin_restore(tocsin_stage* stage, const void* entries,
                                                    size_t size, tocsin_buffer* report,
                                                    tocsin_error** error);
/* Then all others, in any order, in calls of any size. TOCSIN_INVALID_ARGUMENT for what waits and
 * was written under other rules; TOCSIN_WRONG_STATE, here or next, for a change not prepared. */
TOCSIN_API tocsin_status tocsin_stage_restore(tocsin_stage* stage, const void* entries, size_t size,
                                              tocsin_error** error);
/* Then the stage goes on. With `writes_all` the next cut has everything: for a store that is empty,
 * and always where "is_same" was false. */
TOCSIN_API tocsin_status tocsin_stage_finish_restore(tocsin_stage* stage, int writes_all,
                                                     tocsin_error** error);
/* The watermark worked through (INT64_MIN: none, INT64_MAX: the end); after a restore the least. */
TOCSIN_API tocsin_status tocsin_stage_watermark(tocsin_stage* stage, int64_t* watermark_us,
                                                tocsin_error** error);
/* Counts, and the memory in use, as one JSON object. */
TOCSIN_API tocsin_status tocsin_stage_statistics(tocsin_stage* stage, tocsin_buffer* json,
                                                 tocsin_error** error);
/* The same as numbers, at little cost: for metrics. What a kind of stage does not have is 0. */
typedef struct tocsin_counters {
  uint64_t rows;     /* worked on: lines, events, rows, groups of matches, alerts of all rules */
  uint64_t alerts;   /* lines that the stage of alerts gave */
  uint64_t late;     /* events that a judge or the intake set aside */
  uint64_t clamped;  /* late events that they took */
  uint64_t rejected; /* lines that were no events, or too far ahead */
  uint64_t repeats;  /* of `unique` events, which the intake left out */
  uint64_t waiting;  /* now: lines, rows, groups of matches, alerts */
  uint64_t waiting_bytes; /* of memory */
  uint64_t keys; /* now: of a pass; values of a hold; ids of the intake; sources of a judge */
  uint64_t state_bytes; /* now: of memory, beside what waits */
  uint64_t memory_max;  /* as tocsin_stage_memory() said; 0: any */
  uint64_t cuts;        /* that are complete */
  uint64_t cut_entries; /* of all cuts */
  uint64_t cut_bytes;
  uint64_t native_ns;   /* in calls of this stage; of calls for one line or event an estimate */
  int64_t watermark_us; /* as tocsin_stage_watermark() */
} tocsin_counters;
/* `size` is sizeof(tocsin_counters) as the caller has it; a later library may have more. */
TOCSIN_API tocsin_status tocsin_stage_count(tocsin_stage* stage, tocsin_counters* counters,
                                            size_t size, tocsin_error** error);
/*
 * How much memory the stage may take, for what it remembers and what waits; 0, as it begins: any.
 * tocsin_stage_put() fails with TOCSIN_LIMIT where more waits, and does not take the block;
 * tocsin_stage_advance() and tocsin_stage_finish_restore() fail with it when they have done their
 * work and found more. The message names the rules, features and types that hold most. Nothing is
 * dropped: with more memory allowed, the stage goes on.
 */
TOCSIN_API tocsin_status tocsin_stage_memory(tocsin_stage* stage, uint64_t max_bytes,
                                             tocsin_error** error);
TOCSIN_API void tocsin_stage_free(tocsin_stage* stage);

#ifdef __cplusplus
}
#endif

#endif /* TOCSIN_H */
