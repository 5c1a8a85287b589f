/// Bodies of entries, for a list or a table.
///
///   application/json      {"entries": […]} or […]
///   application/x-ndjson  an entry a line
///   text/plain            a list's values, one a line, as in a list's file: blanks around them,
///                         empty lines and those that begin with # do not count, and one in quotes
///                         is a string of JSON
///
/// An entry of a list is a value, or {"value": …, "until": "RFC 3339"}; one of a table is
/// {"row": {"COLUMN": …, …}, "until": …}, with all columns of the key, and others or none.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cep/data/entry_set.h"
#include "runtime/journal/list_change.h"

namespace tocsin::api {
struct ListBodyLimits {
  std::size_t entries_max = 1'000'000;
  std::size_t value_bytes_max = 1024;  // of one text
};
struct ListBodyError {
  bool is_too_large = false;  // else it is no such body
  std::string detail;
  std::vector<std::string> places;  // of the first entries that do not fit, and why
};
/// Reads a whole body. Where any entry does not fit, none is given.
tl::expected<std::vector<cep::Entry>, ListBodyError> read_list_body(
    const runtime::ListOrTable& what, std::string_view media_type, std::string_view body,
    const ListBodyLimits& limits);
/// One value of a list, as it stands in a path.
tl::expected<cep::Entry, ListBodyError> read_list_value(const runtime::ListOrTable& what,
                                                        std::string_view text,
                                                        const ListBodyLimits& limits);
/// Names of a key's columns with their values, as texts.
using KeyParts = std::vector<std::pair<std::string, std::string>>;
/// The key of a table's row; the entry has no row. Requires that `what` is a table.
tl::expected<cep::Entry, ListBodyError> read_row_key(const runtime::ListOrTable& what,
                                                     const KeyParts& key,
                                                     const ListBodyLimits& limits);
}  // namespace tocsin::api
