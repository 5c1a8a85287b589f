#include "runtime/formats/protobuf_message.h"

#include <fmt/format.h>
#include <google/protobuf/descriptor.h>

#include <algorithm>
#include <bit>
#include <span>
#include <utility>
#include <vector>

#include "cep/value/value.h"
#include "runtime/formats/json_values.h"

namespace tocsin::runtime {
namespace {
namespace pb = google::protobuf;
using Field = pb::FieldDescriptor;
using Parts = std::span<const std::string_view>;
constexpr int kDepthMax = 100;

enum class Wire : std::uint8_t { kVarint, kFixed64, kBytes, kGroup, kGroupEnd, kFixed32 };

// What a message says of one field, once.
struct Item {
  const Field* field = nullptr;
  bool is_packed = false;       // `bytes` are several numbers
  std::uint64_t number = 0;     // of a number
  std::string_view bytes = {};  // of a text, bytes or a message
};

Wire wire_of(Field::Type type) {
  switch (type) {
    case Field::TYPE_DOUBLE:
    case Field::TYPE_FIXED64:
    case Field::TYPE_SFIXED64:
      return Wire::kFixed64;
    case Field::TYPE_FLOAT:
    case Field::TYPE_FIXED32:
    case Field::TYPE_SFIXED32:
      return Wire::kFixed32;
    case Field::TYPE_STRING:
    case Field::TYPE_BYTES:
    case Field::TYPE_MESSAGE:
      return Wire::kBytes;
    case Field::TYPE_GROUP:
      return Wire::kGroup;
    default:
      return Wire::kVarint;
  }
}

bool take_fixed(std::string_view& bytes, std::size_t size, std::uint64_t& to) {
  if (bytes.size() < size) return false;
  to = 0;
  for (std::size_t i = size; i-- > 0;) to = to << 8 | static_cast<unsigned char>(bytes[i]);
  bytes.remove_prefix(size);
  return true;
}
bool take_number(std::string_view& bytes, Wire wire, std::uint64_t& to) {
  if (wire == Wire::kVarint) return take_protobuf_number(bytes, to);
  return take_fixed(bytes, wire == Wire::kFixed64 ? 8 : 4, to);
}
bool take_counted(std::string_view& bytes, std::string_view& to) {
  std::uint64_t size = 0;
  if (!take_protobuf_number(bytes, size) || size > bytes.size()) return false;
  to = bytes.substr(0, static_cast<std::size_t>(size));
  bytes.remove_prefix(static_cast<std::size_t>(size));
  return true;
}
bool take_tag(std::string_view& bytes, std::uint32_t& number, Wire& wire) {
  std::uint64_t tag = 0;
  if (!take_protobuf_number(bytes, tag) || tag > UINT32_MAX || tag < 8 || (tag & 7) > 5)
    return false;
  number = static_cast<std::uint32_t>(tag >> 3);
  wire = static_cast<Wire>(tag & 7);
  return true;
}

// What stands before the end of the group of this number; its end is taken too.
bool take_group(std::string_view& bytes, std::uint32_t number, std::string_view& to) {
  const std::string_view all = bytes;
  std::vector<std::uint32_t> open = {number};
  while (!open.empty()) {
    const std::size_t before = all.size() - bytes.size();
    std::uint32_t of = 0;
    Wire wire = Wire::kVarint;
    if (!take_tag(bytes, of, wire)) return false;
    std::string_view passed;
    std::uint64_t word = 0;
    if (wire == Wire::kGroup) {
      open.push_back(of);
    } else if (wire == Wire::kGroupEnd) {
      if (of != open.back()) return false;
      open.pop_back();
      to = all.substr(0, before);
    } else if (wire == Wire::kBytes ? !take_counted(bytes, passed)
                                    : !take_number(bytes, wire, word)) {
      return false;
    }
  }
  return true;
}

// Appends what these bytes, one after the other, say of fields that the type has.
bool take_items(const pb::Descriptor& type, Parts parts, std::vector<Item>& items) {
  for (std::string_view rest : parts) {
    while (!rest.empty()) {
      std::uint32_t number = 0;
      Wire wire = Wire::kVarint;
      Item item;
      if (!take_tag(rest, number, wire)) return false;
      const bool is_taken = wire == Wire::kBytes ? take_counted(rest, item.bytes)
                            : wire == Wire::kGroup
                                ? take_group(rest, number, item.bytes)
                                : wire != Wire::kGroupEnd && take_number(rest, wire, item.number);
      if (!is_taken) return false;
      item.field = type.FindFieldByNumber(static_cast<int>(number));
      if (item.field == nullptr) continue;
      // As in the library, a field that is written as another type is one that is not known.
      const bool is_expected = wire == wire_of(item.field->type());
      item.is_packed = !is_expected && wire == Wire::kBytes && item.field->is_packable();
      if (is_expected || item.is_packed) items.push_back(item);
    }
  }
  return true;
}

// After false, error() says why.
class LineWriter {
 public:
  LineWriter(EventTypeFrom type_from, std::size_t line_bytes_max, std::string& line)
      : type_from_(type_from), max_(line_bytes_max), out_(line), out_begin_(line.size()) {}

