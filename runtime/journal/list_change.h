/// A change of what a list or table holds, as the journal has it. The entries are an array of JSON,
/// which is an argument of the command where it is short and a blob where it is long:
///
///   {"list":"blocked_cards","do":"add","who":"ann","count":1,"entries":["c1",["c2",1700000000000000]]}
///   {"table":"profiles","do":"replace","who":"ann","count":1}     and the blob
///   [[["c1"],["SE",null]]]
///
/// An entry of a list is its value's text, or [text, until]; one of a table is [[key texts],
/// [cells], until], without cells where it is removed. A cell is a text, null where missing, or a
/// list of texts. Texts are to_text()'s; `until` is in microseconds.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "cep/base/result.h"
#include "cep/data/entry_set.h"
#include "cep/data/reference_data.h"

namespace tocsin::runtime {
enum class ListAction : std::uint8_t {
  kAdd,      // or another end for one that is there
  kRemove,   // what is not there does not matter
  kReplace,  // these and no others
  kReset,    // what the rules declare, and no more changes
};
struct ListName {
  bool is_table = false;
  std::string name;
  friend auto operator<=>(const ListName&, const ListName&) = default;
};
/// "the list blocked_cards"
std::string describe(const ListName& name);
/// A list or a table of a program; one of both is null.
struct ListOrTable {
  cep::ListProgram* list = nullptr;
  cep::LookupTable* table = nullptr;
  cep::EntrySet& entries() const { return list != nullptr ? list->entries() : table->rows(); }
};
/// Nothing where there is none.
ListOrTable find_list(cep::ReferenceData& data, const ListName& name);
/// What entries must fit: "decimal(2)"; keys and columns with their types.
std::string shape_of(const ListOrTable& what);

/// As the journal has it.
struct ListCommand {
  ListName name;
  ListAction action = ListAction::kAdd;
  std::string who;           // a token's name
  std::size_t count = 0;     // of entries
  std::string entries = {};  // as arguments; empty where they are a blob, or there are none
};
std::string write_list_command(const ListCommand& command);
/// Fails with kCorrupt.
Result<ListCommand> read_list_command(std::string_view json);

/// The array of entries; of a table, those that are removed have no cells.
std::string write_entries(const ListOrTable& what, const std::vector<cep::Entry>& entries);
/// Reads what write_entries() wrote. Fails with kCorrupt, naming the place: also where they do not
/// fit the list or table.
Result<std::vector<cep::Entry>> read_entries(const ListOrTable& what, std::string_view json);
}  // namespace tocsin::runtime
