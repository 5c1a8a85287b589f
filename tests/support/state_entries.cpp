#include "tests/support/state_entries.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "cep/value/key.h"

namespace tocsin::tests {
std::string store_key(std::uint16_t table, std::string_view key) {
  return store_key({table, cep::key_group(key), key});
}

void apply_changes(const StateChanges& changes, StateMap& to) {
  for (const auto& [key, value] : changes) {
    if (value) {
      to.insert_or_assign(key, *value);
    } else {
      to.erase(key);
    }
  }
}

StateChanges random_changes(Random& random, std::size_t count, std::size_t keys) {
  StateChanges changes;
  for (std::size_t i = 0; i < count; ++i) {
    const auto table = static_cast<std::uint16_t>(random.below(3));
    const std::string key = store_key(table, fmt::format("key{}", random.below(keys)));
    if (random.chance(25)) {
      changes[key] = std::nullopt;
    } else {
      changes[key] = std::string(random.below(40), static_cast<char>(random.below(256)));
    }
  }
  return changes;
}

bool ChangesRun::next(runtime::StateEntry& entry) {
  if (at_ == end_) return false;
  entry.key = at_->first;
  entry.is_removed = !at_->second;
  entry.value = at_->second ? std::string_view(*at_->second) : std::string_view();
  ++at_;
  return true;
}

StateMap read_all(runtime::StateScan& scan) {
  StateMap all;
  runtime::StateEntry entry;
  std::string last;
  for (;;) {
    const Result<bool> found = scan.next(entry);
    REQUIRE(found);
    if (!*found) return all;
    CHECK((all.empty() || last < entry.key));
    CHECK_FALSE(entry.is_removed);
    last = entry.key;
    all.emplace(entry.key, entry.value);
  }
}
}  // namespace tocsin::tests
