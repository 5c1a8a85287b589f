#include "tests/simulation/sink_topics.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include "tests/simulation/world.h"

namespace tocsin::simulation {
using namespace runtime;
using tests::SinkFault;

SinkTopics::SinkTopics(Faults& faults, tests::Random& random, Reached& reached)
    : faults_(faults), random_(random), reached_(reached) {
  if (!random_.chance(30)) return;
  for (const SinkStream stream : kSinkStreams) {
    if (!random_.chance(70)) continue;
    Stream& one =
        topics_.try_emplace(stream, static_cast<std::uint32_t>(1 + random_.below(3))).first->second;
    one.options.stream = stream;
    one.options.topic = name_of(stream);
    one.options.writer = fmt::format("w.{}", name_of(stream));
    one.options.with_shadow = random_.chance(50);
    one.options.limits.messages_max = random_.pick<std::size_t>({1, 3, 20, 5000});
    one.topic.leaves_offsets = random_.chance(50);
    one.topic.fault = [this] { return fault(); };
  }
  failing_ = random_.pick<std::size_t>({10, 30, 50});
}

SinkFault SinkTopics::fault() {
  if (faults_.crashed()) return SinkFault::kCrashBefore;
  if (calm_ || !random_.chance(failing_)) return SinkFault::kNone;
  has_failed_ = true;
  const SinkFault what =
      random_.pick({SinkFault::kNotWritten, SinkFault::kWritten, SinkFault::kCrashBefore,
                    SinkFault::kCrashAfter, SinkFault::kCrashAfter});
  switch (what) {
    case SinkFault::kNotWritten:
      ++reached_["a transaction is ended"];
      break;
    case SinkFault::kWritten:
      ++reached_["a commit without an answer"];
      break;
    case SinkFault::kCrashBefore:
      ++reached_["a crash before a commit"];
      faults_.kill();
      break;
    default:
      ++reached_["a crash between a commit and its mark"];
      faults_.kill();
  }
  return what;
}

Result<void> SinkTopics::begin(Store& store) {
  for (const auto& [stream, one] : topics_) {
    if (auto begun = begin_sink(store, one.options); !begun) return begun;
  }
  return {};
}

Result<void> SinkTopics::open(Store& store) {
  for (auto& [stream, one] : topics_) {
    tests::ModelSinkTopic& topic = one.topic;
    topic.crashed = false;
    auto opened = TopicSink::open(store, one.options,
                                  [&topic, writer = one.options.writer](const TailRequest& tail) {
                                    return topic.open(writer, tail);
                                  });
    if (!opened) return tl::unexpected(opened.error());
    one.sink = *std::move(opened);
    one.is_taken = false;
  }
  return {};
}

void SinkTopics::end_life() {
  for (auto& [stream, one] : topics_) one.sink.reset();
}

void SinkTopics::calm() {
  calm_ = true;
  for (auto& [stream, one] : topics_) one.topic.is_up = true;
}

// What a failure of it leaves is the sink's to put right.
Result<bool> SinkTopics::write(Stream& stream) {
  const std::uint64_t found = stream.sink->figures().found;
  has_failed_ = false;
  const Result<bool> done = stream.sink->step();
  if (stream.sink->figures().found != found) ++reached_["a batch is found in the topic's tail"];
  if (done || faults_.crashed()) return done;
  if (done.error().code == Errc::kConflict) {
    must(stream.is_taken, "a writer is fenced, though nobody has its id: " + done.error().message);
    ++reached_["a writer is fenced by another one"];
    return false;
  }
  // By the topic: it is tried again.
  if (has_failed_ || !stream.topic.is_up) return false;
  return done;
}

void SinkTopics::befall(Stream& stream) {
  if (calm_) return;
  if (random_.chance(5)) stream.topic.is_up = !stream.topic.is_up;
  if (!random_.chance(5) || !stream.topic.is_up) return;
  stream.is_taken = true;
  must(stream.topic.open(stream.options.writer, {}).has_value(), "the topic cannot be opened");
}

Result<void> SinkTopics::step() {
  if (empty()) return {};
  auto of = topics_.begin();
  std::advance(of, random_.below(topics_.size()));
  Stream& stream = of->second;
  befall(stream);
  if (stream.sink->figures().state == SinkState::kFenced) return {};
  const Result<bool> written = write(stream);
  return written ? Result<void>() : tl::unexpected(written.error());
}

Result<void> SinkTopics::write_all(Store& store) {
  calm();
  const bool is_fenced = std::ranges::any_of(topics_, [](const auto& one) {
    return one.second.is_taken || one.second.sink->figures().state == SinkState::kFenced;
  });
  if (is_fenced) {  // as the next start does
    end_life();
    if (auto begun = begin(store); !begun) return begun;
    if (auto opened = open(store); !opened) return opened;
  }
  for (auto& [stream, one] : topics_) {
    for (Result<bool> done = true; *done;) {
      done = write(one);
      if (!done) return tl::unexpected(done.error());
    }
    must(faults_.crashed() || one.sink->figures().debt.owed == 0,
         fmt::format("something is still owed to the topic of {}", name_of(stream)));
  }
  return {};
}

// Of the alerts that are for the topic; each has its id once.
std::vector<std::uint64_t> SinkTopics::numbers_of(const std::vector<StoredAlert>& alerts) const {
  std::vector<std::uint64_t> numbers;
  const bool with_shadow = topics_.at(SinkStream::kAlerts).options.with_shadow;
  for (const StoredAlert& alert : alerts) {
    if ((alert.is_live || with_shadow) && alert.repeat_of == 0) numbers.push_back(alert.number);
  }
  return numbers;
}

void SinkTopics::check(const std::vector<StoredAlert>& alerts) const {
  const auto found = topics_.find(SinkStream::kAlerts);
  if (found == topics_.end()) return;
  const tests::ModelSinkTopic& topic = found->second.topic;
  std::map<std::string, const StoredAlert*> by_id;
  for (const StoredAlert& alert : alerts) by_id[alert.id] = &alert;
  std::vector<std::uint64_t> written;
  for (std::uint32_t number = 0; number < topic.partitions(); ++number) {
    std::uint64_t last = 0;
    for (const auto& [offset, one] : topic.partition(number)) {
      const auto alert = by_id.find(one.message.key);
      must(alert != by_id.end(), "a topic has an alert that is not stored: " + one.message.value);
      must(alert->second->line == one.message.value, "a topic has an alert with another line");
      must(alert->second->number > last,
           fmt::format("alert {} is in its topic behind {}", alert->second->number, last));
      last = alert->second->number;
      written.push_back(last);
    }
  }
  std::ranges::sort(written);
  const std::vector<std::uint64_t> wanted = numbers_of(alerts);
  must(
      written.size() <= wanted.size() && std::equal(written.begin(), written.end(), wanted.begin()),
      "a topic does not have the first alerts that were stored, each once");
}

void SinkTopics::check_all(const std::vector<StoredAlert>& alerts,
                           const EffectReader& reader) const {
  check(alerts);
  for (const auto& [stream, one] : topics_) {
    std::size_t written = 0;
    std::multiset<std::string> found;
    for (std::uint32_t number = 0; number < one.topic.partitions(); ++number) {
      for (const auto& [offset, each] : one.topic.partition(number)) {
        ++written;
        std::string place;
        for (const auto& [name, value] : each.message.headers) {
          if (name == "tocsin-source" || name == "tocsin-arrival") place += value + " ";
        }
        found.insert(place + each.message.value);
      }
    }
    if (written > 0) ++reached_[fmt::format("{} are written to a topic", name_of(stream))];
    if (stream == SinkStream::kAlerts) {
      must(written == numbers_of(alerts).size(), "a topic lacks alerts");
      continue;
    }
    std::multiset<std::string> wanted;
    const SideOutputKind kind =
        stream == SinkStream::kLate ? SideOutputKind::kLate : SideOutputKind::kDead;
    const Result<void> read = reader.side_output(kind, [&](const SideOutputRow& row) {
      wanted.insert(
          fmt::format("{} {}:{} {}", row.source, row.arrival.record, row.arrival.index, row.text));
      return true;
    });
    must(read.has_value(), "what was set aside cannot be read");
    must(found == wanted, fmt::format("a topic does not have each row of {} once: {} of {}",
                                      name_of(stream), found.size(), wanted.size()));
  }
}
}  // namespace tocsin::simulation
