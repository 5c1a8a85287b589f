#include "cep/value/time.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "cep/base/digits.h"
#include "cep/value/civil_date.h"
#include "cep/value/number_text.h"

namespace tocsin::cep {
namespace {
bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Takes pieces of fixed form from the front of a text; any mismatch makes it fail for good.
class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}
  bool ok() const { return ok_; }
  bool at_end() const { return rest_.empty(); }
  char peek() const { return rest_.empty() ? '\0' : rest_.front(); }
  // Exactly `count` digits, within [low, high].
  int number(std::size_t count, int low, int high) {
    int value = 0;
    for (std::size_t i = 0; i < count; ++i) {
      if (!is_digit(peek())) return fail();
      value = value * 10 + (rest_.front() - '0');
      rest_.remove_prefix(1);
    }
    return value < low || value > high ? fail() : value;
  }
  void expect(char c) {
    if (peek() != c || rest_.empty()) {
      fail();
      return;
    }
    rest_.remove_prefix(1);
  }
  bool accept(char c) {
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  int fail() {
    ok_ = false;
    return 0;
  }

 private:
  std::string_view rest_;
  bool ok_ = true;
};

std::int64_t read_date(Reader& reader) {
  const int year = reader.number(4, 0, 9999);
  reader.expect('-');
  const int month = reader.number(2, 1, 12);
  reader.expect('-');
  const int day = reader.number(2, 1, 31);
  if (!reader.ok()) return 0;
  if (day > days_in_month(year, month)) return reader.fail();
  return days_of({year, month, day});
}

// Writes a date, at most 27 bytes, and gives the place after it.
char* put_date(char* to, std::int64_t days) {
  const CivilDate date = civil_of(days);
  // ISO 8601's expanded form: a sign, then at least four digits.
  if (date.year < 0) {
    *to++ = '-';
  } else if (date.year > 9999) {
    *to++ = '+';
  }
  const auto year = static_cast<std::uint64_t>(date.year < 0 ? -date.year : date.year);
  if (year <= 9999) {
    to = put_two_digits(put_two_digits(to, year / 100), year % 100);
  } else {
    std::array<char, 20> digits;
    char* const end = digits.data() + digits.size();
    to = std::copy(put_digits_before(end, year), end, to);
  }
  *to++ = '-';
  to = put_two_digits(to, static_cast<std::uint64_t>(date.month));
  *to++ = '-';
  return put_two_digits(to, static_cast<std::uint64_t>(date.day));
}
}  // namespace

std::string format_date(std::int64_t days) {
  std::array<char, 32> text;
  return std::string(text.data(), put_date(text.data(), days));
}

std::string format_time(EventTime time) { return std::string(TimeText(time).view()); }

TimeText::TimeText(EventTime time) { set(time); }

