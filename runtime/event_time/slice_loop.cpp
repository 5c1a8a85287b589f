#include "runtime/event_time/slice_loop.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <deque>
#include <exception>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cep/plan/plan.h"
#include "cep/value/read_position.h"
#include "runtime/event_time/block_decoder.h"
#include "runtime/event_time/block_input.h"
#include "runtime/event_time/decode_ahead.h"
#include "runtime/event_time/input_form.h"
#include "runtime/event_time/merge_order.h"
#include "runtime/event_time/time_keeper.h"
#include "runtime/event_time/watermark.h"
#include "runtime/series/file_series.h"
#include "runtime/series/open_series.h"

namespace tocsin::runtime {
namespace {
// How many lines pass between two looks at the clock.
constexpr std::uint64_t kLinesPerLook = 8192;
constexpr std::chrono::milliseconds kProgressInterval{200};
// How long a wait for an input lasts before decisions, other inputs and a stop are looked at.
constexpr std::chrono::milliseconds kWaitMin{1};
constexpr std::chrono::milliseconds kWaitMax{50};
// The same where other inputs may be read ahead of it, which are not waited for.
constexpr std::chrono::milliseconds kAheadWait{10};

SourcePolicy policy_of(const cep::Plan& plan, const RunOptions& options) {
  return {options.out_of_orderness.value_or(bound_of(plan)), options.late, options.late_max};
}
BlockDecoder block_decoder(const UsedEvents& used, const RunOptions& options) {
  const auto rows_max =
      std::clamp<std::size_t>(options.slice_rows_max, 1, RowStore::kRowsPerBatchMax);
  return {used.plan, used.fields, used.types, {options.line_bytes_max, rows_max}};
}
class SliceLoop {
 public:
  SliceLoop(const UsedEvents& used, const RunOptions& options, const Sinks& sinks,
            RunSummary& summary, const Advance& advance, const Settle& settle)
      : plan_(used.plan),
        options_(options),
        sinks_(sinks),
        summary_(summary),
        settle_(settle),
        intake_(used, intake_options(used.plan, options, settle != nullptr),
                {sinks.late, sinks.dead_letter}, summary,
                [this, &advance](cep::Batch& slice, cep::EventTime watermark) {
                  has_given_ = true;
                  return advance(slice, watermark);
                }),
        decoder_(block_decoder(used, options)),
        clock_(options.clock != nullptr ? *options.clock : system_clock_),
        keeper_(clock_, {options.heartbeat, options.idle_after}) {
    // What is read is then no part of what clocks and silence decide.
    const bool has_threads = options.decode_by != nullptr && options.decode_by->count() > 1;
    if (has_threads && !decides() && !options.drift_max) {
      ahead_.emplace(
          *options.decode_by, [&] { return block_decoder(used, options); }, options.block_bytes);
    }
  }

  Result<void> open(const std::vector<Input>& inputs, const SourcePolicy& policy);
  Result<void> run();

 private:
  Result<void> settle() { return settle_ ? settle_() : Result<void>(); }
  Result<void> open_series(const Input& input);
  Result<std::optional<BlockPart>> next_part(FileSeries& series);
  Result<void> read_all();
  Result<void> take(std::size_t source);
  Result<void> fill(std::size_t source);
  Result<void> fill_at_once(std::size_t source);
  Result<bool> wait_for(std::size_t source);
  std::chrono::milliseconds next_wait() const;
  Result<bool> read_ahead(std::size_t holder);
  Result<bool> read_on(std::size_t source);
  bool decides() const { return options_.heartbeat || options_.idle_after; }
  void arrive(std::size_t source);
  void look_at_idle();
  void reorder();
  Result<void> look_around();
  void report_progress();

