#include "runtime/pushed/pushed_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "cep/base/assert.h"
#include "cep/eval/computed.h"
#include "cep/plan/plan.h"
#include "cep/plan/rule.h"
#include "cep/value/read_position.h"
#include "runtime/decode/decoded_block.h"
#include "runtime/event_time/block_lines.h"
#include "runtime/event_time/row_store.h"
#include "runtime/event_time/run.h"
#include "runtime/event_time/watermark.h"
#include "runtime/io/byte_source.h"
#include "runtime/io/line_blocks.h"
#include "runtime/io/line_source.h"
#include "runtime/pushed/pushed_state.h"

namespace tocsin::runtime {
namespace {
// How many slices pass between two looks at the memory of the state.
constexpr std::uint64_t kSlicesOfCheck = 16;

// The program with the limits that the options say.
cep::Program with_limits(const cep::Program& program, const PushedOptions& options) {
  return options.steps_per_event_max
             ? program.with_steps_per_event_max(*options.steps_per_event_max)
             : program;
}
BlockDecoder block_decoder(const cep::Program& program, const PushedOptions& options) {
  const auto rows_max =
      std::clamp<std::size_t>(options.intake.slice_rows_max, 1, RowStore::kRowsPerBatchMax);
  return {program.plan(),
          program.used_fields(),
          program.used_types(),
          {options.intake.line_bytes_max, rows_max}};
}
}  // namespace

IntakeOptions with_policy(const cep::Plan& plan, const PushedOptions& options) {
  IntakeOptions intake = options.intake;
  intake.is_saved = options.keeps_state;
  intake.policy = {options.out_of_orderness.value_or(bound_of(plan)), options.late,
                   options.late_max};
  return intake;
}

// What was pushed and not read yet, as a source of bytes that never waits. Its end is that of the
// source: it is not read while it is empty before that.
class PushedRun::Chunk : public ByteSource {
 public:
  void put(std::string_view bytes) { rest_ = bytes; }
  bool is_empty() const { return rest_.empty(); }
  std::size_t size() const { return rest_.size(); }
  Result<std::size_t> read(char* to, std::size_t capacity) override {
    const std::size_t count = std::min(capacity, rest_.size());
    if (count != 0) std::memcpy(to, rest_.data(), count);
    rest_.remove_prefix(count);
    bytes_read_ += count;
    return count;
  }
  std::uint64_t bytes_read() const override { return bytes_read_; }
  std::optional<std::uint64_t> bytes_total() const override { return std::nullopt; }