void TimeText::set(EventTime time) {
  std::int64_t days = time.us / kDayUs;
  std::int64_t rest = time.us % kDayUs;
  if (rest < 0) {
    rest += kDayUs;
    --days;
  }
  const auto fraction = static_cast<std::uint64_t>(rest % 1'000'000);
  const auto seconds = static_cast<std::uint64_t>(rest / 1'000'000);
  if (date_size_ == 0 || days != days_) {
    char* const end = put_date(bytes_.data(), days);
    *end = 'T';
    date_size_ = static_cast<std::size_t>(end + 1 - bytes_.data());
    days_ = days;
  }
  char* to = bytes_.data() + date_size_;
  to = put_two_digits(to, seconds / 3600);
  *to++ = ':';
  to = put_two_digits(to, seconds / 60 % 60);
  *to++ = ':';
  to = put_two_digits(to, seconds % 60);
  if (fraction != 0) {
    *to++ = '.';
    *to++ = static_cast<char>('0' + fraction / 100'000);
    to = put_two_digits(to, fraction / 1'000 % 100);
    if (fraction % 1'000 != 0) {
      *to++ = static_cast<char>('0' + fraction / 100 % 10);
      to = put_two_digits(to, fraction % 100);
    }
  }
  *to++ = 'Z';
  size_ = static_cast<std::size_t>(to - bytes_.data());
}

std::string format_duration(Duration duration) {
  if (duration.us == 0) return "0s";
  std::string out;
  // The magnitude is unsigned, so that the least duration has one too.
  auto rest = static_cast<std::uint64_t>(duration.us);
  if (duration.us < 0) {
    out += '-';
    rest = 0 - rest;
  }
  struct Unit {
    const char* name;
    std::uint64_t us;
  };
  constexpr std::uint64_t kWeekUs = 7 * static_cast<std::uint64_t>(kDayUs);
  if (rest % kWeekUs == 0) return out + fmt::format("{}w", rest / kWeekUs);
  constexpr std::array<Unit, 4> kUnits = {{{"d", static_cast<std::uint64_t>(kDayUs)},
                                           {"h", 3'600'000'000},
                                           {"m", 60'000'000},
                                           {"s", 1'000'000}}};
  for (const Unit& unit : kUnits) {
    if (rest >= unit.us) out += fmt::format("{}{}", rest / unit.us, unit.name);
    rest %= unit.us;
  }
  if (rest == 0) return out;
  std::string ms = fmt::format("{}", rest / 1000);
  if (const std::uint64_t finer = rest % 1000; finer != 0) {
    std::string digits = fmt::format("{:03}", finer);
    digits.erase(digits.find_last_not_of('0') + 1);
    ms += '.' + digits;
  }
  return out + ms + "ms";
}

std::optional<EventTime> parse_time(std::string_view text) {
  Reader reader(text);
  const std::int64_t days = read_date(reader);
  if (!reader.accept('T')) reader.expect('t');
  const int hour = reader.number(2, 0, 23);
  reader.expect(':');
  const int minute = reader.number(2, 0, 59);
  reader.expect(':');
  const int second = reader.number(2, 0, 59);
  std::int64_t fraction_us = 0;
  if (reader.accept('.')) {
    int digits = 0;
    while (reader.ok() && is_digit(reader.peek())) {
      const int digit = reader.number(1, 0, 9);
      ++digits;
      if (digits <= 6) fraction_us = fraction_us * 10 + digit;
      if (digits > 9 || (digits > 6 && digit != 0)) reader.fail();
    }
    if (digits == 0) reader.fail();
    for (; digits < 6; ++digits) fraction_us *= 10;
  }
  std::int64_t offset_minutes = 0;
  if (!reader.accept('Z') && !reader.accept('z')) {
    const bool negative = reader.peek() == '-';
    if (!negative && reader.peek() != '+') reader.fail();
    reader.expect(reader.peek());
    const int offset_hour = reader.number(2, 0, 23);
    reader.expect(':');
    const int offset_minute = reader.number(2, 0, 59);
    offset_minutes = (negative ? -1 : 1) * (offset_hour * 60 + offset_minute);
  }
  if (!reader.ok() || !reader.at_end()) return std::nullopt;
  const std::int64_t seconds = (hour * 60 + minute - offset_minutes) * 60 + second;
  // Years have four digits, so that this stays far inside the range.
  return EventTime{days * kDayUs + seconds * 1'000'000 + fraction_us};
}

std::optional<std::int64_t> parse_date(std::string_view text) {
  Reader reader(text);
  const std::int64_t days = read_date(reader);
  if (!reader.ok() || !reader.at_end()) return std::nullopt;
  return days;
}

std::optional<Duration> parse_duration(std::string_view text) {
  if (text.empty()) return std::nullopt;
  std::int64_t total = 0;
  while (!text.empty()) {
    if (!is_digit(text.front())) return std::nullopt;
    std::int64_t count = 0;
    while (!text.empty() && (is_digit(text.front()) || text.front() == '_')) {
      if (text.front() != '_' && (__builtin_mul_overflow(count, 10, &count) ||
                                  __builtin_add_overflow(count, text.front() - '0', &count))) {
        return std::nullopt;
      }
      text.remove_prefix(1);
    }
    std::int64_t unit_us = 0;
    if (text.starts_with("ms")) {
      unit_us = 1'000;
      text.remove_prefix(2);
    } else {
      switch (text.empty() ? '\0' : text.front()) {
        case 's':
          unit_us = 1'000'000;
          break;
        case 'm':
          unit_us = 60'000'000;
          break;
        case 'h':
          unit_us = 3'600'000'000;
          break;
        case 'd':
          unit_us = kDayUs;
          break;
        case 'w':
          unit_us = 7 * kDayUs;
          break;
        default:
          return std::nullopt;
      }
      text.remove_prefix(1);
    }
    if (__builtin_mul_overflow(count, unit_us, &count) ||
        __builtin_add_overflow(total, count, &total) || total > kEventTimeMax.us) {
      return std::nullopt;
    }
  }
  return Duration{total};
}
}  // namespace tocsin::cep
