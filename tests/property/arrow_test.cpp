// Events by column against the same events as JSON lines, on random rules.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "cep/data/alert_format.h"
#include "cep/plan/event_type.h"
#include "cep/value/json_path.h"
#include "rules/context/rules.h"
#include "runtime/arrow/arrow_column.h"
#include "runtime/arrow/arrow_text.h"
#include "runtime/pushed/pushed_run.h"
#include "tests/support/arrow_batch.h"
#include "tests/support/engine_run.h"
#include "tests/support/event_json.h"
#include "tests/support/oracle.h"
#include "tests/support/plan_source.h"
#include "tests/support/random.h"
#include "tests/support/random_events.h"
#include "tests/support/random_language.h"
#include "tests/support/random_plan.h"

namespace tocsin::tests {
namespace {
using Events = std::vector<oracle::Event>;

// How the values of one field stand in a column: its format, and each value's cell.
class Encoding {
 public:
  Encoding(Random& random, const cep::Field& field) : field_(field) {
    switch (field.type.kind) {
      case cep::TypeKind::kBool:
        format_ = "b";
        break;
      case cep::TypeKind::kInt:
        format_ = random.pick({"l", "l", "d:38,0", "d:38,3"});
        break;
      case cep::TypeKind::kFloat:
        format_ = "g";
        break;
      case cep::TypeKind::kDecimal:
        format_ = random.chance(50) ? "d:38," + std::to_string(field.type.scale)
                                    : "d:38," + std::to_string(field.type.scale + 2);
        break;
      case cep::TypeKind::kTime:
        format_ = random.pick({"tsu:UTC", "tsn:", "u"});
        break;
      case cep::TypeKind::kDate:
        format_ = random.pick({"tdD", "tdm", "U"});
        break;
      case cep::TypeKind::kDuration:
        format_ = random.pick({"tDu", "tDn"});
        break;
      default:
        format_ = random.pick({"u", "U", "vu"});
        is_dictionary_ = random.chance(30);
    }
  }
  const std::string& format() const { return format_; }
  bool is_dictionary() const { return is_dictionary_; }
  ArrowCell cell(const cep::Value& value) const {
    if (value.is_missing()) return {};
    if (value.kind == cep::ValueKind::kFloat) return ArrowCell::of_real(value.real);
    if (value.kind == cep::ValueKind::kString || value.kind == cep::ValueKind::kEnum) {
      return ArrowCell::of_text(std::string(value.text));
    }
    if (format_ == "u" || format_ == "U") {
      std::string text;
      if (value.kind == cep::ValueKind::kTime) {
        text = cep::format_time({static_cast<std::int64_t>(value.number)});
      } else {
        text = cep::format_date(static_cast<std::int64_t>(value.number));
      }
      return ArrowCell::of_text(text);
    }
    if (format_ == "tsn:" || format_ == "tDn") return ArrowCell::of(value.number * 1'000);
    if (format_ == "tdm") return ArrowCell::of(value.number * 86'400'000);
    if (value.kind == cep::ValueKind::kInt && format_ == "d:38,3")
      return ArrowCell::of(value.number * 1'000);
    if (field_.type.kind == cep::TypeKind::kDecimal && value.kind == cep::ValueKind::kDecimal) {
      const int scale = std::stoi(format_.substr(5));
      return ArrowCell::of(value.number * cep::power_of_ten(scale - value.scale));
    }
    return ArrowCell::of(value.number);
  }

 private:
  const cep::Field& field_;
  std::string format_;
  bool is_dictionary_ = false;
};

// The columns of these events, all of one type unless `has_types`; nothing where a field stands in
// a list, or where fields of several types would share a column.
std::optional<std::vector<ArrowColumnSource>> columns_of(Random& random, const cep::Plan& plan,
                                                         std::span<const oracle::Event> events,
                                                         bool has_types) {
  std::vector<ArrowColumnSource> columns;
  const auto find = [](std::vector<ArrowColumnSource>& in, const std::string& name) {
    return std::ranges::find(in, name, &ArrowColumnSource::name);
  };
  if (has_types) {
    ArrowColumnSource names{"type", "u", {}};
    names.is_dictionary = random.chance(50);
    for (const oracle::Event& event : events) {
      names.cells.push_back(ArrowCell::of_text(plan.event_types[event.type.value].json_type));
    }
    columns.push_back(std::move(names));
  }
  std::map<std::vector<std::string>, cep::Type> known;
  for (std::size_t t = 0; t < plan.event_types.size(); ++t) {
    const cep::EventType& type = plan.event_types[t];
    if (type.is_alert()) continue;
    if (!has_types && type.json_type != plan.event_types[events.front().type.value].json_type) {
      continue;
    }
    for (std::size_t f = 0; f < type.fields.size(); ++f) {
      const cep::Field& field = type.fields[f];
      if (field.computed || field.path.front() == "type") continue;
      std::vector<ArrowColumnSource>* in = &columns;
      for (std::size_t step = 0; step + 1 < field.path.size(); ++step) {
        if (cep::array_place(field.path[step + 1])) return std::nullopt;
        auto around = find(*in, field.path[step]);
        if (around == in->end()) {
          ArrowColumnSource made{field.path[step], "+s", {}};
          made.skipped = random.below(3);
          for (std::size_t i = 0; i < events.size(); ++i) made.cells.push_back(ArrowCell::of(0));
          in->push_back(std::move(made));
          around = in->end() - 1;
        }
        if (around->format != "+s") return std::nullopt;
        in = &around->children;
      }
      auto column = find(*in, field.path.back());
      if (column != in->end() && column->format == "+s") return std::nullopt;
      const auto [same, is_new] = known.emplace(field.path, field.type);
      if (!is_new && !(same->second == field.type)) return std::nullopt;
      const Encoding encoding(random, field);
      if (!is_new) continue;  // what stands there is filled in below
      ArrowColumnSource made{field.path.back(), encoding.format(), {}};
      made.is_dictionary = encoding.is_dictionary();
      made.skipped = random.below(3);
      for (const oracle::Event& event : events) {
        ArrowCell cell;
        const cep::EventType& own = plan.event_types[event.type.value];
        for (std::size_t g = 0; g < own.fields.size(); ++g) {
          if (!own.fields[g].computed && own.fields[g].path == field.path) {
            cell = encoding.cell(event.fields[g].view());
          }
        }
        made.cells.push_back(std::move(cell));
      }
      in->push_back(std::move(made));
    }
  }
  return columns;
}

// All that a run put out.
struct Outcome {
  std::vector<std::string> alerts;
  std::vector<std::string> late;
  std::vector<std::string> rejected;
  std::string counts;
  bool operator==(const Outcome&) const = default;
};
class Recorded {
 public:
  Recorded(const cep::Program& program, const runtime::PushedOptions& options)
      : run_(program, options, sinks(program)) {}
  runtime::PushedRun& run() { return run_; }
  Outcome finish() {
    REQUIRE(run_.finish(true).has_value());
    const runtime::RunSummary all = run_.summary();
    std::string missing;
    outcome_.counts = fmt::format("{} {} {} {} {} {} {}", all.lines, all.events, all.late,
                                  all.clamped, all.repeats, all.jumps, all.dead_letters);
    return std::move(outcome_);
  }
  std::uint64_t fields_missing() const { return run_.summary().fields_missing; }

 private:
  runtime::Sinks sinks(const cep::Program& program) {
    runtime::Sinks sinks;
    sinks.alert = [this, &program](const cep::Alert& alert) -> Result<void> {
      outcome_.alerts.push_back(cep::format_alert(program.plan(), alert));
      return {};
    };
    sinks.late = [this](const runtime::LateEvent& late) {
      outcome_.late.push_back(fmt::format("{} {} {}", late.line, late.late_by.us, late.text));
    };
    sinks.dead_letter = [this](const runtime::DeadLetter& dead) {
      outcome_.rejected.push_back(fmt::format("{} {} {}", dead.line, dead.reason, dead.text));
    };
    return sinks;
  }

  Outcome outcome_;
  runtime::PushedRun run_;
};

std::string first_difference(const std::vector<std::string>& lines,
                             const std::vector<std::string>& columns) {
  const auto [a, b] = std::mismatch(lines.begin(), lines.end(), columns.begin(), columns.end());
  return fmt::format("{} from lines, {} from columns\n  lines:   {}\n  columns: {}", lines.size(),
                     columns.size(), a == lines.end() ? "(no more)" : *a,
                     b == columns.end() ? "(no more)" : *b);
}

runtime::PushedOptions random_options(Random& random) {
  runtime::PushedOptions options;
  if (random.chance(60)) {
    options.out_of_orderness = cep::Duration{1'000'000 * random.between(0, 5)};
  }
  if (random.chance(50)) options.late = runtime::LatePolicy::kClamp;
  if (random.chance(30)) options.intake.jump_max = cep::Duration{1'000'000 * random.between(1, 60)};
  options.intake.slice_rows_max = static_cast<std::size_t>(random.pick({1, 2, 7, 64, 4096}));
  options.intake.hash_seed = random.next();
  return options;
}

// Pushes the events as record batches of random sizes, and says the lines that they are.
bool push_columns(Random& random, const cep::Plan& plan, const Events& events,
                  runtime::PushedRun& run, std::string& lines) {
  const std::size_t source = *run.source("events");
  for (std::size_t at = 0; at < events.size();) {
    std::size_t count = std::min<std::size_t>(1 + random.below(40), events.size() - at);
    const bool has_types = random.chance(80);
    if (!has_types) {
      std::size_t same = 1;
      while (same < count && events[at + same].type == events[at].type) ++same;
      count = same;
    }
    const auto columns = columns_of(random, plan, std::span(events).subspan(at, count), has_types);
    if (!columns) return false;
    ArrowBatch batch(*columns, random.below(4));
    const std::string type = has_types ? "" : plan.event_types[events[at].type.value].json_type;
    const auto opened = runtime::arrow_columns(batch.schema(), batch.array(), 0);
    REQUIRE_MESSAGE(opened.has_value(), (opened ? "" : opened.error().message));
    const std::int64_t first = random.chance(30) ? std::int64_t(random.below(count)) : 0;
    const auto none = []() -> Result<void> { return {}; };
    // Durations in the unit of their fields.
    std::vector<runtime::ArrowFieldOfColumn> of_columns;
    if (first > 0) {
      // The rows before it come as a batch of their own.
      ArrowBatch head(*columns);
      head.array().length = first;
      const runtime::PushedBytes pushed =
          run.push(source, head.schema(), head.array(), type, 0, none);
      REQUIRE_MESSAGE(pushed.result.has_value(),
                      (pushed.result ? "" : pushed.result.error().message));
    }
    const runtime::PushedBytes pushed =
        run.push(source, batch.schema(), batch.array(), type, first, none);
    REQUIRE_MESSAGE(pushed.result.has_value(),
                    (pushed.result ? "" : pushed.result.error().message));
    CHECK(pushed.taken == count - static_cast<std::size_t>(first));
    for (std::size_t row = 0; row < count; ++row) {
      runtime::append_arrow_row(lines, *opened, static_cast<std::int64_t>(row), type, of_columns);
      lines += '\n';
    }
    at += count;
    if (random.chance(10)) REQUIRE(run.flush().has_value());
  }
  return true;
}
}  // namespace

TEST_CASE("arrow: events by column are the events of their lines") {
  std::size_t compared = 0;
  std::size_t alerts = 0;
  for_all_seeds("PROPERTY", 2000, [&](Random& random) {
    const bool whole = random.chance(60);
    const cep::Plan plan = whole ? random_language_plan(random) : random_plan(random);
    if (whole && !unsayable(plan).empty()) return;
    const std::string rule_text = plan_source(plan);
    const rules::Loaded loaded = rules::load(
        {"random.tocsin"}, [&](const std::string&) -> Result<std::string> { return rule_text; });
    if (!loaded.rules) return;
    const auto program = cep::compile(loaded.rules->plan, kOutOfReach);
    REQUIRE(program.has_value());
    const bool has_units = std::ranges::any_of(plan.event_types, [](const cep::EventType& type) {
      return std::ranges::any_of(type.fields, [](const cep::Field& field) {
        return field.type.kind == cep::TypeKind::kDuration &&
               field.unit != cep::TimeUnit::kMicroseconds;
      });
    });
    const Events events = random_events(random, plan, {.crowds = 1, .disorder = random.chance(60)});
    const runtime::PushedOptions options = random_options(random);

    Recorded by_column(*program, options);
    std::string lines;
    if (!push_columns(random, plan, events, by_column.run(), lines)) return;
    Recorded by_line(*program, options);
    REQUIRE(by_line.run().push(*by_line.run().source("events"), lines).result.has_value());
    Recorded by_any_line(*program, options);
    std::string any_lines;
    for (const oracle::Event& event : events) any_lines += event_line(random, plan, event) + "\n";
    REQUIRE(
        by_any_line.run().push(*by_any_line.run().source("events"), any_lines).result.has_value());
    const std::uint64_t missing = by_column.fields_missing();
    const std::uint64_t missing_of_lines = by_line.fields_missing();
    const Outcome found = by_column.finish();
    const Outcome expected = by_line.finish();
    ++compared;
    alerts += found.alerts.size();
    INFO(rule_text << "\n" << lines);
    const Outcome any = by_any_line.finish();
    CHECK_MESSAGE(found.alerts == any.alerts, first_difference(any.alerts, found.alerts));
    if (has_units) return;
    CHECK_MESSAGE(found.alerts == expected.alerts, first_difference(expected.alerts, found.alerts));
    CHECK_MESSAGE(found.late == expected.late, first_difference(expected.late, found.late));
    CHECK_MESSAGE(found.rejected == expected.rejected,
                  first_difference(expected.rejected, found.rejected));
    CHECK(found.counts == expected.counts);
    CHECK(missing == missing_of_lines);
  });
  CHECK(compared > 0);
  MESSAGE(compared << " streams, " << alerts << " alerts");
}
}  // namespace tocsin::tests
