/// Names, texts, numbers and durations. `what` says what was expected if it is not there.
#pragma once
#include <optional>
#include <string_view>
#include <vector>

#include "rules/parse/parse_context.h"

namespace tocsin::rules {
tree::Name parse_name(ParseContext& p, std::string_view what);
/// A name where no `-` can follow. `in_data`: one that events have, so that it cannot be changed.
tree::Name parse_declared_name(ParseContext& p, std::string_view what, bool in_data = false);
std::vector<tree::Name> parse_names(ParseContext& p, std::string_view what);
std::optional<tree::StringLiteral> parse_string(ParseContext& p, std::string_view what);
std::vector<tree::StringLiteral> parse_strings(ParseContext& p, std::string_view what);
/// A name or a string.
tree::Word parse_word(ParseContext& p, std::string_view what);
std::vector<tree::Word> parse_words(ParseContext& p, std::string_view what);
std::optional<tree::IntLiteral> parse_integer(ParseContext& p, std::string_view what);
/// Also reads, and reports, what other languages write: `10 minutes`, `"10m"`, `day`. `positive`:
/// the checker reports one that is 0.
std::optional<tree::DurationLiteral> parse_duration(ParseContext& p, bool positive = false);
}  // namespace tocsin::rules
