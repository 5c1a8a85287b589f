#include "api/trace/archive_routes.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "api/alerts/alert_query.h"
#include "api/node/rule_service.h"
#include "api/privacy/privacy.h"
#include "api/rest/audit_trail.h"
#include "api/rest/check_slots.h"
#include "api/rest/json_body.h"
#include "api/rest/problem.h"
#include "api/rules/text_cache.h"
#include "api/trace/alert_test.h"
#include "api/trace/asked_alert.h"
#include "api/trace/json_text.h"
#include "cep/plan/event_type.h"
#include "cep/plan/plan.h"
#include "library/testing/judge_test.h"
#include "library/testing/test_programs.h"

namespace tocsin::api {
namespace {
using std::chrono::steady_clock;
constexpr std::int64_t kEventsUsual = 200;
constexpr std::int64_t kEventsMost = 1000;
// Of what is before an alert, where events of all keys count: tried one after the other.
constexpr std::chrono::hours kSpans[] = {std::chrono::hours(1), std::chrono::hours(24),
                                         std::chrono::hours(24 * 30)};

// How the test does where it would stand.
struct JudgedText {
  std::string file;
  std::size_t behind = 0;  // the line in it
  bool passes = false;
  std::string difference;
  std::vector<std::string> notes;
};

// Threading: any.
class TestMaking {
 public:
  TestMaking(std::shared_ptr<const TraceSource> source, std::shared_ptr<TraceSlots> slots)
      : source_(std::move(source)), slots_(std::move(slots)) {}

  HttpResponse make(ApiRequest& request) const {
    const TraceSlots::Place place(*slots_);
    if (!place.is_free) return TraceSlots::busy();
    const auto alert = asked_alert(request, *source_);
    if (!alert) return alert.error();
    const auto current = source_->rules == nullptr ? nullptr : source_->rules->current();
    const RulePack pack = current ? current->pack.with_rollouts({}) : RulePack();
    const std::optional<RuleText> rule = pack.rule(alert->stored.rule);
    if (runtime::is_from_topic(alert->stored) || !rule) {
      return problem_response(
          ProblemKind::kConflict,
          rule ? "another engine raised the alert: its events were not here"
               : fmt::format("the rule {} is not among the rules any more", alert->stored.rule));
    }
    return make(request, *alert, pack, *rule);
  }

 private:
  HttpResponse make(ApiRequest& request, const AskedAlert& alert, const RulePack& pack,
                    const RuleText& text) const {
    TestedAlert tested{alert.match, alert.stored.line, alert.shown, {}};
    if (alert.is_masked) tested.mask = mask_of(*source_->privacy, alert.is_masked_whole);
    const LoadedRules rules = pack.load();
    if (!rules.program) {
      return problem_response(ProblemKind::kInternal, "the rules that run cannot be read");
    }
    const auto most = static_cast<std::size_t>(request.integer("events").value_or(kEventsUsual));
    const auto writer = AlertTestWriter::prepare(rules, tested);
    if (!writer && writer.error().code == Errc::kNotFound) {
      return problem_response(ProblemKind::kConflict,
                              fmt::format("{}: no test can be made of it", writer.error().message));
    }
    if (!writer) return problem_of_error(writer.error());
    std::string history;
    Result<AlertTest> made = written(*writer, tested, most, history);
    if (source_->is_closing) return unavailable_response("the server stops");
    if (!made && made.error().code == Errc::kLimit) {
      return problem_response(ProblemKind::kLimitReached, made.error().message);
    }
    if (!made) return problem_of_error(made.error());
    if (made->is_masked) {
      writer->add_notes(*made, {"Marks stand for values that are marked pii (privacy.roles)."});
    }
    const JudgedText judged = judge(pack, text, *made);
    if (!judged.notes.empty()) writer->add_notes(*made, judged.notes);
    if (request.text("format") == "text") return {200, {}, "text/plain", made->text};
    return json_text_response(200, json(alert.match, *made, judged, history));
  }

  static FieldMask mask_of(const Privacy& privacy, bool hides_all) {
    return [&privacy, hides_all](const cep::EventType& type, const std::string& field,
                                 std::string_view json) -> std::optional<std::string> {
      if (!hides_all && !privacy.is_personal({fmt::format("{}.{}", type.name, field)})) {
        return std::nullopt;
      }
      return privacy.mark(json);
    };
  }

