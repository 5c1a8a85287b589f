#include "runtime/slice_loop.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "runtime/decoder.h"
#include "runtime/equal_numbers.h"
#include "runtime/line_source.h"
#include "runtime/merge_order.h"
#include "runtime/reorder_buffer.h"
#include "runtime/row_store.h"
#include "runtime/unique_filter.h"
#include "runtime/watermark.h"

namespace tocsin::runtime {
namespace {
constexpr std::size_t kExamplesMax = 5;
// How many lines pass between two looks at the clock.
constexpr std::uint64_t kLinesPerLook = 8192;
constexpr std::chrono::milliseconds kProgressInterval{200};

// One input on its way to the slices.
struct Source {
  std::string name;
  LineSource lines;
  WatermarkTracker watermark;
  ReorderBuffer waiting;
  std::vector<WaitingRow> ready = {};  // settled for this source, in order, from `taken` on
  std::size_t taken = 0;
  bool ended = false;
};

class SliceLoop {
 public:
  SliceLoop(const cep::Plan& plan, const std::vector<std::vector<bool>>& used_fields,
            const std::vector<bool>& used_types, const RunOptions& options, const Sinks& sinks,
            RunSummary& summary, const Advance& advance)
      : options_(options),
        sinks_(sinks),
        summary_(summary),
        advance_(advance),
        bound_(options.out_of_orderness.value_or(bound_of(plan))),
        slice_rows_max_(
            std::clamp<std::size_t>(options.slice_rows_max, 1, RowStore::kRowsPerBatchMax)),
        decoder_(plan, used_fields, used_types),
        plan_(plan),
        used_fields_(used_fields),
        slice_(plan),
        equal_numbers_(plan),
        unique_(plan, options.unique_ids_max) {}

  Result<void> open(const std::vector<Input>& inputs);
  Result<void> run();

 private:
  Result<void> read_all();
  Result<void> take(Source& source, const Line& line);
  void take_event(Source& source, const Line& line, const Decoded& event);
  void set_late_aside(const Source& source, const Line& line, const Decoded& event);
  void dead_letter(const Source& source, const Line& line, std::string reason);
  void count_ignored(const Source& source, const Line& line);
  void count_problems(const Source& source, const Line& line);
  void end_source(Source& source);
  Result<void> flush();
  Result<void> flush_all();
  Result<void> give_decoded(cep::EventTime watermark);
  Result<void> give_ready();
  void collect_ready(std::optional<cep::EventTime> end);
  Result<void> give_merged(cep::EventTime watermark);
  Result<void> give(cep::Batch& slice, cep::EventTime watermark);
  Result<void> look_around();
  void report_progress();

