/// What the rules of a program look up: its lists and tables, with what was changed since they were
/// declared. The only part of a program that changes while an engine runs, between two slices.
#pragma once
#include <cstdint>
#include <string_view>
#include <vector>

#include "cep/data/list_program.h"
#include "cep/data/lookup_table.h"
#include "cep/plan/plan.h"
#include "cep/plan/reference.h"

namespace tocsin::cep {
/// Copies share what was declared and go their own ways from there. Threading: one caller at a
/// time.
struct ReferenceData {
  ReferenceData() = default;
  explicit ReferenceData(const Plan& plan) {
    for (const List& list : plan.lists) lists.emplace_back(list);
    for (const Table& table : plan.tables) tables.emplace_back(table);
    watch_lists();
  }
  ReferenceData(const ReferenceData& other) : lists(other.lists), tables(other.tables) {
    watch_lists();
  }
  ReferenceData& operator=(const ReferenceData&) = delete;
  ~ReferenceData() = default;
  /// Null where there is none of this name.
  ListProgram* list(std::string_view name) {
    for (ListProgram& list : lists) {
      if (list.list().name == name) return &list;
    }
    return nullptr;
  }
  LookupTable* table(std::string_view name) {
    for (LookupTable& table : tables) {
      if (table.table().name == name) return &table;
    }
    return nullptr;
  }
  /// The places of the lists that were changed at some time, each once: all others have what was
  /// declared.
  const std::vector<std::uint32_t>& changed_lists() const { return changed_lists_; }

  std::vector<ListProgram> lists;   // by ListIndex; none is added or taken away
  std::vector<LookupTable> tables;  // by TableIndex

 private:
  void watch_lists() {
    for (std::uint32_t i = 0; i < lists.size(); ++i) {
      lists[i].entries().report_change_to(changed_lists_, i);
    }
  }

  std::vector<std::uint32_t> changed_lists_;
};
}  // namespace tocsin::cep
