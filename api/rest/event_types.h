/// The types of events in a body, for tokens that are limited to some.
#pragma once
#include <cstddef>
#include <optional>
#include <set>
#include <string>
#include <string_view>

namespace tocsin::api {
/// The `type` of a line: that of its first member of this name, as the decoder takes it. Nothing
/// for what is no JSON object, or has no `type` that is a text.
std::optional<std::string> type_of_line(std::string_view line);
/// The first line, by its place from 0, whose type is not one of `types` or cannot be read.
/// Nothing where all are. `lines` are lines of events, each with its line feed.
struct OtherType {
  std::size_t place = 0;
  std::optional<std::string> type = {};
};
std::optional<OtherType> find_other_type(std::string_view lines,
                                         const std::set<std::string, std::less<>>& types);
}  // namespace tocsin::api
