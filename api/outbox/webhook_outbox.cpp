#include "api/outbox/webhook_outbox.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <random>
#include <thread>
#include <utility>

#include "api/base/clock.h"
#include "api/delivery/attempt_outcome.h"
#include "api/delivery/delivery_queue.h"
#include "api/delivery/signature.h"
#include "api/net/http_client.h"
#include "api/net/webhook_url.h"
#include "api/outbound/webhook_client.h"
#include "api/outbox/spilled_deliveries.h"
#include "cep/base/assert.h"
#include "runtime/io/background_thread.h"

namespace tocsin::api {
namespace {
using std::chrono::milliseconds;
using namespace std::chrono_literals;

constexpr std::size_t kConcurrencyMax = 64;
constexpr milliseconds kStopQuestion{100};  // between two questions whether to stop

Result<void> check_numbers(const WebhookOptions& options) {
  if (options.concurrency < 1 || options.concurrency > kConcurrencyMax) {
    return fail(Errc::kInvalidArgument, fmt::format("webhook requests at once must be 1 to {}: {}",
                                                    kConcurrencyMax, options.concurrency));
  }
  const auto is_positive = [](milliseconds wait) { return wait > 0ms; };
  if (!is_positive(options.connect_timeout) || !is_positive(options.total_timeout))
    return fail(Errc::kInvalidArgument, "the time for a webhook request must be more than 0");
  if (options.retry_delays.empty() || !std::ranges::all_of(options.retry_delays, is_positive)) {
    return fail(Errc::kInvalidArgument,
                "the waits before a webhook is tried again must be more than 0, and at least one");
  }
  if (options.queue_max < 1)
    return fail(Errc::kInvalidArgument, "at least one webhook must be held in memory");
  return {};
}

std::uint64_t random_seed() {
  std::random_device device;
  return std::uint64_t{device()} << 32 | device();
}
}  // namespace

std::vector<milliseconds> WebhookOptions::default_retry_delays() {
  return {1s, 5s, 1min, 5min, 30min, 2h, 5h, 10h};
}

struct WebhookOutbox::Impl {
  // An attempt that has its reply.
  struct Ended {
    DeliveryQueue::Ticket ticket = 0;
    HttpReply reply;
    std::int64_t at_s = 0;  // when it was begun
  };

  Impl(WebhookOptions options_in, std::string url_in, WebhookSecret secret_in,
       std::unique_ptr<DeliverySource> source_in, SpilledDeliveries* spilled_in,
       std::unique_ptr<HttpClient> owned_client_in, HttpClient& client_in, Clock& clock_in)
      : options(std::move(options_in)),
        url(std::move(url_in)),
        secret(std::move(secret_in)),
        owned_client(std::move(owned_client_in)),
        client(client_in),
        clock(clock_in),
        queue({.retry_delays = options.retry_delays,
               .jitter_seed = options.jitter_seed ? *options.jitter_seed : random_seed()}),
        source(std::move(source_in)),
        spilled(spilled_in) {
    refill();
  }

  // Apart from the constructor, whose end comes before any thread.
  void start_sending() { sender = std::thread(&Impl::send, this); }

  // The sending thread, to the end of all attempts. A client waits on threads of its own.
  void send() {
    runtime::begin_background_thread("webhook");
    std::unique_lock lock(mutex);
    while (!stopping || queue.sending_count() > 0) {
      if (!ended.empty()) {
        Ended one = std::move(ended.front());
        ended.pop_front();
        settle(one.ticket, attempt_outcome(one.reply, one.at_s));
      } else if (stopping || queue.sending_count() >= options.concurrency) {
        work.wait(lock);
      } else if (const std::optional<DeliveryQueue::Sending> sending = queue.take(clock.now())) {
        lock.unlock();
        begin(*sending);
        lock.lock();
      } else if (const std::optional<Clock::Moment> next = queue.next_at()) {
        clock.wait_until(lock, work, *next);
      } else {
        work.wait(lock);
      }
    }
  }

  void begin(const DeliveryQueue::Sending& sending) {
    const Delivery& delivery = *sending.delivery;
    const std::int64_t now_s = clock.unix_seconds();
    const std::array<HttpHeader, 3> headers = {
        HttpHeader{"webhook-id", delivery.webhook_id},
        HttpHeader{"webhook-timestamp", std::to_string(now_s)},
        HttpHeader{"webhook-signature",
                   sign_webhook(secret, delivery.webhook_id, now_s, delivery.payload)}};
    client.begin(headers, delivery.payload,
                 [this, ticket = sending.ticket, now_s](HttpReply reply) {
                   const std::lock_guard lock(mutex);
                   ended.push_back({ticket, std::move(reply), now_s});
                   work.notify_all();
                 });
  }

