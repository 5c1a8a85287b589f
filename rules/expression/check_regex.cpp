#include "rules/expression/check_regex.h"

#include <fmt/format.h>

#include <algorithm>

#include "cep/data/text_capture.h"
#include "cep/data/text_database.h"
#include "rules/context/report.h"
#include "rules/text/utf8.h"

namespace tocsin::rules {
namespace {
using Kind = cep::RegexProblem::Kind;

// What to write instead.
std::string advice(const cep::RegexProblem& problem, std::string_view pattern) {
  const auto has = [&](std::string_view part) { return pattern.find(part) != pattern.npos; };
  switch (problem.kind) {
    case Kind::kMatchesAll:
      return "it would match any text: ask for at least one character, `+` instead of `*`";
    case Kind::kTooLong:
      return "split it into a list: `matches any of`";
    case Kind::kTooCostly:
      return "shorten the counts in braces";
    case Kind::kUnsupported:
      break;
  }
  if (has("(?=") || has("(?!") || has("(?<=") || has("(?<!")) {
    return "there is no look-around: write two conditions, `memo matches /a/ and not memo matches "
           "/b/`";
  }
  for (char digit = '1'; digit <= '9'; ++digit) {
    const char reference[] = {'\\', digit, '\0'};
    if (has(reference)) return "there are no back-references";
  }
  return "";
}
}  // namespace

namespace {
Diagnostic diagnostic_of(const cep::RegexProblem& found, std::string_view pattern, SourceSpan whole,
                         std::uint32_t begin, const char* fault) {
  const cep::RegexProblem* const problem = &found;
  SourceSpan span = whole;
  if (problem->byte && !pattern.empty()) {
    const std::size_t byte = std::min(*problem->byte, pattern.size() - 1);
    span.begin = begin + static_cast<std::uint32_t>(byte);
    span.end = span.begin + static_cast<std::uint32_t>(code_point_at(pattern, byte).bytes);
  }
  const bool costly = problem->kind == Kind::kTooCostly;
  const bool too_long = problem->kind == Kind::kTooLong;
  const Code code = too_long ? Code::kE0506 : costly ? Code::kE0507 : Code::kE0316;
  const char* const what = too_long ? "too long" : costly ? "too costly" : fault;
  Diagnostic diagnostic = make_diagnostic(
      code, span, fmt::format("the regular expression is {}", what), problem->message);
  const std::string help = advice(*problem, pattern);
  if (!help.empty()) diagnostic.helps.push_back(help);
  return diagnostic;
}
}  // namespace

bool check_regex(CheckContext& context, std::string_view pattern, bool ignore_case,
                 SourceSpan whole, std::uint32_t begin) {
  const std::optional<cep::RegexProblem> problem =
      cep::check_regex(pattern, ignore_case, context.limits.regex);
  if (!problem) return true;
  context.sink.report(diagnostic_of(*problem, pattern, whole, begin, "not one to search for"));
  return false;
}

std::optional<std::vector<std::string>> regex_groups(CheckContext& context,
                                                     const tree::Expr& regex) {
  const std::uint32_t begin = regex.span.begin + 1;
  const std::optional<cep::RegexProblem> problem =
      cep::check_regex(regex.text, regex.ignore_case, context.limits.regex);
  if (problem && problem->kind != Kind::kMatchesAll) {
    context.sink.report(
        diagnostic_of(*problem, regex.text, regex.span, begin, "not one to search for"));
  } else {
    auto tree = cep::RegexTree::read(regex.text, regex.ignore_case);
    if (tree) return std::move(tree->groups);
    Diagnostic diagnostic =
        diagnostic_of(tree.error(), regex.text, regex.span, begin, "not one to capture with");
    if (diagnostic.helps.empty()) {
      diagnostic.helps.push_back(
          "`capture` knows characters, classes, groups, `|`, repeats, `^`, `$`, `\\b`, `(?i)` and "
          "`(?s)`");
    }
    context.sink.report(std::move(diagnostic));
  }
  context.has_error_type = true;
  return std::nullopt;
}

bool check_capture_cost(CheckContext& context, const tree::Expr& regex, std::uint32_t group) {
  const auto made = cep::TextCapture::compile(regex.text, regex.ignore_case, group,
                                              context.limits.regex.steps_max);
  if (made) return true;
  context.sink.report(diagnostic_of(made.error(), regex.text, regex.span, regex.span.begin + 1,
                                    "not one to capture with"));
  context.has_error_type = true;
  return false;
}

bool check_regex(CheckContext& context, const tree::Expr& regex) {
  const bool ok =
      check_regex(context, regex.text, regex.ignore_case, regex.span, regex.span.begin + 1);
  if (!ok) context.has_error_type = true;
  return ok;
}
}  // namespace tocsin::rules
