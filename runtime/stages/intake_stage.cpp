#include "runtime/stages/intake_stage.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "cep/base/assert.h"
#include "cep/base/byte_codec.h"
#include "cep/data/row_identity.h"
#include "cep/eval/computed.h"
#include "cep/plan/event_type.h"
#include "cep/plan/plan.h"
#include "cep/stage/spread.h"
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
    : program_(program),
      own_(own),
      options_(options),
      side_lines_(side_lines),
      reports_(program_.plan(), options.unknown_types, side_lines_.sinks({}), summary_),
      decoder_(program_.plan(), program_.used_fields(), program_.used_types()),
      source_(program_, options.hash_seed, !cep::spread_obstacles(program_).empty()),
      ordered_(program_.plan(), ids_share(options.unique_ids_max, own), options.hash_seed),
      stored_ids_(program_.plan(), ordered_.unique()),
      batch_(program_.plan()) {}

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

Result<bool> IntakeStage::advance(cep::EventTime watermark, std::size_t rows_max) {
  TOCSIN_ASSERT(watermark >= advancing_, "time does not move back");
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
  ordered_.unique().forget_until(std::min(cep::EventTime{watermark.us + 1}, cep::kEventTimeMax));
  std::erase_if(further_, [&](const auto& of) { return of.second <= watermark; });
  return true;
}

// Gives the next rows that are due, so many at most.
Result<void> IntakeStage::fill(std::size_t rows) {
  batch_.clear();
  decoder_.begin(batch_);
  batch_.has_identities = true;
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
  decoder_.finish();
  give(time);
  return {};
}

// Decodes a line to the batch's next row, where this program uses it.
void IntakeStage::append(const LineMessage& line) {
  padded_.assign(line.text);
  padded_.append(kLinePadding, '\n');
  const Decoded decoded = decoder_.decode(std::string_view(padded_).substr(0, line.text.size()));
  const Line read{line.text, line.number};
  if (decoded.kind != LineKind::kEvent) {  // of another program
    reports_.no_event({line.source, read, line.arrival}, decoded.kind, decoder_.fault());
    return;
  }
  for (const FieldProblem& problem : decoder_.problems()) {
    reports_.field_missing({line.source, read, line.arrival}, problem);
  }
  ++summary_.events;
  if (!decoded.used) return;
  decoder_.keep(line.engine_time, line.arrival);
  cep::Row& row = batch_.rows.back();
  if (!program_.plan().event_types[row.type.value].id_field) {
    row.raw = batch_.texts.store(line.identity.empty() ? identity_of(row) : line.identity);
  }
}

// Of a row that still has its line.
std::string IntakeStage::identity_of(const cep::Row& row) {
  batch_.has_identities = false;
  std::string bytes = cep::row_identity(program_.plan(), batch_, row).bytes;
  batch_.has_identities = true;
  return bytes;
}

// The batch's rows, in order, to the passes.
void IntakeStage::give(cep::EventTime time) {
  summary_.repeats += ordered_.take(batch_, time);
  summary_.ids_forgotten = unique().forgotten();
  for (cep::Row& row : batch_.rows) {
    if (row.equal_number == 0) continue;
    row.raw = batch_.texts.store(cep::numbered_identity(row.raw, row.equal_number));
  }
  values_missing_ += cep::fill_computed(program_, batch_);
  source_.put(batch_);
}

void IntakeStage::begin_cut() {
  TOCSIN_ASSERT(watermark_ == advancing_, "nothing is in hand");
  cut_.clear();
  const std::string layout = front_layout(program_, FrontEntry::kLine);
  const bool needs_layout = !std::exchange(has_layout_, true);
  for (std::uint32_t group = own_.begin; group < own_.end; ++group) {
    cut_.put({group}, cep::stage_entry_key(cep::StageEntry::kHead), front_head(reached({group})));
    if (!needs_layout) continue;
    cut_.put({group}, cep::stage_entry_key(cep::StageEntry::kLayout), layout);
  }
  waiting_.cut(cut_);
  stored_ids_.cut(cut_);
  open_equals_.cut(cut_, watermark_);
}

void IntakeStage::mark_all_changed() {
  cut_.clear();
  has_layout_ = false;
  waiting_.mark_all_changed();
  stored_ids_.mark_all_changed();
  open_equals_.mark_all_changed();
}

Result<cep::RestoreReport> IntakeStage::begin_restore(
    const std::map<std::uint32_t, std::string>& heads, std::string_view layout) {
  FrontWritten written;
  if (Result<void> begun = written.begin(heads, layout, program_, FrontEntry::kLine); !begun) {
    return tl::unexpected(begun.error());
  }
  watermark_ = advancing_ = written.least_watermark();
  for (const auto& [group, watermark] : written.watermarks()) {
    if (watermark > watermark_) further_[group] = watermark;
  }
  is_same_plan_ = written.is_same_plan();
  has_layout_ = is_same_plan_;
  cep::RestoreReport report;
  report.is_same_program = is_same_plan_;
  return report;
}

Result<void> IntakeStage::restore(cep::KeyGroup group, std::string_view key,
                                  std::string_view value) {
  if (!own_.has(group) || key.empty()) return tl::unexpected(damaged_entry(group));
  if (key.front() == static_cast<char>(FrontEntry::kIds)) {
    if (stored_ids_.restore(group, key, value)) return {};
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
  std::string message(value);
  if (!is_same_plan_) {  // by which its identity is another one
    line.identity = {};
    message.clear();
    ByteWriter to(message);
    write_line_message(to, line);
  }
  waiting_.add({line.engine_time, line.arrival}, group, message, is_same_plan_);
  return {};
}

// What this program does not number by its fields is left out.
bool IntakeStage::restore_equals(cep::KeyGroup group, std::string_view key,
                                 std::string_view value) {
  EqualLines equals;
  if (!read_equal_lines(value, equals) || equals.time <= watermark_) return false;
  batch_.clear();
  decoder_.begin(batch_);
  padded_.assign(equals.line);
  padded_.append(kLinePadding, '\n');
  const Decoded decoded = decoder_.decode(std::string_view(padded_).substr(0, equals.line.size()));
  const bool is_used = decoded.kind == LineKind::kEvent && decoded.used;
  if (is_used) decoder_.keep(equals.time, {});
  decoder_.finish();
  if (is_used && !program_.plan().event_types[batch_.rows.back().type.value].id_field) {
    const cep::Row& row = batch_.rows.back();
    ordered_.equal_numbers().take_up(row, identity_of(row),
                                     static_cast<std::uint32_t>(equals.count));
  }
  batch_.clear();
  open_equals_.add(group, key, value, equals.time, is_same_plan_);
  return true;
}

Result<void> IntakeStage::finish_restore() {
  if (stored_ids_.finish_restore()) return {};
  return fail(Errc::kCorrupt, "the state of a stage is damaged: an id comes twice");
}
}  // namespace tocsin::runtime