  const RunOptions& options_;
  const Sinks& sinks_;
  RunSummary& summary_;
  const Advance& advance_;
  cep::Duration bound_;
  std::size_t slice_rows_max_;
  std::vector<Source> sources_;
  std::optional<MergeOrder> order_;
  Decoder decoder_;
  const cep::Plan& plan_;
  const std::vector<std::vector<bool>>& used_fields_;
  cep::Batch slice_;               // without a store the decoder fills it
  std::optional<RowStore> store_;  // where rows may come out of order
  EqualNumbers equal_numbers_;
  UniqueFilter unique_;
  std::vector<WaitingRow> merged_;
  std::vector<std::string> ignored_types_;
  cep::EventTime watermark_ = cep::kEventTimeMin;  // the last one given
  std::uint64_t arrivals_ = 0;
  std::size_t rows_since_flush_ = 0;
  std::uint64_t next_look_ = kLinesPerLook;  // in lines
  std::chrono::steady_clock::time_point next_progress_;
};

Result<void> SliceLoop::open(const std::vector<Input>& inputs) {
  for (const Input& input : inputs) {
    Result<std::unique_ptr<ByteSource>> bytes =
        input.contents ? read_memory(*input.contents)
                       : open_source(input.name, options_.stop_requested);
    if (!bytes) return tl::unexpected(bytes.error());
    sources_.push_back({input.name, LineSource(std::move(*bytes), options_.line_bytes_max),
                        WatermarkTracker(bound_), ReorderBuffer(bound_)});
  }
  order_.emplace(sources_.size());
  if (sources_.size() > 1 || bound_.us > 0) {
    store_.emplace(plan_, used_fields_, decoder_, slice_rows_max_);
  } else {
    decoder_.begin(slice_);
  }
  return {};
}

Result<void> SliceLoop::run() {
  Result<void> read = read_all();
  // What came before an error is processed too; then time stands still, since more was to come.
  if (Result<void> rest = flush_all(); !rest) return rest;
  if (!read) return read;
  slice_.clear();
  if (options_.until && *options_.until > watermark_) {
    if (auto given = give(slice_, *options_.until); !given) return given;
  }
  if (options_.final_watermark) {
    if (auto given = give(slice_, cep::kEventTimeMax); !given) return given;
  }
  report_progress();
  return {};
}

Result<void> SliceLoop::read_all() {
  Line line;
  while (order_->is_open()) {
    Source& source = sources_[order_->current()];
    Result<void> done;
    switch (source.lines.next(line)) {
      case LineSource::Next::kLine:
        done = take(source, line);
        break;
      case LineSource::Next::kNeedsBytes:
        // Nothing that is here waits for what is not.
        if (!source.lines.is_ready()) {
          done = flush();
          report_progress();
        }
        if (done) {
          const std::uint64_t before = source.lines.bytes_unpacked();
          done = source.lines.fill();
          summary_.bytes += source.lines.bytes_unpacked() - before;
        }
        break;
      case LineSource::Next::kEnd:
        end_source(source);
        break;
    }
    if (!done) return done;
  }
  return {};
}

Result<void> SliceLoop::take(Source& source, const Line& line) {
  ++summary_.lines;
  ++arrivals_;
  if (line.too_long) {
    dead_letter(source, line,
                fmt::format("the line is longer than {} bytes", options_.line_bytes_max));
  } else {
    const Decoded decoded = decoder_.decode(line.text);
    switch (decoded.kind) {
      case LineKind::kEvent:
        take_event(source, line, decoded);
        break;
      case LineKind::kIgnored:
        count_ignored(source, line);
        break;
      case LineKind::kDeadLetter:
        dead_letter(source, line, decoder_.dead_letter_reason());
        break;
    }
  }
  if (rows_since_flush_ >= slice_rows_max_) return flush();
  if (summary_.lines >= next_look_) return look_around();
  return {};
}

void SliceLoop::take_event(Source& source, const Line& line, const Decoded& event) {
  cep::EventTime engine_time = event.ts;
  if (source.watermark.is_late(event.ts)) {
    if (options_.late == LatePolicy::kSide) {
      set_late_aside(source, line, event);
      return;
    }
    engine_time = source.watermark.watermark();
    ++summary_.clamped;
  } else if (source.watermark.observe(event.ts)) {
    source.waiting.advance(source.watermark.watermark(), source.ready);
    order_->advance(source.watermark.watermark());
  }
  if (!decoder_.problems().empty()) count_problems(source, line);
  ++summary_.events;
  summary_.first_event = std::min(summary_.first_event, engine_time);
  summary_.last_event = std::max(summary_.last_event, engine_time);
  if (!event.used) return;
  ++rows_since_flush_;
  if (store_) {
    source.waiting.add({engine_time, store_->keep(engine_time, {arrivals_, 0})}, source.ready);
  } else {
    decoder_.keep(engine_time, {arrivals_, 0});
  }
}

void SliceLoop::set_late_aside(const Source& source, const Line& line, const Decoded& event) {
  ++summary_.late;
  if (event.used) decoder_.drop();
  if (sinks_.late) {
    sinks_.late(
        {source.name, line.number, event.ts, source.watermark.watermark() - event.ts, line.text});
  }
}

void SliceLoop::dead_letter(const Source& source, const Line& line, std::string reason) {
  ++summary_.dead_letters;
  if (sinks_.dead_letter) {
    sinks_.dead_letter({source.name, line.number, std::move(reason),
                        line.text.substr(0, LineSource::kPrefixBytesMax)});
  }
}

void SliceLoop::count_ignored(const Source& source, const Line& line) {
  ++summary_.ignored;
  if (ignored_types_.size() == kExamplesMax) return;
  std::string type = decoder_.ignored_type();
  if (std::find(ignored_types_.begin(), ignored_types_.end(), type) != ignored_types_.end()) return;
  summary_.ignored_examples.push_back(fmt::format("{} at {}:{}", type, source.name, line.number));
  ignored_types_.push_back(std::move(type));
}

void SliceLoop::count_problems(const Source& source, const Line& line) {
  for (const FieldProblem& problem : decoder_.problems()) {
    ++summary_.fields_missing;
    if (summary_.fields_missing_examples.size() == kExamplesMax) continue;
    const std::string place = fmt::format("{}:{}", source.name, line.number);
    summary_.fields_missing_examples.push_back(decoder_.describe(problem, place));
  }
}

void SliceLoop::end_source(Source& source) {
  source.waiting.drain(source.ready);
  source.ended = true;
  order_->end();
}

// Gives all rows that no row to come can precede, and moves time on as far as is promised.
Result<void> SliceLoop::flush() {
  rows_since_flush_ = 0;
  Result<void> given = store_ ? give_ready() : give_decoded(sources_.front().watermark.watermark());
  if (!given) return given;
  return look_around();
}

// Gives all rows there are; time then stands at the newest event.
Result<void> SliceLoop::flush_all() {
  const cep::EventTime newest = std::max(watermark_, summary_.last_event);
  if (!store_) return give_decoded(newest);
  for (Source& source : sources_) source.waiting.drain(source.ready);
  collect_ready(std::nullopt);
  return give_merged(newest);
}

// Without a store: the rows just decoded are a slice.
Result<void> SliceLoop::give_decoded(cep::EventTime watermark) {
  if (sources_.empty()) return {};
  decoder_.finish();
  Result<void> given = give(slice_, watermark);
  slice_.clear();
  decoder_.begin(slice_);
  return given;
}

Result<void> SliceLoop::give_ready() {
  cep::EventTime settled = cep::kEventTimeMax;
  for (const Source& source : sources_) {
    if (!source.ended) settled = std::min(settled, source.waiting.settled());
  }
  collect_ready(settled);
  if (auto given = give_merged(settled); !given) return given;
  std::size_t waiting = 0;
  for (const Source& source : sources_) waiting += source.waiting.waiting() + source.ready.size();
  const std::size_t bytes = store_->bytes() + waiting * sizeof(WaitingRow);
  if (bytes <= options_.reorder_bytes_max) return {};
  return fail(
      Errc::kLimit,
      fmt::format(
          "events that wait to be put in order ({} of them, for {}) take more than {} bytes: allow "
          "less out-of-orderness, or raise reorder_bytes_max",
          waiting, cep::format_duration(bound_), options_.reorder_bytes_max));
}

// Moves all ready rows before `end` (all, where there is none) to `merged_`, in order over all
// sources.
void SliceLoop::collect_ready(std::optional<cep::EventTime> end) {
  merged_.clear();
  std::vector<std::size_t> run_ends;
  for (Source& source : sources_) {
    const auto first = source.ready.begin() + static_cast<std::ptrdiff_t>(source.taken);
    const auto last =
        end ? std::lower_bound(first, source.ready.end(), WaitingRow{*end, 0}) : source.ready.end();
    merged_.insert(merged_.end(), first, last);
    if (first != last) run_ends.push_back(merged_.size());
    source.taken = static_cast<std::size_t>(last - source.ready.begin());
    if (source.taken * 2 >= source.ready.size()) {
      source.ready.erase(source.ready.begin(), last);
      source.taken = 0;
    }
  }
  // Neighbouring runs two by two, until one is left.
  while (run_ends.size() > 1) {
    std::vector<std::size_t> wider;
    std::size_t begin = 0;
    for (std::size_t i = 0; i < run_ends.size(); i += 2) {
      const std::size_t end_of_both = run_ends[std::min(i + 1, run_ends.size() - 1)];
      const auto at = [&](std::size_t place) {
        return merged_.begin() + static_cast<std::ptrdiff_t>(place);
      };
      std::inplace_merge(at(begin), at(run_ends[i]), at(end_of_both));
      wider.push_back(end_of_both);
      begin = end_of_both;
    }
    run_ends = std::move(wider);
  }
}

// Cuts `merged_` into slices; the last goes up to `watermark`.
Result<void> SliceLoop::give_merged(cep::EventTime watermark) {
  std::span<const WaitingRow> rest(merged_);
  do {
    const std::span<const WaitingRow> rows = rest.first(std::min(rest.size(), slice_rows_max_));
    rest = rest.subspan(rows.size());
    store_->gather(rows, slice_);
    Result<void> given = give(slice_, rest.empty() ? watermark : rows.back().time);
    slice_.clear();
    store_->release();
    if (!given) return given;
  } while (!rest.empty());
  return {};
}

Result<void> SliceLoop::give(cep::Batch& slice, cep::EventTime watermark) {
  if (slice.rows.empty() && watermark <= watermark_) return {};
  watermark_ = watermark;
  summary_.repeats += unique_.drop_repeats(slice);
  summary_.ids_forgotten = unique_.forgotten();
  equal_numbers_.assign(slice);
  return advance_(slice, watermark);
}

// Now and then: tells how far it is, and asks whether to go on.
Result<void> SliceLoop::look_around() {
  next_look_ = summary_.lines + kLinesPerLook;
  if (std::chrono::steady_clock::now() >= next_progress_) report_progress();
  if (options_.stop_requested && options_.stop_requested()) return fail(Errc::kRefused, "stopped");
  return {};
}

void SliceLoop::report_progress() {
  next_progress_ = std::chrono::steady_clock::now() + kProgressInterval;
  if (!sinks_.progress) return;
  Progress progress;
  progress.events = summary_.events;
  progress.alerts = summary_.alerts;
  bool known = true;
  for (const Source& source : sources_) {
    const ByteSource& bytes = source.lines.bytes();
    progress.bytes_done += bytes.bytes_read();
    progress.bytes_total += bytes.bytes_total().value_or(0);
    known = known && bytes.bytes_total();
  }
  if (!known) progress.bytes_total = 0;
  sinks_.progress(progress);
}
}  // namespace

Result<void> read_slices(const cep::Plan& plan, const std::vector<std::vector<bool>>& used_fields,
                         const std::vector<bool>& used_types, const std::vector<Input>& inputs,
                         const RunOptions& options, const Sinks& sinks, RunSummary& summary,
                         const Advance& advance) {
  summary.first_event = cep::kEventTimeMax;
  summary.last_event = cep::kEventTimeMin;
  SliceLoop loop(plan, used_fields, used_types, options, sinks, summary, advance);
  if (auto opened = loop.open(inputs); !opened) return opened;
  return loop.run();
}
}  // namespace tocsin::runtime