  // The rest is called with `mutex` held.

  void settle(DeliveryQueue::Ticket ticket, AttemptOutcome outcome) {
    ++summary.attempts;
    ++summary.by_status[outcome.status];
    const bool is_usual = outcome.is_success() && queue.circuit_state() == CircuitState::kClosed;
    if (outcome.is_success()) {
      ++summary.delivered;
    } else if (!stopping || summary.last_error.empty()) {
      // One that we cut off does not hide what the endpoint did before.
      summary.last_error = outcome.error;
    }
    const Settlement settlement = queue.settle(ticket, std::move(outcome), clock.now());
    if (settlement.delivered) note(source->delivered(*settlement.delivered));
    if (settlement.dead) note(source->left_over(*settlement.dead));
    if (settlement.failed) note(source->failed(*settlement.failed));
    summary.endpoint_gone = queue.is_endpoint_gone();
    refill();
    if (!is_usual) work.notify_all();  // other deliveries may be due now, or at another time
    settled.notify_all();
  }

  void owe(OwedDelivery owed) {
    Delivery& delivery = owed.delivery;
    delivery.webhook_id = webhook_id(delivery.alert_id, delivery.revision, url);
    queue.add(std::move(delivery), clock.now() + owed.wait, owed.attempts);
    work.notify_one();
  }

  bool has_room(std::size_t payload_bytes) const {
    return queue.size() == 0 || (queue.size() < options.queue_max &&
                                 queue.payload_bytes() + payload_bytes <= options.queue_bytes_max);
  }

  // Brings in what waits at the source. The next one's size is not known: a little above the limit
  // is fine.
  void refill() {
    if (queue.is_endpoint_gone()) return;
    while (source->waiting() > 0 && has_room(0)) {
      Result<std::optional<OwedDelivery>> owed = source->next();
      if (!owed) note(owed.error());
      if (!owed || !*owed) return;
      owe(std::move(**owed));
    }
  }

  void note(const Error& error) {
    if (!first_error) first_error = error;
  }
  void note(const Result<void>& outcome) {
    if (!outcome) note(outcome.error());
  }

  std::uint64_t owed() const { return queue.size() + source->waiting(); }

  void count() {
    summary.enqueued = source->total();
    summary.left_over = summary.enqueued - std::min(summary.enqueued, summary.delivered);
  }

  // True when the time until `deadline` can bring nothing more.
  bool is_over(Clock::Moment deadline) const {
    if (owed() == 0) return true;
    if (queue.sending_count() > 0) return false;
    if (queue.is_endpoint_gone()) return true;
    const std::optional<Clock::Moment> next = queue.next_at();
    return clock.now() >= deadline || !next || *next > deadline;
  }

  void stop_sending(std::unique_lock<std::mutex>& lock) {
    stopping = true;
    work.notify_all();
    lock.unlock();
    client.stop();
    sender.join();
    lock.lock();
  }

  void keep_all_owed() {
    for (const Undelivered& left : queue.abandon_all()) note(source->left_over(left));
    while (spilled != nullptr && spilled->waiting() > 0) {
      Result<std::optional<OwedDelivery>> owed = spilled->next();
      if (!owed || !*owed) return;
      Delivery& delivery = (*owed)->delivery;
      delivery.webhook_id = webhook_id(delivery.alert_id, delivery.revision, url);
      note(source->left_over({.delivery = std::move(delivery), .last_error = {}}));
    }
  }

  const WebhookOptions options;
  const std::string url;
  const WebhookSecret secret;
  const std::unique_ptr<HttpClient> owned_client;  // null where the caller keeps it
  HttpClient& client;
  Clock& clock;

