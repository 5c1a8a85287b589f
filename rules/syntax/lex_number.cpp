// Numbers, durations, dates and times.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include "cep/value/decimal.h"
#include "cep/value/time.h"
#include "rules/syntax/lexer.h"
#include "rules/text/characters.h"

namespace tocsin::rules {
namespace {
// Units as people write them elsewhere.
struct ForeignUnit {
  std::string_view written;
  std::string_view meant;
};
constexpr ForeignUnit kForeignUnits[] = {
    {"msec", "ms"}, {"millis", "ms"}, {"milliseconds", "ms"}, {"S", "s"},
    {"sec", "s"},   {"secs", "s"},    {"second", "s"},        {"seconds", "s"},
    {"min", "m"},   {"mins", "m"},    {"minute", "m"},        {"minutes", "m"},
    {"H", "h"},     {"hr", "h"},      {"hrs", "h"},           {"hour", "h"},
    {"hours", "h"}, {"D", "d"},       {"day", "d"},           {"days", "d"},
    {"W", "w"},     {"wk", "w"},      {"week", "w"},          {"weeks", "w"},
};

// Digits without underscores as a number; nothing beyond 64 bits.
std::optional<std::int64_t> digits_to_int(std::string_view digits) {
  std::int64_t number = 0;
  for (const char c : digits) {
    if (!is_digit(c)) continue;
    if (__builtin_mul_overflow(number, 10, &number) ||
        __builtin_add_overflow(number, c - '0', &number)) {
      return std::nullopt;
    }
  }
  return number;
}

}  // namespace

// yyyy-mm-dd, and with a `T` behind it a time.
bool Lexer::date_or_time(Token& token) {
  constexpr std::string_view kDateForm = "dddd-dd-dd";
  const auto fits = [this](std::uint32_t from, std::string_view form) {
    for (std::uint32_t i = 0; i < form.size(); ++i) {
      const char c = peek(from + i);
      if (form[i] == 'd' ? !is_digit(c) : c != form[i]) return false;
    }
    return true;
  };
  if (!fits(0, kDateForm)) return false;
  at_ += 10;
  if (!in_name(peek())) {
    token.kind = TokenKind::kDate;
    token.text = text_.text.substr(token.begin, at_ - token.begin);
    if (const auto days = cep::parse_date(token.text)) {
      token.value = cep::Value::date(*days);
    } else {
      token.bad = true;
      report(Code::kE0107, token.begin, at_, "there is no such day", "");
    }
    return true;
  }
  token.kind = TokenKind::kTime;
  const bool long_enough = peek() == 'T' && fits(1, "dd:dd:dd");
  if (long_enough) {
    at_ += 9;
    if (peek() == '.' && is_digit(peek(1))) {
      ++at_;
      while (is_digit(peek())) ++at_;
    }
    if (peek() == 'Z') {
      ++at_;
    } else if ((peek() == '+' || peek() == '-') && fits(1, "dd:dd")) {
      at_ += 6;
    }
  }
  const std::uint32_t whole = at_;
  while (in_name(peek()) || (peek() == ':' && is_digit(peek(1)))) ++at_;
  token.text = text_.text.substr(token.begin, at_ - token.begin);
  const auto time = at_ == whole && long_enough ? cep::parse_time(token.text) : std::nullopt;
  if (time) {
    token.value = cep::Value::time(*time);
    return true;
  }
  token.bad = true;
  const char last = token.text.back();
  const bool zoned =
      last == 'Z' || (token.text.size() > 6 && (token.text[token.text.size() - 6] == '+' ||
                                                token.text[token.text.size() - 6] == '-'));
  if (long_enough && at_ == whole && !zoned) {
    report(Code::kE0107, token.begin, at_, "a time without a zone", "",
           {"write `Z` for UTC, or an offset such as `+01:00`, after it"});
  } else if (long_enough && at_ == whole) {
    report(Code::kE0107, token.begin, at_, "there is no such time", "",
           {"times have at most six digits that are not zero after the point"});
  } else {
    report(Code::kE0107, token.begin, at_, "a malformed time", "",
           {"times are written as `2026-11-20T10:00:00Z`, dates as `2026-11-20`"});
  }
  return true;
}

Token Lexer::number() {
  Token token;
  token.kind = TokenKind::kInt;
  token.begin = at_;
  if (date_or_time(token)) return token;
  const auto digits = [this] {
    while (is_digit(peek()) || peek() == '_') ++at_;
  };
  digits();
  const bool leading_point = at_ == token.begin;
  bool has_point = false;
  bool has_exponent = false;
  if (peek() == '.' && is_digit(peek(1))) {
    has_point = true;
    ++at_;
    while (is_digit(peek())) ++at_;
  } else if (peek() == '.' && peek(1) != '.' && !begins_name(peek(1)) && peek(1) != '`') {
    ++at_;
    token.kind = TokenKind::kDecimal;
    token.bad = true;
    token.text = text_.text.substr(token.begin, at_ - token.begin);
    report(Code::kE0106, token.begin, at_, "a number that ends with a point",
           "digits stand on both sides of it", {}, (token.text + "0").c_str());
    return token;
  }
  if (peek() == 'e' || peek() == 'E') {
    const std::uint32_t sign = peek(1) == '+' || peek(1) == '-' ? 1 : 0;
    if (is_digit(peek(1 + sign))) {
      has_exponent = true;
      at_ += 1 + sign;
      while (is_digit(peek())) ++at_;
    }
  }
  token.text = text_.text.substr(token.begin, at_ - token.begin);
  if (in_name(peek())) return number_with_letters(std::move(token));
  if (leading_point) {
    token.kind = TokenKind::kDecimal;
    token.bad = true;
    report(Code::kE0106, token.begin, at_, "a number that begins with a point",
           "digits stand on both sides of it", {}, ("0" + token.text).c_str());
    return token;
  }
  check_number(token, has_point, has_exponent);
  return token;
}

void Lexer::check_number(Token& token, bool has_point, bool has_exponent) {
  std::string plain = token.text;
  std::erase(plain, '_');
  if (has_exponent) {
    token.kind = TokenKind::kFloat;
    double number = 0;
    const auto [end, error] = std::from_chars(plain.data(), plain.data() + plain.size(), number);
    if (error == std::errc() && end == plain.data() + plain.size()) {
      token.value = cep::Value::floating(number);
      return;
    }
    token.bad = true;
    report(Code::kE0106, token.begin, at_, "a float out of range", "");
    return;
  }
  const std::optional<std::int64_t> mantissa = digits_to_int(plain);
  if (has_point) {
    token.kind = TokenKind::kDecimal;
    const std::size_t scale = plain.size() - plain.find('.') - 1;
    if (scale > std::size_t{cep::kScaleMax}) {
      token.bad = true;
      report(Code::kE0106, token.begin, at_, "a decimal with more than nine digits after the point",
             "", {"a float may have more: write an exponent after it, as in `1.5e0`"});
    } else if (!mantissa) {
      token.bad = true;
      report(Code::kE0106, token.begin, at_, "a decimal too large for 64 bits", "");
    } else {
      token.value = cep::Value::decimal(*mantissa, static_cast<int>(scale));
    }
    return;
  }
  if (!mantissa) {
    token.bad = true;
    report(Code::kE0106, token.begin, at_, "an int too large for 64 bits", "",
           {"the largest is 9223372036854775807"});
    return;
  }
  token.value = cep::Value::integer(*mantissa);
}

// A number with a letter directly behind it: a duration, or a mistake.
Token Lexer::number_with_letters(Token token) {
  const std::uint32_t digits_end = at_;
  token.kind = TokenKind::kDuration;
  bool units = std::ranges::all_of(token.text, [](char c) { return is_digit(c) || c == '_'; });
  while (units) {
    if (looking_at("ms")) {
      at_ += 2;
    } else if (std::string_view("smhdw").find(peek()) != std::string_view::npos && peek() != '\0') {
      ++at_;
    } else {
      units = false;
      break;
    }
    if (!in_name(peek())) break;
    units = is_digit(peek());
    while (is_digit(peek()) || peek() == '_') ++at_;
  }
  while (in_name(peek())) ++at_;
  token.text = text_.text.substr(token.begin, at_ - token.begin);
  if (units) {
    if (const auto duration = cep::parse_duration(token.text)) {
      token.value = cep::Value::duration(*duration);
    } else {
      token.bad = true;
      report(Code::kE0108, token.begin, at_, "a duration too long to count", "");
    }
    return token;
  }
  token.bad = true;
  const std::string number = token.text.substr(0, digits_end - token.begin);
  const std::string letters = token.text.substr(number.size());
  const auto* unit =
      std::ranges::find(kForeignUnits, std::string_view(letters), &ForeignUnit::written);
  if (number.find_first_of(".eE") != std::string_view::npos) {
    report(Code::kE0105, digits_end, at_, fmt::format("`{}` directly after a number", letters), "",
           {"a duration is made of whole numbers, as in `1h30m`"});
  } else if (unit != std::end(kForeignUnits)) {
    const std::string fixed = number + std::string(unit->meant);
    token.text = fixed;
    token.bad = !cep::parse_duration(fixed).has_value();
    if (!token.bad) token.value = cep::Value::duration(*cep::parse_duration(fixed));
    report(Code::kE0105, digits_end, at_, fmt::format("`{}` is not a unit of time", letters),
           fmt::format("write `{}`", fixed), {}, std::string(unit->meant).c_str());
  } else if (letters == "k" || letters == "K") {
    const std::string fixed = number + "_000";
    report(Code::kE0105, digits_end, at_, fmt::format("`{}` directly after a number", letters),
           fmt::format("write `{}`", fixed), {}, "_000");
  } else if (letters == "x" || letters == "X") {
    report(Code::kE0105, digits_end, at_, fmt::format("`{}` directly after a number", letters),
           fmt::format("a count is written `{}`", number), {}, "");
  } else if (is_digit(letters.back())) {
    report(Code::kE0105, digits_end, at_, fmt::format("`{}` directly after a number", letters), "",
           {"each number of a duration has its unit, as in `1h30m`"});
  } else if (letters.starts_with("mo") || letters.starts_with("M")) {
    report(
        Code::kE0105, digits_end, at_,
        fmt::format("`{}` directly after a number is not a unit", letters), "",
        {"months differ in length: `30d` are thirty days, `this month in \"Europe/Berlin\"` is a "
         "window of the calendar, and so is `once per month in \"Europe/Berlin\"`"});
  } else {
    report(Code::kE0105, digits_end, at_,
           fmt::format("`{}` directly after a number is not a unit", letters), "",
           {"the units of time are `ms`, `s`, `m` (minutes), `h`, `d` and `w`"});
  }
  return token;
}

}  // namespace tocsin::rules
