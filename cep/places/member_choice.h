/// Events given to the members of an `all of`, each event to another member that it fits.
///
/// The sets of events that can be given to different members are the independent sets of a
/// transversal matroid. So the list of events that comes first in order is found greedily: the
/// oldest event that can still be given beside those chosen, one after the other. An event that
/// cannot be added closes the members that it fits, and others that share all their events with
/// them: what fits closed members alone cannot be added later either. So there are at most twice as
/// many attempts as members, whatever the number of events.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace tocsin::cep {
inline constexpr std::size_t kMembersMax = 64;

class MemberChoice {
 public:
  explicit MemberChoice(std::uint32_t members);
  /// An event, and the member that it is given to.
  struct Given {
    std::uint64_t event = 0;
    std::uint32_t member = 0;
  };
  /// Adds an event, which fits these members (bits). False where it cannot be given to any of them,
  /// however the others move.
  bool add(std::uint64_t event, std::uint64_t members);
  std::uint32_t size() const { return count_; }
  bool is_complete() const { return held_ == all_; }
  /// Members that no further event can be given to, as far as add() has found out.
  std::uint64_t closed() const { return closed_; }
  /// All members that a further event could be given to, at least by moving others.
  std::uint64_t open() const;
  /// The events ascending, each given to the least member that leaves the others, those of later
  /// events, theirs.
  std::vector<Given> in_order() const;

 private:
  struct Chosen {
    std::uint64_t event = 0;
    std::uint64_t members = 0;  // that it fits
    std::uint32_t member = 0;   // that it is given to
  };

  std::uint64_t all_;
  std::uint64_t held_ = 0;  // members that have an event
  std::uint64_t closed_ = 0;
  std::uint32_t count_ = 0;
  std::array<Chosen, kMembersMax> chosen_{};
  std::array<std::uint8_t, kMembersMax> holder_{};  // by member: its event, of `chosen_`
};
}  // namespace tocsin::cep
