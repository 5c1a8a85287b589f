#include "tests/conformance/verdict.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "cep/engine/engine.h"
#include "cep/plan/plan.h"
#include "cep/plan/rule.h"
#include "rules/context/rules.h"
#include "runtime/event_time/run.h"
#include "tests/conformance/translate.h"

namespace tocsin::conformance {
namespace {
constexpr const char* kFile = "case.tocsin";
struct Checked {
  std::shared_ptr<const cep::Plan> plan;  // absent when there was an error
  std::vector<std::string> errors;
  std::string rendered;  // errors and warnings
};

Checked check(const std::string& source) {
  const rules::Loaded loaded =
      rules::load({kFile}, [&source](const std::string& path) -> Result<std::string> {
        if (path != kFile) return fail(Errc::kNotFound, "no such file: " + path);
        return source;
      });
  Checked checked;
  for (const rules::Diagnostic& diagnostic : loaded.diagnostics) {
    checked.rendered += rules::render(loaded.sources, diagnostic);
    if (rules::level_of(diagnostic.code) != rules::Level::kError) continue;
    const std::string_view code = rules::code_name(diagnostic.code);
    checked.errors.push_back(std::string(code) + ": " + diagnostic.message);
  }
  if (loaded.rules) checked.plan = loaded.rules->plan;
  return checked;
}

std::optional<std::int64_t> number_of(const std::string& text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// The matches of the rule over the input, given to the engine in slices of `slice_rows` at most.
Result<std::set<Match>> run_slices(const cep::Program& program, const Translation& translation,
                                   const Case& test, std::size_t slice_rows) {
  runtime::RunOptions options;
  options.out_of_orderness = cep::Duration{0};
  options.final_watermark = false;
  if (test.end_time_ms) options.until = cep::EventTime{*test.end_time_ms * 1000};
  options.slice_rows_max = slice_rows;
  std::set<Match> matches;
  runtime::Sinks sinks;
  sinks.alert = [&](const cep::Alert& alert) -> Result<void> {
    Match match;
    for (const cep::BoundEvent& event : alert.events) {
      const auto variable = translation.variables.find(std::string(event.as));
      const std::optional<std::int64_t> index = number_of(std::string(event.id));
      if (variable == translation.variables.end() || !index) {
        return fail(Errc::kInternal,
                    fmt::format("an alert with an event of no step: {} {}", event.as, event.id));
      }
      match[variable->second].push_back(*index);
    }
    matches.insert(std::move(match));
    return {};
  };
  sinks.dead_letter = [](const runtime::DeadLetter&) {};
  sinks.late = [](const runtime::LateEvent&) {};
  const Result<runtime::RunSummary> summary =
      runtime::run(program, {runtime::Input{"case", translation.input}}, options, sinks);
  if (!summary) return tl::unexpected(summary.error());
  if (summary->events != test.events.size()) {
    return fail(Errc::kInternal, "events that the engine did not get: " +
                                     std::to_string(test.events.size() - summary->events));
  }
  return matches;
}

void count_from_zero(std::vector<cep::Element>& elements) {
  for (cep::Element& element : elements) {
    if (element.quantifier().loop && element.quantifier().min == 1 && !element.is_optional()) {
      element.repetition()->quantifier.min = 0;
    }
    if (cep::Group* const group = element.group()) count_from_zero(group->children);
  }
}

// A mistake that only the plan can make: its validation must refuse it.
Verdict judge_plan(const cep::Plan& right, bool invalid, Verdict verdict) {
  cep::Plan plan = right;
  for (cep::Rule& rule : plan.rules) count_from_zero(rule.pattern);
  const std::vector<std::string> problems = cep::validate(plan);
  if (problems.empty()) {
    verdict.outcome = Outcome::kAccepted;
    verdict.reason = "a count from 0 in the plan, and its validation takes it";
    return verdict;
  }
  verdict.reason = "only the plan can say it: " + problems.front();
  if (!invalid) verdict.outcome = Outcome::kRefused;
  return verdict;
}

std::string counts(const std::set<Match>& got, const std::set<Match>& expected) {
  std::size_t common = 0;
  for (const Match& match : got) common += expected.count(match);
  return std::to_string(expected.size() - common) + " missing, " +
         std::to_string(got.size() - common) + " too many of " + std::to_string(expected.size());
}

Verdict judge_matches(const Case& test, const Translation& translation, const cep::Program& program,
                      Verdict verdict) {
  for (const std::size_t slice_rows : {std::size_t{4096}, std::size_t{1}}) {
    Result<std::set<Match>> matches = run_slices(program, translation, test, slice_rows);
    if (!matches) {
      verdict.outcome = Outcome::kBroken;
      verdict.reason = matches.error().message;
      return verdict;
    }
    if (slice_rows == 1 && *matches != verdict.matches) {
      verdict.outcome = Outcome::kBroken;
      verdict.reason = "other matches in slices of one row";
      return verdict;
    }
    verdict.matches = *std::move(matches);
  }
  const std::set<Match> expected(test.matches.begin(), test.matches.end());
  if (verdict.matches == expected && test.error == ExpectedError::kNone) return verdict;
  if (test.error == ExpectedError::kInvalidPattern) {
    verdict.outcome = may_stand_apart(test) ? Outcome::kApart : Outcome::kAccepted;
    verdict.reason = "an invalid pattern, and no diagnostic says so";
    return verdict;
  }
  verdict.outcome = may_stand_apart(test) ? Outcome::kApart : Outcome::kWrong;
  verdict.reason = test.error == ExpectedError::kRuntime ? "expected the run to fail"
                                                         : counts(verdict.matches, expected);
  return verdict;
}
}  // namespace

Verdict judge(const Case& test) {
  Verdict verdict;
  const bool invalid = test.error == ExpectedError::kInvalidPattern;
  const Result<Translation> translation = translate(test);
  if (!translation) {
    verdict.reason = translation.error().message;
    verdict.outcome = Outcome::kUntranslated;
    return verdict;
  }
  verdict.source = translation->source;
  verdict.input = translation->input;
  Checked checked = check(translation->source);
  verdict.diagnostics = std::move(checked.rendered);
  if (!checked.errors.empty()) {
    verdict.reason = checked.errors.front();
    // What is said never to match has no matches, as the case says.
    const bool never_matches = std::ranges::all_of(
        checked.errors, [](const std::string& error) { return error.starts_with("E0441"); });
    if (!invalid && never_matches && test.matches.empty()) return verdict;
    // An absence that only optional steps follow binds no match: here that is a mistake.
    const bool is_decision = checked.errors.size() == 1 && verdict.reason.starts_with("E0440");
    if (!invalid) verdict.outcome = is_decision ? Outcome::kApart : Outcome::kRefused;
    return verdict;
  }
  if (!checked.plan) {
    verdict.outcome = Outcome::kBroken;
    verdict.reason = "neither a plan nor an error";
    return verdict;
  }
  if (translation->counts_from_zero) return judge_plan(*checked.plan, invalid, std::move(verdict));
  const Result<cep::Program> program = cep::compile(checked.plan);
  if (!program) {
    const std::string& message = program.error().message;
    verdict.reason = "the plan: " + message;
    if (!invalid) verdict.outcome = Outcome::kRefused;
    return verdict;
  }
  return judge_matches(test, *translation, *program, std::move(verdict));
}

std::string print_matches(const std::set<Match>& matches) {
  std::string text;
  for (const Match& match : matches) {
    text += "  {";
    const char* comma = "";
    for (const auto& [variable, indices] : match) {
      text += comma + variable + ": [";
      for (std::size_t i = 0; i < indices.size(); ++i)
        text += (i == 0 ? "" : ", ") + std::to_string(indices[i]);
      text += "]";
      comma = ", ";
    }
    text += "}\n";
  }
  return text.empty() ? "  none\n" : text;
}
}  // namespace tocsin::conformance
