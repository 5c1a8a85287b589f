#include "tests/support/random_events.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <string>

#include "cep/base/assert.h"
#include "cep/plan/event_type.h"
#include "cep/plan/reference.h"
#include "tests/support/random_data.h"

namespace tocsin::tests {
using cep::OwnedValue;
using cep::TypeKind;
using cep::Value;

namespace {
// How many different keys a stream has, and how its times go.
struct Shape {
  std::int64_t cards = 1;
  std::int64_t devices = 1;
  std::size_t missing = 0;   // percent
  std::size_t optional = 0;  // percent of missing values where a type allows it
  std::int64_t step_s_max = 1;
  bool extremes = false;  // some numbers are at the ends of 64 bits
  bool repeats = false;   // some ids come twice
  bool texts = false;     // there is something to find in notes
  std::size_t gaps = 0;   // percent of steps that are silences, far beyond all windows
};

OwnedValue random_value(Random& random, const Shape& shape, const cep::Field& field,
                        std::size_t number) {
  if (field.computed) return OwnedValue();
  if (random.chance(field.optional ? shape.optional : shape.missing)) return OwnedValue();
  if (shape.extremes && random.chance(10)) {
    const std::int64_t extreme = random.pick({std::numeric_limits<std::int64_t>::max(),
                                              std::numeric_limits<std::int64_t>::min(),
                                              std::int64_t{1} << 53, std::int64_t{1} << 62});
    if (field.type.kind == TypeKind::kInt) return OwnedValue(Value::integer(extreme));
    if (field.type.kind == TypeKind::kDecimal) {
      return OwnedValue(Value::decimal(extreme, field.type.scale));
    }
  }
  switch (field.type.kind) {
    case TypeKind::kBool:
      return OwnedValue(Value::boolean(random.chance(60)));
    case TypeKind::kInt:
      return OwnedValue(Value::integer(random.between(0, 5)));
    case TypeKind::kDecimal: {
      // The values that the plans' literals are near to, at any scale.
      const std::int64_t cents = random.pick({50, 100, 100, 150, 200, 200, 300, 500, 1000, -100});
      return OwnedValue(
          field.type.scale >= 2
              ? Value::decimal(cents * cep::power_of_ten(field.type.scale - 2), field.type.scale)
              : Value::decimal(cents / cep::power_of_ten(2 - field.type.scale), field.type.scale));
    }
    case TypeKind::kEnum: {
      const auto ordinal = random.below(field.type.words->size());
      return OwnedValue(
          Value::enumerated(static_cast<std::int64_t>(ordinal), (*field.type.words)[ordinal]));
    }
    case TypeKind::kString: {
      if (field.name == "id") {
        // Now and then an id comes twice.
        const std::size_t repeated = shape.repeats && number > 0 && random.chance(20) ? 1 : 0;
        return OwnedValue(Value::string(fmt::format("e{}", number - repeated)));
      }
      if (field.name == "card") {
        return OwnedValue(Value::string(fmt::format("c{}", random.between(1, shape.cards))));
      }
      if (field.name == "device") {
        return OwnedValue(Value::string(fmt::format("d{}", random.between(1, shape.devices))));
      }
      if (shape.texts) return OwnedValue(Value::string(random_note(random)));
      return OwnedValue(Value::string(random.pick({"", "x", "y", "caf\xc3\xa9"})));
    }
    case TypeKind::kFloat:
      return OwnedValue(Value::floating(random.pick({0.5, 1.0, 1.5, 2.25})));
    default:
      break;
  }
  TOCSIN_ASSERT(false, "random plans declare no fields of other types");
}
}  // namespace

std::vector<oracle::Event> random_events(Random& random, const cep::Plan& plan,
                                         const EventsOptions& options) {
  Shape shape;
  shape.cards = random.between(1, 3);
  shape.devices = random.between(1, 2);
  shape.missing = random.pick({0, 2, 5});
  shape.optional = random.pick({0, 10, 25});
  shape.step_s_max = random.between(1, 4);
  shape.extremes = random.chance(10);
  shape.repeats = random.chance(15);
  shape.texts = !plan.tables.empty();
  shape.gaps = random.pick({0, 0, 0, 5});
  const bool crowd = random.chance(options.crowds);  // many keys
  if (crowd) {
    shape.cards = random.between(20, 200);
    shape.devices = random.between(5, 100);
  }
  const auto types = static_cast<std::size_t>(
      std::count_if(plan.event_types.begin(), plan.event_types.end(),
                    [](const cep::EventType& type) { return !type.is_alert(); }));
  auto count = static_cast<std::size_t>(random.between(
      static_cast<std::int64_t>(options.count_min), static_cast<std::int64_t>(options.count_max)));
  if (crowd) count *= 8;
  // Most are of one hour; some around 1970, and around the begin of a month in Berlin, of a week
  // and of a year in Tokyo.
  cep::EventTime now{1'772'452'860'000'000};
  if (!random.chance(70)) {
    now.us = random.pick<std::int64_t>(
                 {0, 0, 1'772'319'600'000'000, 1'772'377'200'000'000, 1'767'193'200'000'000}) -
             20'000'000;
  }
  std::vector<oracle::Event> events;
  while (events.size() < count) {
    // A repeat of an event without an id is an equal one.
    if (!events.empty() && random.chance(3)) {
      const oracle::Event& last = events.back();
      if (!plan.event_types[last.type.value].id_field) {
        oracle::Event again = last;
        events.push_back(std::move(again));
        continue;
      }
    }
    if (!random.chance(30)) {
      now = now + cep::Duration{1'000'000 * random.between(1, shape.step_s_max)};
      if (random.chance(shape.gaps)) {
        const std::int64_t silence_s = random.pick({40, 3'600, 86'400, 10'000'000});
        now = now + cep::Duration{1'000'000 * silence_s};
      }
    }
    oracle::Event event;
    event.type = cep::EventTypeIndex(random.below(types));  // alerts' types stand last
    event.ts = now;
    if (options.disorder && random.chance(30)) {
      event.ts = event.ts - cep::Duration{1'000'000 * random.between(1, 6)};
    }
    const cep::EventType& type = plan.event_types[event.type.value];
    for (std::size_t i = 0; i < type.fields.size(); ++i) {
      event.fields.push_back(type.time_field == cep::FieldIndex(i)
                                 ? OwnedValue(Value::time(event.ts))
                                 : random_value(random, shape, type.fields[i], events.size()));
    }
    events.push_back(std::move(event));
  }
  return events;
}
}  // namespace tocsin::tests
