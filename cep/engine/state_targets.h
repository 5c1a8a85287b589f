/// What entries written under one layout become under another: which part of a table goes on as
/// which operator of this program, by the digests of what their state means.
#pragma once
#include <cstdint>
#include <utility>
#include <vector>

#include "cep/engine/restore_report.h"
#include "cep/engine/state_record.h"
#include "cep/record/state_layout.h"

namespace tocsin::cep {
struct StateTargets {
  static constexpr std::uint32_t kNone = ~std::uint32_t{0};
  /// By written table: this program's tables that take something of it.
  std::vector<std::vector<std::pair<std::uint32_t, TableTarget>>> tables;
  /// By written table of suppression by values: its number here, kNone.
  std::vector<std::uint32_t> values;
  RestoreReport report;

  /// What comes from here on is of a later cut than what has come.
  void begin_later_cut() {
    for (auto& of_table : tables) {
      for (auto& [table, target] : of_table) target.is_later = true;
    }
  }
};
/// `written` outlives the targets.
StateTargets make_targets(const StateLayout& written, const StateLayout& own,
                          const ProgramImpl& program);
/// Of two engines' states: what does not go on from `last` goes on from `past`, but for what it
/// holds back, which begins with nothing. No operator is a target of both.
struct TargetsOfTwo {
  StateTargets last;  // with the report of both
  StateTargets past;
};
/// Both layouts outlive the targets.
TargetsOfTwo make_targets(const StateLayout& last, const StateLayout& past, const StateLayout& own,
                          const ProgramImpl& program);
}  // namespace tocsin::cep
