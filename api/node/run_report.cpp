#include "api/node/run_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "cep/plan/plan.h"
#include "cep/plan/rule.h"
#include "rules/text/human_text.h"
#include "runtime/event_time/unknown_type.h"
#include "runtime/io/topic_partition.h"

namespace tocsin::api {
namespace {
constexpr std::size_t kReasonsMax = 100;
constexpr std::size_t kReasonsShown = 5;
constexpr std::size_t kSilentRulesShown = 10;
const char* const kOtherReasons = "other reasons";

std::string place(const std::string& input, std::uint64_t line) {
  return runtime::line_place(input == "-" ? "standard input" : input, line);
}

// Lines of a report; the first words of each say what it counts.
class Lines {
 public:
  template <typename... Args>
  void add(fmt::format_string<Args...> format, Args&&... args) {
    text_ += fmt::format(format, std::forward<Args>(args)...) + '\n';
  }
  std::string take() { return std::move(text_); }

 private:
  std::string text_;
};

std::string inputs_text(const std::vector<std::string>& inputs) {
  if (inputs.size() == 1) return inputs[0] == "-" ? "standard input" : inputs[0];
  return fmt::format("{} inputs", inputs.size());
}

// Where what was set aside is to be found.
std::string kept(const RunReport& report, const std::string& path, const char* kind,
                 const char* how) {
  if (!report.data_path.empty()) {
    return fmt::format("`tocsin {} list --data {}` shows them", kind, report.data_path);
  }
  return path.empty() ? how : "kept in " + path;
}

void add_input(Lines& lines, const RunReport& report) {
  const runtime::RunSummary& summary = report.summary;
  lines.add("{} {}: {} ({}) in {}, {} events/s", report.is_complete ? "read" : "read a part of",
            inputs_text(report.inputs), rules::format_count(summary.events, "event"),
            rules::format_bytes(summary.bytes), rules::format_seconds(summary.seconds),
            rules::format_count(
                rules::per_second(summary.events - report.before.events, summary.seconds)));
  if (report.before.events != 0) {
    lines.add("  of them {} at earlier starts with {}",
              rules::format_count(report.before.events, "event"), report.data_path);
  }
  if (summary.events != 0) {
    lines.add("  event time from {} to {}", cep::format_time(summary.first_event),
              cep::format_time(summary.last_event));
  }
}

void add_rejected(Lines& lines, const RunReport& report) {
  const std::uint64_t count = report.summary.dead_letters;
  if (count == 0) return;
  lines.add("  rejected: {} ({})", rules::format_count(count, "line"),
            kept(report, report.dead_letter_path, "dead", "--dead-letter FILE stores them"));
  const auto reasons = report.rejected.by_count();
  std::uint64_t shown = 0;
  for (std::size_t i = 0; i < std::min(reasons.size(), kReasonsShown); ++i) {
    const auto& [text, reason] = reasons[i];
    lines.add("    {} × {}, first at {}", rules::format_count(reason.count), text, reason.first);
    shown += reason.count;
  }
  const bool has_unknown = std::ranges::any_of(
      reasons, [](const auto& reason) { return reason.first.starts_with(runtime::kUnknownType); });
  const std::uint64_t before = std::min(report.before.dead_letters, count - shown);
  if (shown + before < count) {
    lines.add("    {} × {}", rules::format_count(count - before - shown), kOtherReasons);
  }
  if (before != 0) lines.add("    {} at earlier starts", rules::format_count(before));
  if (has_unknown) {
    lines.add("    to skip events of types that the rules do not need: --unknown-types ignore");
  }
}

// Of late events of this start: how late, and what to do about it.
void add_lateness(Lines& lines, const RunReport& report) {
  const LateTally& late = report.late;
  const std::string moved = late.moved_by.empty()
                                ? ""
                                : fmt::format("; {} had moved time to {}", late.moved_by,
                                              cep::format_time(late.moved_to));
  lines.add("    by {} at most, first at {}{}", cep::format_duration(late.late_by_max), late.first,
            moved);
  // Nobody waits as long as that: something is wrong with a clock or with the order of the inputs.
  constexpr cep::Duration kWaitMax{86'400'000'000};
  if (late.late_by_max > kWaitMax) {
    lines.add("    no wait is that long: check the clock that gave {}, or the order of the inputs",
              late.moved_by.empty() ? "their times" : "that line its time");
    return;
  }
  lines.add("    a longer wait accepts more of them ({})",
            report.out_of_orderness ? fmt::format("--out-of-orderness is {}",
                                                  cep::format_duration(*report.out_of_orderness))
                                    : "the event types say how long to wait, `up to D late`");
}

void add_late(Lines& lines, const RunReport& report) {
  const runtime::RunSummary& summary = report.summary;
  if (summary.late != 0) {
    lines.add("  late: {} behind the time already reached ({})",
              rules::format_count(summary.late, "event"),
              kept(report, report.late_path, "late", "--late FILE stores them"));
    if (report.before.late != 0) {
      lines.add("    {} at earlier starts", rules::format_count(report.before.late));
    }
    if (!report.late.first.empty()) add_lateness(lines, report);
  }
  if (summary.clamped != 0) {
    lines.add("  late: {} processed as if on time (--late-policy clamp)",
              rules::format_count(summary.clamped, "event"));
  }
}

void add_jumps(Lines& lines, const RunReport& report) {
  const runtime::RunSummary& summary = report.summary;
  if (summary.jumps == 0) return;
  lines.add("  jumps: {} ahead of the time of the input, each held until the next confirmed it{}",
            rules::format_count(summary.jumps, "event"),
            summary.jumps_rejected == 0 ? ""
                                        : fmt::format("; {} rejected (--jump-max)",
                                                      rules::format_count(summary.jumps_rejected)));
}

void add_examples(Lines& lines, const std::vector<std::string>& examples) {
  for (const std::string& example : examples) lines.add("    {}", example);
}

void add_ignored(Lines& lines, const RunReport& report) {
  const runtime::RunSummary& summary = report.summary;
  if (summary.repeats != 0) {
    lines.add("repeats: {} dropped, with the id of an earlier event (`unique`)",
              rules::format_count(summary.repeats, "event"));
  }
  if (summary.ids_forgotten != 0) {
    lines.add("  limits: {} forgotten, the oldest of `unique` event types: say `unique within`",
              rules::format_count(summary.ids_forgotten, "id"));
  }
  if (summary.ignored != 0) {
    lines.add("  ignored: {} of types that no rule file declares",
              rules::format_count(summary.ignored, "event"));
    add_examples(lines, summary.ignored_examples);
  }
  if (summary.fields_missing != 0) {
    lines.add("  unusable: {}, treated as missing",
              rules::format_count(summary.fields_missing, "field value"));
    add_examples(lines, summary.fields_missing_examples);
  }
  if (summary.engine.values_missing != 0) {
    lines.add("  undefined: {} of calculations, treated as missing (division by zero, overflow)",
              rules::format_count(summary.engine.values_missing, "result"));
  }
}

// The rules whose events needed too many steps, those of the most first.
void add_steps(Lines& lines, const RunReport& report) {
  const std::vector<std::uint64_t>& exceeded = report.summary.steps_exceeded;
  std::vector<std::size_t> rules;
  for (std::size_t i = 0; i < exceeded.size(); ++i) {
    if (exceeded[i] != 0) rules.push_back(i);
  }
  std::ranges::stable_sort(rules, std::ranges::greater(),
                           [&](std::size_t i) { return exceeded[i]; });
  for (const std::size_t i : rules) {
    lines.add(
        "  limits: {} of one key needed too many steps (--event-steps-max): partial matches "
        "or matches of {} were given up",
        rules::format_count(exceeded[i], "event"), report.plan->rules[i].id);
  }
}

void add_limits(Lines& lines, const RunReport& report) {
  const runtime::RunSummary& summary = report.summary;
  const cep::EngineStats& engine = summary.engine;
  if (engine.runs_lost != 0) {
    lines.add("  limits: {} dropped: the oldest partial matches, beyond a budget",
              rules::format_count(engine.runs_lost));
  }
  add_steps(lines, report);
  if (summary.budget_alerts != 0) {
    lines.add("  limits: {} of `tocsin.budget`: rules that exceeded a budget",
              rules::format_count(summary.budget_alerts, "alert"));
  }
  if (engine.feature_events_lost != 0) {
    lines.add("  limits: {} left windows of features early: the oldest, of keys with too many",
              rules::format_count(engine.feature_events_lost, "event"));
  }
  if (engine.matches_truncated != 0) {
    lines.add("  limits: {} dropped: matches of events that completed too many",
              rules::format_count(engine.matches_truncated));
  }
}

void add_alerts(Lines& lines, const RunReport& report) {
  const runtime::RunSummary& summary = report.summary;
  lines.add("alerts: {}{}", rules::format_count(summary.alerts),
            report.alerts_path == "-" ? "" : ", in " + report.alerts_path);
  const std::vector<cep::Rule>& rules = report.plan->rules;
  std::vector<std::size_t> loud;
  std::vector<std::string> silent;
  for (std::size_t i = 0; i < rules.size(); ++i) {
    const std::uint64_t count = i < summary.alerts_by_rule.size() ? summary.alerts_by_rule[i] : 0;
    if (count != 0) {
      loud.push_back(i);
    } else {
      silent.push_back(rules[i].id);
    }
  }
  std::ranges::stable_sort(loud, std::ranges::greater(),
                           [&](std::size_t i) { return summary.alerts_by_rule[i]; });
  std::size_t count_width = 0;
  std::size_t id_width = 0;
  for (const std::size_t i : loud) {
    count_width = std::max(count_width, rules::format_count(summary.alerts_by_rule[i]).size());
    id_width = std::max(id_width, rules[i].id.size());
  }
  for (const std::size_t i : loud) {
    const char* const status = rules[i].status == cep::Status::kInternal ? " (internal)"
                               : rules[i].status == cep::Status::kShadow ? " (shadow)"
                                                                         : "";
    lines.add("  {:>{}}  {:<{}}  {}{}", rules::format_count(summary.alerts_by_rule[i]), count_width,
              rules[i].id, id_width, rules[i].title, status);
  }
  if (summary.undelivered != 0) {
    lines.add("  not delivered: {}, of internal and shadow rules",
              rules::format_count(summary.undelivered, "alert"));
  }
  if (!silent.empty()) {
    const std::size_t shown = std::min(silent.size(), kSilentRulesShown);
    std::string names;
    for (std::size_t i = 0; i < shown; ++i) names += (i == 0 ? "" : ", ") + silent[i];
    if (shown < silent.size()) names += fmt::format(" and {} more", silent.size() - shown);
    lines.add("  none by {}", names);
  }
  if (summary.engine.alerts_suppressed != 0) {
    lines.add("  suppressed: {} (`once per`)",
              rules::format_count(summary.engine.alerts_suppressed, "repeat"));
  }
}

void add_deliveries(Lines& lines, const RunReport& report) {
  if (!report.deliveries) return;
  const DeliverySummary& deliveries = *report.deliveries;
  lines.add("deliveries: {} of {} to {}, in {}", rules::format_count(deliveries.delivered),
            rules::format_count(deliveries.enqueued), report.webhook_url,
            rules::format_count(deliveries.attempts, "attempt"));
  if (deliveries.left_over == 0) return;
  if (report.data_path.empty()) {
    lines.add("  not delivered: {}, in {}", rules::format_count(deliveries.left_over),
              report.undelivered_path);
  } else {
    lines.add("  not delivered: {}, in {}: the next start continues with them",
              rules::format_count(deliveries.left_over), report.data_path);
  }
  if (deliveries.endpoint_gone) lines.add("  the endpoint answered 410: it accepts no more");
  if (!deliveries.last_error.empty()) lines.add("  last error: {}", deliveries.last_error);
}
}  // namespace

void RejectedTally::add(const runtime::DeadLetter& dead_letter) {
  const std::string_view reason = dead_letter.reason;
  const std::string_view text = reason.substr(0, reason.find(": "));
  auto known = reasons_.find(text);
  if (known == reasons_.end()) {
    const bool is_other = reasons_.size() >= kReasonsMax;
    known = reasons_.try_emplace(is_other ? kOtherReasons : std::string(text)).first;
  }
  if (known->second.count++ == 0) known->second.first = place(dead_letter.input, dead_letter.line);
}

std::vector<std::pair<std::string, RejectedTally::Reason>> RejectedTally::by_count() const {
  std::vector<std::pair<std::string, Reason>> all(reasons_.begin(), reasons_.end());
  std::ranges::stable_sort(all, std::ranges::greater(),
                           [](const auto& entry) { return entry.second.count; });
  return all;
}

void LateTally::add(const runtime::LateEvent& late) {
  const bool is_first = first.empty();
  if (is_first) first = place(late.input, late.line);
  if (!is_first && late.late_by <= late_by_max) return;
  late_by_max = late.late_by;
  moved_by = late.moved_by == 0 ? "" : place(late.input, late.moved_by);
  moved_to = late.moved_to;
}

std::optional<std::string> nothing_usable(const RunReport& report) {
  const runtime::RunSummary& now = report.summary;
  const std::uint64_t lines = now.lines - report.before.lines;
  const std::uint64_t rejected = now.dead_letters - report.before.dead_letters;
  const std::uint64_t ignored = now.ignored - report.before.ignored;
  if (lines == 0 || rejected + ignored < lines) return std::nullopt;
  std::string text =
      lines == 1 ? "the only line could not be used"
                 : fmt::format("not one of {} could be used", rules::format_count(lines, "line"));
  text += ": events are JSON objects, one on each line, with a `type` that the rule files declare";
  const auto reasons = report.rejected.by_count();
  if (rejected != 0 && !reasons.empty()) {
    text += fmt::format("; {} rejected, first at {}: {}", rules::format_count(rejected),
                        reasons.front().second.first, reasons.front().first);
  }
  if (ignored != 0) {
    text += fmt::format("; {} of types that no rule file declares", rules::format_count(ignored));
    if (!now.ignored_examples.empty()) text += ", such as " + now.ignored_examples.front();
  }
  return text;
}

std::string format_input_report(const RunReport& report) {
  Lines lines;
  add_input(lines, report);
  add_rejected(lines, report);
  add_jumps(lines, report);
  add_late(lines, report);
  add_ignored(lines, report);
  add_limits(lines, report);
  return lines.take();
}

std::string format_report(const RunReport& report) {
  Lines lines;
  add_alerts(lines, report);
  add_deliveries(lines, report);
  return format_input_report(report) + lines.take();
}

std::string format_restored(const cep::RestoreReport& report) {
  using Fate = cep::RestoreReport::Fate;
  std::string text;
  std::size_t kept = 0;
  for (const cep::RestoreReport::Line& line : report.lines) {
    const char* const kind = line.is_rule ? "rule" : "feature";
    if (line.fate == Fate::kKept) ++kept;
    if (line.fate == Fate::kKept && !line.suppression_lost) continue;
    if (line.fate == Fate::kKept) {
      text += fmt::format("  kept     {} {}, but its suppression starts again\n", kind, line.name);
    } else {
      text += fmt::format("  {} {} {}\n", line.fate == Fate::kStarted ? "started " : "lost    ",
                          kind, line.name);
    }
  }
  for (const std::string& lost : report.data_lost) text += fmt::format("  lost     {}\n", lost);
  const std::string count = kept == 0   ? "no rule or feature is"
                            : kept == 1 ? "1 rule or feature is"
                                        : rules::format_count(kept) + " rules and features are";
  return fmt::format("of its state {} kept\n{}", count, text);
}
}  // namespace tocsin::api
