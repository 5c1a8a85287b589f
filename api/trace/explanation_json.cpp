#include "api/trace/explanation_json.h"

#include <algorithm>
#include <vector>

#include "api/alerts/alert_line.h"
#include "api/trace/json_text.h"
#include "cep/plan/plan.h"
#include "cep/plan/rule.h"
#include "rules/explain/expression_text.h"

namespace tocsin::api {
namespace {
using cep::Op;
using cep::StoodCondition;

const char* history_name(KeptHistory history) {
  switch (history) {
    case KeptHistory::kReplayed:
      return "replayed";
    case KeptHistory::kDiffers:
      return "differs";
    case KeptHistory::kPartial:
      return "partial";
    case KeptHistory::kNone:
      break;
  }
  return "none";
}
std::string_view history_text(KeptHistory history) {
  switch (history) {
    case KeptHistory::kReplayed:
      return "The events of the key were replayed, and raised the alert again.";
    case KeptHistory::kDiffers:
      return "The events of the alert were replayed, and raised no such alert: rules, lists or the "
             "order of events were others then. The values are those of the replay.";
    case KeptHistory::kPartial:
      return "Only some of the alert's events are kept: the archive does not reach back to all of "
             "them. The values are those of the events that are.";
    case KeptHistory::kNone:
      break;
  }
  return "No history is kept of the alert's events: the archive is off, or does not reach back so "
         "far. What stood in the conditions is not known.";
}
const char* lists_name(ListsAsOf lists) {
  switch (lists) {
    case ListsAsOf::kThen:
      return "then";
    case ListsAsOf::kNow:
      return "now";
    case ListsAsOf::kDeclared:
      return "declared";
    case ListsAsOf::kUnread:
      break;
  }
  return "unread";
}
const char* clause_name(StoodCondition::Clause clause) {
  switch (clause) {
    case StoodCondition::Clause::kKind:
      return "kind";
    case StoodCondition::Clause::kWhere:
      return "where";
    case StoodCondition::Clause::kWindow:
      return "window";
    case StoodCondition::Clause::kHaving:
      return "having";
    case StoodCondition::Clause::kExcept:
      break;
  }
  return "except";
}
const char* origin_name(const cep::Expr& expr) {
  switch (expr.op) {
    case Op::kField:
      return "event";
    case Op::kBound:
      return expr.args.empty() ? "step" : "feature";
    case Op::kPrev:
    case Op::kAggregate:
      return "step";
    case Op::kFeature:
      return "feature";
    case Op::kKey:
      return "key";
    case Op::kTable:
    case Op::kInTable:
      return "table";
    case Op::kIn:
    case Op::kMatchesAnyOf:
    case Op::kContainsAnyOf:
    case Op::kContainsAnyWordOf:
    case Op::kMatched:
      return "list";
    default:
      return "computed";
  }
}

class ExplanationWriter {
 public:
  explicit ExplanationWriter(const AlertExplanation& of) : of_(of) {}

  std::string text() {
    json_.open('{');
    json_.name("alert");
    json_.raw(json_member(of_.line, "id"));
    json_.name("rule");
    json_.raw(json_member(of_.line, "rule"));
    write_version();
    json_.member("history", history_name(of_.history));
    json_.member("text", of_.replay == nullptr ? of_.why_unknown : history_text(of_.history));
    json_.name("whole");
    json_.raw(of_.is_whole ? "true" : "false");
    json_.member("lists", lists_name(of_.lists));
    write_steps();
    json_.open("conditions", '[');
    if (of_.replay != nullptr) {
      for (const StoodCondition& condition : of_.replay->conditions().of_match()) write(condition);
    }
    json_.close(']');
    json_.open("missing", '[');
    if (of_.missing != nullptr) {
      for (std::string_view text : *of_.missing) {
        if (text.ends_with('\n')) text.remove_suffix(1);
        json_.text(text);
      }
    }
    json_.close(']');
    json_.close('}');
    return json_.take();
  }

