/// Keys of which rules hold state, found by going through an engine's keys in parts.
///
/// Keys come by what they are made of, then key group, then by a hash of their bytes that `salt`
/// chooses. So their order is fixed whatever comes and goes meanwhile: a key that holds state all
/// the time that a walk takes is found once, whatever other keys do.
#pragma once
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cep/base/index.h"
#include "cep/engine/key_report.h"
#include "cep/value/time.h"
#include "cep/value/value.h"

namespace tocsin::cep {
class Program;
class ProgramImpl;
class TableState;

/// Where a walk is: behind the key of this hash.
struct KeyPlace {
  std::uint32_t kind = 0;  // TableProgram::key_number
  std::uint32_t group = 0;
  std::uint64_t after = 0;
  friend auto operator<=>(const KeyPlace&, const KeyPlace&) = default;
};
struct ScannedRule {
  RuleIndex rule;
  std::uint64_t matches = 0;  // partial ones, and complete ones that wait
  /// Of the oldest of them, KeyScan::matches_max at most: how many took their last event in each
  /// step, in the order written; complete ones are not among these.
  std::vector<std::uint64_t> by_step;
  std::uint64_t complete = 0;             // of the same
  std::optional<ReportedMatch> furthest;  // the fewest steps missing, then the earliest end
  std::optional<ReportedWindow> window;
  std::optional<ReportedSuppression> suppression;
};
struct ScannedKey {
  KeyPlace place;
  std::vector<std::string> names;  // of its parts, as the first of the rules calls them
  std::vector<OwnedValue> parts;   // of the types that rules know
  std::vector<ScannedRule> rules;  // that hold state of it, in the plan's order
};
/// What is looked for, and how far that is.
struct KeyScan {
  std::vector<bool> rules;  // state of any of these, by RuleIndex
  std::string prefix;       // of the text of a key's first part; empty: any
  std::uint64_t salt = 0;
  std::size_t keys_max = 1000;    // looked at by one call
  std::size_t matches_max = 200;  // of a rule, the oldest, among which the furthest is sought
  std::optional<KeyPlace> last;   // the walk ends behind it; nothing: behind all keys
  std::function<bool()> is_over;  // asked after each key: whether the call is to end; may be empty
  // ---- changed by each call
  KeyPlace at;
  bool is_done = false;        // the walk has ended
  std::uint64_t examined = 0;  // keys that were looked at
  std::vector<ScannedKey> found;
};
/// How near a key is to an alert: the smaller the nearer. No two keys of a walk are equally near.
struct KeyNearness {
  static constexpr std::uint32_t kWindow = UINT32_MAX - 1;  // no partial match, an open window
  static constexpr std::uint32_t kNothing = UINT32_MAX;     // only what is held back
  std::uint32_t missing = kNothing;                         // steps; of the nearest rule
  EventTime end = kEventTimeMax;                            // of that match, or window
  KeyPlace place;
  friend auto operator<=>(const KeyNearness&, const KeyNearness&) = default;
};
KeyNearness nearness_of(const ScannedKey& key);
/// What places of a walk mean: those of another layout are of other rules. `salt` mixes it.
std::uint64_t walk_layout(const Program& program, std::uint64_t salt);

/// One call of a scan (Engine::scan_keys). Looks only.
class KeyScanner {
 public:
  KeyScanner(const ProgramImpl& program, const std::vector<std::unique_ptr<TableState>>& tables,
             EventTime now, KeyScan& scan);
  void run();

 private:
  struct Seen {
    std::uint64_t order = 0;
    std::string_view key;
  };
  bool has_rules(std::uint32_t table) const;
  void choose_tables();
  void collect();
  bool look_at_group();
  void look_at(std::string_view key);
  void take(std::uint32_t table, std::string_view key, std::vector<ScannedRule>& rules);
  std::vector<std::string> names_of(RuleIndex rule) const;

  const ProgramImpl& program_;
  const std::vector<std::unique_ptr<TableState>>& tables_;
  EventTime now_;
  KeyScan& scan_;
  std::size_t left_;
  std::vector<std::uint32_t> chosen_;  // of the kind: one for each pass
  std::vector<Seen> seen_;             // of the group
};
}  // namespace tocsin::cep