  // Of the key's events; where those of all keys count, of ever more time before the alert.
  Result<AlertTest> written(const AlertTestWriter& writer, const TestedAlert& alert,
                            std::size_t most, std::string& history) const {
    const auto ends = steady_clock::now() + kTraceTimeMost;
    const cep::EventTime first =
        alert.match.events.empty() ? alert.match.end : alert.match.events.front().ts;
    std::vector<std::string> from;
    for (const std::chrono::hours span : kSpans) {
      if (!writer.needs_other_keys()) break;
      const std::int64_t us = std::chrono::microseconds(span).count();
      if (first.us > us) from.push_back(cep::format_time(cep::EventTime{first.us - us}));
    }
    from.emplace_back();
    for (std::size_t i = 0;; ++i) {
      ArchiveNotes notes;
      Result<AlertEvents> events = read(writer, alert, most, from[i], ends, notes);
      if (!events) return tl::unexpected(events.error());
      const bool is_last = i + 1 == from.size() || events->older > 0 || !events->is_complete;
      auto made = writer.write(*events, is_last);
      if (!made) return tl::unexpected(made.error());
      if (!*made) continue;
      history = events->kept == events->listed ? "all" : events->kept > 0 ? "some" : "none";
      writer.add_notes(**made, notes_of(alert, *events, **made, notes));
      return **std::move(made);
    }
  }
  Result<AlertEvents> read(const AlertTestWriter& writer, const TestedAlert& alert,
                           std::size_t most, const std::string& from, steady_clock::time_point ends,
                           ArchiveNotes& notes) const {
    const std::string to = cep::format_time(cep::EventTime{alert.match.end.us + 1});
    const Outcome<ArchivedKeys> archive =
        ArchivedKeys::open(source_->files, source_->data, from, to);
    if (!archive) return fail(Errc::kIo, archive.error().message);
    AlertEventsRequest asked{alert.match, alert.line};
    if (!writer.needs_other_keys()) asked.keys = writer.keys();
    asked.others_max = most;
    asked.lines_max = source_->history.events_max;
    asked.stop_requested = [this, ends] {
      return source_->is_closing || steady_clock::now() >= ends;
    };
    return alert_events(writer.program(), *archive, asked, notes);
  }

  static std::vector<std::string> notes_of(const TestedAlert& alert, const AlertEvents& events,
                                           const AlertTest& made, const ArchiveNotes& archive) {
    std::vector<std::string> notes;
    if (events.kept < events.listed) {
      notes.push_back(fmt::format(
          "The archive has {} of the {} events that the alert lists; the others have only "
          "the fields that it lists{}.",
          events.kept, events.listed,
          events.kept == 0 ? ", and no events before them are here" : ""));
    }
    if (made.is_raised) return notes;
    if (alert.match.events_more > 0) {
      notes.push_back(fmt::format("The alert has {} more events, which it does not list.",
                                  alert.match.events_more));
    }
    if (!events.is_complete) {
      notes.push_back(fmt::format("The archive was read for {} s, or to history.events_max.",
                                  kTraceTimeMost.count()));
    }
    if (events.older > 0) {
      notes.push_back(
          fmt::format("Only the newest {} events before the alert were tried: ask for "
                      "more with `events`.",
                      events.others.size()));
    }
    for (std::string text : archive.texts) {
      while (text.ends_with('\n')) text.pop_back();
      std::ranges::replace(text, '\n', ' ');
      notes.push_back(std::move(text));
    }
    return notes;
  }

  // The last line of a rule with its tests, which stand in the file in this order.
  static std::size_t last_line_of(std::string_view file, std::string_view rule) {
    const std::size_t test = rule.rfind("\ntest ");
    std::string_view last = test == std::string_view::npos ? rule : rule.substr(test + 1);
    while (last.ends_with('\n')) last.remove_suffix(1);
    const std::size_t at = file.rfind(last);
    const std::size_t end = at == std::string_view::npos ? file.size() : at + last.size();
    return 1 + static_cast<std::size_t>(std::ranges::count(file.substr(0, end), '\n'));
  }

