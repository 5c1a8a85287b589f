/// What a node's journal makes of its sources and figures, besides the state of intake and engine.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cep/base/result.h"
#include "cep/plan/plan_fwd.h"
#include "runtime/event_time/run_options.h"
#include "runtime/node/node_source.h"

namespace tocsin::runtime {
struct NodeState {
  std::vector<NodeSource> sources;   // in the order in which they came
  bool has_time_ended = false;       // nothing is taken any more
  std::uint64_t values_missing = 0;  // of computed fields
  std::string lists;                 // ListChanges::save()

  std::optional<std::size_t> find(std::string_view name) const;
  /// The index of a source, known or new.
  std::size_t source(std::string_view name);
  /// Appends all of it, and of `summary` what the intake does not keep.
  void save(const cep::Plan& plan, const RunSummary& summary, std::string& to) const;
  /// Reads what save() wrote; counts of rules that the plan does not have are left out. Fails with
  /// kCorrupt for other bytes, kOtherVersion for a newer format.
  static Result<NodeState> restore(std::string_view from, const cep::Plan& plan,
                                   RunSummary& summary);
};
}  // namespace tocsin::runtime
