/// `except`, `once` and `at most` of one rule, over all its keys in the order of its alerts.
#pragma once
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "cep/plan/rule.h"
#include "tests/support/oracle_match.h"

namespace tocsin::oracle {
class Suppressor {
 public:
  Suppressor(const World& world, const cep::Rule& rule) : world_(world), rule_(rule) {}

  /// An event of a key comes: `once while` may end.
  void see(const Offer& event, const std::string& key);
  /// Whether an `except` takes the match; `last` is asked at its last event.
  bool is_excepted(const Moment& moment, const Context& last) const;
  /// Whether `once` or `at most` holds the match back. Nothing is noted.
  bool holds_back(const Match& match, const Moment& moment, const Context& last,
                  const std::string& key) const;
  /// Notes a match that was suppressed.
  void note_suppressed(const Match& match, const Moment& moment, const Context& last,
                       const std::string& key);
  /// Notes a match that became an alert; gives the number held back before it.
  std::uint64_t note_alert(const Match& match, const Moment& moment, const Context& last,
                           const std::string& key);

 private:
  bool once_holds_back(const Match& match, const Moment& moment, const Context& last,
                       const std::string& key) const;
  bool at_most_holds_back(const Moment& moment, const Context& last, const std::string& key) const;
  // The key of a clause: the rule's, or the values of `for each`.
  static std::string key_of(const std::vector<cep::ExprPtr>& for_each, const Context& context,
                            const std::string& key);
  std::string once_key(const Context& context, const std::string& key) const;
  std::string most_key(const Context& context, const std::string& key) const;
  std::string count_key(const Context& context, const std::string& key) const;

  const World& world_;
  const cep::Rule& rule_;
  std::map<std::string, cep::EventTime> last_alert_;                // kPerDuration
  std::map<std::string, std::set<std::int64_t>> units_;             // kPerUnit
  std::set<std::string> quiet_;                                     // kWhile
  std::set<std::pair<std::string, Position>> had_;                  // kPerVariable
  std::map<std::string, std::vector<cep::EventTime>> alert_times_;  // at most
  bool is_forgotten(const Moment& moment, const Context& last, const std::string& key) const;
  bool ends_by_last_held() const;
  std::map<std::string, std::uint64_t> held_back_;
  std::map<std::string, cep::EventTime> last_held_;
};
}  // namespace tocsin::oracle
