#include "api/sinks/sink_service.h"

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <utility>

#include "api/base/exit_code.h"
#include "api/privacy/privacy.h"
#include "runtime/io/background_thread.h"
#include "runtime/kafka/kafka_client.h"

namespace tocsin::api {
namespace {
using std::chrono::milliseconds;
using std::chrono::steady_clock;
// A start goes on without brokers that take longer.
constexpr milliseconds kStartPatience{3'000};
constexpr milliseconds kPatience{10'000};
constexpr milliseconds kRetryMin{500};
constexpr milliseconds kRetryMax{5'000};
constexpr milliseconds kLookAgain{10'000};
constexpr milliseconds kStopPatience{3'000};

// A fault that another try does not mend.
bool is_refused(Errc code) {
  return code == Errc::kInvalidArgument || code == Errc::kNotFound || code == Errc::kDenied ||
         code == Errc::kStopped;
}

MakeTopicWriter kafka_writers(const KafkaSinkSettings& settings) {
  return [settings](const KafkaSinkTopic& topic, const runtime::TailRequest& tail,
                    milliseconds patience, const runtime::StopRequested& stop_requested) {
    runtime::KafkaWriterOptions options;
    options.connection = settings.connection;
    options.topic = topic.topic;
    options.setting = topic.setting;
    options.writer = topic.writer;
    options.tail_max = settings.tail_max;
    options.patience = patience;
    options.stop_requested = stop_requested;
    return runtime::open_kafka_writer(options, tail);
  };
}
}  // namespace

Result<std::unique_ptr<SinkService>> SinkService::open(runtime::Store& store,
                                                       SinkServiceOptions options) {
  if (!options.make_writer) options.make_writer = kafka_writers(options.settings);
  std::unique_ptr<SinkService> service(new SinkService(store, std::move(options)));
  if (auto opened = service->open_lanes(); !opened) return tl::unexpected(opened.error());
  return service;
}

SinkService::~SinkService() { stop(); }

Result<void> SinkService::open_lanes() {
  for (const runtime::SinkStream stream : runtime::kSinkStreams) {
    const auto topic = std::ranges::find(options_.settings.topics, stream, &KafkaSinkTopic::stream);
    if (topic == options_.settings.topics.end()) {
      const Result<std::optional<std::uint64_t>> owed = runtime::end_sink(store_, stream);
      if (!owed) return tl::unexpected(owed.error());
      if (*owed && **owed > 0) {
        options_.note(
            fmt::format("kafka.{}_topic is no longer set: {} that were owed to it are "
                        "not written",
                        runtime::name_of(stream), **owed));
      }
      continue;
    }
    Result<std::unique_ptr<runtime::TopicSink>> sink = open_sink(*topic);
    if (!sink) return tl::unexpected(sink.error());
    Lane& lane = *lanes_.emplace_back(std::make_unique<Lane>());
    lane.sink = *std::move(sink);
    const Result<void> connected = lane.sink->connect();
    if (!connected && is_refused(connected.error().code)) return tl::unexpected(connected.error());
    if (!connected) tell_failure(lane, connected.error());
    tell_notes(lane);
  }
  return {};
}

Result<std::unique_ptr<runtime::TopicSink>> SinkService::open_sink(const KafkaSinkTopic& topic) {
  runtime::TopicSinkOptions options;
  options.stream = topic.stream;
  options.topic = topic.topic;
  options.writer = topic.writer;
  options.with_shadow = options_.settings.with_shadow;
  options.shown = options_.shown;
  options.limits.bytes_max = options_.settings.batch_bytes;
  if (auto begun = runtime::begin_sink(store_, options); !begun)
    return tl::unexpected(begun.error());
  return runtime::TopicSink::open(
      store_, std::move(options), [this, topic](const runtime::TailRequest& tail) {
        if (!is_started_)
          return options_.make_writer(topic, tail, kStartPatience, options_.stop_requested);
        return options_.make_writer(topic, tail, kPatience,
                                    [this] { return is_abandoned_.load(); });
      });
}

void SinkService::start(Listener listener) {
  listener_ = std::move(listener);
  is_started_ = true;
  for (const std::unique_ptr<Lane>& lane : lanes_)
    lane->thread = std::thread([this, &one = *lane] { work(one); });
}

void SinkService::effects_changed() {
  const std::lock_guard lock(mutex_);
  for (const std::unique_ptr<Lane>& lane : lanes_) lane->has_news = true;
  for_lanes_.notify_all();
}

void SinkService::stop() {
  {
    std::unique_lock lock(mutex_);
    is_ending_ = true;
    for_lanes_.notify_all();
    for_stop_.wait_for(lock, kStopPatience, [&] {
      return std::ranges::all_of(
          lanes_, [](const auto& lane) { return lane->is_done || !lane->thread.joinable(); });
    });
    is_abandoned_ = true;
  }
  for (const std::unique_ptr<Lane>& lane : lanes_) {
    if (lane->thread.joinable()) lane->thread.join();
  }
}

std::uint64_t SinkService::needed_from() const {
  std::uint64_t first = UINT64_MAX;
  for (const std::unique_ptr<Lane>& lane : lanes_)
    first = std::min(first, lane->sink->needed_from());
  return first;
}

std::vector<runtime::SinkFigures> SinkService::figures() const {
  std::vector<runtime::SinkFigures> all;
  all.reserve(lanes_.size());
  for (const std::unique_ptr<Lane>& lane : lanes_) all.push_back(lane->sink->figures());
  return all;
}

Outcome<std::unique_ptr<SinkService>> open_sinks(runtime::Store& store, SinkServiceOptions options,
                                                 const Privacy& privacy) {
  if (!options.settings.with_pii)
    options.shown = [&privacy](const runtime::StoredAlert& alert) { return privacy.masked(alert); };
  Result<std::unique_ptr<SinkService>> sinks = SinkService::open(store, std::move(options));
  if (sinks) return *std::move(sinks);
  const Errc code = sinks.error().code;
  const bool is_brokers = code == Errc::kNotFound || code == Errc::kDenied;
  return tocsin::api::stop(is_brokers ? ExitCode::kInputOutput : exit_code_of_named(code),
                           sinks.error().message);
}

// --- a lane's thread -----------------------------------------------------------------------------

void SinkService::work(Lane& lane) noexcept {
  runtime::begin_background_thread("kafka-sink");
  try {
    write_all(lane);
  } catch (const std::exception& error) {
    tell_failure(lane, {Errc::kInternal, error.what()});
  }
  const std::lock_guard lock(mutex_);
  lane.is_done = true;
  for_stop_.notify_all();
}

void SinkService::write_all(Lane& lane) {
  // When the topic was opened first there was no listener.
  if (lane.is_told) tell_listener(lane, lane.sink->figures().last_error);
  milliseconds retry = kRetryMin;
  for (;;) {
    const Result<bool> done = lane.sink->step();
    tell_notes(lane);
    if (!done) {
      tell_failure(lane, done.error());
      // Two that take the name from each other would never end.
      if (done.error().code == Errc::kConflict) return;
      if (!wait(lane, retry, false)) return;
      retry = std::min(2 * retry, kRetryMax);
      continue;
    }
    retry = kRetryMin;
    lane.is_noticed = false;
    if (std::exchange(lane.is_told, false)) {
      options_.note(fmt::format("topic {} is written again", lane.sink->options().topic));
    }
    if (!*done && !wait(lane, kLookAgain, true)) return;
  }
}

// False: it is to end.
bool SinkService::wait(Lane& lane, milliseconds at_most, bool for_news) {
  std::unique_lock lock(mutex_);
  for_lanes_.wait_for(lock, at_most, [&] { return is_ending_ || (for_news && lane.has_news); });
  // What was stored since the last look is still written.
  return std::exchange(lane.has_news, false) && for_news ? true : !is_ending_;
}

void SinkService::tell_failure(Lane& lane, const Error& error) {
  if (error.code == Errc::kStopped) return;
  if (!std::exchange(lane.is_told, true)) {
    options_.note(error.message +
                  (error.code == Errc::kConflict ? "" : ". What is owed to it waits"));
  }
  if (!std::exchange(lane.is_noticed, true)) tell_listener(lane, error.message);
}

void SinkService::tell_listener(const Lane& lane, const std::string& why) const {
  if (listener_) listener_(std::string(runtime::name_of(lane.sink->options().stream)), why);
}

void SinkService::tell_notes(Lane& lane) {
  for (const std::string& note : lane.sink->take_notes()) options_.note(note);
}
}  // namespace tocsin::api