  const cep::Plan& plan_;
  const RunOptions& options_;
  const Sinks& sinks_;
  RunSummary& summary_;
  const Settle& settle_;
  bool has_given_ = false;  // a slice, since the last look
  Intake intake_;
  BlockDecoder decoder_;
  SystemClock system_clock_;
  Clock& clock_;
  TimeKeeper keeper_;
  std::deque<CsvEvents> csv_;                      // of inputs that are CSV
  std::map<std::string, CsvEvents> csv_of_parts_;  // by write_csv_format()
  std::deque<std::unique_ptr<FileSeries>> series_;
  std::deque<BlockInput> inputs_;         // by source
  std::optional<DecodeAhead> ahead_;      // for some of them
  std::vector<cep::EventTime> taken_at_;  // by source: when the bytes in hand were read
  std::optional<MergeOrder> order_;
  bool any_idle_ = false;
  std::uint64_t next_look_ = kLinesPerLook;  // in lines
  std::chrono::steady_clock::time_point next_progress_;
  SettleAtEnd settle_at_end_{settle_};  // the first to be destroyed
};

Result<void> SliceLoop::open(const std::vector<Input>& inputs, const SourcePolicy& policy) {
  if (options_.order == EqualTimeOrder::kPosition && inputs.size() > cep::ReadPosition::kInputs) {
    return fail(Errc::kLimit,
                fmt::format("events can be ordered by position in at most {} inputs, and there are "
                            "{}: put files into directories, or order events as they are merged",
                            cep::ReadPosition::kInputs, inputs.size()));
  }
  for (const Input& input : inputs) {
    intake_.open(input.name, policy);
    // Decisions are by name; of one name there may be several files, but no several pipes.
    keeper_.open(input.name);
    if (!input.contents && !input.open && input.name != "-" &&
        (options_.series.follows || FileSeries::is_directory(input.name, *options_.series.files))) {
      if (auto done = open_series(input); !done) return done;
      continue;
    }
    Result<std::unique_ptr<ByteSource>> opened =
        input.contents ? read_memory(*input.contents)
        : input.open   ? input.open()
                       : open_source(input.name, options_.stop_requested);
    if (!opened) return tl::unexpected(opened.error());
    std::unique_ptr<ByteSource> bytes = *std::move(opened);
    const CsvEvents* csv = nullptr;
    const bool is_file = !input.contents && !input.open;
    if (is_file && is_csv(input.name, options_.reading.format)) {
      Result<CsvInput> table = open_csv(std::move(bytes), input.name, options_.reading.csv, plan_);
      if (!table) return tl::unexpected(table.error());
      if (sinks_.note) sinks_.note(describe_csv(table->format, plan_, input.name));
      bytes = std::move(table->bytes);
      csv = &csv_.emplace_back(plan_, std::move(table->format), OtherColumns::kLeftOut);
    } else if (is_file) {
      bytes = refuse_other_forms(std::move(bytes), input.name);
    }
    if (ahead_ && bytes->bytes_total()) {
      inputs_.emplace_back(std::move(bytes), options_.line_bytes_max, *ahead_, csv);
    } else {
      inputs_.emplace_back(std::move(bytes), options_.line_bytes_max, decoder_, csv);
    }
  }
  taken_at_.resize(inputs_.size());
  order_.emplace(inputs_.size());
  return {};
}

Result<void> SliceLoop::open_series(const Input& input) {
  FileSeriesOptions series = options_.series;
  series.stop_requested = options_.stop_requested;
  series.has_header = [this](std::string_view path) {
    return is_csv(path, options_.reading.format);
  };
  Result<std::unique_ptr<FileSeries>> opened = runtime::open_series(input.name, std::move(series));
  if (!opened) return tl::unexpected(opened.error());
  FileSeries& files = *series_.emplace_back(*std::move(opened));
  inputs_.emplace_back([this, &files] { return next_part(files); }, options_.line_bytes_max,
                       decoder_);
  return {};
}

Result<std::optional<BlockPart>> SliceLoop::next_part(FileSeries& series) {
  Result<std::optional<SeriesPart>> part = series.next();
  for (const std::string& note : series.take_notes()) {
    if (sinks_.note) sinks_.note(note);
  }
  if (!part) return tl::unexpected(part.error());
  if (!*part) return std::optional<BlockPart>();
  BlockPart block{(*part)->path, std::move((*part)->bytes)};
  if ((*part)->is_waiting) return block;
  if (!is_csv(block.name, options_.reading.format)) {
    block.bytes = refuse_other_forms(std::move(block.bytes), block.name);
    return block;
  }
  Result<CsvInput> table =
      open_csv(std::move(block.bytes), block.name, options_.reading.csv, plan_);
  if (!table) return tl::unexpected(table.error());
  block.bytes = std::move(table->bytes);
  std::string format = write_csv_format(table->format);
  auto known = csv_of_parts_.find(format);
  if (known == csv_of_parts_.end()) {
    if (sinks_.note) sinks_.note(describe_csv(table->format, plan_, block.name));
    known =
        csv_of_parts_
            .try_emplace(std::move(format), plan_, std::move(table->format), OtherColumns::kLeftOut)
            .first;
  }
  block.csv = &known->second;
  return block;
}

Result<void> SliceLoop::run() {
  Result<void> read = read_all();
  // What came before an error is processed too; then time stands still, since more was to come.
  Result<void> rest =
      intake_.finish(read && options_.final_watermark, read ? options_.until : std::nullopt);
  if (rest) rest = settle();
  if (!rest) return rest;
  if (!read) return read;
  report_progress();
  return {};
}

Result<void> SliceLoop::read_all() {
  while (order_->is_open()) {
    const std::size_t source = order_->current();
    Result<void> done;
    switch (inputs_[source].next()) {
      case BlockInput::Next::kLines:
        done = take(source);
        break;
      case BlockInput::Next::kNeedsBytes:
        done = fill(source);
        break;
      case BlockInput::Next::kEnd:
        intake_.decide(DecisionKind::kEnded, source, {});
        keeper_.ended(source);
        order_->end();
        break;
    }
    if (!done) return done;
  }
  return {};
}

// Takes lines as long as they are those of the input whose turn it is.
Result<void> SliceLoop::take(std::size_t source) {
  const cep::EventTime before = intake_.watermark_of(source);
  intake_.name_lines(inputs_[source].part_name());
  Result<void> taken =
      intake_.take(source, inputs_[source].lines(), taken_at_[source], order_->stay_until());
  intake_.name_lines({});
  if (!taken) return taken;
  const cep::EventTime after = intake_.watermark_of(source);
  if (after > before) order_->advance(after);
  if (has_given_ || summary_.lines >= next_look_) return look_around();
  return {};
}

// Reads more, waiting for it; or leaves it at that where another input comes first meanwhile.
Result<void> SliceLoop::fill(std::size_t source) {
  if (!inputs_[source].is_ready()) {
    const Result<bool> has_come = wait_for(source);
    if (!has_come) return tl::unexpected(has_come.error());
    if (!*has_come) return {};
  }
  if (decides()) arrive(source);
  return fill_at_once(source);
}

Result<void> SliceLoop::fill_at_once(std::size_t source) {
  BlockInput& input = inputs_[source];
  const std::uint64_t before = input.bytes_unpacked();
  Result<void> done = input.fill();
  summary_.bytes += input.bytes_unpacked() - before;
  taken_at_[source] = clock_.now();
  return done;
}

// Waits for an input that somebody writes; false where another one comes first meanwhile.
Result<bool> SliceLoop::wait_for(std::size_t source) {
  // Nothing that is here waits for what is not.
  if (Result<void> given = intake_.flush(); !given) return tl::unexpected(given.error());
  if (Result<void> settled = settle(); !settled) return tl::unexpected(settled.error());
  if (Result<void> looked = look_around(); !looked) return tl::unexpected(looked.error());
  report_progress();
  if (!decides() && !options_.drift_max) return true;
  keeper_.found_empty(source);
  for (;;) {
    const Result<bool> has_read = read_ahead(source);
    if (!has_read) return tl::unexpected(has_read.error());
    if (inputs_[source].wait_ready(*has_read ? std::chrono::milliseconds(0) : next_wait())) {
      return true;
    }
    const std::vector<Decision> decisions = keeper_.due();
    for (const Decision& decision : decisions) intake_.decide(decision);
    if (!decisions.empty()) reorder();
    if (Result<void> given = intake_.flush(); !given) return tl::unexpected(given.error());
    if (Result<void> settled = settle(); !settled) return tl::unexpected(settled.error());
    if (Result<void> looked = look_around(); !looked) return tl::unexpected(looked.error());
    if (order_->current() != source) {
      if (intake_.status(source).state != SourceState::kIdle) keeper_.paused(source);
      return false;
    }
  }
}

std::chrono::milliseconds SliceLoop::next_wait() const {
  if (!decides()) return kAheadWait;
  const std::int64_t due_ms = keeper_.next_due().value_or(cep::Duration{}).us / 1000 + 1;
  return std::clamp(std::chrono::milliseconds(due_ms), kWaitMin,
                    options_.drift_max ? kAheadWait : kWaitMax);
}

// While `holder`, whose turn it is, has nothing at hand: takes what other inputs have, as far as
// they may be ahead of it. True where anything was read. Their silence says nothing: whose turn it
// is is waited for, and so are they when it is theirs.
Result<bool> SliceLoop::read_ahead(std::size_t holder) {
  if (!options_.drift_max) return false;
  bool has_read = false;
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    // Those that are idle wake as soon as they have lines (look_at_idle()).
    if (i == holder || intake_.status(i).state != SourceState::kActive) continue;
    Result<bool> read = read_on(i);
    if (!read) return read;
    has_read = has_read || *read;
  }
  if (has_read) reorder();
  return has_read;
}

// Not for long: the input whose turn it is may have come meanwhile. The end of an input is taken
// when its turn comes.
Result<bool> SliceLoop::read_on(std::size_t source) {
  BlockInput& input = inputs_[source];
  const std::uint64_t first = summary_.lines;
  while (summary_.lines - first < kLinesPerLook && intake_.may_read(source)) {
    const BlockInput::Next next = input.next();
    if (next == BlockInput::Next::kEnd) break;
    if (next == BlockInput::Next::kNeedsBytes) {
      if (!input.is_ready()) break;
      if (Result<void> filled = fill_at_once(source); !filled) {
        return tl::unexpected(filled.error());
      }
      continue;
    }
    intake_.name_lines(input.part_name());
    Result<void> taken =
        intake_.take(source, input.lines(), taken_at_[source], intake_.drift_limit());
    intake_.name_lines({});
    if (!taken) return tl::unexpected(taken.error());
  }
  return summary_.lines != first;
}

// Lines of the source are at hand.
void SliceLoop::arrive(std::size_t source) {
  const std::optional<Decision> awake = keeper_.arrived(source);
  if (!awake) return;
  intake_.decide(*awake);
  reorder();
}

// Lines of sources that held back nobody count again as soon as they come.
void SliceLoop::look_at_idle() {
  if (!any_idle_) return;
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    if (intake_.status(i).state == SourceState::kIdle && inputs_[i].is_ready()) arrive(i);
  }
}