 private:
  void write_version() {
    json_.name("version");
    if (!of_.version) {
      json_.raw("null");
      return;
    }
    json_.open('{');
    json_.member("version", of_.version->number);
    json_.member("at", cep::format_time(of_.version->at));
    json_.name("current");
    json_.raw(of_.version->is_current ? "true" : "false");
    json_.close('}');
  }

  // Events that were taken one after the other for the same step stand together.
  void write_steps() {
    const std::vector<std::string_view> events = json_elements(json_member(of_.line, "events"));
    json_.open("steps", '[');
    std::string_view step;
    for (std::size_t i = 0; i < events.size(); ++i) {
      const std::string_view as = json_member(events[i], "as");
      if (i == 0 || as != step) {
        if (i > 0) end_step();
        json_.open('{');
        json_.name("step");
        json_.raw(as);
        json_.open("events", '[');
        step = as;
      }
      write_event(events[i], i);
    }
    if (!events.empty()) end_step();
    json_.close(']');
    const std::string_view more = json_member(of_.line, "events_omitted");
    json_.name("events_more");
    json_.raw(more.empty() ? "0" : more);
  }
  void end_step() {
    json_.close(']');
    json_.close('}');
  }
  void write_event(std::string_view event, std::size_t place) {
    json_.open('{');
    for (const char* const name : {"type", "id", "ts", "fields"}) {
      const std::string_view value = json_member(event, name);
      if (value.empty()) continue;
      json_.name(name);
      json_.raw(value);
    }
    json_.name("kept");
    json_.raw(of_.replay != nullptr && of_.replay->conditions().came()[place] ? "true" : "false");
    json_.open("conditions", '[');
    if (of_.replay != nullptr) {
      for (const StoodCondition& one : of_.replay->conditions().of_events()[place]) write(one);
    }
    json_.close(']');
    json_.close('}');
  }

  std::string text_of(const cep::Expr& expr) const {
    return rules::expression_text(of_.replay->plan(), &of_.replay->rule(), expr);
  }
  void write(const StoodCondition& condition) {
    if (!condition.condition) return;
    json_.open('{');
    json_.member("condition", text_of(*condition.condition));
    json_.member("clause", clause_name(condition.clause));
    json_.name("known");
    json_.raw(condition.is_known ? "true" : "false");
    json_.name("result");
    const cep::Value result = condition.result.view();
    json_.raw(result.is_missing() ? "null" : result.is_true() ? "true" : "false");
    json_.open("values", '[');
    std::vector<std::string> known;
    for (const cep::SeenValue& seen : condition.values) {
      std::string name = text_of(*seen.expr);
      if (std::ranges::find(known, name) != known.end()) continue;
      json_.open('{');
      json_.member("name", name);
      json_.member("from", origin_name(*seen.expr));
      json_.name("value");
      write_value(*seen.expr, seen.value.view());
      json_.close('}');
      known.push_back(std::move(name));
    }
    json_.close(']');
    json_.close('}');
  }
  void write_value(const cep::Expr& expr, const cep::Value& value) {
    if (value.is_missing()) {
      json_.raw("null");
      return;
    }
    std::string json;
    cep::append_json(json, value);
    if (const auto mark = of_.mask ? of_.mask(expr, json) : std::nullopt) {
      json_.raw(*mark);
    } else {
      json_.text(cep::to_text(value));
    }
  }

  const AlertExplanation& of_;
  JsonText json_;
};
}  // namespace

KeptHistory history_of(const cep::MatchConditions& conditions) {
  if (conditions.is_raised()) return KeptHistory::kReplayed;
  const std::vector<bool>& came = conditions.came();
  const auto count = std::ranges::count(came, true);
  if (count == 0) return KeptHistory::kNone;
  return std::ranges::find(came, false) == came.end() ? KeptHistory::kDiffers
                                                      : KeptHistory::kPartial;
}
std::string explanation_json(const AlertExplanation& explanation) {
  return ExplanationWriter(explanation).text();
}
}  // namespace tocsin::api
