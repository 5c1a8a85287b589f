/// Pieces of state for tests: a plain map by store key, and runs from it.
#pragma once
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "runtime/store/state_store.h"
#include "tests/support/random.h"
#include "tests/support/store_key.h"

namespace tocsin::tests {
/// Store key to value.
using StateMap = std::map<std::string, std::string, std::less<>>;
/// Store key to value; nothing: removed.
using StateChanges = std::map<std::string, std::optional<std::string>, std::less<>>;

/// store_key() of a key in the group that it belongs to.
std::string store_key(std::uint16_t table, std::string_view key);
void apply_changes(const StateChanges& changes, StateMap& to);
/// Some of `keys` keys of some tables: put with random values, or removed.
StateChanges random_changes(Random& random, std::size_t count, std::size_t keys);

/// Must not outlive the changes.
class ChangesRun : public runtime::StateRun {
 public:
  explicit ChangesRun(const StateChanges& changes) : at_(changes.begin()), end_(changes.end()) {}
  bool next(runtime::StateEntry& entry) override;

 private:
  StateChanges::const_iterator at_;
  StateChanges::const_iterator end_;
};
/// All of a scan; fails a check where keys do not ascend.
StateMap read_all(runtime::StateScan& scan);
}  // namespace tocsin::tests
