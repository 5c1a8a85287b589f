#include "api/outbox/subscription_service.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "api/base/clock.h"
#include "api/net/webhook_url.h"
#include "runtime/effects/effect_codec.h"
#include "runtime/io/crash_point.h"

namespace tocsin::api {
namespace {
using nlohmann::ordered_json;
constexpr std::size_t kAnswerBytesMax = 1024;

Result<std::map<std::string, SubscriptionService::SubscriptionPtr>> read_all(
    const runtime::StoreReader& store, const AlertConditions& conditions, const SecretKeys& keys) {
  std::map<std::string, SubscriptionService::SubscriptionPtr> all;
  Result<void> damage;
  const Result<void> read = store.scan(
      runtime::kSubscriptionFamily, {}, [&](std::string_view key, std::string_view value) {
        Result<Subscription> subscription = decode_subscription(value, keys);
        if (!subscription) {
          damage = tl::unexpected(subscription.error());
          return false;
        }
        subscription->condition_error = conditions.fit(subscription->filter);
        all[std::string(key)] = std::make_shared<const Subscription>(*std::move(subscription));
        return true;
      });
  if (!read) return tl::unexpected(read.error());
  if (!damage) return tl::unexpected(damage.error());
  return all;
}

std::vector<SubscriptionService::SubscriptionPtr> values_of(
    const std::map<std::string, SubscriptionService::SubscriptionPtr>& all) {
  std::vector<SubscriptionService::SubscriptionPtr> values;
  values.reserve(all.size());
  for (const auto& [id, subscription] : all) values.push_back(subscription);
  return values;
}

std::string condition_text(const Subscription& subscription) {
  return fmt::format(
      "its condition is not valid under the current rules and is not evaluated; the rest of the "
      "filter applies: {}",
      subscription.condition_error);
}

tl::unexpected<Error> not_found(const std::string& id) {
  return fail(Errc::kNotFound, fmt::format("there is no subscription {}", id));
}
}  // namespace

SubscriptionService::SubscriptionService(runtime::Store& store, runtime::EffectStore& effects,
                                         runtime::Clock& clock, SubscriptionOptions options,
                                         Listener listener, AlertConditions::PlanPtr plan)
    : store_(store),
      effects_(effects),
      clock_(clock),
      options_(std::move(options)),
      listener_(std::move(listener)),
      log_(store, options_.log_max),
      notices_(store, options_.notices_max),
      conditions_(std::move(plan)),
      planner_(std::make_shared<DeliveryPlanner>(store, options_.planner)),
      silences_(store, clock, *planner_, conditions_, options_.silences),
      messages_(store, effects, options_.messages, options_.privacy) {
  options_.pool.privacy = options_.privacy;
  const auto make_client =
      [this, addresses = std::make_shared<const AddressPolicy>(options_.addresses)](
          const Subscription& subscription) -> Result<std::shared_ptr<HttpClient>> {
    Result<WebhookUrl> url = parse_webhook_url(subscription.url);
    if (!url) return tl::unexpected(url.error());
    Result<std::unique_ptr<HttpClient>> client =
        make_webhook_client(*std::move(url), options_.timeouts,
                            {.addresses = addresses, .answer_bytes_max = kAnswerBytesMax});
    if (!client) return tl::unexpected(client.error());
    return std::shared_ptr<HttpClient>(std::move(*client));
  };
  pool_ = std::make_unique<DeliveryPool>(effects_, messages_, log_, clock_, system_clock(),
                                         options_.pool, make_client,
                                         [this](const DeliveryEvent& event) { happened(event); });
}

SubscriptionService::~SubscriptionService() { stop(); }

Result<std::unique_ptr<SubscriptionService>> SubscriptionService::open(
    runtime::Store& store, runtime::EffectStore& effects, runtime::Clock& clock,
    SubscriptionOptions options, Listener listener, AlertConditions::PlanPtr plan) {
  std::unique_ptr<SubscriptionService> service(new SubscriptionService(
      store, effects, clock, std::move(options), std::move(listener), std::move(plan)));
  if (Result<void> loaded = service->load(); !loaded) return tl::unexpected(loaded.error());
  return service;
}

Result<std::shared_ptr<runtime::Addressees>> SubscriptionService::addressees(
    runtime::Store& store, const SubscriptionOptions& options,
    const AlertConditions::PlanPtr& plan) {
  const AlertConditions conditions(plan);
  const auto stored = read_all(store, conditions, options.keys);
  if (!stored) return tl::unexpected(stored.error());
  auto silences = SilenceService::read(store, conditions);
  if (!silences) return tl::unexpected(silences.error());
  auto planner = std::make_shared<DeliveryPlanner>(store, options.planner);
  planner->set_subscriptions(values_of(*stored));
  planner->set_silences(*std::move(silences));
  return planner;
}

Result<void> SubscriptionService::load() {
  auto stored = read_all(store_, conditions_, options_.keys);
  if (!stored) return tl::unexpected(stored.error());
  subscriptions_ = *std::move(stored);
  publish();
  if (Result<void> loaded = silences_.load(); !loaded) return loaded;
  // From here on no other planner decides, and this one reads what that has decided.
  effects_.set_addressees(planner_);
  for (const auto& [id, subscription] : subscriptions_) {
    if (!subscription->condition_error.empty())
      add_notice("condition_broken", id, condition_text(*subscription));
    if (Result<void> put = pool_->put(subscription); !put) return put;
  }
  releaser_ = std::make_unique<MessageReleaser>(
      *planner_, effects_, clock_, system_clock(), [this] { looked_at_messages(); },
      [this](const Error& error) {
        if (listener_) listener_({DeliveryEvent::Kind::kStore, "", "", error.message});
      });
  return {};
}

void SubscriptionService::looked_at_messages() {
  for (const std::string& id : planner_->take_over_limit()) {
    add_notice("groups_limit", id,
               fmt::format("{} groups wait, as many as may (webhooks.groups_max): alerts of others "
                           "go by themselves",
                           options_.planner.groups_max));
  }
  pool_->wake();
}

void SubscriptionService::add_notice(std::string_view kind, const std::string& subject,
                                     std::string_view text) {
  const Result<void> added = notices_.add(kind, subject, text, clock_.now());
  if (!added && listener_) {
    listener_({DeliveryEvent::Kind::kStore, subject, "", added.error().message});
  }
}

void SubscriptionService::rules_changed(AlertConditions::PlanPtr plan) {
  const std::lock_guard changing(changing_);
  conditions_.set_plan(std::move(plan));
  std::vector<SubscriptionPtr> broken;
  {
    const std::lock_guard lock(mutex_);
    for (auto& [id, subscription] : subscriptions_) {
      if (subscription->filter.condition_text.empty()) continue;
      Subscription next = *subscription;
      next.condition_error = conditions_.fit(next.filter);
      const bool is_news = !next.condition_error.empty() && subscription->condition_error.empty();
      subscription = std::make_shared<const Subscription>(std::move(next));
      if (is_news) broken.push_back(subscription);
    }
  }
  publish();
  for (const SubscriptionPtr& one : broken)
    add_notice("condition_broken", one->id, condition_text(*one));
  for (const auto& [id, why] : silences_.rules_changed()) {
    add_notice("condition_broken", id,
               fmt::format("the silence does not fit the rules that hold now, and silences "
                           "nothing: {}",
                           why));
  }
}

void SubscriptionService::wake() {
  pool_->wake();
  releaser_->wake();
}
void SubscriptionService::stop() {
  if (releaser_) releaser_->stop();
  pool_->stop();
}

std::vector<SubscriptionService::SubscriptionPtr> SubscriptionService::list() const {
  const std::lock_guard lock(mutex_);
  std::vector<SubscriptionPtr> all;
  for (const auto& [id, subscription] : subscriptions_) all.push_back(subscription);
  std::ranges::stable_sort(all, {}, [](const SubscriptionPtr& one) { return one->created_at; });
  return all;
}
SubscriptionService::SubscriptionPtr SubscriptionService::find(const std::string& id) const {
  const std::lock_guard lock(mutex_);
  const auto found = subscriptions_.find(id);
  return found == subscriptions_.end() ? nullptr : found->second;
}

// Synced.
Result<void> SubscriptionService::keep(const Subscription& subscription) {
  const Result<std::string> value = encode_subscription(subscription, options_.keys);
  if (!value) return tl::unexpected(value.error());
  runtime::StoreBatch batch;
  batch.put(runtime::kSubscriptionFamily, subscription.id, *value);
  runtime::crash_point("subscriptions.before_write");
  if (Result<void> written = store_.write(batch, true); !written) return written;
  const std::lock_guard lock(mutex_);
  subscriptions_[subscription.id] = std::make_shared<const Subscription>(subscription);
  return {};
}
void SubscriptionService::publish() {
  std::vector<SubscriptionPtr> all;
  {
    const std::lock_guard lock(mutex_);
    all = values_of(subscriptions_);
  }
  planner_->set_subscriptions(all);
}

// An address that stands in the URL is refused at once; a name's are asked at each connection.
Result<void> SubscriptionService::check_address(const Subscription& subscription) const {
  const Result<WebhookUrl> url = parse_webhook_url(subscription.url);
  if (!url) return tl::unexpected(url.error());
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  Result<void> checked;
  if (inet_pton(AF_INET, url->host.c_str(), &v4.sin_addr) == 1) {
    checked = options_.addresses.check(reinterpret_cast<const sockaddr&>(v4));
  } else if (inet_pton(AF_INET6, url->host.c_str(), &v6.sin6_addr) == 1) {
    checked = options_.addresses.check(reinterpret_cast<const sockaddr&>(v6));
  }
  if (checked) return {};
  return fail(Errc::kInvalidArgument, "url is refused: " + checked.error().message);
}

Result<void> SubscriptionService::fit_condition(Subscription& subscription) const {
  subscription.condition_error.clear();
  if (std::string why = conditions_.fit(subscription.filter); !why.empty())
    return fail(Errc::kInvalidArgument, std::move(why));
  return {};
}

Result<SubscriptionService::SubscriptionPtr> SubscriptionService::create(std::string_view settings,
                                                                         const std::string& who) {
  const std::lock_guard changing(changing_);
  if (list().size() >= options_.limits.subscriptions_max) {
    return fail(Errc::kConflict, fmt::format("there are {} subscriptions, as many as there may be",
                                             options_.limits.subscriptions_max));
  }
  Subscription subscription;
  if (Result<void> applied = apply_settings(settings, options_.limits, subscription); !applied)
    return tl::unexpected(applied.error());
  if (Result<void> checked = check_address(subscription); !checked)
    return tl::unexpected(checked.error());
  if (Result<void> fits = fit_condition(subscription); !fits) return tl::unexpected(fits.error());
  Result<std::string> id = make_subscription_id();
  if (!id) return tl::unexpected(id.error());
  Result<std::string> secret = make_webhook_secret();
  if (!secret) return tl::unexpected(secret.error());
  subscription.id = *std::move(id);
  subscription.secret = *std::move(secret);
  subscription.version = 1;
  subscription.created_at = clock_.now();
  subscription.created_by = who;
  if (Result<void> kept = keep(subscription); !kept) return tl::unexpected(kept.error());
  publish();
  SubscriptionPtr made = find(subscription.id);
  if (Result<void> put = pool_->put(made); !put) return tl::unexpected(put.error());
  return made;
}

Result<SubscriptionService::SubscriptionPtr> SubscriptionService::change(
    const std::string& id, const Condition& condition,
    const std::function<Result<void>(Subscription&)>& make) {
  const std::lock_guard changing(changing_);
  const SubscriptionPtr before = find(id);
  if (!before) return not_found(id);
  if (condition) {
    if (Result<void> holds = condition(*before); !holds) return tl::unexpected(holds.error());
  }
  Subscription next = *before;
  if (Result<void> made = make(next); !made) return tl::unexpected(made.error());
  ++next.version;
  if (Result<void> kept = keep(next); !kept) return tl::unexpected(kept.error());
  publish();
  SubscriptionPtr now = find(id);
  if (Result<void> put = pool_->put(now); !put) return tl::unexpected(put.error());
  return now;
}

Result<SubscriptionService::SubscriptionPtr> SubscriptionService::replace(
    const std::string& id, std::string_view settings, const Condition& condition) {
  return change(id, condition, [&](Subscription& next) -> Result<void> {
    if (Result<void> applied = apply_settings(settings, options_.limits, next); !applied)
      return applied;
    if (Result<void> checked = check_address(next); !checked) return checked;
    return fit_condition(next);
  });
}

Result<void> SubscriptionService::remove(const std::string& id, const Condition& condition) {
  const std::lock_guard changing(changing_);
  const SubscriptionPtr before = find(id);
  if (!before) return not_found(id);
  if (condition) {
    if (Result<void> holds = condition(*before); !holds) return holds;
  }
  pool_->remove(id);
  {
    const std::lock_guard lock(mutex_);
    subscriptions_.erase(id);
  }
  publish();
  // What was owed goes in the same write.
  Result<runtime::StoreBatch> batch = planner_->forget(before->endpoint());
  if (!batch) return tl::unexpected(batch.error());
  batch->remove(runtime::kSubscriptionFamily, id);
  if (Result<void> forgotten = effects_.forget_endpoint(before->endpoint(), *std::move(batch));
      !forgotten) {
    return forgotten;
  }
  return log_.forget(before->endpoint());
}

Result<SubscriptionService::SubscriptionPtr> SubscriptionService::rotate(
    const std::string& id, std::optional<cep::Duration> overlap) {
  return change(id, {}, [&](Subscription& next) -> Result<void> {
    Result<std::string> secret = make_webhook_secret();
    if (!secret) return tl::unexpected(secret.error());
    return next.rotate(*std::move(secret), clock_.now(), overlap.value_or(options_.overlap));
  });
}

Result<SubscriptionService::SubscriptionPtr> SubscriptionService::set_status(
    const std::string& id, SubscriptionStatus status, const std::string& reason) {
  return change(id, {}, [&](Subscription& next) -> Result<void> {
    next.status = status;
    next.status_reason = reason;
    return {};
  });
}

Result<LoggedAttempt> SubscriptionService::test(const std::string& id) {
  const SubscriptionPtr subscription = find(id);
  if (!subscription) return not_found(id);
  Result<std::string> unique = make_subscription_id();
  if (!unique) return tl::unexpected(unique.error());
  const cep::EventTime at = clock_.now();
  Delivery delivery;
  delivery.alert_id = unique->substr(4);
  delivery.webhook_id = "msg_test_" + delivery.alert_id;
  delivery.payload =
      ordered_json{{"type", "tocsin.test"}, {"subscription", id}, {"time", cep::format_time(at)}}
          .dump();
  const Result<WebhookMessage> message = make_webhook(*subscription, delivery, at);
  if (!message) return tl::unexpected(message.error());
  const auto began = std::chrono::steady_clock::now();
  HttpReply reply = pool_->send(*subscription, *message);
  const auto took = std::chrono::duration_cast<std::chrono::microseconds>(
      std::chrono::steady_clock::now() - began);
  LoggedAttempt attempt;
  attempt.webhook_id = message->id;
  attempt.attempt = 1;
  attempt.at = at;
  attempt.status = reply.status;
  attempt.latency.us = took.count();
  attempt.error = std::move(reply.error);
  attempt.answer = std::move(reply.body);
  if (Result<void> logged = log_.add(subscription->endpoint(), attempt); !logged)
    return tl::unexpected(logged.error());
  return attempt;
}

Result<std::uint64_t> SubscriptionService::redeliver(const std::string& id,
                                                     const Redelivery& wanted) {
  const SubscriptionPtr subscription = find(id);
  if (!subscription) return not_found(id);
  const runtime::EndpointId endpoint = subscription->endpoint();
  const runtime::EffectReader reader = effects_.reader();
  std::vector<std::uint64_t> numbers;
  std::size_t rows = 0;
  const auto may_go_on = [&] { return ++rows <= options_.redeliver_max; };
  Result<void> read;
  if (wanted.alert_id) {
    const Result<std::vector<std::uint64_t>> found = reader.numbers_of(*wanted.alert_id);
    if (!found) return tl::unexpected(found.error());
    if (found->empty())
      return fail(Errc::kNotFound,
                  fmt::format("there is no alert with the id {}", *wanted.alert_id));
    numbers.push_back(found->front());
  } else if (wanted.failed_since) {
    read = reader.outbox(endpoint, 0, [&](const runtime::OutboxRow& row) {
      if (row.is_dead && row.due >= *wanted.failed_since) numbers.push_back(row.number);
      return may_go_on();
    });
  } else {
    AlertFilter filter = subscription->filter;
    filter.from = wanted.from;
    filter.to = wanted.to;
    read = reader.alerts(1, [&](const runtime::StoredAlert& alert) {
      if (filter.admits(alert)) numbers.push_back(alert.number);
      return may_go_on();
    });
  }
  if (!read) return tl::unexpected(read.error());
  if (rows > options_.redeliver_max) {
    return fail(Errc::kConflict,
                fmt::format("more than {} alerts would have to be looked at: take a "
                            "later `from` or fewer at a time",
                            options_.redeliver_max));
  }
  Result<std::uint64_t> owed = effects_.owe(endpoint, numbers);
  if (owed) pool_->reread(id);
  return owed;
}

Result<std::vector<DeadDelivery>> SubscriptionService::dead(const std::string& id,
                                                            std::uint64_t from,
                                                            std::size_t most) const {
  const SubscriptionPtr subscription = find(id);
  if (!subscription) return not_found(id);
  const runtime::EffectReader reader = effects_.reader();
  std::vector<DeadDelivery> dead;
  const Result<void> read =
      reader.outbox(subscription->endpoint(), from, [&](const runtime::OutboxRow& row) {
        if (row.is_dead) dead.push_back({row, {}, {}});
        return dead.size() < most;
      });
  if (!read) return tl::unexpected(read.error());
  for (DeadDelivery& one : dead) {
    if (runtime::is_message(one.row.number)) {
      one.alert_id = message_id(subscription->endpoint(), one.row.number);
      continue;
    }
    const Result<std::optional<runtime::StoredAlert>> alert = reader.alert(one.row.number);
    if (!alert) return tl::unexpected(alert.error());
    if (!*alert) continue;
    one.alert_id = (*alert)->id;
    one.rule = (*alert)->rule;
  }
  return dead;
}

std::uint64_t SubscriptionService::owed(const Subscription& subscription) const {
  return effects_.owed(subscription.endpoint());
}

void SubscriptionService::happened(const DeliveryEvent& event) {
  Result<void> done;
  if (event.kind == DeliveryEvent::Kind::kGone) {
    const auto still_active = [](const Subscription& now) -> Result<void> {
      if (now.status == SubscriptionStatus::kDisabled) return fail(Errc::kConflict, "");
      return {};
    };
    static_cast<void>(change(event.subscription, still_active, [](Subscription& next) {
      next.status = SubscriptionStatus::kDisabled;
      next.status_reason = "the endpoint answered 410: it accepts no more";
      return Result<void>{};
    }));
    done = notices_.add("endpoint_gone", event.subscription,
                        "the endpoint answered 410 and is disabled", clock_.now());
  } else if (event.kind == DeliveryEvent::Kind::kExhausted) {
    done = notices_.add("delivery_exhausted", event.subscription,
                        fmt::format("alert {} was given up: {}", event.alert_id, event.error),
                        clock_.now());
  }
  if (!listener_) return;
  listener_(event);
  if (!done) {
    listener_(
        {DeliveryEvent::Kind::kStore, event.subscription, event.alert_id, done.error().message});
  }
}
}  // namespace tocsin::api
