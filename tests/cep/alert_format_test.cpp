#include "cep/data/alert_format.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cmath>
#include <cstdint>
#include <deque>
#include <limits>
#include <string>
#include <vector>

#include "cep/data/bound_events_writer.h"
#include "cep/plan/plan.h"
#include "cep/plan/rule.h"
#include "cep/value/civil_date.h"
#include "cep/value/number_text.h"
#include "tests/support/random.h"

namespace tocsin::tests {
namespace {
using namespace cep;

// ---- the lines of format 1 written plainly

std::string plain_string(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const std::size_t place = std::string_view("\"\\\b\f\n\r\t").find(c);
    if (place != std::string_view::npos) {
      out += '\\';
      out += "\"\\bfnrt"[place];
    } else if (byte < 0x20) {
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(byte));
    } else {
      out += c;
    }
  }
  return out + "\"";
}

std::string plain_decimal(Int128 mantissa, int scale) {
  const bool is_negative = mantissa < 0;
  std::string digits = fmt::format("{}", mantissa);
  if (is_negative) digits.erase(0, 1);
  while (digits.size() <= static_cast<std::size_t>(scale)) digits.insert(0, "0");
  if (scale > 0) digits.insert(digits.size() - static_cast<std::size_t>(scale), ".");
  return (is_negative ? "-" : "") + digits;
}

std::string plain_date(std::int64_t days) {
  const CivilDate date = civil_of(days);
  const std::string year = date.year < 0      ? fmt::format("-{:04}", -date.year)
                           : date.year > 9999 ? fmt::format("+{}", date.year)
                                              : fmt::format("{:04}", date.year);
  return fmt::format("{}-{:02}-{:02}", year, date.month, date.day);
}

std::string plain_time(EventTime time) {
  std::int64_t days = time.us / kDayUs;
  std::int64_t rest = time.us % kDayUs;
  if (rest < 0) {
    rest += kDayUs;
    --days;
  }
  const std::int64_t fraction = rest % 1'000'000;
  const std::int64_t seconds = rest / 1'000'000;
  std::string out = fmt::format("{}T{:02}:{:02}:{:02}", plain_date(days), seconds / 3600,
                                seconds / 60 % 60, seconds % 60);
  if (fraction != 0) {
    out += fraction % 1000 == 0 ? fmt::format(".{:03}", fraction / 1000)
                                : fmt::format(".{:06}", fraction);
  }
  return out + "Z";
}

std::string plain_json(const Value& value) {
  switch (value.kind) {
    case ValueKind::kMissing:
      return "null";
    case ValueKind::kBool:
      return value.number != 0 ? "true" : "false";
    case ValueKind::kFraction: {
      const auto mantissa = divide_half_even(value.number, value.denominator, kScaleMax);
      return mantissa ? plain_decimal(*mantissa, kScaleMax) : "null";
    }
    case ValueKind::kDecimal:
      return plain_decimal(value.number, value.scale);
    case ValueKind::kInt:
    case ValueKind::kTime:
    case ValueKind::kDuration:
      return plain_decimal(value.number, 0);
    case ValueKind::kFloat:
      return fmt::format("{}", value.real);
    case ValueKind::kString:
    case ValueKind::kEnum:
      return plain_string(value.text);
    case ValueKind::kDate:
      return "\"" + plain_date(static_cast<std::int64_t>(value.number)) + "\"";
  }
  return {};
}

// A JSON object of members that are given as JSON.
class Object {
 public:
  Object& member(std::string_view name, const std::string& json) {
    text_ += (text_.empty() ? "" : ",") + plain_string(name) + ":" + json;
    return *this;
  }
  Object& known(std::string_view name, const Value& value) {
    return value.is_missing() ? *this : member(name, plain_json(value));
  }
  Object& count(std::string_view name, std::uint64_t count) {
    return count == 0 ? *this : member(name, std::to_string(count));
  }
  std::string json() const { return "{" + text_ + "}"; }

 private:
  std::string text_;
};

std::string plain_list(const std::vector<std::string>& elements) {
  std::string out;
  for (const std::string& element : elements) out += (out.empty() ? "" : ",") + element;
  return "[" + out + "]";
}

std::string plain_event(const Plan& plan, const Rule& rule, const BoundEvent& event) {
  const EventType& type = plan.event_types[event.type.value];
  Object object;
  object.member("as", plain_string(event.as)).member("type", plain_string(type.name));
  if (!event.id.empty()) object.member("id", plain_string(event.id));
  object.member("ts", std::to_string(event.ts.us));
  Object fields;
  for (const Captured& captured : rule.captured) {
    for (std::size_t i = 0; captured.type == event.type && i < captured.fields.size(); ++i) {
      fields.known(type.fields[captured.fields[i].value].name, event.fields[i]);
    }
  }
  return object.member("fields", fields.json()).json();
}

