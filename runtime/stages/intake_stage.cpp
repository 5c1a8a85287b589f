#include "runtime/stages/intake_stage.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "cep/base/assert.h"
#include "cep/base/byte_codec.h"
#include "cep/compile/plan_digest.h"
#include "cep/data/row_identity.h"
#include "cep/eval/computed.h"
#include "cep/plan/event_type.h"
#include "cep/plan/plan.h"
#include "cep/stage/spread.h"
#include "cep/stage/stage_change.h"
#include "runtime/event_time/source_policy.h"

namespace tocsin::runtime {
namespace {
// What the groups may know of all ids of a type.
std::size_t ids_share(std::size_t ids_max, cep::KeyGroupRange own) {
  const double share = static_cast<double>(own.end - own.begin) / cep::kKeyGroupCount;
  return std::max<std::size_t>(1, static_cast<std::size_t>(static_cast<double>(ids_max) * share));
}
}  // namespace

IntakeStage::IntakeStage(const cep::Program& program, cep::KeyGroupRange own,
                         const IntakeOptions& options, const SideLinesOptions& side_lines)
    : own_(own),
      options_(options),
      side_lines_(side_lines),
      reading_(read_by(program)),
      reports_(reading_->program.plan(), options.unknown_types, side_lines_.sinks({}), summary_),
      source_(program, options.hash_seed, !cep::spread_obstacles(program).empty()) {}

IntakeStage::Reading::Reading(cep::Program of, std::size_t ids_max, std::uint64_t hash_seed)
    : program(std::move(of)),
      tag(identities_tag(program.plan())),
      decoder(program.plan(), program.used_fields(), program.used_types()),
      ordered(program.plan(), ids_max, hash_seed),
      stored_ids(program.plan(), ordered.unique()),
      batch(program.plan()) {}

std::unique_ptr<IntakeStage::Reading> IntakeStage::read_by(const cep::Program& program) const {
  return std::make_unique<Reading>(program, ids_share(options_.unique_ids_max, own_),
                                   options_.hash_seed);
}

Result<void> IntakeStage::put(std::string_view block) {
  if (waiting_.bytes() > options_.waiting_bytes_max) {
    return fail(Errc::kLimit,
                fmt::format("events that wait to be put in order ({} of them) take more than {} "
                            "bytes, and the block was not taken. Allow more with "
                            "reorder_bytes_max, use more parts, or keep sources closer together",
                            waiting_.size(), options_.waiting_bytes_max));
  }
  cep::BlockReader reader(block);
  cep::BlockReader::Message message;
  while (reader.next(message)) {
    if (message.kind != cep::MessageKind::kLine || message.groups.size() != 1 ||
        !own_.has(message.groups.front()) || !take(message.groups.front(), message.body)) {
      return tl::unexpected(cep::damaged_block());
    }
  }
  if (!reader.ok()) return tl::unexpected(cep::damaged_block());
  return {};
}

cep::EventTime IntakeStage::reached(cep::KeyGroup group) const {
  const auto further = further_.find(group.value);
  return further == further_.end() ? advancing_ : std::max(advancing_, further->second);
}

bool IntakeStage::take(cep::KeyGroup group, std::string_view body) {
  LineMessage line;
  ByteReader from(body);
  if (!read_line_message(from, line)) return false;
  const cep::EventTime reached_to = reached(group);
  if (line.engine_time > reached_to) {
    waiting_.add({line.engine_time, line.arrival}, group, body, false);
    return true;
  }
  ++summary_.lines;  // those that were late here
  // What an intake of one machine says of an event behind the watermark of its source.
  const cep::EventTime engine_time{reached_to.us + 1};
  const cep::Duration late_by = engine_time - line.ts;
  if (reached_to == cep::kEventTimeMax || goes_to_side_output(options_.policy, late_by)) {
    const Line read{line.text, line.number};
    reports_.late({line.source, read, line.arrival}, line.ts, {late_by});
    return true;
  }
  reports_.clamped(line.arrival, late_by);
  line.engine_time = engine_time;
  std::string clamped;
  ByteWriter to(clamped);
  write_line_message(to, line);
  waiting_.add({engine_time, line.arrival}, group, clamped, false);
  return true;
}

Result<void> IntakeStage::prepare(const cep::Program& next, cep::EventTime from,
                                  JudgesChange judges) {
  const cep::Program& now = reading_->program;
  const cep::StageChange change{from, cep::digest_of(next.plan())};
  if (!cep::spread_obstacles(now).empty()) {
    return fail(Errc::kInvalidArgument, "rules that run in one part do not change");
  }
  if (auto same = cep::check_same_change(awaited_, change); !same) return same;
  cep::EventTime reached = advancing_;
  for (const auto& [group, watermark] : further_) reached = std::max(reached, watermark);
  if (auto can = cep::check_change_time(from, reached, next_ != nullptr); !can) return can;
  if (auto can = check_front_change(now.plan(), next.plan(), judges); !can) return can;
  // It knows no row that came later, and refuses what else a part of a stage does.
  if (auto can = source_.prepare(next, from); !can) return can;
  next_ = read_by(next);
  change_ = change;
  awaited_.reset();
  return {};
}

Result<bool> IntakeStage::advance(cep::EventTime watermark, std::size_t rows_max) {
  TOCSIN_ASSERT(watermark >= advancing_, "time does not move back");
  if (next_ && watermark >= change_.from) {
    Result<bool> is_done = advance_to({change_.from.us - 1}, rows_max);
    if (!is_done || !*is_done) return is_done;
    go_over();
  }
  return advance_to(watermark, rows_max);
}

Result<bool> IntakeStage::advance_to(cep::EventTime watermark, std::size_t rows_max) {
  advancing_ = watermark;
  constexpr std::size_t kSliceRows = 2'048;
  for (std::size_t rows = 0; waiting_.has_due(watermark);) {
    if (rows >= std::max<std::size_t>(rows_max, 1)) return false;
    const std::size_t count = std::clamp<std::size_t>(rows_max - rows, 1, kSliceRows);
    if (Result<void> filled = fill(count); !filled) return tl::unexpected(filled.error());
    rows += count;
  }
  if (watermark_ == watermark) return true;
  watermark_ = watermark;
  reading_->ordered.unique().forget_until(
      std::min(cep::EventTime{watermark.us + 1}, cep::kEventTimeMax));
  std::erase_if(further_, [&](const auto& of) { return of.second <= watermark; });
  return true;
}

// All before the change was given.
void IntakeStage::go_over() {
  source_.advance({change_.from.us - 1});
  next_->ordered.unique().take_over(reading_->ordered.unique());
  next_->stored_ids.take_over(reading_->stored_ids);
  reports_.use_plan(next_->program.plan());
  reading_ = std::move(next_);
  has_layout_ = false;
  report_.emplace().is_same_program = false;
}

// Gives the next rows that are due, so many at most.
Result<void> IntakeStage::fill(std::size_t rows) {
  reading_->batch.clear();
  reading_->decoder.begin(reading_->batch);
  reading_->batch.has_identities = true;
  cep::EventTime time = watermark_;
  for (; rows > 0 && waiting_.has_due(advancing_); --rows) {
    const bool is_alone = waiting_.take_first(message_);
    LineMessage line;
    ByteReader from(message_);
    const bool is_well = read_line_message(from, line);
    TOCSIN_ASSERT(is_well, "it was read before");
    if (!is_alone) {
      return fail(Errc::kCorrupt,
                  fmt::format("two events of one time have the number {}.{}, one of them of {}: "
                              "lines of different sources need different numbers",
                              line.arrival.record, line.arrival.index, line.source));
    }
    time = line.engine_time;
    append(line);
  }
  reading_->decoder.finish();
  give(time);
  return {};
}

// Decodes a line to the batch's next row, where this program uses it.
void IntakeStage::append(const LineMessage& line) {
  padded_.assign(line.text);
  padded_.append(kLinePadding, '\n');
  const Decoded decoded =
      reading_->decoder.decode(std::string_view(padded_).substr(0, line.text.size()));
  const Line read{line.text, line.number};
  if (decoded.kind != LineKind::kEvent) {  // of another program
    reports_.no_event({line.source, read, line.arrival}, decoded.kind, reading_->decoder.fault());
    return;
  }
  for (const FieldProblem& problem : reading_->decoder.problems()) {
    reports_.field_missing({line.source, read, line.arrival}, problem);
  }
  ++summary_.events;
  if (!decoded.used) return;
  reading_->decoder.keep(line.engine_time, line.arrival);
  cep::Row& row = reading_->batch.rows.back();
  if (!reading_->program.plan().event_types[row.type.value].id_field) {
    // That of other rules may be another one.
    const bool is_known = !line.identity.empty() && line.identity_tag == reading_->tag;
    row.raw = reading_->batch.texts.store(is_known ? line.identity : identity_of(row));
  }
}

// Of a row that still has its line.
std::string IntakeStage::identity_of(const cep::Row& row) {
  reading_->batch.has_identities = false;
  std::string bytes = cep::row_identity(reading_->program.plan(), reading_->batch, row).bytes;
  reading_->batch.has_identities = true;
  return bytes;
}

// The batch's rows, in order, to the passes.
void IntakeStage::give(cep::EventTime time) {
  summary_.repeats += reading_->ordered.take(reading_->batch, time);
  summary_.ids_forgotten = unique().forgotten();
  for (cep::Row& row : reading_->batch.rows) {
    if (row.equal_number == 0) continue;
    row.raw = reading_->batch.texts.store(cep::numbered_identity(row.raw, row.equal_number));
  }
  values_missing_ += cep::fill_computed(reading_->program, reading_->batch);
  source_.put(reading_->batch);
}

void IntakeStage::begin_cut() {
  TOCSIN_ASSERT(watermark_ == advancing_, "nothing is in hand");
  cut_.clear();
  const std::string layout = front_layout(reading_->program, FrontEntry::kLine);
  const bool needs_layout = !std::exchange(has_layout_, true);
  const cep::StageChange* const change = next_ ? &change_ : nullptr;
  for (std::uint32_t group = own_.begin; group < own_.end; ++group) {
    cut_.put({group}, cep::stage_entry_key(cep::StageEntry::kHead),
             front_head(reached({group}), change));
    if (!needs_layout) continue;
    cut_.put({group}, cep::stage_entry_key(cep::StageEntry::kLayout), layout);
  }
  waiting_.cut(cut_);
  reading_->stored_ids.cut(cut_);
  open_equals_.cut(cut_, watermark_);
}

void IntakeStage::mark_all_changed() {
  cut_.clear();
  has_layout_ = false;
  waiting_.mark_all_changed();
  reading_->stored_ids.mark_all_changed();
  open_equals_.mark_all_changed();
}

Result<cep::RestoreReport> IntakeStage::begin_restore(
    const std::map<std::uint32_t, std::string>& heads, std::string_view layout) {
  FrontWritten written;
  if (Result<void> begun = written.begin(heads, layout, reading_->program, FrontEntry::kLine);
      !begun) {
    return tl::unexpected(begun.error());
  }
  is_same_plan_ = written.is_same_plan();
  if (next_ && written.least_watermark() >= change_.from) {
    // The change is behind: what was before it is not needed any more.
    if (written.plan() != change_.plan) return tl::unexpected(cep::change_passed());
    go_over();
    report_.reset();
    is_same_plan_ = true;
  } else if (next_) {
    if (auto same = cep::check_same_change(written.change(), change_); !same) {
      return tl::unexpected(same.error());
    }
  } else {
    awaited_ = written.change();
  }
  watermark_ = advancing_ = written.least_watermark();
  for (const auto& [group, watermark] : written.watermarks()) {
    if (watermark > watermark_) further_[group] = watermark;
  }
  has_layout_ = is_same_plan_;
  cep::RestoreReport report;
  report.is_same_program = is_same_plan_;
  return report;
}

Result<void> IntakeStage::restore(cep::KeyGroup group, std::string_view key,
                                  std::string_view value) {
  if (!own_.has(group) || key.empty()) return tl::unexpected(damaged_entry(group));
  if (key.front() == static_cast<char>(FrontEntry::kIds)) {
    if (reading_->stored_ids.restore(group, key, value)) return {};
    return tl::unexpected(damaged_entry(group));
  }
  if (key.front() == static_cast<char>(FrontEntry::kEquals)) {
    if (restore_equals(group, key, value)) return {};
    return tl::unexpected(damaged_entry(group));
  }
  LineMessage line;
  ByteReader from(value);
  if (key.front() != static_cast<char>(FrontEntry::kLine) || !read_line_message(from, line) ||
      line.engine_time <= reached(group) ||
      key != WaitingLines::key_of({line.engine_time, line.arrival})) {
    return tl::unexpected(damaged_entry(group));
  }
  waiting_.add({line.engine_time, line.arrival}, group, value, is_same_plan_);
  return {};
}

// What this program does not number by its fields is left out.
bool IntakeStage::restore_equals(cep::KeyGroup group, std::string_view key,
                                 std::string_view value) {
  EqualLines equals;
  if (!read_equal_lines(value, equals) || equals.time <= watermark_) return false;
  cep::Batch& batch = reading_->batch;
  Decoder& decoder = reading_->decoder;
  batch.clear();
  decoder.begin(batch);
  padded_.assign(equals.line);
  padded_.append(kLinePadding, '\n');
  const Decoded decoded = decoder.decode(std::string_view(padded_).substr(0, equals.line.size()));
  const bool is_used = decoded.kind == LineKind::kEvent && decoded.used;
  if (is_used) decoder.keep(equals.time, {});
  decoder.finish();
  const cep::Plan& plan = reading_->program.plan();
  if (is_used && !plan.event_types[batch.rows.back().type.value].id_field) {
    const cep::Row& row = batch.rows.back();
    reading_->ordered.equal_numbers().take_up(row, identity_of(row),
                                              static_cast<std::uint32_t>(equals.count));
  }
  batch.clear();
  open_equals_.add(group, key, value, equals.time, is_same_plan_);
  return true;
}

Result<void> IntakeStage::finish_restore() {
  if (awaited_) return tl::unexpected(cep::change_not_prepared(awaited_->from));
  if (reading_->stored_ids.finish_restore()) return {};
  return fail(Errc::kCorrupt, "the state of a stage is damaged: an id comes twice");
}
}  // namespace tocsin::runtime
