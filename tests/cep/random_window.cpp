#include "tests/cep/random_window.h"

#include <fmt/format.h>

#include <cmath>
#include <memory>

#include "tests/support/plan_parts.h"

namespace tocsin::tests {
using namespace cep;

std::vector<Zone> zones_of_windows() {
  // One that goes an hour back over midnight, and one that skips a day.
  return {{"back", {{{0}, 3600}, {{30 * kHour}, 0}, {{50 * kHour}, 7200}}},
          {"skips", {{{0}, -36'000}, {{24 * kHour}, 50'400}, {{90 * kHour}, -36'000}}},
          {"utc", {}}};
}

Value random_word(Random& random, const Type& type, std::deque<std::string>& texts) {
  const std::int64_t few = random.between(-4, 4);
  const std::int64_t number = random.chance(10) ? few * 2'000'000'000'000'000'000 : few;
  switch (type.kind) {
    case TypeKind::kBool:
      return Value::boolean(few > 0);
    case TypeKind::kFloat:
      return Value::floating(
          std::ldexp(static_cast<double>(few) + 0.1,
                     random.chance(20) ? static_cast<int>(random.between(-900, 900)) : 0));
    case TypeKind::kDecimal:
      return Value::decimal(number, type.scale);
    case TypeKind::kString:
      texts.push_back(random.chance(10) ? std::string() : fmt::format("text {}", few));
      return Value::string(texts.back());
    case TypeKind::kTime:
      return Value::time({few});
    case TypeKind::kDate:
      return Value::date(few);
    case TypeKind::kDuration:
      return Value::duration({few * 1'000});
    case TypeKind::kEnum: {
      const auto word = static_cast<std::size_t>(few < 0 ? -few : few) % type.words->size();
      return Value::enumerated(static_cast<std::int64_t>(word), (*type.words)[word]);
    }
    default:
      return Value::integer(number);
  }
}

namespace {
Type random_type(Random& random, Aggregate aggregate) {
  const Type integer = type_of(TypeKind::kInt);
  const Type real = type_of(TypeKind::kFloat);
  const Type duration = type_of(TypeKind::kDuration);
  const Type decimal = decimal_of(static_cast<int>(random.below(10)));
  switch (traits_of(aggregate).takes) {
    case AggregateInput::kNumbers:
      return random.pick({integer, real, decimal});
    case AggregateInput::kNumbersOrDurations:
      return random.pick({integer, real, decimal, duration});
    default:
      break;
  }
  Type words = type_of(TypeKind::kEnum);
  words.words =
      std::make_shared<const std::vector<std::string>>(std::vector<std::string>{"a", "b", "c"});
  return random.pick({integer, real, decimal, duration, words, type_of(TypeKind::kString),
                      type_of(TypeKind::kTime), type_of(TypeKind::kDate),
                      type_of(TypeKind::kBool)});
}
}  // namespace

namespace {
ExprPtr zone_text(const char* name) {
  auto expr = std::make_shared<Expr>();
  expr->op = name == nullptr ? Op::kField : Op::kLiteral;
  expr->type = type_of(TypeKind::kString);
  expr->payload = payload_for(expr->op);
  if (name != nullptr) expr->payload = LiteralValue{OwnedValue(Value::string(name))};
  return expr;
}
}  // namespace

Feature random_window_feature(Random& random) {
  Feature feature;
  feature.name = "f";
  feature.aggregate = kAggregates[random.below(kAggregates.size())];
  FeatureWindow& window = feature.window;
  const auto kind = static_cast<WindowKind>(random.below(9));
  const auto length = [&] { return Duration{random.between(1, 40) * (random.chance(50) ? 1 : 7)}; };
  const auto panes = [&](Duration of) -> std::optional<Duration> {
    if (!traits_of(feature.aggregate).can_remove || !random.chance(50)) return std::nullopt;
    return Duration{random.between(1, of.us)};
  };
  const auto count = [&] { return static_cast<std::uint32_t>(random.between(1, 12)); };
  switch (kind) {
    case WindowKind::kLast: {
      LastWindow last{length()};
      last.every = panes(last.duration);
      if (last.duration.us > 1 && random.chance(40)) {
        last.excluding = Duration{random.between(1, last.duration.us - 1)};
      }
      window.range = last;
      break;
    }
    case WindowKind::kPrevious: {
      PreviousWindow previous{length()};
      previous.every = panes(previous.duration);
      window.range = previous;
      break;
    }
    case WindowKind::kTumbling:
      window.range = TumblingWindow{length()};
      break;
    case WindowKind::kSession:
      window.range = SessionWindow{length()};
      break;
    case WindowKind::kCalendar: {
      CalendarUnitWindow calendar;
      calendar.unit = random.pick({CalendarUnit::kDay, CalendarUnit::kDay, CalendarUnit::kWeek,
                                   CalendarUnit::kMonth, CalendarUnit::kYear});
      calendar.zone =
          zone_text(random.chance(50) ? nullptr : random.pick({"back", "skips", "utc"}));
      window.range = std::move(calendar);
      break;
    }
    case WindowKind::kPreviousEvents: {
      PreviousEventsWindow previous;
      if (random.chance(50)) previous.within = length();
      previous.events = count();
      window.range = previous;
      break;
    }
    case WindowKind::kLastEvents:
      window.range = LastEventsWindow{count()};
      break;
    case WindowKind::kEver:
      window.range = EverWindow();
      break;
    case WindowKind::kPreviousEver:
      window.range = PreviousEverWindow();
      break;
  }
  if (random.chance(25)) window.needs = static_cast<std::uint32_t>(random.between(1, 5));
  if (traits_of(feature.aggregate).parameter == AggregateParameter::kDecay && random.chance(50)) {
    feature.half_life = Duration{random.between(1, 30)};
  } else {
    feature.weight = random.pick({0.1, 0.3, 1.0});
  }
  feature.percentile = random.pick({1.0, 50.0, 95.0, 99.9, 100.0});
  if (traits_of(feature.aggregate).takes != AggregateInput::kNothing) {
    auto argument = std::make_shared<Expr>();
    argument->op = Op::kField;
    argument->type = random_type(random, feature.aggregate);
    feature.argument = argument;
  }
  return feature;
}

std::string shown(const Value& value) {
  return fmt::format("{} {} {}", static_cast<int>(value.kind), value.scale, to_text(value));
}
}  // namespace tocsin::tests
