#include "runtime/decode/declared_fields.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "cep/base/assert.h"
#include "cep/plan/plan.h"
#include "cep/value/json_path.h"
#include "runtime/decode/declared_columns.h"
#include "runtime/decode/field_value.h"
#include "runtime/decode/json_structure.h"
#include "runtime/decode/json_text.h"
#include "runtime/decode/marked_lines.h"

namespace tocsin::runtime {
namespace {
// Decodes all declared fields of one line by plain comparison of names: for rows whose identity is
// asked for.
class DeclaredFields {
 public:
  DeclaredFields(const cep::EventType& type, cep::TextArena& scratch)
      : type_(type), scratch_(scratch), values_(type.fields.size()), passed_(type.fields.size()) {}

  std::vector<cep::Value> decode(std::string_view line) {
    static thread_local JsonScanner scanner;
    char* const padded = scratch_.allocate(line.size() + kLinePadding);
    std::memcpy(padded, line.data(), line.size());
    std::memset(padded + line.size(), 0, kLinePadding);
    JsonFault fault = scanner.scan({padded, line.size()});
    JsonCursor at(scanner.marks());
    const bool ok = fault == JsonFault::kNone && at.enter(fault) && walk(at, 0, false);
    TOCSIN_ASSERT(ok, "the line was decoded before");
    return std::move(values_);
  }

 private:
  // Goes through an object or an array that was entered, `depth` steps below the line's own.
  bool walk(JsonCursor& at, std::size_t depth, bool is_array) {
    JsonFault fault = JsonFault::kNone;
    bool more = is_array ? at.first_element(fault) : at.first(fault);
    for (std::size_t place = 0; more;
         more = is_array ? at.next_element(fault) : at.next(fault), ++place) {
      std::string buffer;
      std::string_view key;
      if (is_array) {
        buffer = "[" + std::to_string(place) + "]";
        key = buffer;
      } else {
        const std::string_view raw = string_inside(at.key());
        key = plain_text({raw.data() - 1, raw.size() + 2}, buffer).value_or(raw);
      }
      bool descend = false;
      for (std::size_t f = 0; f < values_.size(); ++f) {
        const std::vector<std::string>& path = type_.fields[f].path;
        if (passed_[f] != depth || path.size() <= depth || path[depth] != key) continue;
        if (is_place(path, depth) != is_array || !same_parents(f, depth)) continue;
        ++passed_[f];
        if (path.size() > depth + 1) {
          descend = descend || at.kind() == (is_place(path, depth + 1) ? '[' : '{');
        } else {
          values_[f] = value(type_.fields[f], at.scalar());
        }
      }
      if (!descend) {
        if (!at.skip(fault, open_)) return false;
        continue;
      }
      JsonCursor child = at.child();
      parents_.emplace_back(key);
      const bool into_array = at.kind() == '[';
      if (into_array) child.enter_array();
      if (!into_array && !child.enter(fault)) return false;
      if (!walk(child, depth + 1, into_array)) return false;
      parents_.pop_back();
      at.leave(child);
    }
    return fault == JsonFault::kNone;
  }

  static bool is_place(const std::vector<std::string>& path, std::size_t depth) {
    return depth > 0 && cep::array_place(path[depth]).has_value();
  }
  // Whether the objects around are those of the field's path: others may have been let in as often.
  bool same_parents(std::size_t f, std::size_t depth) const {
    return std::equal(parents_.begin(), parents_.end(), type_.fields[f].path.begin(),
                      type_.fields[f].path.begin() + static_cast<std::ptrdiff_t>(depth));
  }

  cep::Value value(const cep::Field& field, std::string_view token) {
    const cep::Type& type = field.type;
    if (type.kind == cep::TypeKind::kString || type.kind == cep::TypeKind::kEnum) {
      const std::optional<std::string_view> inside =
          token.front() == '"' ? inside_of(token) : std::nullopt;
      if (!inside) return cep::Value::missing();
      char* const room = scratch_.allocate(inside->size());
      const std::optional<std::size_t> size = unescape(*inside, room);
      if (!size) return cep::Value::missing();
      const std::string_view text(room, *size);
      if (type.kind == cep::TypeKind::kString) return cep::Value::string(text);
      const auto word = std::find(type.words->begin(), type.words->end(), text);
      if (word == type.words->end()) return cep::Value::missing();
      return cep::Value::enumerated(word - type.words->begin(), *word);
    }
    const Scalar scalar = scalar_value(type.kind, type.scale, token, number_form(field));
    if (!scalar.ok) return cep::Value::missing();
    switch (type.kind) {
      case cep::TypeKind::kBool:
        return cep::Value::boolean(scalar.word != 0);
      case cep::TypeKind::kInt:
        return cep::Value::integer(scalar.word);
      case cep::TypeKind::kFloat:
        return cep::Value::floating(std::bit_cast<double>(scalar.word));
      case cep::TypeKind::kDecimal:
        return cep::Value::decimal(scalar.word, type.scale);
      case cep::TypeKind::kTime:
        return cep::Value::time({scalar.word});
      case cep::TypeKind::kDate:
        return cep::Value::date(scalar.word);
      default:
        return cep::Value::duration({scalar.word});
    }
  }

  const cep::EventType& type_;
  cep::TextArena& scratch_;
  std::vector<cep::Value> values_;
  std::vector<std::size_t> passed_;  // for each field how many keys of its path were met
  std::vector<std::string> parents_;
  std::vector<char> open_;
};
}  // namespace

std::vector<cep::Value> declared_fields(const cep::Plan& plan, const cep::Row& row,
                                        cep::TextArena& scratch) {
  if (RowReference::is_one(row.raw)) return RowReference::values(plan, row);
  return DeclaredFields(plan.event_types[row.type.value], scratch).decode(row.raw);
}
}  // namespace tocsin::runtime
