#include "runtime/event_time/intake.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "cep/base/assert.h"
#include "runtime/event_time/row_store.h"

namespace tocsin::runtime {
namespace {
IntakeOptions within_limits(IntakeOptions options) {
  options.slice_rows_max =
      std::clamp<std::size_t>(options.slice_rows_max, 1, RowStore::kRowsPerBatchMax);
  // Within the range of event times, so that sums with them do not overflow.
  for (std::optional<cep::Duration>* const limit :
       {&options.ahead_max, &options.jump_max, &options.drift_max}) {
    if (*limit) (*limit)->us = std::min((*limit)->us, cep::kEventTimeMax.us);
  }
  return options;
}
}  // namespace

Intake::Intake(const UsedEvents& used, const IntakeOptions& options, IntakeSinks sinks,
               RunSummary& summary, Advance advance)
    : options_(within_limits(options)),
      summary_(summary),
      reports_(used.plan, options.unknown_types, std::move(sinks), summary),
      waiting_(marks_, options_.order),
      rows_(used, options_, marks_, waiting_, reports_, summary, std::move(advance)),
      judge_(options_, marks_, waiting_, rows_, reports_, summary) {
  summary_.first_event = cep::kEventTimeMax;
  summary_.last_event = cep::kEventTimeMin;
}

std::optional<std::size_t> Intake::find(std::string_view name) const {
  const std::vector<EventSource>& sources = judge_.sources();
  const auto found = std::ranges::find(sources, name, &EventSource::name);
  if (found == sources.end()) return std::nullopt;
  return static_cast<std::size_t>(found - sources.begin());
}

std::size_t Intake::source(std::string_view name) {
  if (const std::optional<std::size_t> known = find(name)) return *known;
  return source(name, options_.policy);
}

std::size_t Intake::source(std::string_view name, const SourcePolicy& policy) {
  const std::optional<std::size_t> known = find(name);
  if (!known) return open(name, policy);
  if (judge_.sources()[*known].policy != policy) judge_.change_policy(*known, policy);
  return *known;
}

std::size_t Intake::open(std::string_view name, const SourcePolicy& policy) {
  return judge_.open(name, policy);
}

// Comes before lines of a source.
void Intake::begin_lines(std::size_t source, cep::EventTime taken_at) {
  TOCSIN_ASSERT(rows_.given() < cep::kEventTimeMax, "nothing is taken after the end of time");
  rows_.begin_lines();
  judge_.begin_lines(source, taken_at);
}

// True when it is time for a flush.
bool Intake::take_line(std::size_t source, const Line& line, cep::ArrivalNumber arrival,
                       cep::EventTime taken_at) {
  begin_lines(source, taken_at);
  if (options_.order == EqualTimeOrder::kPosition) rows_.expect_disorder();
  judge_.take_line(source, line, arrival);
  return rows_.is_full();
}

void Intake::take_block_line(std::size_t index, BlockLines& lines) {
  const BlockLine& line = rows_.select(lines);
  ++summary_.lines;
  const cep::ArrivalNumber arrival = judge_.next_arrival(index);
  const EventSource& from = judge_.begin_line(index, lines.number(line));
  const Line taken{line.text, from.last_line, line.too_long, nullptr,
                   {},        lines.texts(),  line.number};
  if (line.kind == LineKind::kEvent) {
    judge_.take(index, taken, arrival, {LineKind::kEvent, line.used, line.type, line.ts});
  } else if (line.too_long) {
    reports_.too_long({from.name, taken, arrival}, options_.line_bytes_max);
  } else {
    reports_.no_event({from.name, taken, arrival}, line.kind, rows_.take_fault());
  }
}

Result<void> Intake::take(std::size_t source, BlockLines& lines, cep::EventTime taken_at,
                          cep::EventTime stay_until) {
  TOCSIN_ASSERT(!options_.is_saved, "lines of blocks are not kept");
  begin_lines(source, taken_at);
  if (!judge_.has_positions(source, lines.rest().size())) {
    return fail(Errc::kLimit,
                fmt::format("{} has more lines than can be ordered by position: read it as several "
                            "inputs, or order events as they are merged",
                            judge_.sources()[source].name));
  }
  // Batches of several blocks are open at a time.
  if (judge_.sources().size() > 1) rows_.expect_disorder();
  while (!lines.is_done()) {
    const bool is_taken = judge_.take_usual(source, lines, stay_until) != 0;
    if (is_taken && watermark_of(source) > stay_until) break;
    take_block_line(source, lines);
    const TakenRows::Due due = rows_.after_line(lines);
    if (due == TakenRows::Due::kSettled) return flush();
    if (due != TakenRows::Due::kNothing) return rows_.give_at_once(due, lines);
    if (watermark_of(source) > stay_until) break;
  }
  return {};
}

void Intake::decide(const Decision& decision) {
  const bool opens = decision.kind == DecisionKind::kAwake;
  const std::optional<std::size_t> known = opens ? source(decision.source) : find(decision.source);
  if (known || (decision.kind == DecisionKind::kHeartbeat && decision.source.empty())) {
    decide(decision.kind, known, decision.clock);
  }
}

void Intake::decide(DecisionKind kind, std::optional<std::size_t> source, cep::EventTime clock) {
  judge_.decide(kind, source, clock);
}

Result<void> Intake::flush() {
  judge_.take_overtaken();
  return rows_.give_settled();
}

Result<void> Intake::finish(bool final_watermark, std::optional<cep::EventTime> until) {
  judge_.take_rest();
  Result<void> given = rows_.finish(final_watermark, until);
  marks_.move_to(rows_.given());
  judge_.follow();
  return given;
}

Result<void> Intake::give_up_to(cep::EventTime time) {
  judge_.take_overtaken();
  marks_.move_to(time);
  judge_.follow();
  return rows_.give_settled(time);
}

std::vector<WaitingLine> Intake::waiting_lines() {
  std::vector<WaitingLine> lines;
  RowStore* const store = rows_.store();
  if (store == nullptr || waiting_.count() == 0) return lines;
  store->begin_save();
  while (store->is_saving()) {
    const std::optional<RowStore::SavedRow> saved = store->next_of_save();
    if (!saved) continue;
    lines.push_back({judge_.sources()[saved->source].name, saved->row->engine_time,
                     saved->row->arrival, saved->line.number, std::string(saved->line.text)});
  }
  return lines;
}

std::uint64_t Intake::drop_waiting(const std::function<bool(std::string_view line)>& is_one) {
  RowStore* const store = rows_.store();
  if (store == nullptr || waiting_.count() == 0) return 0;
  std::uint64_t dropped = 0;
  waiting_.erase_if([&](const WaitingRow& row) {
    if (!is_one(store->line_of(row.place))) return false;
    store->drop(row.place);
    ++dropped;
    return true;
  });
  if (dropped > 0) store->release();
  return dropped;
}

void Intake::add_waiting(const std::vector<WaitingLine>& lines) {
  std::set<cep::ArrivalNumber> present;
  for (const WaitingLine& line : waiting_lines()) present.insert(line.arrival);
  for (const WaitingLine& line : lines) {
    const std::optional<std::size_t> source = find(line.source);
    if (!source || present.contains(line.arrival)) continue;
    rows_.need_store();
    rows_.begin_lines();
    const Decoded decoded = rows_.decode_again(line.text);
    if (decoded.kind != LineKind::kEvent || !decoded.used) continue;
    rows_.expect_disorder();
    const std::uint64_t place =
        rows_.store()->keep(line.engine_time, line.arrival, {line.text, line.line}, *source);
    waiting_.put_back(*source, {line.engine_time, place});
    summary_.last_event = std::max(summary_.last_event, line.engine_time);
  }
  waiting_.sort_ready();
}

Result<void> Intake::check_room() const {
  if (waiting_bytes() <= options_.waiting_bytes_max) return {};
  cep::Duration bound;
  for (const EventSource& source : judge_.sources()) bound = std::max(bound, source.policy.bound);
  return fail(
      Errc::kLimit,
      fmt::format("events that wait to be put in order ({} of them, for {}) take more than {} "
                  "bytes; nothing of them is lost. Allow more with --reorder-memory (of a server: "
                  "memory.reorder; of the library: reorder_bytes_max), or begin with less "
                  "out-of-orderness",
                  waiting_events(), cep::format_duration(bound), options_.waiting_bytes_max));
}

bool Intake::may_read(std::size_t source) const {
  const cep::EventTime engine = marks_.engine();
  const cep::EventTime own = marks_.source(source).tracker.watermark();
  if (own <= engine) return true;
  if (own > drift_limit()) return false;
  return waiting_bytes() <= options_.waiting_bytes_max / 2;
}

cep::EventTime Intake::drift_limit() const {
  const cep::EventTime engine = marks_.engine();
  if (!options_.drift_max || engine > cep::kEventTimeMax - *options_.drift_max) {
    return cep::kEventTimeMax;
  }
  return engine + *options_.drift_max;
}

SourceStatus Intake::status(std::size_t source) const {
  const EventSource& one = judge_.sources()[source];
  const Watermarks::Source& time = marks_.source(source);
  SourceStatus status;
  status.name = one.name;
  status.policy = one.policy;
  status.state = time.state;
  status.watermark = time.tracker.watermark();
  status.newest = time.newest;
  status.waiting = waiting_.count(source);
  status.held = one.held.size();
  status.last_line = one.last_line;
  status.events = one.events;
  return status;
}
}  // namespace tocsin::runtime
