#include "api/delivery/delivery_planner.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "api/delivery/delivery_group.h"
#include "cep/value/identity.h"
#include "runtime/effects/effect_codec.h"
#include "runtime/io/crash_point.h"

namespace tocsin::api {
namespace {
using nlohmann::ordered_json;
using runtime::EndpointId;
using runtime::kMessageFamily;
using runtime::WithheldKind;
using runtime::WithheldRow;
constexpr std::string_view kLastNumberKey = "n";
constexpr std::size_t kEndpointBytes = 16;

tl::unexpected<Error> damaged(std::string_view what) {
  return fail(Errc::kCorrupt,
              fmt::format("the alert store holds {} that this program did not write", what));
}
template <std::size_t size>
std::array<std::uint8_t, size> bytes_at(std::string_view key, std::size_t at) {
  std::array<std::uint8_t, size> bytes{};
  std::copy_n(key.data() + at, size, reinterpret_cast<char*>(bytes.data()));
  return bytes;
}
template <std::size_t size>
std::string text_of(const std::array<std::uint8_t, size>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), size};
}
}  // namespace

// The decisions of one commit; what they change is noted, to be written with it.
class DeliveryPlanner::Decisions final : public runtime::Addressing {
 public:
  Decisions(DeliveryPlanner& planner, std::unique_lock<std::mutex> lock, cep::EventTime now)
      : planner_(planner), lock_(std::move(lock)), now_(now) {}
  // What was not written was not decided: the store knows what holds.
  ~Decisions() override { planner_.is_loaded_ = planner_.is_loaded_ && !is_open_; }

  void add(const runtime::StoredAlert& alert, std::vector<runtime::Addressee>& to) override {
    is_open_ = true;
    std::optional<const Silence*> silence;  // once somebody wants the alert
    for (const SubscriptionPtr& subscription : planner_.subscriptions_) {
      if (subscription->status == SubscriptionStatus::kDisabled) continue;
      if (!subscription->filter.admits(alert)) continue;
      if (!silence) silence = silence_of(alert);
      runtime::Addressee addressee{subscription->endpoint(), {}};
      if (*silence != nullptr) {
        addressee.withheld = WithheldRow{.endpoint = addressee.endpoint,
                                         .kind = WithheldKind::kSilenced,
                                         .silence = (*silence)->id};
        ++figures_.silenced;
      } else {
        addressee.withheld = withhold(*subscription, addressee.endpoint, alert);
      }
      to.push_back(std::move(addressee));
    }
  }

  void write(runtime::StoreBatch& batch) override {
    for (const std::uint64_t number : messages_) {
      const DeliveryMessage& message = planner_.open_.at(number);
      batch.put(kMessageFamily, message_key(message.endpoint, number), encode_message(message));
    }
    for (const EndpointId& endpoint : rate_caps_)
      batch.put(kMessageFamily, rate_cap_key(endpoint),
                planner_.lanes_.at(endpoint).rate_cap.encode());
    for (const GroupPlace& place : groups_) {
      const Group& group = planner_.lanes_.at(place.first).groups.at(place.second);
      batch.put(kMessageFamily, group_key(place), encode_group(group));
    }
    for (const std::string& key : parts_) batch.put(kMessageFamily, key, {});
    if (has_new_number_) {
      std::string value;
      runtime::append_key_u64(value, planner_.last_number_);
      batch.put(kMessageFamily, kLastNumberKey, value);
    }
  }

  void written() override {
    is_open_ = false;
    PlannerFigures& figures = planner_.figures_;
    figures.silenced += figures_.silenced;
    figures.rate_capped += figures_.rate_capped;
    figures.grouped += figures_.grouped;
    figures.groups += figures_.groups;
    figures.summaries += figures_.summaries;
  }

 private:
  const Silence* silence_of(const runtime::StoredAlert& alert) const {
    for (const SilencePtr& silence : planner_.silences_) {
      if (silence->admits(alert)) return silence.get();
    }
    return nullptr;
  }

