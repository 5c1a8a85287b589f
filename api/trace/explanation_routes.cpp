#include "api/trace/archive_routes.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <optional>
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
#include "api/trace/alert_replay.h"
#include "api/trace/archived_keys.h"
#include "api/trace/asked_alert.h"
#include "api/trace/explanation_json.h"
#include "api/trace/key_trace.h"
#include "cep/plan/plan.h"
#include "cep/plan/rule.h"

namespace tocsin::api {
namespace {
using std::chrono::steady_clock;
// Threading: any.
class Explaining {
 public:
  Explaining(std::shared_ptr<const TraceSource> source, std::shared_ptr<TraceSlots> slots)
      : source_(std::move(source)), slots_(std::move(slots)) {}

  HttpResponse explain(ApiRequest& request) const {
    const TraceSlots::Place place(*slots_);
    if (!place.is_free) return TraceSlots::busy();
    const auto alert = asked_alert(request, *source_);
    return alert ? explain(*alert) : alert.error();
  }

 private:
  struct Rules {
    std::optional<ExplainedVersion> version;
    std::optional<cep::Program> program;
    std::string why_not;
    std::optional<HttpResponse> refused;
  };

  // The rules that were active when the alert was stored, where they are kept, else those of now.
  Rules rules_at(cep::EventTime stored_at) const {
    Rules found;
    const auto current = source_->rules != nullptr ? source_->rules->current() : nullptr;
    for (const RuleVersion& version :
         source_->rules != nullptr ? source_->rules->versions() : std::vector<RuleVersion>()) {
      if (version.at > stored_at) continue;
      found.version = {version.number, version.at, version.number == current->version};
      break;
    }
    if (found.version && !found.version->is_current) {
      const Result<RulePack> pack = source_->rules->pack_of(found.version->number);
      if (pack) found.program = pack->load().program;
      if (found.program) return found;
      found.version.reset();
    }
    Served<cep::Program> program = source_->program();
    if (program) {
      found.program = *std::move(program);
    } else {
      found.refused = source_->refused(program.error());
    }
    return found;
  }

  HttpResponse explain(const AskedAlert& alert) const {
    AlertExplanation explanation;
    explanation.line = alert.shown;
    if (runtime::is_from_topic(alert.stored)) {
      explanation.why_unknown = "Another engine raised the alert: its events were not here.";
      return json_text_response(200, explanation_json(explanation));
    }
    const auto ends = steady_clock::now() + kTraceTimeMost;
    Rules rules = rules_at(alert.stored.stored_at);
    if (rules.refused) return *std::move(rules.refused);
    explanation.version = rules.version;
    const bool is_now = !rules.version || rules.version->is_current;
    const Outcome<ArchivedKeys> archive = ArchivedKeys::open(source_->files, source_->data, "", "");
    if (!archive) return problem_response(ProblemKind::kInternal, archive.error().message);
    TraceRequest kept;
    if (const auto read = archive->describe(kept); !read) return problem_of_error(read.error());
    explanation.is_whole = kept.lists_change;
    const ReplayRequest asked{alert.match, kept.has_key_index, kept.lists_change};
    ArchiveNotes notes;
    const Result<AlertReplay> replay = replayed(*rules.program, asked, *archive, ends, notes);
    if (source_->is_closing) return unavailable_response("the server stops");
    if (!replay && replay.error().code == Errc::kNotFound) {
      explanation.why_unknown =
          "The rule that raised the alert is not among the rules any more, and the version that "
          "was active then is not kept.";
      return json_text_response(200, explanation_json(explanation));
    }
    if (!replay && replay.error().code == Errc::kStopped) {
      return unavailable_response(
          fmt::format("the replay took longer than {} s: read the archive with `tocsin trace "
                      "--archive`",
                      kTraceTimeMost.count()));
    }
    if (!replay) return problem_of_error(replay.error());
    explanation.replay = &*replay;
    explanation.history = history_of(replay->conditions());
    if (reads_lists(replay->plan(), replay->rule())) {
      explanation.lists = replay->lists_change() ? ListsAsOf::kThen
                          : is_now               ? ListsAsOf::kNow
                                                 : ListsAsOf::kDeclared;
    }
    explanation.missing = &notes.texts;
    if (alert.is_masked) {
      explanation.mask = [&](const cep::Expr& expr,
                             std::string_view json) -> std::optional<std::string> {
        const FieldNames made_of = sources_of(replay->plan(), replay->rule(), expr);
        const bool is_hidden = alert.is_masked_whole || source_->privacy->is_personal(made_of);
        return is_hidden ? std::optional(source_->privacy->mark(json)) : std::nullopt;
      };
    }
    return json_text_response(200, explanation_json(explanation));
  }

