#include "tests/support/random_feature.h"

#include <memory>

#include "cep/plan/zone.h"
#include "tests/support/plan_parts.h"

namespace tocsin::tests {
using cep::Aggregate;
using cep::AggregateInput;
using cep::AggregateParameter;
using cep::Duration;
using cep::ExprPtr;
using cep::TypeKind;
using cep::Value;
using cep::WindowKind;

namespace {
Duration seconds(std::int64_t n) { return {1'000'000 * n}; }

ExprPtr field_named(const cep::Plan& plan, const cep::Feature& feature, const char* name) {
  const auto found = find_field(plan, types_of(feature.events), name);
  if (!found) return nullptr;
  auto expr = std::make_shared<cep::Expr>();
  expr->op = cep::Op::kField;
  expr->payload = cep::FieldRead{found->first};
  expr->type = found->second;
  return expr;
}

void set_aggregate(Random& random, const cep::Plan& plan, cep::Feature& feature) {
  const Aggregate aggregate = cep::kAggregates[random.below(cep::kAggregates.size())];
  const cep::AggregateTraits& traits = traits_of(aggregate);
  const bool numeric = traits.takes == AggregateInput::kNumbers ||
                       traits.takes == AggregateInput::kNumbersOrDurations;
  const char* name = random.pick({"amount", "amount", "n", "n", "rate"});
  if (!numeric && random.chance(50)) {
    name = traits.takes == AggregateInput::kOrdered
               ? random.pick({"device", "channel", "ts", "card"})
               : random.pick({"device", "channel", "note", "ok", "card"});
  }
  const bool has_argument = traits.takes != AggregateInput::kNothing;
  const ExprPtr argument = has_argument ? field_named(plan, feature, name) : nullptr;
  if (has_argument && !argument) return;
  feature.aggregate = aggregate;
  feature.argument = argument;
  feature.type = type_given(aggregate, argument ? argument->type : type_of(TypeKind::kInt));
  switch (traits.parameter) {
    case AggregateParameter::kNone:
      break;
    case AggregateParameter::kDecay:
      if (random.chance(50)) {
        feature.weight = random.pick({0.3, 0.5, 1.0});
      } else {
        feature.half_life = Duration{1'000 * random.pick({500, 1'000, 3'000, 30'000})};
      }
      break;
    case AggregateParameter::kPercentage:
      feature.percentile = random.pick({50.0, 95.0, 100.0, 12.5, 1.0});
      break;
  }
}

void set_window(Random& random, cep::Feature& feature) {
  cep::FeatureWindow& window = feature.window;
  window = {};
  const auto kind = static_cast<WindowKind>(random.below(9));
  const Duration length = seconds(random.pick({1, 2, 3, 5, 8, 13, 30}));
  const auto panes = [&]() -> std::optional<Duration> {
    if (!random.chance(30) || !traits_of(feature.aggregate).can_remove) return std::nullopt;
    return seconds(random.between(1, length.us / 1'000'000));
  };
  const auto count = [&] { return static_cast<std::uint32_t>(random.between(1, 6)); };
  switch (kind) {
    case WindowKind::kLast: {
      cep::LastWindow last{length};
      if (length > seconds(1) && random.chance(30)) {
        last.excluding = seconds(random.between(1, length.us / 1'000'000 - 1));
      } else {
        last.every = panes();
      }
      window.range = last;
      break;
    }
    case WindowKind::kPrevious:
      window.range = cep::PreviousWindow{length, panes()};
      break;
    case WindowKind::kTumbling:
      window.range = cep::TumblingWindow{length};
      break;
    case WindowKind::kSession:
      window.range = cep::SessionWindow{length};
      break;
    case WindowKind::kCalendar: {
      cep::CalendarUnitWindow calendar;
      calendar.unit = random_unit(random);
      calendar.zone = literal(type_of(TypeKind::kString), Value::string(random_zone(random)));
      window.range = std::move(calendar);
      break;
    }
    case WindowKind::kLastEvents:
      window.range = cep::LastEventsWindow{count()};
      break;
    case WindowKind::kPreviousEvents: {
      cep::PreviousEventsWindow previous;
      previous.events = count();
      if (random.chance(40)) previous.within = length;
      window.range = std::move(previous);
      break;
    }
    case WindowKind::kEver:
      window.range = cep::EverWindow();
      break;
    case WindowKind::kPreviousEver:
      window.range = cep::PreviousEverWindow();
      break;
  }
  if (random.chance(20)) {
    window.needs = static_cast<std::uint32_t>(
        random.between(1, window.events() ? std::int64_t{*window.events()} : 4));
  }
}
}  // namespace

cep::Type type_given(Aggregate aggregate, const cep::Type& argument) {
  switch (traits_of(aggregate).gives) {
    case cep::AggregateResult::kNumberOf:
      return type_of(TypeKind::kInt);
    case cep::AggregateResult::kQuotient:
      return type_of(TypeKind::kFraction);
    case cep::AggregateResult::kFloat:
      return type_of(TypeKind::kFloat);
    case cep::AggregateResult::kArgument:
      break;
  }
  return argument;
}

void enrich_feature(Random& random, const cep::Plan& plan, cep::Feature& feature) {
  if (random.chance(60)) set_aggregate(random, plan, feature);
  if (random.chance(80)) set_window(random, feature);
}

const char* random_zone(Random& random) {
  return random.pick({"America/St_Johns", "Asia/Tokyo", "Europe/Berlin", "UTC"});
}

cep::CalendarUnit random_unit(Random& random) {
  return random.pick({cep::CalendarUnit::kDay, cep::CalendarUnit::kWeek, cep::CalendarUnit::kMonth,
                      cep::CalendarUnit::kYear});
}

std::vector<cep::Zone> random_zones() {
  // A clock that is set back by half a minute ten seconds after a month began; Tokyo; Berlin, with
  // a change in the hour in which most random events lie; and UTC.
  return {
      {"America/St_Johns",
       {{cep::EventTime{0}, 3600}, {cep::EventTime{1'772'319'610'000'000}, 3570}}},
      {"Asia/Tokyo", {{cep::EventTime{0}, 9 * 3600}}},
      {"Europe/Berlin", {{cep::EventTime{0}, 3600}, {cep::EventTime{1'772'452'870'000'000}, 7200}}},
      {"UTC", {{cep::EventTime{0}, 0}}}};
}
}  // namespace tocsin::tests