  std::optional<WithheldRow> withhold(const Subscription& subscription, EndpointId endpoint,
                                      const runtime::StoredAlert& alert) {
    Lane& lane = planner_.lanes_[endpoint];
    if (!lane.subscription) lane.subscription = planner_.subscription_of(endpoint);
    if (!subscription.group) return rate_cap(subscription, endpoint, lane, alert);
    const std::string subject = group_subject(subscription.group->by, alert);
    const cep::Digest digest = cep::sha256(subject);
    GroupPlace place{endpoint, {}};
    std::copy_n(digest.begin(), place.second.size(), place.second.begin());
    const auto known = lane.groups.find(place.second);
    if (known != lane.groups.end() && known->second.message != 0) {
      DeliveryMessage& open = planner_.open_.at(known->second.message);
      if (now_ < open.due) return join(open, alert);
      // It is as good as on its way, and may have been before a crash: it never changes now.
      known->second.message = 0;
      known->second.next_at = open.due + subscription.group->interval;
    }
    // What begins a message counts for the rate cap.
    if (auto held = rate_cap(subscription, endpoint, lane, alert)) return held;
    if (known == lane.groups.end() && lane.groups.size() >= planner_.options_.groups_max) {
      planner_.over_limit_.insert(subscription.id);
      return std::nullopt;
    }
    Group& group = lane.groups[place.second];
    if (known == lane.groups.end()) {
      group.subject = subject;
      group.next_at = now_ + subscription.group->wait;
    } else {
      planner_.forgets_.erase({group.next_at, place});  // where it is among them
      // One that has rested begins anew.
      if (group.next_at <= now_) group.next_at = now_ + subscription.group->wait;
    }
    DeliveryMessage& message =
        begin_message(DeliveryMessage::Kind::kGroup, endpoint, subject, now_, group.next_at);
    group.message = message.number;
    groups_.insert(place);
    ++figures_.groups;
    return join(message, alert);
  }

  WithheldRow join(DeliveryMessage& message, const runtime::StoredAlert& alert) {
    message.add(alert);
    messages_.insert(message.number);
    parts_.push_back(part_key(message.endpoint, message.number, alert.number));
    ++figures_.grouped;
    return {.endpoint = message.endpoint,
            .kind = WithheldKind::kGrouped,
            .silence = {},
            .message = message.number};
  }

  std::optional<WithheldRow> rate_cap(const Subscription& subscription, EndpointId endpoint,
                                      Lane& lane, const runtime::StoredAlert& alert) {
    const RateCapLimits& standard = planner_.options_.rate_cap;
    const RateCapLimits limits{subscription.rate_cap_per_rule.value_or(standard.per_rule),
                               subscription.rate_cap_in_all.value_or(standard.in_all),
                               standard.window};
    if (limits.per_rule == 0 && limits.in_all == 0) return std::nullopt;
    const DeliveryRateCap::Decision decision = lane.rate_cap.take(alert.rule, now_, limits);
    rate_caps_.insert(endpoint);
    if (decision == DeliveryRateCap::Decision::kPass) return std::nullopt;
    const std::string subject =
        decision == DeliveryRateCap::Decision::kRuleLimit ? alert.rule : std::string();
    auto summary = planner_.open_.find(lane.rate_cap.message(subject));
    if (summary == planner_.open_.end()) {
      const DeliveryMessage& begun =
          begin_message(DeliveryMessage::Kind::kSummary, endpoint, subject, lane.rate_cap.begin(),
                        lane.rate_cap.end());
      lane.rate_cap.set_message(subject, begun.number);
      summary = planner_.open_.find(begun.number);
      ++figures_.summaries;
    }
    summary->second.add(alert);
    messages_.insert(summary->first);
    ++figures_.rate_capped;
    return WithheldRow{.endpoint = endpoint,
                       .kind = WithheldKind::kRateCapped,
                       .silence = {},
                       .message = summary->first};
  }

  DeliveryMessage& begin_message(DeliveryMessage::Kind kind, EndpointId endpoint,
                                 const std::string& subject, cep::EventTime from,
                                 cep::EventTime due) {
    DeliveryMessage message;
    message.kind = kind;
    message.endpoint = endpoint;
    message.number = runtime::kMessageBit | ++planner_.last_number_;
    message.subject = subject;
    message.from = from;
    message.due = due;
    has_new_number_ = true;
    const std::uint64_t number = message.number;
    planner_.due_.emplace(due, number);
    return planner_.open_.emplace(number, std::move(message)).first->second;
  }

  DeliveryPlanner& planner_;
  const std::unique_lock<std::mutex> lock_;
  const cep::EventTime now_;
  bool is_open_ = false;  // something was decided that is not on disk
  std::set<std::uint64_t> messages_;
  std::set<EndpointId> rate_caps_;
  std::set<GroupPlace> groups_;
  std::vector<std::string> parts_;
  bool has_new_number_ = false;
  PlannerFigures figures_;
};

