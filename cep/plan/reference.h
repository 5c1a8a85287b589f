/// Reference data that rules look up: lists and tables, as the plan holds them.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cep/value/value.h"

namespace tocsin::cep {
enum class ListKind : std::uint8_t {
  kValues,
  kText,     // phrases: a space stands for one or more white-space characters
  kRegex,    // patterns
  kNetwork,  // of IP addresses, as network_text() writes them: `in` asks whether one has an address
};
struct List {
  std::string name;
  Type element;
  std::vector<OwnedValue> values;
  ListKind kind = ListKind::kValues;
  std::vector<bool> ignore_case = {};  // kRegex, by value: `/…/i`; kText: all alike
};
struct TableColumn {
  std::string name;
  Type type;
  bool list_of_string = false;  // then `type` says nothing
};
struct TableRow {
  std::vector<OwnedValue> key;                  // by key part
  std::vector<OwnedValue> values;               // by column; missing where missing, and for lists
  std::vector<std::vector<std::string>> lists;  // by column; empty for others
};
/// Reference data. No two rows have one key.
struct Table {
  std::string name;
  std::vector<std::string> key_names;
  std::vector<Type> key_types;
  /// The key part that is a network (a string, as network_text() writes it). It is looked up by an
  /// address: of the rows whose networks have it, the one with the longest prefix is found.
  std::optional<std::uint32_t> network_key = {};
  std::vector<TableColumn> columns;
  std::vector<TableRow> rows;
};
}  // namespace tocsin::cep
