#include "runtime/event_time/watermarks.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace tocsin::runtime {
namespace {
// Clocks are taken within +-2^60 us, so that differences and sums with event times do not overflow.
constexpr std::int64_t kClockMax = std::int64_t{1} << 60;
std::int64_t clock_us(cep::EventTime clock) { return std::clamp(clock.us, -kClockMax, kClockMax); }

// Up to where the source's time has come when it says nothing until `clock`.
cep::EventTime silent_until(const Watermarks::Source& source, cep::EventTime clock) {
  const std::int64_t now = clock_us(clock);
  const std::int64_t passed = now - clock_us(source.newest_at);
  if (passed <= 0) return cep::kEventTimeMin;
  return {std::min(now, source.newest.us + passed)};
}
bool had_event(const Watermarks::Source& source) { return source.newest > cep::kEventTimeMin; }
}  // namespace

std::size_t Watermarks::open(cep::Duration bound) {
  keep_engine();
  Source& source = sources_.emplace_back(Source{WatermarkTracker(bound)});
  source.tracker.move_to(engine_);
  return sources_.size() - 1;
}

void Watermarks::change_bound(std::size_t index, cep::Duration bound) {
  keep_engine();
  Source& source = sources_[index];
  WatermarkTracker tracker(bound);
  tracker.move_to(source.tracker.watermark());
  if (had_event(source)) tracker.move_to(source.newest - bound);
  source.tracker = tracker;
}

void Watermarks::idle(std::size_t index) {
  if (sources_[index].state != SourceState::kActive) return;
  keep_engine();
  sources_[index].state = SourceState::kIdle;
}

void Watermarks::end(std::size_t index) {
  keep_engine();
  sources_[index].state = SourceState::kEnded;
}

void Watermarks::wake(std::size_t index) {
  keep_engine();
  sources_[index].state = SourceState::kActive;
  sources_[index].tracker.move_to(engine_);
}

void Watermarks::heartbeat(std::optional<std::size_t> index, cep::EventTime clock) {
  keep_engine();
  bool is_held = false;
  cep::EventTime least = cep::kEventTimeMax;  // of the active ones that ever had an event
  cep::EventTime furthest = cep::kEventTimeMin;
  for (std::size_t i = 0; i < sources_.size(); ++i) {
    Source& source = sources_[i];
    if (source.state == SourceState::kEnded) continue;
    const bool is_active = source.state == SourceState::kActive;
    is_held = is_held || is_active;
    if (!had_event(source)) continue;
    if (!index || *index == i) {
      source.tracker.move_to(silent_until(source, clock) - source.tracker.bound());
    }
    if (is_active) least = std::min(least, source.tracker.watermark());
    furthest = std::max(furthest, source.tracker.watermark());
  }
  if (!is_held) engine_ = std::max(engine_, furthest);
  if (index || least == cep::kEventTimeMax) return;
  for (Source& source : sources_) {
    if (source.state == SourceState::kActive && !had_event(source)) source.tracker.move_to(least);
  }
}

cep::EventTime Watermarks::reached(std::size_t index) const {
  const Source& source = sources_[index];
  if (!had_event(source)) return cep::kEventTimeMin;
  const std::int64_t bound = source.tracker.bound().us;
  // Without overflow, also at the end of all time.
  const std::int64_t promised =
      std::min(source.tracker.watermark().us, cep::kEventTimeMax.us - bound) + bound;
  return {std::max(source.newest.us, promised)};
}

cep::EventTime Watermarks::reached_in_silence(std::size_t index, cep::EventTime clock) const {
  const Source& source = sources_[index];
  if (!had_event(source)) return cep::kEventTimeMin;
  return std::max(reached(index), silent_until(source, clock));
}

void Watermarks::move_to(cep::EventTime time) {
  keep_engine();
  engine_ = std::max(engine_, time);
  for (Source& source : sources_) source.tracker.move_to(time);
}

std::optional<std::size_t> Watermarks::holder() const {
  std::optional<std::size_t> holder;
  for (std::size_t i = 0; i < sources_.size(); ++i) {
    if (sources_[i].state != SourceState::kActive) continue;
    if (!holder || sources_[i].tracker.watermark() < sources_[*holder].tracker.watermark())
      holder = i;
  }
  return holder;
}

cep::EventTime Watermarks::engine() const {
  const std::optional<std::size_t> least = holder();
  return least ? std::max(engine_, sources_[*least].tracker.watermark()) : engine_;
}

void Watermarks::save(ByteWriter& writer) const {
  writer.i64(engine().us);
  for (const Source& source : sources_) {
    writer.u8(static_cast<std::uint8_t>(source.state));
    writer.i64(source.tracker.watermark().us);
    writer.i64(source.newest.us);
    writer.i64(source.newest_at.us);
  }
}

bool Watermarks::restore(ByteReader& reader, std::span<const cep::Duration> bounds) {
  sources_.clear();
  const auto read_time = [&] {
    const cep::EventTime time{reader.i64()};
    return std::pair{time, time >= cep::kEventTimeMin && time <= cep::kEventTimeMax};
  };
  bool is_sound = false;
  std::tie(engine_, is_sound) = read_time();
  for (const cep::Duration bound : bounds) {
    Source source{WatermarkTracker(bound)};
    const std::uint8_t state = reader.u8();
    is_sound = is_sound && state <= static_cast<std::uint8_t>(SourceState::kEnded);
    source.state = static_cast<SourceState>(state);
    const auto [watermark, watermark_is_sound] = read_time();
    const auto [newest, newest_is_sound] = read_time();
    source.tracker.move_to(watermark);
    source.newest = newest;
    source.newest_at.us = reader.i64();
    is_sound = is_sound && watermark_is_sound && newest_is_sound;
    is_sound = is_sound && (source.state != SourceState::kActive || watermark >= engine_);
    if (!reader.ok() || !is_sound) return false;
    sources_.push_back(source);
  }
  return reader.ok() && is_sound;
}
}  // namespace tocsin::runtime
