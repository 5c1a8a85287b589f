#include "api/rest/event_types.h"

#include <algorithm>
#include <cstdint>
#include <nlohmann/json.hpp>

namespace tocsin::api {
namespace {
// Finds the first `type` of the outermost object; goes through the whole line, so that one that is
// no JSON has none.
class TypeFinder : public nlohmann::json_sax<nlohmann::json> {
 public:
  std::optional<std::string> take() { return std::move(type_); }

  bool null() override { return value(); }
  bool boolean(bool /*value*/) override { return value(); }
  bool number_integer(number_integer_t /*value*/) override { return value(); }
  bool number_unsigned(number_unsigned_t /*value*/) override { return value(); }
  bool number_float(number_float_t /*value*/, const string_t& /*text*/) override { return value(); }
  bool binary(binary_t& /*value*/) override { return value(); }
  bool string(string_t& text) override {
    if (depth_ == 1 && is_type_) type_ = text;
    return value();
  }
  bool start_object(std::size_t /*size*/) override { return begin(); }
  bool start_array(std::size_t /*size*/) override { return depth_ > 0 && begin(); }
  bool end_object() override { return end(); }
  bool end_array() override { return end(); }
  bool key(string_t& name) override {
    is_type_ = depth_ == 1 && !has_type_ && name == "type";
    return true;
  }
  bool parse_error(std::size_t /*place*/, const std::string& /*token*/,
                   const nlohmann::detail::exception& /*error*/) override {
    type_.reset();
    return false;
  }

 private:
  bool value() {
    has_type_ = has_type_ || is_type_;
    is_type_ = false;
    return depth_ > 0;
  }
  bool begin() {
    if (depth_ > 0) value();
    ++depth_;
    return true;
  }
  bool end() {
    --depth_;
    return true;
  }

  std::optional<std::string> type_;
  std::uint64_t depth_ = 0;
  bool is_type_ = false;  // the value that comes is that of the first `type`
  bool has_type_ = false;
};
}  // namespace

std::optional<std::string> type_of_line(std::string_view line) {
  TypeFinder finder;
  if (!nlohmann::json::sax_parse(line, &finder)) return std::nullopt;
  return finder.take();
}

std::optional<OtherType> find_other_type(std::string_view lines,
                                         const std::set<std::string, std::less<>>& types) {
  for (std::size_t place = 0; !lines.empty(); ++place) {
    const std::string_view line = lines.substr(0, lines.find('\n'));
    lines.remove_prefix(std::min(lines.size(), line.size() + 1));
    std::optional<std::string> type = type_of_line(line);
    if (!type || !types.contains(*type)) return OtherType{place, std::move(type)};
  }
  return std::nullopt;
}
}  // namespace tocsin::api
