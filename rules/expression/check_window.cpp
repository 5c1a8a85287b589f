#include "rules/expression/check_window.h"

#include <fmt/format.h>

#include <limits>
#include <string>

#include "rules/context/report.h"

namespace tocsin::rules {
using cep::WindowKind;
using tree::RangeForm;

namespace {
// More than any budget keeps.
constexpr std::int64_t kEventsMax = 1'000'000;

class WindowChecker {
 public:
  WindowChecker(CheckContext& context, const tree::Window& tree) : context_(context), tree_(tree) {}

  std::optional<cep::FeatureWindow> check(ExpressionChecker& checker) {
    if (!check_range(checker) || !check_where(checker) || !check_excluding() || !check_every() ||
        !check_needs()) {
      return std::nullopt;
    }
    return std::move(window_);
  }

 private:
  bool refuse(Code code, SourceSpan span, std::string message, std::string help = {}) {
    Diagnostic diagnostic = make_diagnostic(code, span, std::move(message));
    if (!help.empty()) diagnostic.helps.push_back(std::move(help));
    context_.sink.report(std::move(diagnostic));
    return false;
  }

  bool take_duration(WindowKind kind, const char* word) {
    window_.kind = kind;
    if (!tree_.duration || !require_positive(context_, *tree_.duration, word)) return false;
    window_.duration = tree_.duration->value;
    return true;
  }
  bool take_events(WindowKind kind) {
    window_.kind = kind;
    if (!tree_.events) return false;
    const std::int64_t count = tree_.events->value;
    if (count < 1 || count > kEventsMax) {
      return refuse(Code::kE0452, tree_.events->span, fmt::format("a window of {} events", count),
                    fmt::format("from 1 to {} events", kEventsMax));
    }
    window_.events = static_cast<std::uint32_t>(count);
    return true;
  }

  bool check_range(ExpressionChecker& checker) {
    switch (tree_.form) {
      case RangeForm::kLast:
        return take_duration(WindowKind::kLast, "last");
      case RangeForm::kLastEvents:
        return take_events(WindowKind::kLastEvents);
      case RangeForm::kPrevious:
        return take_duration(WindowKind::kPrevious, "previous");
      case RangeForm::kPreviousEvents:
        if (!take_events(WindowKind::kPreviousEvents)) return false;
        if (!tree_.within) return true;
        if (!require_positive(context_, *tree_.within, "within")) return false;
        window_.duration = tree_.within->value;
        return true;
      case RangeForm::kPreviousEver:
        window_.kind = WindowKind::kPreviousEver;
        return true;
      case RangeForm::kTumbling:
        return take_duration(WindowKind::kTumbling, "tumbling");
      case RangeForm::kCalendar: {
        window_.kind = WindowKind::kCalendar;
        window_.unit = tree_.unit;
        if (!tree_.zone) return false;
        window_.zone = checker.check_zone(*tree_.zone).expr;
        return window_.zone != nullptr;
      }
      case RangeForm::kSession:
        return take_duration(WindowKind::kSession, "gap");
      case RangeForm::kEver:
        window_.kind = WindowKind::kEver;
        return true;
    }
    return false;
  }

  bool check_where(ExpressionChecker& checker) {
    if (!tree_.where) return true;
    const Condition where = checker.check_condition(*tree_.where);
    if (where.broken) return false;
    window_.where = where.expr();
    return window_.where != nullptr;
  }

  bool check_excluding() {
    if (!tree_.excluding) return true;
    if (!require_positive(context_, *tree_.excluding, "excluding last")) return false;
    if (tree_.excluding->value >= *window_.duration) {
      return refuse(Code::kE0451, tree_.excluding->span,
                    fmt::format("the window of {} is excluded as a whole",
                                cep::format_duration(*window_.duration)),
                    "exclude less than the window is long");
    }
    window_.excluding = tree_.excluding->value;
    return true;
  }

  bool check_every() {
    if (!tree_.every) return true;
    const SourceSpan span = tree_.every->span;
    const bool slides = window_.kind == WindowKind::kLast || window_.kind == WindowKind::kPrevious;
    if (!slides) {
      return refuse(Code::kE0450, span, "`every` on a window that has no old edge in time",
                    "it stands with `last D` and `previous D`");
    }
    if (!require_positive(context_, *tree_.every, "every")) return false;
    if (tree_.every->value > *window_.duration) {
      return refuse(
          Code::kE0450, span,
          fmt::format("panes of {} in a window of {}", cep::format_duration(tree_.every->value),
                      cep::format_duration(*window_.duration)),
          "a pane is at most as long as the window");
    }
    window_.every = tree_.every->value;
    return true;
  }

  bool check_needs() {
    if (!tree_.needs) return true;
    const std::int64_t count = tree_.needs->value;
    if (count < 1 || count > std::numeric_limits<std::uint32_t>::max()) {
      return refuse(Code::kE0452, tree_.needs->span, fmt::format("`needs {} events`", count),
                    "leave it out, or say how many there must be");
    }
    if (window_.events && count > *window_.events) {
      return refuse(Code::kE0452, tree_.needs->span,
                    fmt::format("a window of {} events never has {}", *window_.events, count));
    }
    window_.needs = static_cast<std::uint32_t>(count);
    return true;
  }

  CheckContext& context_;
  const tree::Window& tree_;
  cep::FeatureWindow window_;
};
}  // namespace

std::optional<cep::FeatureWindow> check_window(CheckContext& context, ExpressionChecker& checker,
                                               const tree::Window& window) {
  return WindowChecker(context, window).check(checker);
}

bool check_panes(CheckContext& context, const tree::Window& window, cep::Aggregate aggregate) {
  if (traits_of(aggregate).can_remove || !window.every) return true;
  Diagnostic diagnostic = make_diagnostic(
      Code::kE0450, window.every->span,
      fmt::format("`{}` looks at each event: it has no panes", cep::aggregate_name(aggregate)));
  diagnostic.helps.emplace_back("leave `every` out");
  context.sink.report(std::move(diagnostic));
  return false;
}
}  // namespace tocsin::rules