// After a decision: inputs that are idle come last.
void SliceLoop::reorder() {
  std::vector<MergeOrder::Place> places;
  any_idle_ = false;
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    const SourceStatus status = intake_.status(i);
    if (status.state == SourceState::kEnded) continue;
    const bool is_idle = status.state == SourceState::kIdle;
    any_idle_ = any_idle_ || is_idle;
    places.push_back({is_idle ? cep::kEventTimeMax : status.watermark, i});
  }
  order_.emplace(std::move(places));
}

// Now and then: tells how far it is, and asks whether to go on.
Result<void> SliceLoop::look_around() {
  has_given_ = false;
  next_look_ = summary_.lines + kLinesPerLook;
  if (std::chrono::steady_clock::now() >= next_progress_) report_progress();
  look_at_idle();
  if (options_.stop_requested && options_.stop_requested()) return fail(Errc::kStopped, "stopped");
  return intake_.check_room();
}

void SliceLoop::report_progress() {
  next_progress_ = std::chrono::steady_clock::now() + kProgressInterval;
  if (!sinks_.progress) return;
  Progress progress;
  progress.events = summary_.events;
  progress.alerts = summary_.alerts;
  bool known = true;
  for (const BlockInput& input : inputs_) {
    progress.bytes_done += input.bytes_read();
    progress.bytes_total += input.bytes_total().value_or(0);
    known = known && input.bytes_total();
  }
  if (!known) progress.bytes_total = 0;
  sinks_.progress(progress);
}
}  // namespace

