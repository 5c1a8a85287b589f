/// What an editor asks about a place in rule texts, in the API's form: places count lines and
/// characters from 1, as diagnostics do.
#pragma once
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "library/language/checked_pack.h"

namespace tocsin::api {
/// The words of LanguageQuestion::request, in the document's order.
inline constexpr std::string_view kLanguageRequests[] = {
    "hover", "definition", "references", "rename", "completion", "signature", "actions"};

struct LanguageQuestion {
  std::string request;  // one of kLanguageRequests
  std::uint32_t file = 0;
  std::uint32_t byte = 0;
  std::optional<std::string> new_name;  // of a rename; absent: whether and what can be renamed
};
/// The byte at a line and character of a file, both from 1; the nearest one where there is no such
/// place.
std::uint32_t byte_at(const library::CheckedPack& pack, std::uint32_t file, std::uint32_t line,
                      std::uint32_t column);
/// As the schema `LanguageAnswer` has it. `read_file`: as of the pack.
nlohmann::ordered_json answer_language(const library::CheckedPack& pack,
                                       const LanguageQuestion& question,
                                       const rules::ReadFile& read_file);
}  // namespace tocsin::api
