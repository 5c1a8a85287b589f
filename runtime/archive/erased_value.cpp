#include "runtime/archive/erased_value.h"

#include <simdjson.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <string>
#include <utility>

namespace tocsin::runtime {
struct ValueFinder::Parser {
  simdjson::dom::parser dom;

  // `is_named`: the element is a member whose name counts.
  bool has(const simdjson::dom::element& element, bool is_named, const ValueFinder& of) {
    switch (element.type()) {
      case simdjson::dom::element_type::OBJECT: {
        for (const auto& [name, value] : simdjson::dom::object(element)) {
          if (has(value, of.members_.contains(std::string(name)), of)) return true;
        }
        return false;
      }
      case simdjson::dom::element_type::ARRAY: {
        for (const simdjson::dom::element& value : simdjson::dom::array(element)) {
          if (has(value, is_named, of)) return true;
        }
        return false;
      }
      case simdjson::dom::element_type::STRING:
        return is_named && std::string_view(element) == of.what_.value;
      case simdjson::dom::element_type::INT64:
        return is_named && is_text_or_number(std::to_string(std::int64_t(element)), element, of);
      case simdjson::dom::element_type::UINT64:
        return is_named && is_text_or_number(std::to_string(std::uint64_t(element)), element, of);
      case simdjson::dom::element_type::DOUBLE:
        return is_named && of.is_number_ && double(element) == of.number_;
      case simdjson::dom::element_type::BOOL:
        return is_named && of.what_.value == (bool(element) ? "true" : "false");
      default:
        return false;
    }
  }
  // "5" is 5, and so is "5.00".
  static bool is_text_or_number(const std::string& text, const simdjson::dom::element& element,
                                const ValueFinder& of) {
    if (text == of.what_.value) return true;
    const bool is_whole = of.what_.value.find_first_of(".eE") == std::string::npos;
    return !is_whole && of.is_number_ && double(element) == of.number_;
  }
};

std::optional<ErasedValue> parse_erased_value(std::string_view text) {
  const std::size_t equals = text.find('=');
  if (equals == 0 || equals == std::string_view::npos || equals + 1 == text.size()) {
    return std::nullopt;
  }
  return ErasedValue{std::string(text.substr(0, equals)), std::string(text.substr(equals + 1))};
}

std::string write_erased_value(const ErasedValue& what, std::string_view salt) {
  return std::string(salt) + "\n" + what.name + "=" + what.value;
}

std::optional<ErasedValue> read_erased_value(std::string_view text) {
  const std::size_t end = text.find('\n');
  if (end == std::string_view::npos) return std::nullopt;
  return parse_erased_value(text.substr(end + 1));
}

ValueFinder::ValueFinder(ErasedValue what, std::set<std::string> members)
    : what_(std::move(what)), members_(std::move(members)), parser_(std::make_unique<Parser>()) {
  const std::string& text = what_.value;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number_);
  is_number_ = error == std::errc() && end == text.data() + text.size();
}
ValueFinder::~ValueFinder() = default;
ValueFinder::ValueFinder(ValueFinder&&) noexcept = default;

// A string may be written with escapes, and a number in other ways.
bool ValueFinder::may_be_in(std::string_view bytes) const {
  return is_number_ || bytes.find(what_.value) != bytes.npos || bytes.find('\\') != bytes.npos;
}

bool ValueFinder::is_in(std::string_view line) {
  if (!may_be_in(line)) return false;
  simdjson::dom::element root;
  if (parser_->dom.parse(line.data(), line.size()).get(root) != simdjson::SUCCESS) {
    return line.find(what_.value) != line.npos;
  }
  return parser_->has(root, false, *this);
}

std::string ValueFinder::without(std::string_view lines, std::uint64_t& erased) {
  std::string kept;
  kept.reserve(lines.size());
  while (!lines.empty()) {
    const std::size_t end = std::min(lines.find('\n'), lines.size());
    const std::string_view line = lines.substr(0, end);
    const bool is_one = !line.empty() && is_in(line);
    erased += is_one ? 1 : 0;
    kept += is_one ? kErasedLine : line;
    if (end < lines.size()) kept += '\n';
    lines.remove_prefix(std::min(end + 1, lines.size()));
  }
  return kept;
}
}  // namespace tocsin::runtime
