#include "api/base/settings.h"

#include <array>
#include <optional>
#include <vector>

namespace tocsin::api {
namespace {
using Type = SettingType;
constexpr std::int64_t kKiB = 1024;
constexpr std::int64_t kMiB = 1024 * kKiB;
constexpr std::int64_t kGiB = 1024 * kMiB;

// Parts of run's help.
constexpr std::string_view kInput = "Input";
constexpr std::string_view kKeeping = "Keeping";
constexpr std::string_view kOutput = "Output";
constexpr std::string_view kDelivery = "Delivery";

// How one command offers a setting: what is its own of Setting. Each member function gives a copy
// with one more part.
struct Offer {
  Setting of;

  constexpr Offer range(std::int64_t least, std::int64_t most = INT64_MAX) const {
    Offer changed = *this;
    changed.of.least = least;
    changed.of.most = most;
    return changed;
  }
  constexpr Offer option(std::string_view names) const {
    Offer changed = *this;
    changed.of.option = names;
    return changed;
  }
  constexpr Offer value(std::string_view name) const {
    Offer changed = *this;
    changed.of.value = name;
    return changed;
  }
  constexpr Offer form(OptionForm form) const {
    Offer changed = *this;
    changed.of.form = form;
    return changed;
  }
  constexpr Offer needs(std::string_view other) const {
    Offer changed = *this;
    changed.of.needs = other;
    return changed;
  }
  constexpr Offer zero_is_none() const {
    Offer changed = *this;
    changed.of.zero_is_none = true;
    return changed;
  }
};
constexpr Offer run(std::string_view option, std::string_view group, std::string_view standard,
                    std::string_view description) {
  Offer offer;
  offer.of.option = option;
  offer.of.group = group;
  offer.of.standard = standard;
  offer.of.description = description;
  return offer;
}
constexpr Offer serve(std::string_view standard, std::string_view description) {
  Offer offer;
  offer.of.standard = standard;
  offer.of.description = description;
  return offer;
}
constexpr std::optional<Offer> kNot = std::nullopt;  // the command has no such setting

struct Row {
  std::string_view name;
  Type type;
  std::optional<Offer> run;
  std::optional<Offer> serve;
  std::string_view words = {};
  std::string_view kept = {};  // the name under which a data directory keeps it
};
// By table of the configuration file. Long because it is one table.
constexpr auto kRows = std::to_array<Row>({
    Row{"data.path", Type::kText,
        run("--data", kKeeping, "",
            "Keep everything in this folder, made where it is missing: a killed run goes on where "
            "it was, and no alert is lost or raised twice")
            .value("FOLDER"),
        serve("tocsin-data", "The folder in which everything is kept")
            .option("--data,--data-path")
            .value("FOLDER")},
    Row{"data.from", Type::kText,
        run("--from", kKeeping, "", "Begin the new folder of --data with the state of a savepoint")
            .value("FOLDER")
            .needs("data.path"),
        serve("", "A savepoint's folder: a new data directory begins with its state")
            .value("FOLDER")},
    Row{"data.ack", Type::kText,
        run("--ack", kKeeping, "",
            "Write how many lines of standard input are safe, each time there are more. A start "
            "removes the file; once it is there again, it says after how many lines to go on")
            .value("FILE")
            .needs("data.path"),
        kNot},
    Row{"data.replay_as_new", Type::kBoolean,
        run("--replay-as-new", kKeeping, "",
            "Go on in a folder that another version of tocsin wrote, of which the same events "
            "could give other alerts: the alerts that differ are told and not sent")
            .form(OptionForm::kFlag)
            .needs("data.path"),
        kNot},
    Row{"rules.path", Type::kTexts, kNot,
        serve("",
              "Rule files, or folders with .tocsin files below them; none: those that the data "
              "directory holds")
            .form(OptionForm::kNone)},
    Row{"rules.deploy", Type::kBoolean, kNot,
        serve("false",
              "Where the data directory holds other rules than rules.path: have these hold from "
              "now on, instead of refusing to start")},
    Row{"http.listen", Type::kText, kNot,
        serve("127.0.0.1:8627",
              "Where to listen: a numeric address and a port; port 0 is any free one")
            .option("--listen,--http-listen")
            .value("ADDRESS")},
    Row{"http.port_file", Type::kText, kNot,
        serve("", "Write the port there once it is listened on").value("FILE")},
    Row{"http.connections_max", Type::kInteger, kNot,
        serve("256", "Connections at once; more are answered with 503").range(1, 10'000)},
    Row{"http.head_bytes_max", Type::kBytes, kNot,
        serve("32KiB", "Of a request's line and headers").range(kKiB, kMiB)},
    Row{"http.header_count_max", Type::kInteger, kNot,
        serve("100", "Headers of a request").range(10, 1000)},
    Row{"http.body_bytes_max", Type::kBytes, kNot,
        serve("16MiB", "Of a request's body, as it is sent").range(kKiB, kGiB)},
    Row{"http.unpacked_bytes_max", Type::kBytes, kNot,
        serve("64MiB", "Of a packed body, unpacked").range(kKiB, 2 * kGiB)},
    Row{"http.bodies_bytes_max", Type::kBytes, kNot,
        serve("256MiB", "Of all bodies that are held at once; more are answered with 503")
            .range(kKiB, 64 * kGiB)},
    Row{"http.head_time_max", Type::kDuration, kNot, serve("10s", "For a request's head to come")},
    Row{"http.request_time_max", Type::kDuration, kNot,
        serve("60s", "For a whole request, its answer too")},
    Row{"http.keep_alive_max", Type::kDuration, kNot,
        serve("60s", "Between two requests of a connection")},
    Row{"http.requests_per_second", Type::kInteger, kNot,
        serve("1000", "That one token may make").range(1, 1'000'000)},
    Row{"http.requests_burst", Type::kInteger, kNot,
        serve("2000", "That one token may make at once").range(1, 1'000'000)},
    Row{"events.request_events_max", Type::kInteger, kNot,
        serve("100000", "Events of one request").range(1, 100'000'000)},
    Row{"events.queue_requests_max", Type::kInteger, kNot,
        serve("1024", "Requests with events that wait for the engine; more are answered with 503")
            .range(1, 1'000'000)},
    Row{"events.queue_bytes_max", Type::kBytes, kNot,
        serve("64MiB", "Of the events in them; more are answered with 503").range(kKiB, 64 * kGiB)},
    Row{"events.producers_max", Type::kInteger, kNot,
        serve("10000", "Producers whose sequences are kept").range(1, 10'000'000)},
    Row{"events.producers_expire", Type::kDuration, kNot,
        serve("30d",
              "A producer that has sent nothing for so long is forgotten, with its sequence; 0: "
              "none is")
            .zero_is_none()},
    Row{"events.unknown_types", Type::kWord,
        run("--unknown-types", kInput, "dead",
            "An event of a type that no rule file declares: a dead letter, or ignore, count it and "
            "pass it by"),
        serve("dead",
              "An event of a type that no rule file declares: dead, it is invalid and kept as a "
              "dead letter, or ignore, it is counted and passed by"),
        "dead|ignore", "--unknown-types"},
    Row{"memory.max", Type::kBytes,
        run("--memory-max", kKeeping, "",
            "Take no more events where the state takes more memory: the run ends, and goes on with "
            "a larger limit (default: no limit)")
            .range(1)
            .needs("data.path"),
        serve("0",
              "Of the rules' state and of events that wait to be put in order; beyond it events "
              "are answered with 503 until it falls; 0: any number")
            .zero_is_none()},
    Row{"memory.reorder", Type::kBytes,
        run("--reorder-memory", kInput, "1GiB",
            "How much memory events may take that wait to be put in order; beyond it the run ends, "
            "and with --data a later start goes on")
            .range(1),
        serve("1GiB", "The same of events that wait to be put in order alone")
            .range(64 * kKiB, 1024 * kGiB)},
    Row{"lists.entries_max", Type::kInteger, kNot,
        serve("1000000", "Entries of a list, or rows of a table, that changes may bring it to")
            .range(1, 1'000'000'000)},
    Row{"lists.value_bytes_max", Type::kBytes, kNot,
        serve("1KiB", "Of one text in an entry").range(16, kMiB)},
    Row{"time.out_of_orderness", Type::kDuration,
        run("--out-of-orderness", kInput, "",
            "How long to wait for events out of time order, instead of what the event types say "
            "(`up to D late`)"),
        serve("0", "How long to wait for events out of time order; alerts wait as long"), "",
        "--out-of-orderness"},
    Row{"time.late_policy", Type::kWord,
        run("--late-policy", kInput, "side",
            "An event that comes later still: set it aside, or clamp, take it as if it happened "
            "now"),
        serve("clamp",
              "An event that comes later still: clamp, take it as if it happened now, or side, set "
              "it aside"),
        "side|clamp", "--late-policy"},
    Row{"time.late_max", Type::kDuration,
        run("--late-max", kInput, "",
            "Set an event aside that is later than this, also with --late-policy clamp (default: "
            "none is too late)"),
        serve("0", "An event later than this is set aside under both; 0: none is too late")
            .zero_is_none(),
        "", "--late-max"},
    Row{"time.ahead_max", Type::kDuration,
        run("--ahead-max", kInput, "10m",
            "Reject an event that is further ahead of the clock than this, so that one wrong clock "
            "does not move time; 0: none is rejected")
            .zero_is_none(),
        serve("10m",
              "An event further ahead of the clock is invalid, so that one wrong clock does not "
              "move time; 0: none is")
            .zero_is_none(),
        "", "--ahead-max"},
    Row{"time.jump_max", Type::kDuration,
        run("--jump-max", kInput, "1d",
            "Hold an event that jumps ahead of its input's time by more than this until the next "
            "one confirms it; if the next three are back at the old time, reject it; 0: none is "
            "held; not with --late-policy clamp")
            .zero_is_none(),
        serve("1d",
              "With late_policy side: an event that jumps ahead of the time of events before it by "
              "more than this is held until the next confirms it, and invalid if the next three "
              "are back at the old time; 0: none is held")
            .zero_is_none(),
        "", "--jump-max"},
    Row{"time.heartbeat", Type::kDuration,
        run("--heartbeat", kInput, "",
            "On a pipe: after so long without a line let time move on with the clock, so that "
            "absences are decided (default: time waits for events)")
            .range(1),
        serve("1s",
              "After so long without an event time moves on with the clock, so that absences are "
              "decided; 0: time waits for events")
            .zero_is_none()},
    Row{"time.idle_after", Type::kDuration,
        run("--idle-after", kInput, "",
            "On a pipe: after so long without a line its input no longer holds back the others "
            "(default: it does for ever)")
            .range(1),
        kNot},
    Row{"time.drift_max", Type::kDuration,
        run("--drift-max", kInput, "0",
            "While the input that is behind has nothing at hand, read the others on, up to this "
            "much ahead of it in event time; 0: each waits for its turn")
            .zero_is_none(),
        kNot},
    Row{"time.final_watermark", Type::kBoolean,
        run("--final-watermark", kInput, "",
            "At the end of the inputs let time move on past every deadline, so that absences are "
            "decided (default without --data), or leave them pending")
            .form(OptionForm::kSwitch),
        kNot},
    Row{"journal.segment_bytes", Type::kBytes,
        run("--journal-segment", kKeeping, "",
            "How large a file of the journal becomes, such as 64MiB (the default)")
            .range(8 * kKiB, kGiB)
            .needs("data.path"),
        serve("64MiB", "Of one file of the journal").range(8 * kKiB, kGiB), "",
        "--journal-segment"},
    Row{"checkpoint.every", Type::kDuration,
        run("--checkpoint-every", kKeeping, "30s",
            "How often the state is written, so that a start need not begin from the first event")
            .range(1)
            .needs("data.path"),
        serve("30s",
              "How often the state is written, so that a start need not begin from the first event")
            .range(1)},
    Row{"alerts.query_rows_max", Type::kInteger, kNot,
        serve("100000", "Alerts that one page of a query looks at; the next goes on")
            .range(100, 10'000'000)},
    Row{"alerts.streams_max", Type::kInteger, kNot,
        serve("64", "Live streams at once; more are answered with 503").range(1, 10'000)},
    Row{"alerts.stream_heartbeat", Type::kDuration, kNot,
        serve("15s", "A live stream on which nothing happens has a comment so often")},
    Row{"webhooks.allow", Type::kTexts, kNot,
        serve("",
              "Addresses and ranges beside public ones that webhooks may go to, such as "
              "10.20.0.0/16 or 127.0.0.1")},
    Row{"webhooks.slots", Type::kInteger, kNot,
        serve("16", "Webhooks that are sent at once to endpoints whose last answer was good")
            .range(1, 1024)},
    Row{"webhooks.unproven_slots", Type::kInteger, kNot,
        serve("64", "And to all others: new ones, those that failed last, those that are slow")
            .range(1, 1024)},
    Row{"webhooks.retry_delays", Type::kTexts, kNot,
        serve("5s,1m,5m,30m,2h,5h,10h,20h",
              "Before the second, third, … attempt, each varied by up to a quarter")},
    Row{"webhooks.connect_timeout", Type::kDuration, kNot,
        serve("3s", "For an endpoint to be reached")},
    Row{"webhooks.total_timeout", Type::kDuration, kNot, serve("15s", "For a whole attempt")},
    Row{"webhooks.log_max", Type::kInteger, kNot,
        serve("1000", "Attempts that are kept of each subscription").range(1, 1'000'000)},
    Row{"webhooks.subscriptions_max", Type::kInteger, kNot,
        serve("1000", "Subscriptions").range(1, 100'000)},
    Row{"webhooks.brake_window", Type::kDuration, kNot,
        serve("1m",
              "The time in which a subscription is sent so many alerts at most; the rest is "
              "counted in a summary")},
    Row{"webhooks.brake_per_rule", Type::kInteger, kNot,
        serve("120", "Alerts of one rule in that time; 0: any number").range(0, 1'000'000)},
    Row{"webhooks.brake_in_all", Type::kInteger, kNot,
        serve("600", "Alerts of all rules together in that time; 0: any number")
            .range(0, 1'000'000)},
    Row{"webhooks.groups_max", Type::kInteger, kNot,
        serve("10000",
              "Groups of one subscription that wait or rest; alerts of others go by themselves")
            .range(1, 1'000'000)},
    Row{"webhooks.group_alerts_max", Type::kInteger, kNot,
        serve("100", "Alerts in the message of one group; the rest is counted").range(1, 10'000)},
    Row{"webhooks.group_bytes_max", Type::kBytes, kNot,
        serve("1MiB", "Of them, in one message").range(kKiB, 64 * kMiB)},
    Row{"silences.max", Type::kInteger, kNot,
        serve("1000", "Silences that have not ended").range(1, 100'000)},
    Row{"silences.ended_kept", Type::kDuration, kNot,
        serve("5d", "How long a silence is shown after its end")},
    Row{"retention.alerts_age", Type::kDuration,
        run("--keep-alerts-for", kKeeping, "",
            "Remove alerts from the folder that were stored longer ago, save those that are yet to "
            "be delivered (default: all are kept)")
            .needs("data.path"),
        serve("0", "Alerts are kept so long; 0: for ever").zero_is_none()},
    Row{"retention.alerts_bytes", Type::kBytes,
        run("--keep-alerts-size", kKeeping, "",
            "Remove the oldest alerts, likewise, where all together take more (default: no limit)")
            .range(1)
            .needs("data.path"),
        serve("0", "Of all alerts kept; 0: any number").zero_is_none()},
    Row{"retention.aside_age", Type::kDuration,
        run("--keep-aside-for", kKeeping, "",
            "Remove late events and rejected lines that came longer ago (default: all are kept)")
            .needs("data.path"),
        serve("0", "Late events and dead letters are kept so long; 0: for ever").zero_is_none()},
    Row{"retention.aside_bytes", Type::kBytes,
        run("--keep-aside-size", kKeeping, "",
            "Remove the oldest late events, and the oldest rejected lines, where either take more "
            "(default: no limit)")
            .range(1)
            .needs("data.path"),
        serve("0", "Of all late events, and of all dead letters; 0: any number").zero_is_none()},
    Row{"retention.traces_max", Type::kInteger, kNot,
        serve("1000000",
              "Traces (traceparent) of events that alerts of deadlines may yet ask for; the oldest "
              "go")
            .range(1000, 1'000'000'000)},
    Row{"idempotency.age_max", Type::kDuration, kNot,
        serve("24h", "Answers to requests with an Idempotency-Key are kept so long")},
    Row{"idempotency.answers_max", Type::kInteger, kNot,
        serve("100000", "Of them at once; the oldest go").range(1000, 10'000'000)},
    Row{"idempotency.bytes_max", Type::kBytes, kNot,
        serve("64MiB", "Of all of them; the oldest go").range(kMiB, 64 * kGiB)},
    Row{"audit.age_max", Type::kDuration, kNot,
        serve("0", "Entries of the audit log are kept so long; 0: for ever").zero_is_none()},
    Row{"audit.bytes_max", Type::kBytes, kNot,
        serve("1GiB", "Of all of them; the oldest go; 0: any number").zero_is_none()},
    Row{"audit.refusals_per_minute", Type::kInteger, kNot,
        serve("600", "Refusals for want of a token or role that are written down; more are counted")
            .range(1, 1'000'000)},
    Row{"output.alerts", Type::kText,
        run("--alerts", kOutput, "-",
            "Where alerts go, - is standard output; the file is replaced, or with --data gone on "
            "with")
            .value("FILE"),
        kNot},
    Row{"output.late", Type::kText,
        run("--late", kOutput, "", "Keep events that were set aside as late; the file is replaced")
            .value("FILE"),
        kNot},
    Row{"output.dead_letter", Type::kText,
        run("--dead-letter", kOutput, "",
            "Keep lines that were rejected, with the reason; the file is replaced")
            .value("FILE"),
        kNot},
    Row{"delivery.webhook", Type::kText,
        run("--webhook", kDelivery, "",
            "Also deliver each alert there by HTTP POST, signed (standardwebhooks.com)")
            .value("URL"),
        kNot},
    Row{"delivery.secret_file", Type::kText,
        run("--secret-file", kDelivery, "",
            "The file that holds the secret to sign with, `whsec_…`; --webhook needs it")
            .value("FILE")
            .needs("delivery.webhook"),
        kNot},
    Row{"delivery.undelivered", Type::kText,
        run("--undelivered", kDelivery, "tocsin-undelivered.ndjson",
            "Where alerts are kept that could not be delivered; appended to, made only when needed")
            .value("FILE")
            .needs("delivery.webhook"),
        kNot},
    Row{"delivery.timeout", Type::kDuration,
        run("--delivery-timeout", kDelivery, "30s",
            "How long to go on delivering after the inputs have ended")
            .needs("delivery.webhook"),
        kNot},
});

std::vector<Setting> settings_of(std::optional<Offer> Row::*command) {
  std::vector<Setting> settings;
  for (const Row& row : kRows) {
    if (!(row.*command)) continue;
    Setting setting = (row.*command)->of;
    setting.name = row.name;
    setting.type = row.type;
    setting.words = row.words;
    setting.kept = row.kept;
    settings.push_back(setting);
  }
  return settings;
}
}  // namespace

std::span<const Setting> run_settings() {
  static const std::vector<Setting> kSettings = settings_of(&Row::run);
  return kSettings;
}
std::span<const Setting> serve_settings() {
  static const std::vector<Setting> kSettings = settings_of(&Row::serve);
  return kSettings;
}
}  // namespace tocsin::api
