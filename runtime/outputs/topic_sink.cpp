#include "runtime/outputs/topic_sink.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "runtime/effects/effect_codec.h"
#include "runtime/effects/effect_reader.h"
#include "runtime/io/crash_point.h"

namespace tocsin::runtime {
namespace {
// What is read back after the machine was lost is bounded by it.
constexpr std::size_t kUnsyncedMax = 20'000;

// The number of what was stored last.
Result<std::uint64_t> last_number(const Store& store, SinkStream stream) {
  if (stream != SinkStream::kAlerts) return 0;
  const Result<EffectReader> reader = EffectReader::open(store);
  if (!reader) {
    if (reader.error().code == Errc::kNotFound) return 0;
    return tl::unexpected(reader.error());
  }
  const Result<EmittedMark> mark = reader->mark();
  if (!mark) return tl::unexpected(mark.error());
  return mark->number;
}
}  // namespace

Result<void> begin_sink(Store& store, const TopicSinkOptions& options) {
  Result<std::optional<SinkMark>> before = read_sink_mark(store, options.stream);
  if (!before) return tl::unexpected(before.error());
  SinkMark mark;
  if (*before) {
    if ((*before)->topic == options.topic) return {};
    mark.number = (*before)->number;  // the places are those of another topic
  } else {
    const Result<std::uint64_t> number = last_number(store, options.stream);
    if (!number) return tl::unexpected(number.error());
    mark.number = *number;
  }
  mark.topic = options.topic;
  mark.writer = options.writer;
  StoreBatch batch;
  batch.put(kMetaFamily, sink_key(options.stream), encode_sink_mark(mark));
  return store.write(batch, true);
}

Result<std::optional<std::uint64_t>> end_sink(Store& store, SinkStream stream) {
  const Result<std::optional<SinkMark>> mark = read_sink_mark(store, stream);
  if (!mark) return tl::unexpected(mark.error());
  if (!*mark) return std::nullopt;
  const Result<SinkDebt> debt = read_sink_debt(store, stream, **mark);
  if (!debt) return tl::unexpected(debt.error());
  StoreBatch batch;
  batch.remove(kMetaFamily, sink_key(stream));
  batch.remove_range(kMetaFamily, sink_row_key(stream, 0), sink_row_key(stream, UINT64_MAX));
  if (Result<void> written = store.write(batch, true); !written)
    return tl::unexpected(written.error());
  return debt->owed;
}

Result<std::unique_ptr<TopicSink>> TopicSink::open(Store& store, TopicSinkOptions options,
                                                   OpenTopic open_topic) {
  std::unique_ptr<TopicSink> sink(new TopicSink(store, std::move(options), std::move(open_topic)));
  Result<std::optional<SinkMark>> mark = read_sink_mark(store, sink->options_.stream);
  if (!mark) return tl::unexpected(mark.error());
  if (!*mark) return fail(Errc::kInternal, "a sink is opened that was not begun");
  sink->mark_ = **std::move(mark);
  sink->figures_.stream = sink->options_.stream;
  sink->figures_.topic = sink->options_.topic;
  return sink;
}

// Counts it, and gives it back.
Result<void> TopicSink::note(Error error) {
  writer_.reset();
  const std::lock_guard lock(mutex_);
  figures_.state = error.code == Errc::kConflict ? SinkState::kFenced : SinkState::kWaiting;
  if (error.code != Errc::kStopped) {
    ++figures_.errors;
    figures_.last_error = error.message;
  }
  return tl::unexpected(std::move(error));
}

Result<void> TopicSink::connect() {
  if (writer_) return {};
  Result<OpenedTopic> opened = open_topic_({!mark_.places.empty(), mark_.places, mark_.writer});
  if (!opened) return note(std::move(opened.error()));
  places_ = std::move(opened->tail.ends);
  present_ = mark_.present;
  for (const std::string& key : opened->tail.keys) ++present_[key];
  // What is written from now on is read back from here.
  if (mark_.places.empty()) {
    if (auto written = write_mark(mark_.number, true); !written)
      return note(std::move(written.error()));
  }
  writer_ = std::move(opened->writer);
  const std::lock_guard lock(mutex_);
  figures_.state = SinkState::kOpen;
  figures_.last_error.clear();
  std::ranges::move(opened->tail.notes, std::back_inserter(notes_));
  return {};
}

Result<bool> TopicSink::step() {
  if (auto connected = connect(); !connected) return tl::unexpected(connected.error());
  Result<bool> written = write_batch();
  if (!written) return tl::unexpected(note(std::move(written.error())).error());
  return written;
}

Result<bool> TopicSink::write_batch() {
  Result<SinkBatch> batch = read_sink_batch(store_, options_.stream, mark_.number,
                                            options_.with_shadow, limits_, options_.shown);
  if (!batch) return tl::unexpected(batch.error());
  if (batch->last == mark_.number) return false;
  const std::size_t all = batch->messages.size();
  std::erase_if(batch->messages,
                [&](const TopicMessage& message) { return take_present(message.key); });
  const std::size_t written = batch->messages.size();
  if (auto done = write_messages(batch->messages); !done) {
    if (done.error().code != Errc::kLimit || written < 2) return tl::unexpected(done.error());
    // The broker has taken them together for one that is too large.
    limits_ = {written / 2, limits_.bytes_max};
    writer_.reset();
    return true;
  }
  unsynced_ += all;
  if (auto marked = write_mark(batch->last, unsynced_ >= kUnsyncedMax); !marked)
    return tl::unexpected(marked.error());
  crash_point("sink.marked");
  const std::lock_guard lock(mutex_);
  figures_.written += written;
  figures_.found += all - written;
  return true;
}

Result<void> TopicSink::write_messages(std::span<const TopicMessage> messages) {
  if (messages.empty()) return {};
  crash_point("sink.before_write");
  const Result<TopicPlaces> places = writer_->write(messages);
  if (!places) return tl::unexpected(places.error());
  for (const auto& [partition, offset] : *places) places_[partition] = offset;
  limits_.messages_max = std::min(2 * limits_.messages_max, options_.limits.messages_max);
  crash_point("sink.written");
  return {};
}

// Whether the topic has the message, which it then no longer has in addition.
bool TopicSink::take_present(const std::string& key) {
  const auto found = present_.find(key);
  if (found == present_.end()) return false;
  if (--found->second == 0) present_.erase(found);
  return true;
}

// Together with what is no longer owed. Not synced, save before the first batch: from an older mark
// more is read back.
Result<void> TopicSink::write_mark(std::uint64_t number, bool sync) {
  SinkMark mark = mark_;
  mark.number = number;
  mark.writer = options_.writer;
  mark.places = places_;
  mark.present = present_;
  StoreBatch batch;
  batch.put(kMetaFamily, sink_key(options_.stream), encode_sink_mark(mark));
  if (options_.stream != SinkStream::kAlerts && number > mark_.number) {
    batch.remove_range(kMetaFamily, sink_row_key(options_.stream, mark_.number + 1),
                       sink_row_key(options_.stream, number + 1));
  }
  if (auto written = store_.write(batch, sync); !written) return written;
  if (sync) unsynced_ = 0;
  const std::lock_guard lock(mutex_);
  mark_ = std::move(mark);
  return {};
}

std::uint64_t TopicSink::needed_from() const {
  const std::lock_guard lock(mutex_);
  return options_.stream == SinkStream::kAlerts ? mark_.number + 1 : UINT64_MAX;
}

SinkFigures TopicSink::figures() const {
  SinkFigures figures;
  SinkMark mark;
  {
    const std::lock_guard lock(mutex_);
    figures = figures_;
    mark = mark_;
  }
  if (const Result<SinkDebt> debt = read_sink_debt(store_, options_.stream, mark); debt)
    figures.debt = *debt;
  return figures;
}

std::vector<std::string> TopicSink::take_notes() {
  const std::lock_guard lock(mutex_);
  return std::exchange(notes_, {});
}
}  // namespace tocsin::runtime
