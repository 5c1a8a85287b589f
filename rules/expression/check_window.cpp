#include "rules/expression/check_window.h"

#include <fmt/format.h>

#include <limits>
#include <string>
#include <utility>

#include "rules/context/report.h"

namespace tocsin::rules {
using tree::RangeForm;

namespace {
// More than any budget keeps.
constexpr std::int64_t kEventsMax = 1'000'000;

class WindowChecker {
 public:
  WindowChecker(CheckContext& context, const tree::Window& tree) : context_(context), tree_(tree) {}

  std::optional<cep::FeatureWindow> check(const ExprContext& c) {
    if (!check_range(c) || !check_where(c) || !check_excluding() || !check_every() ||
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

  template <typename Range>
  bool take_duration(const char* word) {
    if (!tree_.duration || !require_positive(context_, *tree_.duration, word)) return false;
    window_.range = Range{tree_.duration->value};
    return true;
  }
  template <typename Range>
  bool take_events() {
    if (!tree_.events) return false;
    const std::int64_t count = tree_.events->value;
    if (count < 1 || count > kEventsMax) {
      return refuse(Code::kE0452, tree_.events->span, fmt::format("a window of {} events", count),
                    fmt::format("from 1 to {} events", kEventsMax));
    }
    window_.range = Range{static_cast<std::uint32_t>(count)};
    return true;
  }

  bool check_range(const ExprContext& c) {
    switch (tree_.form) {
      case RangeForm::kLast:
        return take_duration<cep::LastWindow>("last");
      case RangeForm::kLastEvents:
        return take_events<cep::LastEventsWindow>();
      case RangeForm::kPrevious:
        return take_duration<cep::PreviousWindow>("previous");
      case RangeForm::kPreviousEvents:
        if (!take_events<cep::PreviousEventsWindow>()) return false;
        if (!tree_.within) return true;
        if (!require_positive(context_, *tree_.within, "within")) return false;
        window_.as<cep::PreviousEventsWindow>()->within = tree_.within->value;
        return true;
      case RangeForm::kPreviousEver:
        window_.range = cep::PreviousEverWindow();
        return true;
      case RangeForm::kTumbling:
        return take_duration<cep::TumblingWindow>("tumbling");
      case RangeForm::kCalendar: {
        if (!tree_.zone) return false;
        cep::ExprPtr zone = check_zone(c, *tree_.zone).expr;
        if (!zone) return false;
        window_.range = cep::CalendarUnitWindow{tree_.unit, std::move(zone)};
        return true;
      }
      case RangeForm::kSession:
        return take_duration<cep::SessionWindow>("gap");
      case RangeForm::kEver:
        window_.range = cep::EverWindow();
        return true;
    }
    return false;
  }

  bool check_where(const ExprContext& c) {
    if (!tree_.where) return true;
    const Condition where = check_condition(c, *tree_.where);
    if (where.broken) return false;
    cep::ExprPtr expr = where.expr();
    if (auto* const last = window_.as<cep::LastEventsWindow>()) {
      last->where = expr;
    } else if (auto* const previous = window_.as<cep::PreviousEventsWindow>()) {
      previous->where = expr;
    }
    return expr != nullptr;
  }

  bool check_excluding() {
    if (!tree_.excluding) return true;
    if (!require_positive(context_, *tree_.excluding, "excluding last")) return false;
    auto* const last = window_.as<cep::LastWindow>();
    if (tree_.excluding->value >= last->duration) {
      return refuse(Code::kE0451, tree_.excluding->span,
                    fmt::format("the window of {} is excluded as a whole",
                                cep::format_duration(last->duration)),
                    "exclude less than the window is long");
    }
    last->excluding = tree_.excluding->value;
    return true;
  }

  bool check_every() {
    if (!tree_.every) return true;
    const SourceSpan span = tree_.every->span;
    auto* const last = window_.as<cep::LastWindow>();
    auto* const previous = window_.as<cep::PreviousWindow>();
    if (last == nullptr && previous == nullptr) {
      return refuse(Code::kE0450, span, "`every` on a window that has no old edge in time",
                    "it is used with `last D` and `previous D`");
    }
    if (!require_positive(context_, *tree_.every, "every")) return false;
    const cep::Duration duration = last != nullptr ? last->duration : previous->duration;
    if (tree_.every->value > duration) {
      return refuse(
          Code::kE0450, span,
          fmt::format("panes of {} in a window of {}", cep::format_duration(tree_.every->value),
                      cep::format_duration(duration)),
          "a pane is at most as long as the window");
    }
    (last != nullptr ? last->every : previous->every) = tree_.every->value;
    return true;
  }

  bool check_needs() {
    if (!tree_.needs) return true;
    const std::int64_t count = tree_.needs->value;
    if (count < 1 || count > std::numeric_limits<std::uint32_t>::max()) {
      return refuse(Code::kE0452, tree_.needs->span, fmt::format("`needs {} events`", count),
                    "leave it out, or give the least number of events");
    }
    if (window_.events() && count > *window_.events()) {
      return refuse(Code::kE0452, tree_.needs->span,
                    fmt::format("a window of {} events never has {}", *window_.events(), count));
    }
    window_.needs = static_cast<std::uint32_t>(count);
    return true;
  }

  CheckContext& context_;
  const tree::Window& tree_;
  cep::FeatureWindow window_;
};
}  // namespace

std::optional<cep::FeatureWindow> check_window(CheckContext& context, const ExprContext& c,
                                               const tree::Window& window) {
  return WindowChecker(context, window).check(c);
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
