/// Names of files that are known by a number: "segment-000000000007".
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tocsin::runtime {
/// "WORD000000000007END".
std::string numbered_name(std::string_view word, std::uint64_t number, std::string_view end = {});
/// The number, not 0, of a name that numbered_name() gives, and of no other.
std::optional<std::uint64_t> number_of_name(std::string_view name, std::string_view word,
                                            std::string_view end = {});
}  // namespace tocsin::runtime
