/// Which kinds of state there are, and how often a data directory has each: what says that the
/// golden directories leave none out.
///
/// A list of kinds is the enumeration that the code itself has: each has a function here that names
/// its enumerators, without a `default`, so that the compiler asks for the name of a new one.
#pragma once
#include <cstdint>
#include <map>
#include <string>

#include "cep/base/result.h"
#include "tests/state/state_file.h"

namespace tocsin::tests {
class KindCounts {
 public:
  /// All kinds that there are, none of them seen yet.
  KindCounts();
  void add(const std::string& kind, std::uint64_t times = 1) { counts_[kind] += times; }
  const std::map<std::string, std::uint64_t>& counts() const { return counts_; }

 private:
  std::map<std::string, std::uint64_t> counts_;
};
/// What a checkpoint or savepoint has. Fails with kCorrupt where an entry is not as the decision
/// record draws it.
Result<void> count_state(const StateFile& state, KindCounts& kinds);
/// What the journal and the alert store of a data directory have.
Result<void> count_directory(const std::string& directory, KindCounts& kinds);
}  // namespace tocsin::tests
