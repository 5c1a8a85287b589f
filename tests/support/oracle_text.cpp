#include "tests/support/oracle_text.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <optional>
#include <regex>
#include <string>
#include <string_view>

#include "cep/base/assert.h"
#include "cep/plan/reference.h"
#include "cep/plan/zone.h"
#include "cep/value/decimal.h"
#include "cep/value/real_math.h"
#include "cep/value/unicode.h"

namespace tocsin::oracle {
using cep::Function;
using cep::Op;
using cep::Value;
using cep::ValueKind;

namespace {
// ---- search

struct Hit {
  std::size_t begin = 0;
  std::size_t end = 0;
};

// The end of a phrase that begins at `at`; its spaces stand for one or more white-space characters.
std::optional<std::size_t> phrase_at(std::string_view text, std::size_t at,
                                     std::string_view phrase) {
  for (std::size_t i = 0; i < phrase.size();) {
    if (phrase[i] == ' ') {
      if (cep::white_space_at(text, at) == 0) return std::nullopt;
      while (at < text.size() && cep::white_space_at(text, at) > 0) {
        at += cep::white_space_at(text, at);
      }
      while (i < phrase.size() && phrase[i] == ' ') ++i;
    } else {
      if (at >= text.size() || text[at] != phrase[i]) return std::nullopt;
      ++at;
      ++i;
    }
  }
  return at;
}

std::string_view trimmed(std::string_view phrase) {
  while (phrase.starts_with(' ')) phrase.remove_prefix(1);
  while (phrase.ends_with(' ')) phrase.remove_suffix(1);
  return phrase;
}

// The first hit of a literal or a phrase, as a word where that is asked.
std::optional<Hit> find_literal(std::string_view text, std::string_view wanted, bool phrase,
                                bool word) {
  if (phrase) wanted = trimmed(wanted);
  for (std::size_t at = 0; at <= text.size(); ++at) {
    std::optional<std::size_t> end;
    if (phrase) {
      end = phrase_at(text, at, wanted);
    } else if (text.substr(at).starts_with(wanted)) {
      end = at + wanted.size();
    }
    if (!end) continue;
    if (word && (cep::is_word_before(text, at) || cep::is_word_at(text, *end))) continue;
    return Hit{at, *end};
  }
  return std::nullopt;
}

std::optional<Hit> find_pattern(std::string_view text, std::string_view pattern, bool ignore_case) {
  auto flags = std::regex::ECMAScript;
  if (ignore_case) flags |= std::regex::icase;
  std::cmatch found;
  const std::regex regex(pattern.begin(), pattern.end(), flags);
  if (!std::regex_search(text.data(), text.data() + text.size(), found, regex)) return std::nullopt;
  const auto begin = static_cast<std::size_t>(found.position(0));
  return Hit{begin, begin + static_cast<std::size_t>(found.length(0))};
}

// What a group takes in the first match; random patterns mean the same in ECMAScript.
std::optional<std::string> captured(std::string_view text, std::string_view pattern,
                                    bool ignore_case, std::size_t group) {
  auto flags = std::regex::ECMAScript;
  if (ignore_case) flags |= std::regex::icase;
  std::cmatch found;
  const std::regex regex(pattern.begin(), pattern.end(), flags);
  if (!std::regex_search(text.data(), text.data() + text.size(), found, regex)) return std::nullopt;
  if (!found[group].matched) return std::nullopt;
  return found[group].str();
}

// All parts of a text between separators.
std::vector<std::string> parts_of(std::string text, const std::string& separator) {
  std::vector<std::string> parts;
  std::string part;
  while (!text.empty()) {
    if (text.rfind(separator, 0) == 0) {
      parts.push_back(part);
      part.clear();
      text.erase(0, separator.size());
    } else {
      part += text.front();
      text.erase(0, 1);
    }
  }
  parts.push_back(part);
  return parts;
}

// The first hit of an element of a list.
std::optional<Hit> find_element(const cep::List& list, std::size_t i, std::string_view text,
                                bool word) {
  const std::string_view element = list.values[i].view().text;
  if (list.kind == cep::ListKind::kRegex) {
    return find_pattern(text, element, i < list.ignore_case.size() && list.ignore_case[i]);
  }
  const bool is_phrase = list.kind == cep::ListKind::kText;
  if (is_phrase && i < list.ignore_case.size() && list.ignore_case[i]) {
    // Random texts have letters alone whose two cases are of one length.
    std::string folded_text;
    std::string folded_element;
    cep::append_lower(folded_text, text);
    cep::append_lower(folded_element, element);
    TOCSIN_ASSERT(folded_text.size() == text.size(), "a letter and its small form have one length");
    return find_literal(folded_text, folded_element, true, word);
  }
  return find_literal(text, element, is_phrase, word);
}

// ---- numbers

bool fits_64_bits(cep::Int128 n) {
  return n <= std::numeric_limits<std::int64_t>::max() &&
         n >= std::numeric_limits<std::int64_t>::min();
}
bool is_exact(const Value& value) {
  return value.kind == ValueKind::kInt || value.kind == ValueKind::kDecimal ||
         value.kind == ValueKind::kFraction;
}
// An exact number as a fraction.
std::pair<cep::Int128, cep::Int128> ratio_of(const Value& value) {
  if (value.kind == ValueKind::kDecimal) {
    return {value.number, cep::power_of_ten(value.scale)};
  }
  return {value.number, value.denominator};
}

Value rounded(const Value& x, const std::optional<int> digits) {
  if (!is_exact(x)) return Value::floating(cep::round_real(x.real, digits.value_or(0)));
  const auto [numerator, denominator] = ratio_of(x);
  const auto mantissa = cep::divide_half_even(numerator, denominator, digits.value_or(0));
  if (!mantissa || !fits_64_bits(*mantissa)) return Value::missing();
  return digits ? Value::decimal(*mantissa, *digits) : Value::integer(*mantissa);
}

Value whole(const Value& x, bool up) {
  if (!is_exact(x)) return Value::floating(up ? std::ceil(x.real) : std::floor(x.real));
  const auto [numerator, denominator] = ratio_of(x);
  cep::Int128 quotient = numerator / denominator;
  const cep::Int128 rest = numerator % denominator;
  if (rest < 0 && !up) --quotient;
  if (rest > 0 && up) ++quotient;
  return fits_64_bits(quotient) ? Value::integer(quotient) : Value::missing();
}

Value widened(const Value& value, const cep::Type& type) {
  if (type.kind == cep::TypeKind::kDecimal &&
      (value.kind == ValueKind::kInt || value.kind == ValueKind::kDecimal)) {
    return add(value, Value::decimal(0, type.scale));
  }
  return type.kind == cep::TypeKind::kFloat ? to_float(value) : value;
}

// ---- text

std::vector<std::string_view> characters_of(std::string_view text) {
  std::vector<std::string_view> characters;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t bytes = cep::code_point_at(text, at).bytes;
    characters.push_back(text.substr(at, bytes));
    at += bytes;
  }
  return characters;
}

std::string substring(std::string_view text, cep::Int128 first, std::optional<cep::Int128> count) {
  const std::vector<std::string_view> characters = characters_of(text);
  std::string out;
  for (std::size_t i = 0; i < characters.size(); ++i) {
    const auto number = static_cast<cep::Int128>(i) + 1;
    if (number >= first && (!count || number < first + *count)) out += characters[i];
  }
  return out;
}

}  // namespace