  // Runs it in its file, as `tocsin test` would.
  static JudgedText judge(const RulePack& pack, const RuleText& rule, const AlertTest& made) {
    JudgedText judged;
    judged.file = rule.path;
    judged.behind = last_line_of(pack.file(rule.path).value_or(""), rule.text);
    std::string text = rule.text;
    while (text.ends_with('\n')) text.pop_back();
    const Result<RulePack> changed = pack.with_rule(rule.id, text + "\n\n" + made.text);
    if (!changed) {
      judged.difference = changed.error().message;
      return judged;
    }
    const LoadedRules rules = changed->load();
    if (!rules.program) {
      judged.difference = rules.loaded.diagnostics.empty()
                              ? rules.compile_error
                              : rules.loaded.diagnostics.front().message;
      return judged;
    }
    const rules::EmbeddedTest* found = nullptr;
    for (const rules::EmbeddedTest& test : rules.loaded.rules->tests) {
      if (test.rule == made.test.rule && test.title == made.test.title) found = &test;
    }
    if (found == nullptr) {
      judged.difference = "the rule is a draft: its tests do not run";
      return judged;
    }
    const std::unique_ptr<TextCacheFolder> cache = open_text_cache();
    library::TestPrograms programs(*rules.program, cache.get());
    const library::TestResult result = library::judge_test(
        *rules.loaded.rules, rules.loaded.sources, programs, *found, cache.get());
    judged.passes = result.passed;
    judged.difference = result.difference;
    judged.notes = defaults_of(rules.program->plan(), *found, made.test);
    if (!result.passed && reads_lists_of(rules.program->plan(), rule.id)) {
      judged.notes.emplace_back(
          "The rule reads lists or tables: a test has what the rules declare, not what was added.");
    }
    return judged;
  }
  static bool reads_lists_of(const cep::Plan& plan, const std::string& id) {
    const auto rule = std::ranges::find(plan.rules, id, &cep::Rule::id);
    return rule != plan.rules.end() && reads_lists(plan, *rule);
  }
  // What an event does not have, and `defaults` give it.
  static std::vector<std::string> defaults_of(const cep::Plan& plan,
                                              const rules::EmbeddedTest& found,
                                              const rules::EmbeddedTest& made) {
    std::set<std::string> given;
    for (std::size_t i = 0; i < std::min(found.events.size(), made.events.size()); ++i) {
      const rules::TestEvent& event = found.events[i];
      const cep::EventType& type = plan.event_types[event.type.value];
      for (std::size_t field = 0; field < type.fields.size(); ++field) {
        const bool is_time = field == type.time_field.value;
        if (is_time || event.fields[field].view().is_missing()) continue;
        if (field < made.events[i].fields.size() &&
            made.events[i].fields[field].view().is_missing()) {
          given.insert(fmt::format("{}.{}", type.name, type.fields[field].name));
        }
      }
    }
    if (given.empty()) return {};
    return {fmt::format("Missing in some events, where the test has the default: {}.",
                        fmt::join(given, ", "))};
  }

  static std::string json(const ListedMatch& match, const AlertTest& made, const JudgedText& judged,
                          const std::string& history) {
    JsonText json;
    const auto flag = [&](const char* name, bool value) {
      json.name(name);
      json.raw(value ? "true" : "false");
    };
    json.open('{');
    json.member("alert", match.id);
    json.member("rule", match.rule);
    json.member("file", judged.file);
    json.member("behind", judged.behind);
    json.member("title", made.test.title);
    json.member("text", made.text);
    flag("passes", judged.passes);
    if (!judged.passes) json.member("difference", judged.difference);
    json.member("events", made.own);
    json.member("before", made.others);
    json.member("history", history);
    flag("masked", made.is_masked);
    json.open("notes", '[');
    for (const std::string& note : made.notes) json.text(note);
    json.close(']');
    json.close('}');
    return json.take();
  }

  const std::shared_ptr<const TraceSource> source_;
  const std::shared_ptr<TraceSlots> slots_;
};

constexpr std::string_view kSchemas = R"({
  "AlertTest": {
    "alert": "text; its id",
    "rule": "text; its id",
    "file": "text; of the rules, where the test belongs",
    "behind": "whole; the line there behind which it belongs: the last of the rule and its tests",
    "title": "text",
    "text": "text; the test, in the language of rules",
    "passes": "boolean; by the rules of now, in its file",
    "difference?": "text; what it would fail by",
    "events": "whole; of the alert",
    "before": "whole; events beside them that the rule needs",
    "history": "one of all, some, none; how many of the alert's events the archive has",
    "masked": "boolean; marks stand for personal data",
    "notes": "list of text; what the test leaves out, also as comments in it"
  }
})";
}  // namespace

void add_alert_test_route(Router& router, std::shared_ptr<const TraceSource> source,
                          std::shared_ptr<TraceSlots> slots) {
  using Type = RouteParameter::Type;
  router.add_schemas(kSchemas);
  const auto making = std::make_shared<const TestMaking>(std::move(source), std::move(slots));
  router.add(
      {.method = "GET",
       .path = "/v1/alerts/{id}/test",
       .operation_id = "makeTestOfAlert",
       .tag = "alerts",
       .summary = "A test in the language of rules that raises the alert again",
       .description = "Reads the alert's events, and where they are needed those before it, from "
                      "the archive, and runs the test by the rules of now. One such reading, "
                      "replay or trace runs at a time, for at most 30 seconds. A test has 256 KiB "
                      "at most.",
       .role = Role::kReader,
       .path_parameters = {{"id", Type::kText, "The alert's id, 32 hex digits"}},
       .query_parameters = {{.name = "format",
                             .type = Type::kWord,
                             .description = "json (unless said), or text: the test alone",
                             .words = {"json", "text"}},
                            {.name = "events",
                             .type = Type::kInteger,
                             .description = "Events before the alert that are tried; default 200",
                             .least = 0,
                             .most = kEventsMost}},
       .answers = {{200, "The test", "application/json", "AlertTest"},
                   {200, "The test", "text/plain"}},
       .problems = {409, 422},
       .handler =
           at_lower_priority([making](ApiRequest& request) { return making->make(request); })});
}
}  // namespace tocsin::api
