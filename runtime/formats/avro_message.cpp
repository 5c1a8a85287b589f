// From the bytes of a message to its JSON line.
#include <fmt/format.h>

#include <bit>

#include "cep/value/value.h"
#include "runtime/formats/avro_schema.h"
#include "runtime/formats/json_values.h"

namespace tocsin::runtime {
namespace {
constexpr std::size_t kPlaceBytesMax = 200;  // beyond which nothing is added to it

// Reads one value after the other. After false, error() says why.
class AvroConverter {
 public:
  AvroConverter(std::span<const AvroType> types, std::string_view bytes, std::size_t line_bytes_max,
                std::string& line)
      : types_(types), rest_(bytes), out_(line), out_begin_(line.size()), max_(line_bytes_max) {}

  Result<void> convert(std::uint32_t root) {
    if (!value(types_[root], 0, true)) return tl::unexpected(error());
    if (!rest_.empty())
      return fail(Errc::kCorrupt, fmt::format("{} bytes are left behind the value", rest_.size()));
    if (out_.size() - out_begin_ > max_) return tl::unexpected(too_long());
    return {};
  }

 private:
  Error error() const {
    const std::string_view place = std::string_view(place_).substr(place_.empty() ? 0 : 1);
    if (place.empty()) return {code_, reason_};
    return {code_, fmt::format("`{}`: {}", place, reason_)};
  }
  Error too_long() const {
    return {Errc::kLimit, fmt::format("its JSON is longer than {} bytes", max_)};
  }
  bool refuse(Errc code, std::string reason) {
    code_ = code;
    reason_ = std::move(reason);
    return false;
  }
  bool ends_early() { return refuse(Errc::kCorrupt, "the bytes end early"); }

  // Whether no limit is exceeded before another value is appended. Each appends at least one byte,
  // so that no count of a message costs more than its line may be long.
  bool may_go_on(int depth) {
    if (depth > AvroSchema::kDepthMax) {
      return refuse(Errc::kLimit,
                    fmt::format("values are nested more than {} deep", AvroSchema::kDepthMax));
    }
    if (out_.size() - out_begin_ <= max_) return true;
    return refuse(Errc::kLimit, too_long().message);
  }

  bool number(std::int64_t& to) {
    std::uint64_t word = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      if (rest_.empty()) return ends_early();
      const auto byte = static_cast<unsigned char>(rest_.front());
      rest_.remove_prefix(1);
      if (shift == 63 && byte > 1) break;
      word |= std::uint64_t{byte & 0x7fU} << shift;
      if (byte < 0x80) {
        to = static_cast<std::int64_t>(word >> 1 ^ (~(word & 1) + 1));
        return true;
      }
    }
    return refuse(Errc::kCorrupt, "a number is longer than 64 bits");
  }
  bool small_number(std::int64_t& to) {
    if (!number(to)) return false;
    if (to == static_cast<std::int32_t>(to)) return true;
    return refuse(Errc::kCorrupt, fmt::format("no int: {}", to));
  }
  bool take(std::uint64_t size, std::string_view& to) {
    if (size > rest_.size()) return ends_early();
    to = rest_.substr(0, static_cast<std::size_t>(size));
    rest_.remove_prefix(static_cast<std::size_t>(size));
    return true;
  }
  // Bytes behind their count.
  bool counted(std::string_view& to) {
    std::int64_t size = 0;
    if (!number(size)) return false;
    if (size < 0) return refuse(Errc::kCorrupt, fmt::format("a length of {} bytes", size));
    return take(static_cast<std::uint64_t>(size), to);
  }
  template <typename Word, typename Real>
  bool real() {
    std::string_view bytes;
    if (!take(sizeof(Word), bytes)) return false;
    Word word = 0;
    for (std::size_t i = sizeof(Word); i-- > 0;)
      word = word << 8 | static_cast<unsigned char>(bytes[i]);
    append_real(out_, std::bit_cast<Real>(word));
    return true;
  }
  bool decimal(std::string_view bytes, int scale) {
    if (const auto appended = append_decimal(out_, bytes, scale); !appended)
      return refuse(appended.error().code, appended.error().message);
    return true;
  }

  bool value(const AvroType& type, int depth, bool is_top = false) {
    if (!may_go_on(depth)) return false;
    switch (type.kind) {
      case AvroKind::kRecord:
        return record(type, depth, is_top);
      case AvroKind::kArray:
        return array(type, depth);
      case AvroKind::kMap:
        return map(type, depth);
      case AvroKind::kUnion: {
        std::int64_t branch = 0;
        if (!number(branch)) return false;
        if (branch < 0 || static_cast<std::uint64_t>(branch) >= type.parts.size())
          return refuse(Errc::kCorrupt, fmt::format("a union has no type {}", branch));
        return value(types_[type.parts[static_cast<std::size_t>(branch)]], depth + 1, is_top);
      }
      default:
        return scalar(type);
    }
  }

  bool record(const AvroType& type, int depth, bool is_top) {
    const std::vector<std::string>& names = is_top ? type.top_names : type.names;
    out_ += '{';
    if (is_top && !type.names_itself) {
      out_ += R"("type":)";
      cep::append_json_string(out_, type.name);
      if (!names.empty()) out_ += ',';
    }
    for (std::size_t i = 0; i < names.size(); ++i) {
      if (i != 0) out_ += ',';
      out_ += names[i];
      if (value(types_[type.parts[i]], depth + 1)) continue;
      const std::string_view name = type.names[i];
      if (place_.size() < kPlaceBytesMax)
        place_.insert(0, fmt::format(".{}", name.substr(1, name.size() - 3)));
      return false;
    }
    out_ += '}';
    return true;
  }