double similarity(std::string_view a_text, std::string_view b_text) {
  const auto a = characters_of(a_text);
  const auto b = characters_of(b_text);
  if (a.empty() && b.empty()) return 1;
  if (a.empty() || b.empty()) return 0;
  const std::size_t longest = std::max(a.size(), b.size());
  const std::size_t reach = longest / 2 > 0 ? longest / 2 - 1 : 0;
  std::vector<bool> used(b.size(), false);
  std::vector<std::string_view> matched_a;
  for (std::size_t i = 0; i < a.size(); ++i) {
    for (std::size_t j = i > reach ? i - reach : 0; j < b.size() && j <= i + reach; ++j) {
      if (used[j] || a[i] != b[j]) continue;
      used[j] = true;
      matched_a.push_back(a[i]);
      break;
    }
  }
  if (matched_a.empty()) return 0;
  std::size_t next = 0;
  std::size_t moved = 0;
  for (std::size_t j = 0; j < b.size(); ++j) {
    if (used[j] && matched_a[next++] != b[j]) ++moved;
  }
  const auto m = static_cast<double>(matched_a.size());
  const double transposed = static_cast<double>(moved) / 2;  // each is half a transposition
  const double jaro = (m / static_cast<double>(a.size()) + m / static_cast<double>(b.size()) +
                       (m - transposed) / m) /
                      3.0;
  if (jaro <= 0.7) return jaro;
  std::size_t prefix = 0;
  while (prefix < 4 && prefix < a.size() && prefix < b.size() && a[prefix] == b[prefix]) ++prefix;
  return jaro + static_cast<double>(prefix) * 0.1 * (1.0 - jaro);
}

