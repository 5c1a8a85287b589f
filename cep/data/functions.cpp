#include "cep/data/functions.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "cep/base/assert.h"
#include "cep/data/text_capture.h"
#include "cep/plan/zone.h"
#include "cep/value/int128.h"
#include "cep/value/ip_address.h"
#include "cep/value/real_math.h"
#include "cep/value/similarity.h"
#include "cep/value/unicode.h"

namespace tocsin::cep {
namespace {
// The exact number numerator / denominator, denominator > 0.
struct Exact {
  Int128 numerator = 0;
  Int128 denominator = 1;
};
Exact exact_of(const Value& value) {
  switch (value.kind) {
    case ValueKind::kDecimal:
      return {value.number, power_of_ten(value.scale)};
    case ValueKind::kFraction:
      return {value.number, value.denominator};
    default:
      return {value.number, 1};
  }
}
Int128 floor_of(const Exact& exact) {
  Int128 quotient = exact.numerator / exact.denominator;
  if (exact.numerator % exact.denominator < 0) quotient -= 1;
  return quotient;
}

Value round_value(const Value& value, int digits, const Type& result) {
  if (value.kind == ValueKind::kFloat) return Value::floating(round_real(value.real, digits));
  if (value.kind == ValueKind::kInt && result.kind == TypeKind::kInt) return value;
  const Exact exact = exact_of(value);
  const std::optional<Int128> rounded =
      divide_half_even(exact.numerator, exact.denominator, digits);
  if (!rounded) return Value::missing();
  const bool is_small = value.kind == ValueKind::kFraction || fits_64(value.number);
  if (is_small && !fits_64(*rounded)) return Value::missing();
  return result.kind == TypeKind::kDecimal ? Value::decimal(*rounded, digits)
                                           : Value::integer(*rounded);
}

Value floor_or_ceil(const Value& value, bool up) {
  if (value.kind == ValueKind::kFloat) {
    return Value::floating(up ? std::ceil(value.real) : std::floor(value.real));
  }
  const Exact exact = exact_of(value);
  const Int128 low = floor_of(exact);
  const bool is_whole = exact.numerator % exact.denominator == 0;
  return Value::integer(up && !is_whole ? low + 1 : low);
}

Value absolute(const Value& value) {
  if (value.kind == ValueKind::kFloat) return Value::floating(std::fabs(value.real));
  return value.number < 0 ? negate(value) : value;
}

Value extreme(std::span<const Value> args, Ordering wanted) {
  Value best = args.front();
  for (const Value& value : args.subspan(1)) {
    if (compare(value, best) == wanted) best = value;
  }
  return best;
}

template <typename Append>
Value made_text(std::string_view text, TextArena& texts, Append&& append) {
  std::string made;
  made.reserve(text.size());
  append(made, text);
  return Value::string(texts.store(made));
}

Value concatenated(std::span<const Value> args, TextArena& texts) {
  std::size_t bytes = 0;
  for (const Value& arg : args) bytes += arg.text.size();
  if (bytes > kMadeTextBytesMax) return Value::missing();
  std::string made;
  made.reserve(bytes);
  for (const Value& arg : args) made += arg.text;
  return Value::string(texts.store(made));
}

// Characters number `first` to `first + count - 1`, from 1, as far as the text has them.
Value substring(std::string_view text, Int128 first, Int128 count) {
  if (count < 0) return Value::missing();
  const Int128 end = first + count;  // both are 64-bit numbers
  const Int128 begin = std::max<Int128>(first, 1);
  if (end <= begin) return Value::string(text.substr(0, 0));
  const auto place = [&](Int128 character) {
    const Int128 number = std::min<Int128>(character - 1, static_cast<Int128>(text.size()));
    return byte_of_code_point(text, static_cast<std::size_t>(number));
  };
  const std::size_t from = place(begin);
  return Value::string(text.substr(from, place(end) - from));
}

Value of_zone(Function function, const Value& time, const Value& name,
              const std::vector<Zone>& zones) {
  const Zone* zone = find_zone(zones, name.text);
  if (zone == nullptr) return Value::missing();
  const EventTime local = local_time(*zone, EventTime{static_cast<std::int64_t>(time.number)});
  const std::int64_t day = day_of(local);
  switch (function) {
    case Function::kHour:
      return Value::integer((local.us - day * kDayUs) / 3'600'000'000);
    case Function::kWeekday: {
      const std::int64_t since_monday = (day + 3) % 7;  // 1970-01-01 was a Thursday
      return Value::integer((since_monday + 7) % 7 + 1);
    }
    default:
      return Value::date(day);
  }
}

Value distance(std::span<const Value> args) {
  for (std::size_t i = 0; i < 4; ++i) {
    const double most = i % 2 == 0 ? 90 : 360;
    if (!(std::fabs(args[i].real) <= most)) return Value::missing();
  }
  return Value::floating(great_circle_km(args[0].real, args[1].real, args[2].real, args[3].real));
}

Value ip_in(std::string_view address, std::string_view network) {
  const std::optional<IpAddress> parsed = parse_ip_address(address);
  const std::optional<IpNetwork> range = parse_ip_network(network);
  if (!parsed || !range) return Value::missing();
  return Value::boolean(range->contains(*parsed));
}
}  // namespace

Value call_function(Function function, const Type& result, std::span<const Value> args,
                    const std::vector<Zone>& zones, TextArena& texts) {
  for (const Value& arg : args) {
    if (arg.is_missing()) return Value::missing();
  }
  const Value& first = args.front();
  switch (function) {
    case Function::kAbs:
      return absolute(first);
    case Function::kRound: {
      const Int128 digits = args.size() > 1 ? args[1].number : 0;
      if (digits < 0 || digits > kScaleMax) return Value::missing();
      return round_value(first, static_cast<int>(digits), result);
    }
    case Function::kFloor:
      return floor_or_ceil(first, false);
    case Function::kCeil:
      return floor_or_ceil(first, true);
    case Function::kSqrt:
      return first.real < 0 ? Value::missing() : Value::floating(std::sqrt(first.real));
    case Function::kLn:
      return Value::floating(real_ln(first.real));
    case Function::kExp:
      return Value::floating(real_exp(first.real));
    case Function::kPow:
      return Value::floating(real_pow(first.real, args[1].real));
    case Function::kMin:
      return extreme(args, Ordering::kLess);
    case Function::kMax:
      return extreme(args, Ordering::kGreater);
    case Function::kLower:
      return made_text(first.text, texts, append_lower);
    case Function::kUpper:
      return made_text(first.text, texts, append_upper);
    case Function::kLength:
      return Value::integer(static_cast<Int128>(length_of(first.text)));
    case Function::kSubstring:
      return substring(
          first.text, args[1].number,
          args.size() > 2 ? args[2].number : Int128{std::numeric_limits<std::int64_t>::max()});
    case Function::kNormalize:
      return made_text(first.text, texts, append_normalized);
    case Function::kHour:
    case Function::kWeekday:
    case Function::kDate:
      return of_zone(function, first, args[1], zones);
    case Function::kDistanceKm:
      return distance(args);
    case Function::kIpIn:
      return ip_in(first.text, args[1].text);
    case Function::kSimilarity: {
      const std::optional<double> alike = jaro_winkler(first.text, args[1].text);
      return alike ? Value::floating(*alike) : Value::missing();
    }
    case Function::kConcat:
      return concatenated(args, texts);
    case Function::kSplit: {
      const std::optional<std::string_view> part =
          part_of_text(first.text, args[1].text, static_cast<std::int64_t>(args[2].number));
      return part ? Value::string(*part) : Value::missing();
    }
    case Function::kCapture:
      break;
  }
  TOCSIN_ASSERT(false, "every function is above, but captures: a program has their expressions");
  return Value::missing();
}
}  // namespace tocsin::cep