  Result<void> write(const pb::Descriptor& type, std::string_view bytes) {
    if (object(type, {&bytes, 1}, 0) && may_go_on(0)) return {};
    return tl::unexpected(error_);
  }

 private:
  bool refuse(Errc code, std::string reason) {
    error_ = {code, std::move(reason)};
    return false;
  }
  bool may_go_on(int depth) {
    if (depth > kDepthMax)
      return refuse(Errc::kLimit, fmt::format("values are nested more than {} deep", kDepthMax));
    if (out_.size() - out_begin_ <= max_) return true;
    return refuse(Errc::kLimit, fmt::format("its JSON is longer than {} bytes", max_));
  }
  bool damaged(const pb::Descriptor& type) {
    return refuse(Errc::kCorrupt, fmt::format("the bytes are no `{}`", type.name()));
  }

  void name(std::string_view name) {
    out_ += '"';
    out_ += name;  // of letters, digits and underscores
    out_ += "\":";
  }

  bool object(const pb::Descriptor& type, Parts parts, int depth) {
    if (!may_go_on(depth)) return false;
    std::vector<Item> items;
    if (!take_items(type, parts, items)) return damaged(type);
    drop_others_of_oneofs(items);
    std::ranges::stable_sort(items, {}, [](const Item& item) { return item.field->index(); });
    const bool is_top = depth == 0;
    const bool renames = is_top && type_from_ == EventTypeFrom::kSchema;
    bool is_first = true;
    out_ += '{';
    if (is_top && (renames || type.FindFieldByName("type") == nullptr)) {
      name("type");
      cep::append_json_string(out_, type.name());
      is_first = false;
    }
    std::span<const Item> rest = items;
    for (int i = 0; i < type.field_count(); ++i) {
      const Field& field = *type.field(i);
      std::size_t count = 0;
      while (count < rest.size() && rest[count].field == &field) ++count;
      const std::span<const Item> of_field = rest.first(count);
      rest = rest.subspan(count);
      if (count == 0 && field.has_presence()) continue;
      if (!std::exchange(is_first, false)) out_ += ',';
      name(renames && field.name() == "type" ? "type_" : field.name());
      if (!value(field, of_field, depth + 1)) return false;
    }
    out_ += '}';
    return true;
  }

  // Of the fields of a `oneof` the last one that was written.
  static void drop_others_of_oneofs(std::vector<Item>& items) {
    std::vector<const Field*> chosen;
    for (const Item& item : items) {
      const pb::OneofDescriptor* const oneof = item.field->real_containing_oneof();
      if (oneof == nullptr) continue;
      chosen.resize(std::max(chosen.size(), static_cast<std::size_t>(oneof->index()) + 1));
      chosen[static_cast<std::size_t>(oneof->index())] = item.field;
    }
    std::erase_if(items, [&](const Item& item) {
      const pb::OneofDescriptor* const oneof = item.field->real_containing_oneof();
      return oneof != nullptr && chosen[static_cast<std::size_t>(oneof->index())] != item.field;
    });
  }