namespace {
// An address as 16 bytes, IPv4 ones mapped; nothing where it is none.
std::optional<std::array<unsigned char, 16>> address_of(const std::string& text) {
  std::array<unsigned char, 16> bytes{};
  if (inet_pton(AF_INET6, text.c_str(), bytes.data()) == 1) return bytes;
  bytes = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  if (inet_pton(AF_INET, text.c_str(), bytes.data() + 12) == 1) return bytes;
  return std::nullopt;
}

Value ip_in(std::string_view address, std::string_view network) {
  const std::size_t slash = network.find('/');
  if (slash == std::string_view::npos) return Value::missing();
  const std::string prefix(network.substr(0, slash));
  const auto ip = address_of(std::string(address));
  const auto net = address_of(prefix);
  if (!ip || !net) return Value::missing();
  std::size_t bits = std::stoul(std::string(network.substr(slash + 1)));
  if (prefix.find(':') == std::string::npos) bits += 96;
  for (std::size_t bit = 0; bit < bits; ++bit) {
    const unsigned mask = 0x80U >> (bit % 8);
    if (((*ip)[bit / 8] & mask) != ((*net)[bit / 8] & mask)) return Value::boolean(false);
  }
  return Value::boolean(true);
}
}  // namespace

std::optional<int> prefix_with(std::string_view address, std::string_view network) {
  if (!address_of(std::string(address))) return std::nullopt;
  std::string whole(network);
  const bool is_ipv4 = whole.find(':') == std::string::npos;
  if (whole.find('/') == std::string::npos) whole += is_ipv4 ? "/32" : "/128";
  if (!ip_in(address, whole).is_true()) return -1;
  return std::stoi(whole.substr(whole.find('/') + 1)) + (is_ipv4 ? 96 : 0);
}

Value local_time(const cep::Plan& plan, const Value& zone, cep::EventTime time) {
  if (zone.is_missing()) return Value::missing();
  for (const cep::Zone& known : plan.zones) {
    if (known.name != zone.text) continue;
    std::int64_t offset_s = known.changes.empty() ? 0 : known.changes.front().offset_seconds;
    for (const cep::Zone::Change& change : known.changes) {
      if (change.from <= time) offset_s = change.offset_seconds;
    }
    return Value::time(time + cep::Duration{1'000'000 * offset_s});
  }
  return Value::missing();
}

Value search_text(const World& world, const cep::Expr& expr, const std::vector<Value>& args) {
  for (const Value& arg : args) {
    if (arg.is_missing()) return Value::missing();
  }
  const std::string_view text = args[0].text;
  switch (expr.op) {
    case Op::kMatches: {
      const auto& regex = expr.as<cep::RegexLiteral>();
      return Value::boolean(find_pattern(text, regex.text, regex.ignore_case).has_value());
    }
    case Op::kContains:
      return Value::boolean(text.find(args[1].text) != std::string_view::npos);
    case Op::kContainsWord:
      return Value::boolean(find_literal(text, args[1].text, false, true).has_value());
    case Op::kStartsWith:
      return Value::boolean(text.starts_with(args[1].text));
    case Op::kEndsWith:
      return Value::boolean(text.ends_with(args[1].text));
    default:
      break;
  }
  const cep::List& list = world.plan().lists[expr.as<cep::ListLookup>().list.value];
  const bool word = expr.op == Op::kContainsAnyWordOf;
  std::optional<std::size_t> first;
  std::size_t begin = 0;
  for (std::size_t i = 0; i < list.values.size(); ++i) {
    const auto hit = find_element(list, i, text, word);
    if (!hit || (first && hit->begin >= begin)) continue;
    first = i;
    begin = hit->begin;
  }
  if (expr.op != Op::kMatched) return Value::boolean(first.has_value());
  return first ? list.values[*first].view() : Value::missing();
}

