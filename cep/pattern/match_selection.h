/// Which of a key's complete matches are given, by the rule's selection (`skip`, `consume`,
/// `in order`), and what those that are given drop.
#pragma once
#include <cstddef>
#include <vector>

#include "cep/pattern/complete_matches.h"
#include "cep/pattern/current_pattern.h"
#include "cep/pattern/lost_runs.h"
#include "cep/pattern/node_writer.h"
#include "cep/pattern/pattern_alerts.h"
#include "cep/places/members.h"

namespace tocsin::cep {
class MatchSelection {
 public:
  /// Selects among `matches`, which are of the rule and key of `current`.
  MatchSelection(CurrentPattern& current, NodeWriter& nodes, CompleteMatches& matches,
                 LostRuns& lost, PatternAlerts& alerts)
      : current_(current), nodes_(nodes), matches_(matches), lost_(lost), alerts_(alerts) {}
  /// Puts the candidates, which ascend by their first events, in their order, each once.
  void sort_candidates(const OrderKey& order);
  /// The default selection and `no skip`, where a match drops nothing: gives the candidates.
  void decide(const OrderKey& order);
  /// Gives those of `given`, in their order, that those before leave, and drops what they drop.
  void give_in_turn(const OrderKey& order);
  /// `in order`: those of `given` wait until no partial match that began earlier is alive; gives
  /// those whose turn has come.
  void wait_in_order(const OrderKey& order);
  /// Gives the match of a busy key whose events are in `log`; whether it was selected. The state's
  /// words hold its nodes only until then.
  bool give_chain(const EventLog& log, const ChainMatch& match);
  /// The same of a match that the current event completes for `step`, behind the node `last`; the
  /// scope of `current` is that of its nodes. The rule's selection drops no single events.
  bool give_last(Offset last, std::uint32_t step);
  /// Whether `once` by time holds back what the current event completes; then it counts a match.
  bool is_suppressed() { return alerts_.is_suppressed(); }
  /// Sets the deadline at which time itself gives what waits: when the last partial match that
  /// began earlier ends.
  void set_release_timer();
  /// Drops the older half of the key's partial matches, once what becomes of them at the event or
  /// deadline is written: the steps did not suffice. With `in order` their ends release what waits
  /// for them, so that they stay.
  void drop_older_half(const OrderKey& order);

 private:
  // What a given match drops.
  struct Drop {
    bool any = false;
    bool by_position = false;  // all that began at or before `last`
    bool strictly = false;     // … before it
    EventPosition last;
    std::vector<Offset> events;  // all that hold one of these, ascending
  };
  Drop drop_of(const CompleteMatch& match) const;
  bool is_dropped(const Drop& drop, Offset node);
  void drop_runs(const Drop& drop);
  template <typename Ends>
  std::size_t end_waiting(Ends&& ends);
  void give_waiting(OrderKey order);
  void give_up_waiting(const OrderKey& order);

  CurrentPattern& current_;
  NodeWriter& nodes_;
  CompleteMatches& matches_;
  LostRuns& lost_;
  PatternAlerts& alerts_;
  std::size_t unchecked_ = 0;  // dropped because there were no steps to find out
};
}  // namespace tocsin::cep
