/// Decides, once and with the commit that stores an alert, to which subscriptions it goes and how:
/// by itself, in a group, counted in a summary of the rate cap, or silenced. All that it decides
/// by stands in the alert store and changes in that same write, so that a crash repeats no decision
/// and forgets none.
///
/// In the family `messages`, beside the messages themselves (api/delivery/delivery_message.h):
///
///   'n'                                     u64 the number of the last message
///   'b' u8[16] endpoint                     JSON: its rate cap
///   'g' u8[16] endpoint | u8[16] digest     JSON: a group, as long as its next message has to wait
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "api/alerts/silence.h"
#include "api/delivery/delivery_message.h"
#include "api/delivery/delivery_rate_cap.h"
#include "api/delivery/subscription.h"
#include "cep/base/result.h"
#include "runtime/effects/effect_store.h"
#include "runtime/store/store.h"

namespace tocsin::api {
struct PlannerOptions {
  RateCapLimits rate_cap;           // of subscriptions that say nothing of it
  std::size_t groups_max = 10'000;  // that wait, of one subscription
};
/// What was decided, by this process.
struct PlannerFigures {
  std::uint64_t silenced = 0;
  std::uint64_t rate_capped = 0;
  std::uint64_t grouped = 0;
  std::uint64_t groups = 0;     // messages that were begun
  std::uint64_t summaries = 0;  // likewise
  std::size_t open = 0;         // messages that wait now
};

/// Threading: any.
class DeliveryPlanner final : public runtime::Addressees {
 public:
  using SubscriptionPtr = std::shared_ptr<const Subscription>;
  using SilencePtr = std::shared_ptr<const Silence>;
  /// Over a store that was opened with runtime::effect_families(), which must outlive this. What is
  /// stored is read when it is first needed: once no other planner decides.
  DeliveryPlanner(runtime::Store& store, PlannerOptions options)
      : store_(store), options_(options) {}

  /// Whom there is from now on; when these return, no commit goes by what was before.
  void set_subscriptions(const std::vector<SubscriptionPtr>& subscriptions);
  void set_silences(std::vector<SilencePtr> silences);
  /// Knows nothing more of an endpoint that is among the subscriptions no longer; gives the removal
  /// of what is stored of it. Errors of this and below: kCorrupt, kIo.
  Result<runtime::StoreBatch> forget(runtime::EndpointId endpoint);

  Result<std::unique_ptr<runtime::Addressing>> begin(cep::EventTime now) override;
  /// Owes the messages that are due; gives how many.
  Result<std::size_t> release(runtime::EffectStore& effects, cep::EventTime now);
  /// When to release() next, perhaps in the past; nothing: not before a commit.
  Result<std::optional<cep::EventTime>> next_due();
  /// Subscriptions with as many groups as there may be, whose alerts went by themselves, since this
  /// was last asked.
  std::vector<std::string> take_over_limit();
  PlannerFigures figures() const;

 private:
  class Decisions;
  using GroupDigest = std::array<std::uint8_t, 16>;
  struct Group {
    std::string subject;
    std::uint64_t message = 0;  // the one that is open; 0: none
    cep::EventTime next_at;     // no message of it is sent before
  };
  struct Lane {
    SubscriptionPtr subscription;  // null: it is gone
    DeliveryRateCap rate_cap;
    std::map<GroupDigest, Group> groups;
  };
  using GroupPlace = std::pair<runtime::EndpointId, GroupDigest>;

  SubscriptionPtr subscription_of(runtime::EndpointId endpoint) const;
  Result<void> load();
  Result<void> load_messages();
  Result<void> release_one(runtime::EffectStore& effects, DeliveryMessage message);
  Result<void> forget_groups(cep::EventTime now);
  static std::string group_key(const GroupPlace& place);
  static std::string rate_cap_key(runtime::EndpointId endpoint);
  static std::string encode_group(const Group& group);

  runtime::Store& store_;
  const PlannerOptions options_;
  mutable std::mutex mutex_;  // held through a commit; guards all below
  std::vector<SubscriptionPtr> subscriptions_;
  std::vector<SilencePtr> silences_;
  bool is_loaded_ = false;
  std::uint64_t last_number_ = 0;  // of a message, without its bit
  std::map<runtime::EndpointId, Lane> lanes_;
  std::map<std::uint64_t, DeliveryMessage> open_;
  std::set<std::pair<cep::EventTime, std::uint64_t>> due_;   // of open_
  std::set<std::pair<cep::EventTime, GroupPlace>> forgets_;  // groups without a message
  std::set<std::string> over_limit_;
  PlannerFigures figures_;
};
}  // namespace tocsin::api