namespace {
Value extreme(cep::Ordering wanted, const std::vector<Value>& args) {
  Value best = args[0];
  for (const Value& arg : args) {
    if (compare(arg, best) == wanted) best = arg;
  }
  return best;
}

std::string cased(Function function, std::string_view text) {
  std::string out;
  if (function == Function::kLower) cep::append_lower(out, text);
  if (function == Function::kUpper) cep::append_upper(out, text);
  if (function == Function::kNormalize) cep::append_normalized(out, text);
  return out;
}

// The hour, the weekday or the date of a local time.
Value calendar_part(Function function, const Value& local) {
  if (local.is_missing()) return local;
  const auto us = static_cast<std::int64_t>(local.number);
  const std::int64_t day = us / cep::kDayUs - (us % cep::kDayUs < 0 ? 1 : 0);
  if (function == Function::kDate) return Value::date(day);
  if (function == Function::kHour) return Value::integer((us - day * cep::kDayUs) / 3'600'000'000);
  // 1970-01-01 was a Thursday; Monday is 1.
  return Value::integer(((day + 3) % 7 + 7) % 7 + 1);
}

std::optional<std::string> part_of(const std::vector<Value>& args) {
  if (args[1].text.empty()) return std::nullopt;
  const std::vector<std::string> parts =
      parts_of(std::string(args[0].text), std::string(args[1].text));
  const auto count = static_cast<cep::Int128>(parts.size());
  const cep::Int128 place = args[2].number < 0 ? count + args[2].number : args[2].number - 1;
  if (place < 0 || place >= count) return std::nullopt;
  return parts[static_cast<std::size_t>(place)];
}
}  // namespace

Value call(const World& world, const cep::Expr& expr, const std::vector<Value>& args) {
  for (const Value& arg : args) {
    if (arg.is_missing()) return Value::missing();
  }
  const auto real = [&](std::size_t i) { return to_float(args[i]).real; };
  const auto kept = [&](std::string text) { return Value::string(world.keep(std::move(text))); };
  const auto& made = expr.as<cep::FunctionCall>();
  switch (made.function) {
    case Function::kAbs:
      if (!is_exact(args[0]) && args[0].kind != ValueKind::kDuration) {
        return Value::floating(std::fabs(args[0].real));
      }
      return args[0].number < 0 ? negate(args[0]) : args[0];
    case Function::kRound:
      if (args[0].kind == ValueKind::kInt && expr.type.kind == cep::TypeKind::kInt) return args[0];
      return args.size() > 1 ? rounded(args[0], static_cast<int>(args[1].number))
                             : rounded(args[0], std::nullopt);
    case Function::kFloor:
    case Function::kCeil:
      return whole(args[0], made.function == Function::kCeil);
    case Function::kSqrt:
      return Value::floating(std::sqrt(real(0)));
    case Function::kLn:
      return Value::floating(cep::real_ln(real(0)));
    case Function::kExp:
      return Value::floating(cep::real_exp(real(0)));
    case Function::kPow:
      return Value::floating(cep::real_pow(real(0), real(1)));
    case Function::kMin:
      return widened(extreme(cep::Ordering::kLess, args), expr.type);
    case Function::kMax:
      return widened(extreme(cep::Ordering::kGreater, args), expr.type);
    case Function::kLower:
    case Function::kUpper:
    case Function::kNormalize:
      return kept(cased(made.function, args[0].text));
    case Function::kLength:
      return Value::integer(static_cast<cep::Int128>(characters_of(args[0].text).size()));
    case Function::kSubstring:
      return kept(substring(args[0].text, args[1].number,
                            args.size() > 2 ? std::optional(args[2].number) : std::nullopt));
    case Function::kHour:
    case Function::kWeekday:
    case Function::kDate: {
      const cep::EventTime at{static_cast<std::int64_t>(args[0].number)};
      return calendar_part(made.function, local_time(world.plan(), args[1], at));
    }
    case Function::kDistanceKm:
      if (std::fabs(real(0)) > 90 || std::fabs(real(2)) > 90 || std::fabs(real(1)) > 360 ||
          std::fabs(real(3)) > 360) {
        return Value::missing();
      }
      return Value::floating(cep::great_circle_km(real(0), real(1), real(2), real(3)));
    case Function::kIpIn:
      return ip_in(args[0].text, args[1].text);
    case Function::kSimilarity:
      return Value::floating(similarity(args[0].text, args[1].text));
    case Function::kConcat: {
      std::string all;
      for (const Value& arg : args) all += arg.text;
      return all.size() > 65'536 ? Value::missing() : kept(std::move(all));
    }
    case Function::kSplit: {
      std::optional<std::string> part = part_of(args);
      return part ? kept(std::move(*part)) : Value::missing();
    }
    case Function::kCapture: {
      std::optional<std::string> taken =
          captured(args[0].text, made.regex->text, made.regex->ignore_case,
                   static_cast<std::size_t>(args[1].number));
      return taken ? kept(std::move(*taken)) : Value::missing();
    }
  }
  TOCSIN_ASSERT(false, "all functions stand above");
}
}  // namespace tocsin::oracle
