/// Counts, sizes and times as people read them in a summary.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace tocsin::rules {
/// "1,767,019".
std::string format_count(std::uint64_t count);
/// "1 event", "1,767,019 events": the word gets an `s` (`es` after `ch`) unless the count is one.
std::string format_count(std::uint64_t count, std::string_view word);
/// "512 B", "1.5 KB", "500.0 MB", "2.3 GB": units of a thousand.
std::string format_bytes(std::uint64_t bytes);
/// "0.02 s", "2.1 s", "3 min 20 s", "2 h 5 min".
std::string format_seconds(double seconds);
/// `amount / seconds` as a whole number; 0 where no time passed.
std::uint64_t per_second(std::uint64_t amount, double seconds);
}  // namespace tocsin::rules