std::string plain_line(const Plan& plan, const Alert& alert) {
  const Rule& rule = plan.rules[alert.rule.value];
  Object key;
  for (std::size_t i = 0; i < alert.key.size(); ++i) {
    key.known(rule.key.parts[i].name, alert.key[i].view());
  }
  std::vector<std::string> tags;
  std::vector<std::string> events;
  Object fields;
  if (alert.budget) {
    fields.member("rule", plain_string(rule.id))
        .member("budget", plain_string(budget_name(alert.budget->cause)))
        .member("limit", std::to_string(alert.budget->limit));
  } else {
    for (const std::string& tag : rule.tags) tags.push_back(plain_string(tag));
    for (const BoundEvent& event : alert.events) events.push_back(plain_event(plan, rule, event));
    for (std::size_t i = 0; i < alert.fields.size(); ++i) {
      if (rule.fields[i].name != "score") fields.known(rule.fields[i].name, alert.fields[i].view());
    }
  }
  const bool has_score = !alert.budget && !alert.score().is_missing();
  Object line;
  line.member("format", "1")
      .member("id", plain_string(alert_id(alert.digest)))
      .member("revision", "0")
      .member("phase", "\"final\"")
      .member("rule", plain_string(alert.budget ? kBudgetRule : rule.id))
      .member("title", plain_string(alert.budget ? "A rule exceeded a budget" : rule.title))
      .member("version", "1")
      .member("key", key.json())
      .member("ts", std::to_string(alert.ts.us))
      .member("time", plain_string(plain_time(alert.ts)))
      .member("severity", plain_string(severity_name(alert.severity)))
      .member("score", has_score ? plain_json(alert.score()) : "0")
      .member("tags", plain_list(tags))
      .member("message", plain_string(alert.message))
      .member("fields", fields.json())
      .member("events", plain_list(events));
  if (!alert.budget) line.count("events_omitted", alert.events_omitted);
  line.member("held_back", std::to_string(alert.budget ? 0 : alert.held_back));
  if (alert.budget) return line.json();
  return line.count("late_us", alert.late_us)
      .count("truncated", alert.truncated)
      .count("lost_runs", alert.lost_runs)
      .json();
}

// ---- random plans and alerts

std::string random_text(Random& random) {
  std::string text;
  const std::size_t length = random.chance(10) ? random.below(300) : random.below(20);
  while (text.size() < length) {
    switch (random.weighted({70, 4, 4, 4, 4})) {
      case 0:
        text += static_cast<char>(random.between(' ', '~'));
        break;
      case 1:
        text += static_cast<char>(random.below(0x20));
        break;
      case 2:
        text += random.pick({"\"", "\\", "/", "\x7f"});
        break;
      case 3:
        text += random.pick({"\xc3\xa4", "\xc2\x80", "\xe2\x82\xac", "\xe2\x80\xa8"});
        break;
      default:
        text += "\xf0\x9f\x92\xb3";
    }
  }
  return text;
}

std::int64_t random_number(Random& random) {
  const auto bits = static_cast<std::int64_t>(random.next());
  return random.chance(30) ? random.between(-1000, 1000) : bits >> random.below(64);
}
Int128 random_wide(Random& random) {
  if (random.chance(60)) return random_number(random);
  const auto high = static_cast<unsigned __int128>(random.next());
  return static_cast<Int128>(high << 64 | random.next()) >> random.below(128);
}

Value random_value(Random& random, std::string& text) {
  text = random_text(random);
  switch (random.below(11)) {
    case 0:
      return Value::missing();
    case 1:
      return Value::boolean(random.chance(50));
    case 2:
      return Value::integer(random_wide(random));
    case 3:
      return Value::decimal(random_wide(random), static_cast<int>(random.below(19)));
    case 4:
      return Value::fraction(random_wide(random), random_wide(random));
    case 5:
      return Value::floating(std::ldexp(static_cast<double>(random_number(random)),
                                        static_cast<int>(random.between(-1100, 1000))));
    case 6:
      return Value::floating(static_cast<double>(random.between(-10'000, 10'000)) / 100);
    case 7:
      return Value::time({random_number(random)});
    case 8:
      return Value::date(random.between(-5'000'000, 5'000'000));
    case 9:
      return Value::duration({random_number(random)});
    default:
      return random.chance(70) ? Value::string(text) : Value::enumerated(1, text);
  }
}
OwnedValue random_owned(Random& random) {
  std::string text;
  const Value value = random_value(random, text);
  return OwnedValue(value);
}

