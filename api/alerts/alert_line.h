/// Alerts of format 1 as text: members taken as they were written, so that a decimal keeps its
/// scale.
#pragma once
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tocsin::api {
/// A JSON object's members in order, each value as its text. Requires the JSON that
/// cep::format_alert writes: valid, and without blanks between tokens.
using JsonMembers = std::vector<std::pair<std::string_view, std::string_view>>;
JsonMembers json_members(std::string_view object);
/// The value of a member; empty where there is none.
std::string_view json_member(std::string_view object, std::string_view name);
/// A JSON string's characters; any other value as its text.
std::string json_characters(std::string_view value);
/// The elements of a JSON array, each as its text.
std::vector<std::string_view> json_elements(std::string_view array);

/// What stands for a value that was erased for good.
inline constexpr std::string_view kErasedText = "•••";

/// The first row of alerts as CSV, with its line end.
std::string_view alert_csv_head();
/// An alert's row (RFC 4180), with its line end: no cell is taken for a formula, as one that begins
/// with `=`, `+`, `-`, `@`, a tab or a carriage return has a `'` before it, unless it is a number.
std::string alert_csv_row(std::string_view line, std::string_view status);
}  // namespace tocsin::api
