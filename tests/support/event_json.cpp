#include "tests/support/event_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "cep/plan/event_type.h"
#include "cep/value/decimal.h"
#include "cep/value/json_path.h"
#include "cep/value/time.h"
#include "cep/value/value.h"

namespace tocsin::tests {
using cep::TypeKind;
using cep::Value;

namespace {
std::string quoted(std::string_view text) {
  std::string out;
  cep::append_json_string(out, text);
  return out;
}

// Text with some characters as \u escapes.
std::string quoted_oddly(Random& random, std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const bool plain = static_cast<unsigned char>(c) >= 0x80;
    if (!plain && random.chance(10)) {
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    } else {
      std::string one = quoted(std::string_view(&c, 1));
      out += one.substr(1, one.size() - 2);
    }
  }
  return out + "\"";
}

std::string number_text(Random& random, cep::Int128 mantissa, int scale) {
  std::string text = cep::format_decimal(mantissa, scale);
  switch (random.below(6)) {
    case 0:  // without the zeros at the end
      if (scale > 0) {
        text.erase(text.find_last_not_of('0') + 1);
        if (text.ends_with('.')) text.pop_back();
      }
      return text;
    case 1:
      return cep::format_decimal(mantissa, 0) + fmt::format("e-{}", scale);
    case 2:
      return text + (scale > 0 ? "000" : ".0");
    case 3:
      return text + "E+0";
    default:
      return text;
  }
}

// A time as a number of the field's unit, with a fraction where it needs one or by chance.
std::string time_number(Random& random, const cep::Field& field, std::int64_t us) {
  const int digits = field.unit == cep::TimeUnit::kSeconds        ? 6
                     : field.unit == cep::TimeUnit::kMilliseconds ? 3
                                                                  : 0;
  if (field.unit == cep::TimeUnit::kNanoseconds) {
    // Rounded down.
    return cep::format_decimal(cep::Int128{us} * 1000 + random.between(0, 999), 0);
  }
  std::string text = cep::format_decimal(us, digits);
  if (digits > 0 && us >= 0 && random.chance(20)) return text + "7";
  if (digits > 0 && text.ends_with(std::string(static_cast<std::size_t>(digits), '0')) &&
      random.chance(80)) {
    text.resize(text.size() - static_cast<std::size_t>(digits) - 1);
  }
  return text;
}

std::string time_text(Random& random, const cep::Field& field, std::int64_t us) {
  const bool fits = field.any_year || cep::is_plausible({us});
  if (fits && random.chance(70)) return time_number(random, field, us);
  std::string text = cep::format_time({us});
  if (random.chance(30)) {
    // The same moment two hours east.
    text = cep::format_time({us + 7'200'000'000});
    text.replace(text.size() - 1, 1, "+02:00");
  }
  return quoted(text);
}

std::string value_text(Random& random, const cep::Field& field, const Value& value) {
  switch (value.kind) {
    case cep::ValueKind::kInt:
      return number_text(random, value.number, 0);
    case cep::ValueKind::kDecimal:
      return number_text(random, value.number, value.scale);
    case cep::ValueKind::kTime:
      return time_text(random, field, static_cast<std::int64_t>(value.number));
    case cep::ValueKind::kDuration:
      return time_number(random, field, static_cast<std::int64_t>(value.number));
    case cep::ValueKind::kString:
    case cep::ValueKind::kEnum:
      return quoted_oddly(random, value.text);
    default:
      break;
  }
  std::string out;
  cep::append_json(out, value);
  return out;
}

// Something that cannot be a value of the type; empty: the member is left out.
std::string missing_text(Random& random, const cep::Field& field) {
  const cep::Type& type = field.type;
  switch (random.below(4)) {
    case 0:
      return "";
    case 1:
      return "null";
    case 2:
      return random.pick({"{\"a\":[1,{}]}", "[]", "[\"x\"]"});
    default:
      break;
  }
  switch (type.kind) {
    case TypeKind::kString:
      return random.pick({"17", "true"});
    case TypeKind::kBool:
      return random.pick({"\"true\"", "1"});
    case TypeKind::kInt:
      return random.pick({"\"5\"", "1.5", "1e40", "false"});
    case TypeKind::kDecimal:
      return random.pick({"\"5.00\"", "0.00001", "99999999999999999999", "1e-9"});
    case TypeKind::kEnum:
      return random.pick({"\"phone\"", "0", "\"\""});
    case TypeKind::kTime:
      if (field.any_year) return "null";
      return random.pick({"17", "-1", "1e30", "99999999999999999999", "\"1700000000\""});
    default:
      return "null";
  }
}

using Members = std::vector<std::pair<std::string, std::string>>;

std::string object_text(Random& random, Members members) {
  for (std::size_t i = members.size(); i > 1; --i) {
    std::swap(members[i - 1], members[random.below(i)]);
  }
  // Of a repeated key the first counts.
  if (!members.empty() && random.chance(3)) members.emplace_back(random.pick(members).first, "[7]");
  const char* blank = random.chance(20) ? " " : "";
  std::string out = "{";
  for (const auto& [name, text] : members) {
    if (out.size() > 1) out += fmt::format(",{}", blank);
    out += fmt::format("{}{}:{}{}", quoted(name), blank, blank, text);
  }
  return out + "}";
}

// Elements by their places; what stands at the others is no value of any type.
std::string array_text(Random& random, const std::map<std::uint32_t, std::string>& elements) {
  const char* blank = random.chance(20) ? " " : "";
  std::uint32_t count = elements.empty() ? 0 : elements.rbegin()->first + 1;
  if (random.chance(30)) count += static_cast<std::uint32_t>(random.below(3));
  std::string out = "[";
  for (std::uint32_t place = 0; place < count; ++place) {
    if (place > 0) out += fmt::format("{},{}", blank, blank);
    const auto element = elements.find(place);
    out += element == elements.end() ? random.pick({"null", "{\"of\":[[]]}", "[]", "[[\"],[\"]]"})
                                     : element->second;
  }
  return out + blank + "]";
}

// What stands at one place of a line: a value, or what is inside.
struct Node {
  std::string text;
  std::map<std::string, Node> inside;

  void add(const std::vector<std::string>& path, std::size_t depth, std::string value) {
    if (depth == path.size()) {
      text = std::move(value);
    } else {
      inside[path[depth]].add(path, depth + 1, std::move(value));
    }
  }
  std::string write(Random& random) const {
    if (inside.empty()) return text;
    Members members;
    std::map<std::uint32_t, std::string> elements;
    for (const auto& [step, node] : inside) {
      if (const auto place = cep::array_place(step)) {
        elements[*place] = node.write(random);
      } else {
        members.emplace_back(step, node.write(random));
      }
    }
    return elements.empty() ? object_text(random, std::move(members))
                            : array_text(random, elements);
  }
};
}  // namespace

std::string event_line(Random& random, const cep::Plan& plan, const oracle::Event& event) {
  const cep::EventType& type = plan.event_types[event.type.value];
  Members members = {{"type", quoted(type.json_type)}};
  std::map<std::string, Node> inner;
  for (std::size_t i = 0; i < type.fields.size(); ++i) {
    const cep::Field& field = type.fields[i];
    if (field.computed) continue;
    const Value value = event.fields[i].view();
    const std::string text =
        value.is_missing() ? missing_text(random, field) : value_text(random, field, value);
    if (text.empty()) continue;
    if (field.path.size() == 1) {
      members.emplace_back(field.path[0], text);
    } else {
      inner[field.path[0]].add(field.path, 1, text);
    }
  }
  for (const auto& [name, of] : inner) members.emplace_back(name, of.write(random));
  if (random.chance(10))
    members.emplace_back("unheard_of", R"({"deep":[1,2,{"x":"}"}],"s":"a\"b"})");
  return object_text(random, std::move(members));
}

std::string event_lines(Random& random, const cep::Plan& plan,
                        const std::vector<oracle::Event>& events) {
  std::string out;
  for (const oracle::Event& event : events) {
    if (random.chance(2)) out += "\n";
    if (random.chance(2)) out += "{\"type\":\"unheard_of\",\"ts\":1}\n";
    out += event_line(random, plan, event) + (random.chance(5) ? "\r\n" : "\n");
  }
  return out;
}
}  // namespace tocsin::tests