  // What lists and tables held then is known if the whole archive is read. Where that takes too
  // long, the key's own events alone are, for which the time that is left is enough.
  Result<AlertReplay> replayed(const cep::Program& program, const ReplayRequest& asked,
                               const ArchivedKeys& archive, steady_clock::time_point ends,
                               ArchiveNotes& notes) const {
    const cep::Plan& plan = program.plan();
    const auto rule = std::ranges::find(plan.rules, asked.match.rule, &cep::Rule::id);
    const bool reads = rule != plan.rules.end() && reads_lists(plan, *rule);
    const std::chrono::microseconds lists_time = source_->history.lists_time;
    if (reads && asked.lists_change && asked.has_key_index) {
      ReplayRequest whole = asked;
      whole.has_key_index = false;
      Result<AlertReplay> replay =
          run(program, whole, archive, steady_clock::now() + lists_time, notes);
      if (replay || replay.error().code != Errc::kStopped || source_->is_closing) return replay;
      notes = {};
      notes.texts.push_back(fmt::format(
          "what lists and tables held then: the whole archive was not read within {} "
          "(history.lists_time); raise it, or read the archive with `tocsin trace --archive`",
          cep::format_duration({lists_time.count()})));
    }
    return run(program, asked, archive, ends, notes);
  }
  Result<AlertReplay> run(const cep::Program& program, const ReplayRequest& asked,
                          const ArchivedKeys& archive, steady_clock::time_point ends,
                          ArchiveNotes& notes) const {
    Result<AlertReplay> replay = AlertReplay::prepare(program, asked);
    if (!replay) return replay;
    runtime::RunOptions options = source_->options;
    options.stop_requested = [&is_closing = source_->is_closing, ends] {
      return is_closing || steady_clock::now() >= ends;
    };
    const Result<void> done = replay->run(archive, std::move(options), notes);
    if (!done) return tl::unexpected(done.error());
    return replay;
  }

  const std::shared_ptr<const TraceSource> source_;
  const std::shared_ptr<TraceSlots> slots_;
};

constexpr std::string_view kSchemas = R"({
  "StoodValue": {
    "name": "text; as the condition has it",
    "from": "one of event, step, feature, list, table, key, computed",
    "value": "text or null; with all digits, a mark where it is personal data; null: missing"
  },
  "StoodCondition": {
    "condition": "text",
    "clause": "one of kind, where, window, having, except",
    "known": "boolean; false: what stood in it is not known",
    "result": "boolean or null; null: a value is missing, or it is not known",
    "values": "list of StoodValue"
  },
  "ExplainedEvent": {
    "type?": "text",
    "id?": "text",
    "ts": "whole; event time in microseconds",
    "fields": "map of any; as the alert has them",
    "kept": "boolean; whether the archive has it",
    "conditions": "list of StoodCondition; of its step, in the order written"
  },
  "AlertExplanation": {
    "alert": "text; its id",
    "rule": "text",
    "version": "ExplainedVersion or null; null: it is not kept, and the rules of now are used",
    "history": "one of replayed, differs, partial, none; none: no history is kept of its events",
    "text": "text; the same as a sentence",
    "whole": "boolean; false: events before are no longer kept, which features may have counted",
    "lists": "one of then, now, declared, unread; of when the contents of lists and tables are",
    "steps": [{"step": "text", "events": "list of ExplainedEvent"}],
    "events_more": "whole; events that the alert does not list",
    "conditions": "list of StoodCondition; on the whole match",
    "missing": "list of text; what could not be read"
  },
  "ExplainedVersion": {
    "version": "whole; of the rules, active when the alert was stored",
    "at": "time",
    "current": "boolean; it is active still"
  }
})";
}  // namespace

void add_explanation_route(Router& router, std::shared_ptr<const TraceSource> source,
                           std::shared_ptr<TraceSlots> slots) {
  router.add_schemas(kSchemas);
  const auto explaining = std::make_shared<const Explaining>(std::move(source), std::move(slots));
  router.add(
      {.method = "GET",
       .path = "/v1/alerts/{id}/explanation",
       .operation_id = "explainAlert",
       .tag = "alerts",
       .summary = "Why an alert was raised: its steps, their events, and what stood in each "
                  "condition",
       .description = "Replays the alert's key from the server's archive and journal up to the "
                      "alert, by the rules that were active when it was stored. One such replay, "
                      "or one trace, runs at a time, for at most 30 seconds.",
       .role = Role::kReader,
       .path_parameters = {{"id", RouteParameter::Type::kText, "The alert's id, 32 hex digits"}},
       .answers = {{200, "The explanation", "application/json", "AlertExplanation"}},
       .handler = at_lower_priority(
           [explaining](ApiRequest& request) { return explaining->explain(request); })});
}
}  // namespace tocsin::api