 private:
  std::string_view rest_;
  std::uint64_t bytes_read_ = 0;
};

// Not a BlockInput, which may decode on threads of its own.
struct PushedRun::Source {
  Source(std::unique_ptr<Chunk> bytes, std::size_t line_bytes_max)
      : chunk(bytes.get()), blocks(std::in_place, std::move(bytes), line_bytes_max) {}
  // Lines one by one.
  Source(std::unique_ptr<Chunk> bytes, std::size_t line_bytes_max, std::uint64_t lines_before)
      : chunk(bytes.get()), each(std::in_place, std::move(bytes), line_bytes_max, lines_before) {}
  std::uint64_t bytes_unpacked() const {
    return blocks ? blocks->bytes_unpacked() : each->bytes_unpacked();
  }
  // Reads once and decodes the lines that are whole; requires that all lines were taken.
  Result<void> fill(BlockDecoder& decoder) {
    std::string_view text;
    if (Result<void> read = blocks->read(buffer, text); !read) return read;
    if (text.empty()) return {};
    decoder.decode(text, std::exchange(is_first, false), block);
    lines.begin(block);
    return {};
  }
  Chunk* chunk;  // what the next two read; there is one of them
  std::optional<LineBlocks> blocks;
  std::optional<LineSource> each;  // of a run that keeps its state
  std::vector<char> buffer;
  DecodedBlock block;
  BlockLines lines;
  bool is_first = true;  // no line was decoded
  bool has_ended = false;
  std::optional<bool> has_rows;  // once something came: record batches, and no lines
};

PushedRun::PushedRun(const cep::Program& program, const PushedOptions& options, Sinks sinks)
    : program_(with_limits(program, options)),
      options_(options),
      sinks_(std::move(sinks)),
      engine_(program_, options.intake.hash_seed),
      intake_(UsedEvents::of(program_), with_policy(program_.plan(), options),
              {sinks_.late, sinks_.dead_letter}, summary_,
              [this](cep::Batch& slice, cep::EventTime watermark) {
                return advance_engine(slice, watermark);
              }),
      decoder_(block_decoder(program_, options)) {
  summary_.alerts_by_rule.resize(program_.plan().rules.size());
  if (options_.keeps_state) {
    state_ = std::make_unique<PushedState>(program_.plan(), engine_, intake_, summary_);
  }
}

PushedRun::~PushedRun() = default;

Result<void> PushedRun::advance_engine(cep::Batch& slice, cep::EventTime watermark) {
  if (options_.state_bytes_max && slices_++ % kSlicesOfCheck == 0) {
    const std::uint64_t bytes = engine_.stats().state_bytes;
    if (bytes > *options_.state_bytes_max) {
      return fail(Errc::kLimit,
                  fmt::format("the state of the rules takes {} bytes of memory, and may take {}",
                              bytes, *options_.state_bytes_max));
    }
  }
  alerts_.clear();
  values_missing_ += cep::fill_computed(program_, slice);
  engine_.advance(slice, watermark, alerts_);
  for (const cep::Alert& alert : alerts_) {
    count_alert(program_.plan(), alert, summary_);
    if (!sinks_.alert) continue;
    if (Result<void> taken = sinks_.alert(alert); !taken) return taken;
  }
  return {};
}

Result<void> PushedRun::keep(Result<void> result) {
  if (!result && !failure_) failure_ = result.error();
  return result;
}

Result<void> PushedRun::check_open() const {
  if (failure_) {
    return fail(Errc::kConflict, "the run has failed and takes nothing more: " + failure_->message);
  }
  if (is_finished_) return fail(Errc::kConflict, "the run is finished and takes nothing more");
  return {};
}

Result<std::size_t> PushedRun::source(std::string_view name) {
  if (const std::optional<std::size_t> known = intake_.find(name)) return *known;
  if (Result<void> open = check_open(); !open) return tl::unexpected(open.error());
  if (sources_.size() == kSourcesMax) {
    return fail(Errc::kLimit, fmt::format("a run has at most {} sources; lines of several "
                                          "producers may be pushed as one source",
                                          kSourcesMax));
  }
  const std::size_t index = intake_.source(name);
  sources_.push_back(open_source(0, false));
  return index;
}

std::unique_ptr<PushedRun::Source> PushedRun::open_source(std::uint64_t lines_before,
                                                          bool has_ended) const {
  auto chunk = std::make_unique<Chunk>();
  const std::size_t bytes_max = options_.intake.line_bytes_max;
  auto source = options_.keeps_state
                    ? std::make_unique<Source>(std::move(chunk), bytes_max, lines_before)
                    : std::make_unique<Source>(std::move(chunk), bytes_max);
  source->has_ended = has_ended;
  return source;
}

// Reads once, and takes the lines that are whole: all of them, or at least those of one slice.
Result<void> PushedRun::take_more(std::size_t source) {
  Source& from = *sources_[source];
  if (from.each) return take_each_line(source);
  Result<void> done = from.fill(decoder_);
  return done ? take_lines(source) : done;
}

// The same of a run that keeps its state.
Result<void> PushedRun::take_each_line(std::size_t source) {
  LineSource& lines = *sources_[source]->each;
  if (Result<void> read = lines.fill(); !read) return read;
  const bool by_position = options_.intake.order == EqualTimeOrder::kPosition;
  Line line;
  while (lines.next(line) == LineSource::Next::kLine) {
    cep::ArrivalNumber arrival{summary_.lines + 1, 0};
    if (by_position) {
      const auto position = cep::arrival_at(cep::ReadPosition::of_line(source, line.number));
      if (!position) {
        return fail(Errc::kLimit, fmt::format("{} has more lines than can be ordered by position",
                                              intake_.status(source).name));
      }
      arrival = *position;
    }
    if (Result<void> taken = intake_.take(source, line, arrival, now_); !taken) return taken;
  }
  return {};
}

// Takes the lines of the block at hand, to its end: no block is left half taken.
Result<void> PushedRun::take_lines(std::size_t source) {
  BlockLines& lines = sources_[source]->lines;
  while (!lines.is_done()) {
    Result<void> taken = intake_.take(source, lines, now_, cep::kEventTimeMax);
    if (!taken) return taken;
  }
  return {};
}

Result<void> PushedRun::check_source(std::size_t source, bool has_rows) const {
  if (Result<void> open = check_open(); !open) return open;
  const Source& from = *sources_[source];
  const std::string_view name = intake_.status(source).name;
  if (from.has_ended) return fail(Errc::kConflict, fmt::format("the source {} has ended", name));
  if (has_rows && options_.keeps_state) {
    return fail(Errc::kConflict, "a run that keeps its state takes lines, and no record batches");
  }
  if (from.has_rows.value_or(has_rows) == has_rows) return {};
  return fail(Errc::kConflict, fmt::format("the source {} takes {}: open another source for {}",
                                           name, has_rows ? "JSON lines" : "record batches",
                                           has_rows ? "record batches" : "JSON lines"));
}

PushedBytes PushedRun::push(std::size_t source, const ArrowSchema& schema, const ArrowArray& array,
                            std::string_view type, std::int64_t first_row,
                            const std::function<Result<void>()>& check) {
  if (Result<void> open = check_source(source, true); !open) return {0, open};
  if (arrow_ == nullptr) {
    arrow_ = std::make_unique<ArrowDecoder>(program_.plan(), program_.used_fields(),
                                            program_.used_types());
  }
  if (Result<void> opened = arrow_->open(schema, array, type, first_row); !opened) {
    return {0, opened};
  }
  sources_[source]->has_rows = true;
  PushedBytes pushed = push_rows(source, first_row, array.length, check);
  arrow_->close();
  return pushed;
}

PushedBytes PushedRun::push_rows(std::size_t source, std::int64_t first_row, std::int64_t row_count,
                                 const std::function<Result<void>()>& check) {
  Source& from = *sources_[source];
  const auto rows_max = static_cast<std::int64_t>(
      std::clamp<std::size_t>(options_.intake.slice_rows_max, 1, RowStore::kRowsPerBatchMax));
  for (std::int64_t row = first_row; row < row_count;) {
    Result<void> room = check();
    if (room) room = intake_.check_room();
    if (!room) return {static_cast<std::size_t>(row - first_row), room};
    const std::int64_t count = std::min(rows_max, row_count - row);
    arrow_->decode(row, static_cast<std::size_t>(count), from.block);
    from.lines.begin(from.block);
    row += count;
    if (Result<void> done = take_lines(source); !done) {
      return {static_cast<std::size_t>(row - first_row), keep(std::move(done))};
    }
  }
  return {static_cast<std::size_t>(row_count - first_row), {}};
}

PushedBytes PushedRun::push(std::size_t source, std::string_view bytes) {
  if (Result<void> open = check_source(source, false); !open) return {0, open};
  Source& from = *sources_[source];
  from.has_rows = false;
  from.chunk->put(bytes);
  while (!from.chunk->is_empty()) {
    // What does not fit is not taken, and nothing has happened to it.
    if (Result<void> room = intake_.check_room(); !room) {
      const std::size_t taken = bytes.size() - from.chunk->size();
      from.chunk->put({});
      return {taken, room};
    }
    const std::uint64_t before = from.bytes_unpacked();
    Result<void> done = take_more(source);
    summary_.bytes += from.bytes_unpacked() - before;
    if (!done) {
      from.chunk->put({});
      return {bytes.size(), keep(std::move(done))};
    }
  }
  return {bytes.size(), {}};
}

// A last line without its end, and the end of the source.
Result<void> PushedRun::end_bytes(std::size_t source) {
  Source& from = *sources_[source];
  from.has_ended = true;
  if (Result<void> done = take_more(source); !done) return done;
  intake_.decide(DecisionKind::kEnded, source, {});
  return {};
}

Result<void> PushedRun::end(std::size_t source) {
  if (Result<void> open = check_open(); !open) return open;
  if (sources_[source]->has_ended) return {};
  return keep(end_bytes(source));
}

Result<void> PushedRun::advance(cep::EventTime watermark) {
  if (Result<void> open = check_open(); !open) return open;
  if (watermark < cep::kEventTimeMin || watermark >= cep::kEventTimeMax) {
    return fail(Errc::kInvalidArgument,
                fmt::format("a watermark is between {} and {} microseconds, and {} is not; to end "
                            "all time, finish the run",
                            cep::kEventTimeMin.us, cep::kEventTimeMax.us - 1, watermark.us));
  }
  if (watermark <= intake_.given()) return flush();
  Result<void> given = intake_.give_up_to(watermark);
  return keep(given ? intake_.flush() : std::move(given));
}

Result<void> PushedRun::flush() {
  if (is_finished_ && !failure_) return {};
  if (Result<void> open = check_open(); !open) return open;
  return keep(intake_.flush());
}

Result<void> PushedRun::finish(bool final_watermark) {
  if (is_finished_ && !failure_) return {};
  if (Result<void> open = check_open(); !open) return open;
  for (std::size_t i = 0; i < sources_.size(); ++i) {
    if (sources_[i]->has_ended) continue;
    if (Result<void> done = keep(end_bytes(i)); !done) return done;
  }
  Result<void> given = keep(intake_.finish(final_watermark, std::nullopt));
  if (given) is_finished_ = true;
  return given;
}

cep::EventTime PushedRun::watermark() const {
  return std::max(intake_.given(), intake_.watermark());
}

Result<void> PushedRun::begin_cut() {
  TOCSIN_ASSERT(state_ != nullptr, "the run keeps its state");
  if (Result<void> open = check_open(); !open) return open;
  PushedHead head{values_missing_, {}};
  for (std::size_t i = 0; i < sources_.size(); ++i) {
    if (!sources_[i]->each->is_between_lines()) {
      return fail(Errc::kConflict,
                  fmt::format("the source {} has had a part of a line: push the rest of it before "
                              "the state is cut",
                              intake_.status(i).name));
    }
    head.sources.push_back({sources_[i]->each->number(), sources_[i]->has_ended});
  }
  state_->begin_cut(head);
  return {};
}
bool PushedRun::write_cut(cep::StageSink& sink, std::size_t bytes_max) {
  return state_->write_cut(sink, bytes_max);
}
void PushedRun::mark_all_changed() { state_->mark_all_changed(); }
Result<cep::RestoreReport> PushedRun::begin_restore(std::string_view head,
                                                    std::string_view engine) {
  TOCSIN_ASSERT(state_ != nullptr, "the run keeps its state");
  return state_->begin_restore(head, engine);
}
Result<void> PushedRun::restore(cep::KeyGroup group, std::string_view key, std::string_view value) {
  return state_->restore(group, key, value);
}
Result<void> PushedRun::finish_restore() {
  const Result<PushedHead> head = state_->finish_restore();
  if (!head) return keep(tl::unexpected(head.error()));
  values_missing_ = head->values_missing;
  for (const PushedHead::Source& source : head->sources) {
    sources_.push_back(open_source(source.lines, source.has_ended));
  }
  return {};
}

RunSummary PushedRun::summary() const {
  RunSummary all = summary_;
  all.engine = engine_.stats();
  all.engine.values_missing += values_missing_;
  all.steps_exceeded = engine_.steps_exceeded();
  return all;
}
}  // namespace tocsin::runtime