  bool value(const Field& field, std::span<const Item> items, int depth) {
    if (!may_go_on(depth)) return false;
    if (field.is_map()) return map(field, items, depth);
    if (field.is_repeated()) return array(field, items, depth);
    if (field.cpp_type() == Field::CPPTYPE_MESSAGE) {
      std::vector<std::string_view> parts;
      for (const Item& item : items) parts.push_back(item.bytes);
      return inner(*field.message_type(), parts, depth);
    }
    Item last = items.empty() ? Item{&field} : items.back();
    if (last.is_packed) {
      // Several numbers for a field of one: the last of them.
      for (last.number = 0; !last.bytes.empty();)
        if (!take_number(last.bytes, wire_of(field.type()), last.number))
          return damaged(*field.containing_type());
    }
    return one(field, last, depth);
  }

  bool array(const Field& field, std::span<const Item> items, int depth) {
    bool is_first = true;
    out_ += '[';
    for (Item item : items) {
      do {
        if (item.is_packed && item.bytes.empty()) break;
        if (item.is_packed && !take_number(item.bytes, wire_of(field.type()), item.number))
          return damaged(*field.containing_type());
        if (!std::exchange(is_first, false)) out_ += ',';
        if (!may_go_on(depth) || !one(field, item, depth)) return false;
      } while (item.is_packed);
    }
    out_ += ']';
    return true;
  }

  // By key, so that an order in which maps are written, which is no one's, has no meaning; of equal
  // keys the last.
  bool map(const Field& field, std::span<const Item> items, int depth) {
    struct Entry {
      std::string key;
      std::string_view bytes;
    };
    const pb::Descriptor& type = *field.message_type();
    std::vector<Entry> entries;
    std::vector<Item> parts;
    for (const Item& item : items) {
      parts.clear();
      if (!take_items(type, {&item.bytes, 1}, parts)) return damaged(type);
      entries.push_back({key_text(*type.map_key(), parts), item.bytes});
    }
    std::ranges::stable_sort(entries, {}, &Entry::key);
    bool is_first = true;
    out_ += '{';
    for (std::size_t i = 0; i < entries.size(); ++i) {
      if (i + 1 < entries.size() && entries[i + 1].key == entries[i].key) continue;
      if (!std::exchange(is_first, false)) out_ += ',';
      cep::append_json_string(out_, entries[i].key);
      out_ += ':';
      parts.clear();
      take_items(type, {&entries[i].bytes, 1}, parts);  // as above
      std::erase_if(parts, [&](const Item& one) { return one.field != type.map_value(); });
      if (!value(*type.map_value(), parts, depth)) return false;
    }
    out_ += '}';
    return true;
  }

  std::string key_text(const Field& key, const std::vector<Item>& items) const {
    Item last{&key};
    for (const Item& item : items) {
      if (item.field == &key && !item.is_packed) last = item;
    }
    if (key.type() == Field::TYPE_STRING) return std::string(last.bytes);
    std::string text;
    append_number(text, key, last.number);
    return text;
  }

  static void append_number(std::string& to, const Field& field, std::uint64_t word) {
    switch (field.type()) {
      case Field::TYPE_BOOL:
        to += word != 0 ? "true" : "false";
        return;
      case Field::TYPE_DOUBLE:
        return append_real(to, std::bit_cast<double>(word));
      case Field::TYPE_FLOAT:
        return append_real(to, std::bit_cast<float>(static_cast<std::uint32_t>(word)));
      case Field::TYPE_SINT32:
        return append_integer(to, static_cast<std::int32_t>(from_zigzag(word & UINT32_MAX)));
      case Field::TYPE_SINT64:
        return append_integer(to, from_zigzag(word));
      case Field::TYPE_INT32:
      case Field::TYPE_SFIXED32:
      case Field::TYPE_ENUM:
        return append_integer(to, static_cast<std::int32_t>(word));
      case Field::TYPE_INT64:
      case Field::TYPE_SFIXED64:
        return append_integer(to, static_cast<std::int64_t>(word));
      case Field::TYPE_UINT32:
      case Field::TYPE_FIXED32:
        return append_integer(to, static_cast<std::uint32_t>(word));
      default:
        to += std::to_string(word);
    }
  }