  mutable std::mutex mutex;         // guards everything below
  std::condition_variable work;     // for the sender: something may be due, or the end
  std::condition_variable settled;  // for finish: an attempt has ended
  DeliveryQueue queue;
  std::unique_ptr<DeliverySource> source;
  SpilledDeliveries* spilled;  // the same, where nothing is kept; else null
  DeliverySummary summary;
  std::optional<Error> first_error;
  bool stopping = false;
  bool finished = false;
  std::deque<Ended> ended;  // attempts that are not settled
  std::thread sender;
};

Result<std::unique_ptr<WebhookOutbox>> WebhookOutbox::open(WebhookOptions options) {
  return open(std::move(options), nullptr);
}

Result<std::unique_ptr<WebhookOutbox>> WebhookOutbox::open(WebhookOptions options,
                                                           std::unique_ptr<DeliverySource> source) {
  Result<WebhookUrl> url = parse_webhook_url(options.url);
  if (!url) return tl::unexpected(url.error());
  Result<std::unique_ptr<HttpClient>> client = make_webhook_client(
      std::move(*url), {.connect = options.connect_timeout, .total = options.total_timeout});
  if (!client) return tl::unexpected(client.error());
  return open(std::move(options), std::move(*client), nullptr, system_clock(), std::move(source));
}

Result<std::unique_ptr<WebhookOutbox>> WebhookOutbox::open(WebhookOptions options,
                                                           HttpClient& client, Clock& clock) {
  return open(std::move(options), client, clock, nullptr);
}

Result<std::unique_ptr<WebhookOutbox>> WebhookOutbox::open(WebhookOptions options,
                                                           HttpClient& client, Clock& clock,
                                                           std::unique_ptr<DeliverySource> source) {
  return open(std::move(options), nullptr, &client, clock, std::move(source));
}

Result<std::unique_ptr<WebhookOutbox>> WebhookOutbox::open(WebhookOptions options,
                                                           std::unique_ptr<HttpClient> owned_client,
                                                           HttpClient* client, Clock& clock,
                                                           std::unique_ptr<DeliverySource> source) {
  const Result<WebhookUrl> url = parse_webhook_url(options.url);
  if (!url) return tl::unexpected(url.error());
  Result<WebhookSecret> secret = WebhookSecret::parse(options.secret);
  if (!secret) return tl::unexpected(secret.error());
  if (Result<void> checked = check_numbers(options); !checked)
    return tl::unexpected(checked.error());
  SpilledDeliveries* spilled = nullptr;
  if (!source) {
    if (options.undelivered_path.empty())
      return fail(Errc::kInvalidArgument, "undelivered alerts need a file");
    Result<std::unique_ptr<SpilledDeliveries>> opened =
        SpilledDeliveries::open(options.undelivered_path, url->text());
    if (!opened) return tl::unexpected(opened.error());
    spilled = opened->get();
    source = std::move(*opened);
  }
  HttpClient& used_client = owned_client ? *owned_client : *client;
  auto impl =
      std::make_unique<Impl>(std::move(options), url->text(), std::move(*secret), std::move(source),
                             spilled, std::move(owned_client), used_client, clock);
  std::unique_ptr<WebhookOutbox> outbox(new WebhookOutbox(std::move(impl)));
  outbox->impl_->start_sending();
  return outbox;
}

WebhookOutbox::WebhookOutbox(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
WebhookOutbox::~WebhookOutbox() {
  // What goes wrong here has nobody left to hear of it.
  if (!impl_->finished) static_cast<void>(finish(0ms));
}

Result<void> WebhookOutbox::enqueue(std::string_view alert_id, std::string_view payload,
                                    std::uint64_t revision) {
  const std::lock_guard lock(impl_->mutex);
  TOCSIN_ASSERT(!impl_->finished, "finish comes last");
  TOCSIN_ASSERT(impl_->spilled != nullptr, "what a store owes comes from the store");
  if (impl_->source->waiting() > 0 || !impl_->has_room(payload.size()))
    return impl_->spilled->push(alert_id, revision, payload);
  impl_->spilled->pass();
  OwedDelivery owed;
  owed.delivery.alert_id = alert_id;
  owed.delivery.revision = revision;
  owed.delivery.payload = payload;
  impl_->owe(std::move(owed));
  return {};
}

void WebhookOutbox::wake() {
  const std::lock_guard lock(impl_->mutex);
  if (!impl_->stopping) impl_->refill();
}

Result<DeliverySummary> WebhookOutbox::finish(milliseconds give_up_after,
                                              const std::function<bool()>& stop_requested) {
  std::unique_lock lock(impl_->mutex);
  TOCSIN_ASSERT(!impl_->finished, "finish is called once");
  impl_->finished = true;
  const Clock::Moment begin = impl_->clock.now();
  const Clock::Moment deadline = begin + give_up_after;
  impl_->queue.hurry(std::max(give_up_after / 10, 1ms), begin);
  impl_->work.notify_all();
  while (impl_->clock.now() < deadline && !impl_->is_over(deadline)) {
    if (stop_requested) {
      lock.unlock();
      const bool stop = stop_requested();
      lock.lock();
      if (stop) break;
    }
    impl_->clock.wait_until(lock, impl_->settled,
                            std::min(deadline, impl_->clock.now() + kStopQuestion));
  }
  impl_->stop_sending(lock);
  impl_->keep_all_owed();
  if (Result<void> closed = impl_->source->close(); !closed) return tl::unexpected(closed.error());
  if (impl_->first_error) return tl::unexpected(*impl_->first_error);
  impl_->count();
  return impl_->summary;
}

DeliverySummary WebhookOutbox::summary() const {
  const std::lock_guard lock(impl_->mutex);
  impl_->count();
  return impl_->summary;
}
}  // namespace tocsin::api