  // The count of a block's items; 0: there is no more.
  bool block(std::uint64_t& count) {
    std::int64_t signed_count = 0;
    if (!number(signed_count)) return false;
    count = static_cast<std::uint64_t>(signed_count);
    if (signed_count >= 0) return true;
    // The size of the block in bytes, which only a reader that passes over it needs.
    count = ~count + 1;
    std::int64_t size = 0;
    return number(size);
  }

  bool array(const AvroType& type, int depth) {
    const AvroType& item = types_[type.parts.front()];
    out_ += '[';
    bool is_first = true;
    for (std::uint64_t count = 0;;) {
      if (!block(count)) return false;
      if (count == 0) break;
      for (; count > 0; --count) {
        if (!std::exchange(is_first, false)) out_ += ',';
        if (!value(item, depth + 1)) return false;
      }
    }
    out_ += ']';
    return true;
  }

  bool map(const AvroType& type, int depth) {
    const AvroType& item = types_[type.parts.front()];
    out_ += '{';
    bool is_first = true;
    for (std::uint64_t count = 0;;) {
      if (!block(count)) return false;
      if (count == 0) break;
      for (; count > 0; --count) {
        std::string_view key;
        if (!counted(key)) return false;
        if (!std::exchange(is_first, false)) out_ += ',';
        cep::append_json_string(out_, key);
        out_ += ':';
        if (!value(item, depth + 1)) return false;
      }
    }
    out_ += '}';
    return true;
  }

  bool boolean() {
    std::string_view byte;
    if (!take(1, byte)) return false;
    const auto word = static_cast<unsigned char>(byte.front());
    if (word > 1) return refuse(Errc::kCorrupt, fmt::format("no boolean: {}", word));
    out_ += word == 1 ? "true" : "false";
    return true;
  }

  bool uuid(std::string_view bytes) {
    out_ += '"';
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      if (i == 4 || i == 6 || i == 8 || i == 10) out_ += '-';
      fmt::format_to(std::back_inserter(out_), "{:02x}", static_cast<unsigned char>(bytes[i]));
    }
    out_ += '"';
    return true;
  }

  // Months, days and milliseconds, which are no one length of time.
  bool duration(std::string_view bytes) {
    const auto word = [&](std::size_t at) {
      std::uint32_t number = 0;
      for (std::size_t i = at + 4; i-- > at;)
        number = number << 8 | static_cast<unsigned char>(bytes[i]);
      return number;
    };
    fmt::format_to(std::back_inserter(out_), R"({{"months":{},"days":{},"millis":{}}})", word(0),
                   word(4), word(8));
    return true;
  }

  bool scalar(const AvroType& type) {
    std::int64_t count = 0;
    std::string_view bytes;
    switch (type.kind) {
      case AvroKind::kNull:
        out_ += "null";
        return true;
      case AvroKind::kBoolean:
        return boolean();
      case AvroKind::kInt:
        if (!small_number(count)) return false;
        append_integer(out_, count);
        return true;
      case AvroKind::kLong:
        if (!number(count)) return false;
        append_integer(out_, count);
        return true;
      case AvroKind::kFloat:
        return real<std::uint32_t, float>();
      case AvroKind::kDouble:
        return real<std::uint64_t, double>();
      case AvroKind::kString:
        if (!counted(bytes)) return false;
        cep::append_json_string(out_, bytes);
        return true;
      case AvroKind::kBytes:
        if (!counted(bytes)) return false;
        append_bytes(out_, bytes);
        return true;
      case AvroKind::kEnum:
        if (!small_number(count)) return false;
        if (count < 0 || static_cast<std::uint64_t>(count) >= type.names.size())
          return refuse(Errc::kCorrupt,
                        fmt::format("enum `{}` has no symbol {}", type.name, count));
        out_ += type.names[static_cast<std::size_t>(count)];
        return true;
      case AvroKind::kDate:
        if (!small_number(count)) return false;
        append_date(out_, count);
        return true;
      case AvroKind::kMillis:
      case AvroKind::kMicros:
      case AvroKind::kNanos:
        if (!number(count)) return false;
        append_time(out_, count, units_of(type.kind));
        return true;
      case AvroKind::kDecimal:
        return counted(bytes) && decimal(bytes, type.scale);
      default:
        return fixed(type);
    }
  }

  static std::int64_t units_of(AvroKind kind) {
    if (kind == AvroKind::kMillis) return 1'000;
    return kind == AvroKind::kMicros ? 1'000'000 : 1'000'000'000;
  }

  bool fixed(const AvroType& type) {
    std::string_view bytes;
    if (!take(type.size, bytes)) return false;
    if (type.kind == AvroKind::kFixedDecimal) return decimal(bytes, type.scale);
    if (type.kind == AvroKind::kFixedUuid) return uuid(bytes);
    if (type.kind == AvroKind::kFixedDuration) return duration(bytes);
    append_bytes(out_, bytes);
    return true;
  }

  const std::span<const AvroType> types_;
  std::string_view rest_;
  std::string& out_;
  const std::size_t out_begin_;
  const std::size_t max_;
  Errc code_ = Errc::kCorrupt;
  std::string reason_;
  std::string place_;  // of the value that was refused: ".card.number"
};
}  // namespace

Result<void> AvroSchema::convert(std::string_view bytes, std::size_t line_bytes_max,
                                 std::string& line) const {
  return AvroConverter(types_, bytes, line_bytes_max, line).convert(root_);
}
}  // namespace tocsin::runtime