  bool one(const Field& field, const Item& item, int depth) {
    switch (field.type()) {
      case Field::TYPE_MESSAGE:
      case Field::TYPE_GROUP:
        return inner(*field.message_type(), {&item.bytes, 1}, depth);
      case Field::TYPE_STRING:
        cep::append_json_string(out_, item.bytes);
        return true;
      case Field::TYPE_BYTES:
        append_bytes(out_, item.bytes);
        return true;
      case Field::TYPE_ENUM: {
        const auto* const known =
            field.enum_type()->FindValueByNumber(static_cast<std::int32_t>(item.number));
        if (known == nullptr) break;
        cep::append_json_string(out_, known->name());
        return true;
      }
      default:
        break;
    }
    append_number(out_, field, item.number);
    return true;
  }

  // A message within another: some types are a value each.
  bool inner(const pb::Descriptor& type, Parts parts, int depth) {
    if (!may_go_on(depth)) return false;
    const std::string& full = type.full_name();
    const bool is_time = full == "google.protobuf.Timestamp";
    const bool is_decimal = full == "confluent.type.Decimal";
    const bool is_wrapper = full.starts_with("google.protobuf.") && full.ends_with("Value") &&
                            type.field_count() == 1 && type.field(0)->name() == "value";
    if (!is_time && !is_decimal && !is_wrapper && full != "google.protobuf.Duration")
      return object(type, parts, depth);
    std::vector<Item> items;
    if (!take_items(type, parts, items)) return damaged(type);
    Item by_number[4];
    for (const Item& item : items) {
      if (item.field->number() < 4 && !item.is_packed) by_number[item.field->number()] = item;
    }
    const auto number = [&](int of) { return static_cast<std::int64_t>(by_number[of].number); };
    if (is_wrapper) return one(*type.field(0), by_number[1], depth);
    if (is_decimal) return decimal(by_number[1].bytes, number(3));
    return moment(number(1), number(2), is_time);
  }

  bool decimal(std::string_view bytes, std::int64_t scale) {
    if (scale < 0 || scale > kDecimalScaleMax)
      return refuse(Errc::kCorrupt, fmt::format("a decimal with the scale {}", scale));
    if (const auto appended = append_decimal(out_, bytes, static_cast<int>(scale)); !appended)
      return refuse(appended.error().code, appended.error().message);
    return true;
  }

  // A time as text, a length of time as a number of seconds.
  bool moment(std::int64_t seconds, std::int64_t nanos, bool is_time) {
    constexpr std::int64_t kBillion = 1'000'000'000;
    constexpr std::int64_t kMicros = 1'000'000;
    constexpr std::int64_t kSecondsMax = 400'000'000'000;
    if (seconds < -kSecondsMax || seconds > kSecondsMax || nanos <= -kBillion || nanos >= kBillion)
      return refuse(Errc::kCorrupt, fmt::format("no time: {} s and {} ns", seconds, nanos));
    if (is_time) {
      const std::int64_t micros = nanos / 1000 - (nanos % 1000 < 0 ? 1 : 0);
      append_time(out_, seconds * kMicros + micros, kMicros);
      return true;
    }
    const __int128 all = static_cast<__int128>(seconds) * kBillion + nanos;
    std::string bytes;
    for (int shift = 112; shift >= 0; shift -= 8) bytes += static_cast<char>(all >> shift & 0xff);
    return append_decimal(out_, bytes, 9).has_value();
  }

  const EventTypeFrom type_from_;
  const std::size_t max_;
  std::string& out_;
  const std::size_t out_begin_;
  Error error_;
};
}  // namespace

bool take_protobuf_number(std::string_view& bytes, std::uint64_t& to) {
  std::uint64_t word = 0;
  for (unsigned shift = 0; shift < 64 && !bytes.empty(); shift += 7) {
    const auto byte = static_cast<unsigned char>(bytes.front());
    bytes.remove_prefix(1);
    word |= std::uint64_t{byte & 0x7fU} << shift;
    if (byte >= 0x80) continue;
    to = word;
    return true;
  }
  return false;
}

Result<void> append_protobuf_line(const pb::Descriptor& type, EventTypeFrom type_from,
                                  std::string_view bytes, std::size_t line_bytes_max,
                                  std::string& line) {
  return LineWriter(type_from, line_bytes_max, line).write(type, bytes);
}
}  // namespace tocsin::runtime