std::string DeliveryPlanner::group_key(const GroupPlace& place) {
  return "g" + text_of(place.first.bytes) + text_of(place.second);
}
std::string DeliveryPlanner::rate_cap_key(EndpointId endpoint) {
  return "b" + text_of(endpoint.bytes);
}
std::string DeliveryPlanner::encode_group(const Group& group) {
  const ordered_json value = {
      {"subject", group.subject}, {"message", group.message}, {"next_at", group.next_at.us}};
  return value.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

DeliveryPlanner::SubscriptionPtr DeliveryPlanner::subscription_of(EndpointId endpoint) const {
  const auto found = std::ranges::find_if(
      subscriptions_, [&](const SubscriptionPtr& one) { return one->endpoint() == endpoint; });
  return found == subscriptions_.end() ? nullptr : *found;
}

void DeliveryPlanner::set_subscriptions(const std::vector<SubscriptionPtr>& subscriptions) {
  const std::lock_guard lock(mutex_);
  subscriptions_ = subscriptions;
  for (auto& [endpoint, lane] : lanes_) lane.subscription = subscription_of(endpoint);
}
void DeliveryPlanner::set_silences(std::vector<SilencePtr> silences) {
  const std::lock_guard lock(mutex_);
  silences_ = std::move(silences);
}

Result<std::unique_ptr<runtime::Addressing>> DeliveryPlanner::begin(cep::EventTime now) {
  std::unique_lock lock(mutex_);
  if (Result<void> loaded = load(); !loaded) return tl::unexpected(loaded.error());
  return std::make_unique<Decisions>(*this, std::move(lock), now);
}

Result<void> DeliveryPlanner::load() {
  if (is_loaded_) return {};
  lanes_.clear();
  open_.clear();
  due_.clear();
  forgets_.clear();
  last_number_ = 0;
  const Result<std::optional<std::string>> last = store_.get(kMessageFamily, kLastNumberKey);
  if (!last) return tl::unexpected(last.error());
  if (*last) {
    if ((*last)->size() != 8) return damaged("a count of messages");
    last_number_ = runtime::read_key_u64(**last);
  }
  if (Result<void> loaded = load_messages(); !loaded) return loaded;
  Result<void> damage;
  Result<void> read =
      store_.scan(kMessageFamily, runtime::StoreRange::of_prefix("b"),
                  [&](std::string_view key, std::string_view value) {
                    Result<DeliveryRateCap> rate_cap = DeliveryRateCap::decode(value);
                    if (!rate_cap || key.size() != 1 + kEndpointBytes) {
                      damage = rate_cap ? damaged("a rate cap") : tl::unexpected(rate_cap.error());
                      return false;
                    }
                    const EndpointId endpoint{bytes_at<kEndpointBytes>(key, 1)};
                    lanes_[endpoint].rate_cap = *std::move(rate_cap);
                    return true;
                  });
  if (!read || !damage) return read ? damage : read;
  read = store_.scan(kMessageFamily, runtime::StoreRange::of_prefix("g"),
                     [&](std::string_view key, std::string_view value) {
                       const ordered_json stored = ordered_json::parse(value, nullptr, false);
                       if (!stored.is_object() || key.size() != 1 + 2 * kEndpointBytes) {
                         damage = damaged("a group");
                         return false;
                       }
                       const GroupPlace place{{bytes_at<kEndpointBytes>(key, 1)},
                                              bytes_at<kEndpointBytes>(key, 1 + kEndpointBytes)};
                       Group& group = lanes_[place.first].groups[place.second];
                       group.subject = stored.value("subject", "");
                       group.message = stored.value("message", std::uint64_t{0});
                       group.next_at.us = stored.value("next_at", std::int64_t{0});
                       if (!open_.contains(group.message)) group.message = 0;
                       if (group.message == 0) forgets_.emplace(group.next_at, place);
                       return true;
                     });
  if (!read || !damage) return read ? damage : read;
  for (auto& [endpoint, lane] : lanes_) lane.subscription = subscription_of(endpoint);
  is_loaded_ = true;
  return {};
}

Result<void> DeliveryPlanner::load_messages() {
  Result<void> damage;
  const Result<void> read = store_.scan(
      kMessageFamily, all_messages(), [&](std::string_view key, std::string_view value) {
        Result<DeliveryMessage> message = decode_message(key, value);
        if (!message) {
          damage = tl::unexpected(message.error());
          return false;
        }
        if (message->is_released) return true;
        const std::uint64_t number = message->number;
        due_.emplace(message->due, number);
        open_.emplace(number, *std::move(message));
        return true;
      });
  return read ? damage : read;
}

Result<runtime::StoreBatch> DeliveryPlanner::forget(EndpointId endpoint) {
  const std::lock_guard lock(mutex_);
  if (Result<void> loaded = load(); !loaded) return tl::unexpected(loaded.error());
  runtime::StoreBatch batch;
  for (const char kind : {'m', 'p', 'b', 'g'}) {
    const runtime::StoreRange range =
        runtime::StoreRange::of_prefix(kind + text_of(endpoint.bytes));
    const Result<void> read =
        store_.scan(kMessageFamily, range, [&](std::string_view key, std::string_view) {
          batch.remove(kMessageFamily, key);
          return true;
        });
    if (!read) return tl::unexpected(read.error());
  }
  std::erase_if(due_, [&](const auto& due) { return open_.at(due.second).endpoint == endpoint; });
  std::erase_if(open_, [&](const auto& one) { return one.second.endpoint == endpoint; });
  std::erase_if(forgets_, [&](const auto& one) { return one.second.first == endpoint; });
  lanes_.erase(endpoint);
  return batch;
}

Result<std::size_t> DeliveryPlanner::release(runtime::EffectStore& effects, cep::EventTime now) {
  const std::lock_guard lock(mutex_);
  if (Result<void> loaded = load(); !loaded) return tl::unexpected(loaded.error());
  std::size_t released = 0;
  while (!due_.empty() && due_.begin()->first <= now) {
    const std::uint64_t number = due_.begin()->second;
    if (Result<void> done = release_one(effects, open_.at(number)); !done)
      return tl::unexpected(done.error());
    due_.erase(due_.begin());
    open_.erase(number);
    ++released;
  }
  if (Result<void> done = forget_groups(now); !done) return tl::unexpected(done.error());
  return released;
}

Result<void> DeliveryPlanner::release_one(runtime::EffectStore& effects, DeliveryMessage message) {
  message.is_released = true;
  runtime::StoreBatch batch;
  batch.put(kMessageFamily, message_key(message.endpoint, message.number), encode_message(message));
  Lane& lane = lanes_[message.endpoint];
  std::optional<std::pair<GroupPlace, Group>> rests;
  if (message.kind == DeliveryMessage::Kind::kGroup) {
    const auto group = std::ranges::find_if(
        lane.groups, [&](const auto& one) { return one.second.message == message.number; });
    if (group != lane.groups.end()) {
      rests = {{message.endpoint, group->first}, group->second};
      rests->second.message = 0;
      if (lane.subscription && lane.subscription->group)
        rests->second.next_at = message.due + lane.subscription->group->interval;
      batch.put(kMessageFamily, group_key(rests->first), encode_group(rests->second));
    }
  }
  runtime::crash_point("messages.before_release");
  if (Result<void> owed = effects.owe_message(message.endpoint, message.number, std::move(batch));
      !owed) {
    return owed;
  }
  runtime::crash_point("messages.after_release");
  if (rests) {
    lane.groups[rests->first.second] = rests->second;
    forgets_.emplace(rests->second.next_at, rests->first);
  }
  return {};
}

// Groups that need wait for nothing.
Result<void> DeliveryPlanner::forget_groups(cep::EventTime now) {
  runtime::StoreBatch batch;
  while (!forgets_.empty() && forgets_.begin()->first <= now) {
    const GroupPlace place = forgets_.begin()->second;
    batch.remove(kMessageFamily, group_key(place));
    const auto lane = lanes_.find(place.first);
    if (lane != lanes_.end()) lane->second.groups.erase(place.second);
    forgets_.erase(forgets_.begin());
  }
  return batch.empty() ? Result<void>{} : store_.write(batch, false);
}

Result<std::optional<cep::EventTime>> DeliveryPlanner::next_due() {
  const std::lock_guard lock(mutex_);
  if (Result<void> loaded = load(); !loaded) return tl::unexpected(loaded.error());
  std::optional<cep::EventTime> next;
  if (!due_.empty()) next = due_.begin()->first;
  if (!forgets_.empty())
    next = std::min(next.value_or(cep::kEventTimeMax), forgets_.begin()->first);
  return next;
}

std::vector<std::string> DeliveryPlanner::take_over_limit() {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> over(over_limit_.begin(), over_limit_.end());
  over_limit_.clear();
  return over;
}
PlannerFigures DeliveryPlanner::figures() const {
  const std::lock_guard lock(mutex_);
  PlannerFigures figures = figures_;
  figures.open = open_.size();
  return figures;
}
}  // namespace tocsin::api
