/// The names of files in a series: their order, and which are no files to read.
#pragma once
#include <string_view>

namespace tocsin::runtime {
/// Whether the name `a` comes before `b`: digits in a row are compared as numbers, everything else
/// byte by byte, so that "day-9" comes before "day-10". A total order: names that differ only in
/// leading zeros are compared as bytes.
bool comes_before(std::string_view a, std::string_view b);
/// Whether a name says that somebody is still writing the file, or that it is no data: it begins
/// with a dot or an underscore, or ends in `.tmp`, `.part`, `.partial`, `.filepart` or `~`.
bool is_passed_over(std::string_view name);
/// Whether a log of the name `log` is rotated to `name`: a dot, hyphen or underscore, and a number
/// or a date, follow; then perhaps `.gz` or `.zst`.
bool is_rotated(std::string_view name, std::string_view log);
}  // namespace tocsin::runtime