Plan random_plan(Random& random) {
  Plan plan;
  for (std::size_t t = 0; t < 3; ++t) {
    EventType type;
    type.name = random_text(random);
    for (std::size_t f = 0; f < 4; ++f) {
      type.fields.emplace_back();
      type.fields.back().name = random_text(random);
    }
    plan.event_types.push_back(type);
  }
  for (std::size_t r = 0; r < 3; ++r) {
    Rule rule;
    rule.id = random_text(random);
    rule.title = random_text(random);
    for (std::size_t i = random.below(3); i > 0; --i) rule.tags.push_back(random_text(random));
    for (std::size_t i = random.below(3); i > 0; --i) {
      rule.key.parts.emplace_back();
      rule.key.parts.back().name = random_text(random);
    }
    for (std::size_t i = random.below(4); i > 0; --i) {
      rule.fields.push_back({random.chance(30) ? "score" : random_text(random), nullptr});
    }
    for (std::size_t t = 0; t < 3; ++t) {
      if (random.chance(30)) continue;
      rule.captured.push_back({EventTypeIndex(t), {}});
      for (std::size_t f = 0; f < 4; ++f) {
        if (random.chance(60)) rule.captured.back().fields.push_back(FieldIndex(f));
      }
    }
    plan.rules.push_back(rule);
  }
  return plan;
}

PackedEvents random_events(Random& random, const Plan& plan, const Rule& rule) {
  std::deque<std::string> names;
  std::deque<OwnedValue> values;
  BoundEventsWriter writer;
  for (std::size_t i = random.below(5); i > 0; --i) {
    const EventTypeIndex type(random.below(plan.event_types.size()));
    writer.begin(names.emplace_back(random_text(random)), type, {random_number(random)});
    if (random.chance(80)) writer.identify({"", random_text(random)});
    for (const Captured& captured : rule.captured) {
      for (std::size_t f = 0; captured.type == type && f < captured.fields.size(); ++f) {
        writer.field(values.emplace_back(random_owned(random)).view());
      }
    }
  }
  return writer.pack();
}

Alert random_alert(Random& random, const Plan& plan) {
  Alert alert;
  alert.rule = RuleIndex(random.below(plan.rules.size()));
  const Rule& rule = plan.rules[alert.rule.value];
  for (std::uint8_t& byte : alert.digest) byte = static_cast<std::uint8_t>(random.below(256));
  alert.ts = {random_number(random)};
  alert.severity = static_cast<Severity>(random.below(5));
  alert.message = random_text(random);
  if (random.chance(10)) {
    alert.budget = ExceededBudget{static_cast<BudgetCause>(random.below(6)), random.next()};
  }
  const bool has_key = !alert.budget || random.chance(50);
  for (std::size_t i = 0; has_key && i < rule.key.parts.size(); ++i) {
    alert.key.push_back(random_owned(random));
  }
  for (std::size_t i = 0; i < rule.fields.size(); ++i) alert.fields.push_back(random_owned(random));
  alert.score_field = score_field_of(rule);
  alert.events = random_events(random, plan, rule);
  for (std::uint64_t* const count : {&alert.events_omitted, &alert.held_back, &alert.late_us,
                                     &alert.truncated, &alert.lost_runs}) {
    if (random.chance(40)) *count = random.next() >> random.below(64);
  }
  return alert;
}
}  // namespace

TEST_CASE("alert format: lines of random alerts are those of a plain writer") {
  const std::size_t cases = for_all_seeds("alert_format", 300, [](Random& random) {
    const Plan plan = random_plan(random);
    AlertFormat format(plan);
    for (int i = 0; i < 20; ++i) {
      const Alert alert = random_alert(random, plan);
      const std::string plain = plain_line(plan, alert);
      REQUIRE(format.line(alert) == plain);
      if (i == 0) REQUIRE(format_alert(plan, alert) == plain);
    }
  });
  CHECK(cases > 0);
}

TEST_CASE("alert format: decimals and times are those of a plain writer") {
  for_all_seeds("alert_format", 300, [](Random& random) {
    TimeText again;
    EventTime near_time;
    for (int i = 0; i < 30; ++i) {
      const Int128 number = random_wide(random);
      const int scale = static_cast<int>(random.below(25));
      REQUIRE(DecimalText(number, scale).view() == plain_decimal(number, scale));
      REQUIRE(format_decimal(number, scale) == plain_decimal(number, scale));
      const EventTime time{random_number(random)};
      REQUIRE(TimeText(time).view() == plain_time(time));
      // Mostly of one day or of days next to each other.
      const std::int64_t step = random.between(-100'000'000'000, 100'000'000'000);
      const EventTime near{random.chance(80) ? near_time.us + step : time.us};
      near_time = near;
      again.set(near);
      REQUIRE(again.view() == plain_time(near));
      const EventTime second{time.us / 1'000'000 * 1'000'000};
      REQUIRE(format_time(second) == plain_time(second));
      const std::int64_t days = random_number(random) / 1'000;
      REQUIRE(format_date(days) == plain_date(days));
    }
  });
  const Int128 least = static_cast<Int128>(static_cast<unsigned __int128>(1) << 127);
  for (const Int128 number : {Int128{0}, Int128{-1}, least, -(least + 1)}) {
    for (const int scale : {0, 1, 18, 38, 39, 40, 60}) {
      REQUIRE(DecimalText(number, scale).view() == plain_decimal(number, scale));
    }
  }
  for (const std::int64_t us :
       {std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max()}) {
    REQUIRE(TimeText({us}).view() == plain_time({us}));
  }
}
}  // namespace tocsin::tests
