/// Who holds an engine's memory: for people who have to find room.
#pragma once
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace tocsin::cep {
class TableState;
struct StateTable;

/// Memory that a rule's or feature's state takes, with its part of what all state of a table needs.
/// An estimate.
struct StateShare {
  bool is_rule = true;
  std::string name;  // the rule's id, the feature's name
  std::uint64_t bytes = 0;
};
/// Sums up shares, by name.
class StateShares {
 public:
  void add(bool is_rule, const std::string& name, std::uint64_t bytes) {
    if (bytes > 0) bytes_[{is_rule, name}] += bytes;
  }
  /// The largest first, at most so many.
  std::vector<StateShare> largest(std::size_t most) const;

 private:
  std::map<std::pair<bool, std::string>, std::uint64_t> bytes_;
};
/// Adds who holds the table's bytes(), about, from some of the keys; but not what is held back by
/// values.
void add_shares(TableState& table, const StateTable& layout, StateShares& shares);
}  // namespace tocsin::cep
