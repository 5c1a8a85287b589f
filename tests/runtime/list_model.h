/// Rules that ask lists and tables, and a model of these as a user thinks of them, for tests.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "cep/compile/compile.h"

namespace tocsin::tests {
/// What fields of events and entries of lists may hold.
inline const std::vector<std::string> kCards = {"c0", "c1", "c2", "c3", "a card with a long name"};
inline const std::vector<std::string> kAmounts = {"1.00", "2.50", "7.25", "40.00"};
inline const std::vector<std::string> kCodes = {"1", "5411", "7995", "-3"};
inline const std::vector<std::string> kPlaces = {"pos", "ecom", "atm"};
inline const std::vector<std::string> kListedChannels = {"pos", "ecom",
                                                         "moon"};  // no word of the enum
inline const std::vector<std::string> kRisks = {"0.1", "0.5", "1.0", "2.5"};

/// Times of the model are in seconds; kNever: no end.
inline constexpr std::int64_t kNever = INT64_MAX;
inline constexpr std::int64_t kLongest = 30;  // that a rule looks back
/// A list as a user thinks of it.
struct ModelList {
  std::set<std::string> declared;
  bool is_replaced = false;
  std::map<std::string, std::optional<std::int64_t>> changes;  // until; nothing: removed
  bool holds(const std::string& value, std::int64_t second) const {
    if (const auto change = changes.find(value); change != changes.end()) {
      return change->second && second < *change->second;
    }
    return !is_replaced && declared.contains(value);
  }
  // Other declarations below the changes. What ended so long ago that no rule looks back to it is
  // as removed.
  void declare(std::set<std::string> values, std::int64_t now) {
    for (auto& [value, until] : changes) {
      if (until && *until != kNever && *until <= now - kLongest) until.reset();
    }
    if (!is_replaced) {
      std::erase_if(changes, [&](const auto& change) {
        return !change.second && !declared.contains(change.first);
      });
    }
    declared = std::move(values);
    std::erase_if(changes, [&](const auto& change) {
      return !change.second && !declared.contains(change.first);
    });
  }
};
struct ModelRow {
  std::int64_t until = kNever;
  std::int64_t most = 0;
  bool travels = false;
};
struct Model {
  std::map<std::string, ModelList> lists;
  std::map<std::string, ModelRow> rows;
};

/// The rules, with conditions that ask the lists and tables of the model.
std::string asked_text(const Model& model);
/// The same rules, with fields of events in the place of what is asked: `is_blocked` for `card in
/// blocked`.
std::string oracle_text();
/// What entries of a list may be.
const std::vector<std::string>& values_of(const std::string& list);
/// The program of a rule text; a test fails where it does not check.
cep::Program compiled(const std::string& text);
}  // namespace tocsin::tests