SettleAtEnd::~SettleAtEnd() {
  try {
    if (settle_) static_cast<void>(settle_());
  } catch (const std::exception&) {
    return;  // something else ended the work
  }
}

IntakeOptions intake_options(const cep::Plan& plan, const RunOptions& options, bool slices_stay) {
  IntakeOptions intake;
  intake.slices_stay = slices_stay;
  intake.policy = policy_of(plan, options);
  intake.ahead_max = options.ahead_max;
  intake.jump_max = options.jump_max;
  intake.drift_max = options.drift_max;
  intake.unknown_types = options.unknown_types;
  intake.order = options.order;
  intake.slice_rows_max = options.slice_rows_max;
  intake.line_bytes_max = options.line_bytes_max;
  intake.waiting_bytes_max = options.reorder_bytes_max;
  intake.unique_ids_max = options.unique_ids_max;
  intake.hash_seed = options.hash_seed;
  return intake;
}

Result<void> read_slices(const cep::Plan& plan, const std::vector<std::vector<bool>>& used_fields,
                         const std::vector<bool>& used_types, const std::vector<Input>& inputs,
                         const RunOptions& options, const Sinks& sinks, RunSummary& summary,
                         const Advance& advance, const Settle& settle) {
  SliceLoop loop({plan, used_fields, used_types}, options, sinks, summary, advance, settle);
  if (auto opened = loop.open(inputs, policy_of(plan, options)); !opened) return opened;
  return loop.run();
}
}  // namespace tocsin::runtime
