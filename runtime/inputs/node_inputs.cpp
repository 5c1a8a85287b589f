#include "runtime/inputs/node_inputs.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "runtime/csv/csv_format.h"
#include "runtime/csv/csv_header.h"
#include "runtime/event_time/input_form.h"
#include "runtime/inputs/series_name.h"
#include "runtime/series/open_series.h"

namespace tocsin::runtime {
namespace {
constexpr std::chrono::milliseconds kProgressInterval{200};
// How long a wait for input lasts at most before the node goes on with other things.
constexpr std::chrono::milliseconds kWait{50};
// The same where other inputs may be read ahead of it, which are not waited for.
constexpr std::chrono::milliseconds kAheadWait{10};
// How much of an input is read ahead before it is looked whether that one has come.
constexpr std::uint64_t kAheadBytes = 1 << 20;
// How long, and for how many bytes, memory is not looked at again.
constexpr std::chrono::milliseconds kRoomInterval{10};
constexpr std::uint64_t kRoomBytes = 1 << 20;
constexpr std::string_view kStandardInput = "-";
}  // namespace

NodeInputs::NodeInputs(Node& node, Clock& clock, NodeInputOptions options)
    : node_(node),
      clock_(clock),
      options_(std::move(options)),
      keeper_(clock, options_.silence),
      next_progress_(std::chrono::steady_clock::now()) {}

Result<std::unique_ptr<NodeInputs>> NodeInputs::open(Node& node, Clock& clock,
                                                     const std::vector<std::string>& paths,
                                                     NodeInputOptions options) {
  std::unique_ptr<NodeInputs> inputs(new NodeInputs(node, clock, std::move(options)));
  if (auto opened = inputs->open_all(paths); !opened) return tl::unexpected(opened.error());
  return inputs;
}

Result<void> NodeInputs::check_nothing_new(const std::vector<std::string>& paths) {
  for (const std::string& path : paths) {
    if (is_series(path)) {
      if (options_.series.follows) return node_.may_take();
      Result<std::unique_ptr<FileSeries>> series =
          runtime::open_series(path, series_options(series_name(path)), true);
      if (!series) return tl::unexpected(series.error());
      const Result<std::optional<SeriesPart>> part = (*series)->next();
      if (!part) return tl::unexpected(part.error());
      if (*part && (*part)->is_begun) return node_.may_take();
      continue;
    }
    std::uint64_t taken = 0;
    if (path != kStandardInput) {
      const Result<std::vector<FileMatch>> file =
          match_files({path}, node_.sources(), *options_.files);
      if (!file) return tl::unexpected(file.error());
      if (file->front().source) taken = node_.sources()[*file->front().source].next_offset;
    }
    Result<std::unique_ptr<ByteSource>> bytes = open_bytes(path);
    if (!bytes) return tl::unexpected(bytes.error());
    const Result<std::uint64_t> skipped = (*bytes)->skip(taken);
    if (!skipped) return tl::unexpected(skipped.error());
    char next = 0;
    const Result<std::size_t> more = (*bytes)->read(&next, 1);
    if (!more) return tl::unexpected(more.error());
    if (*more != 0) return node_.may_take();
  }
  return {};
}

Result<void> NodeInputs::open_all(const std::vector<std::string>& paths) {
  if (!node_.may_take()) return check_nothing_new(paths);
  std::vector<std::string> file_paths;
  std::vector<std::string> names;
  for (const std::string& path : paths) {
    if (path == kStandardInput) {
      names.push_back(path);
    } else if (is_series(path)) {
      names.push_back(series_name(path));
    } else {
      file_paths.push_back(path);
    }
  }
  Result<std::vector<FileMatch>> files = match_files(file_paths, node_.sources(), *options_.files);
  if (!files) return tl::unexpected(files.error());
  std::size_t next_file = 0;
  for (const std::string& path : paths) {
    auto opened = path == kStandardInput ? open_standard_input()
                  : is_series(path)      ? open_series(path)
                                         : open_file((*files)[next_file++]);
    if (!opened) return opened;
  }
  for (const FileMatch& file : *files) names.push_back(file.name);
  is_open_ = true;
  return leave_others(names);
}

Result<void> NodeInputs::open_file(FileMatch& file) {
  const bool is_known = file.source.has_value();
  const bool takes_rest =
      options_.unfinished_line == UnfinishedLine::kTake && file.unfinished_bytes != 0;
  if (file.is_finished && !takes_rest) {
    notes_.push_back(fmt::format("{} was read to its end before", file.path));
    if (file.unfinished_bytes != 0) unfinished_.push_back({file.path, file.unfinished_bytes});
    return {};
  }
  const bool is_begun = is_known && node_.sources()[*file.source].next_offset != 0;
  Result<std::unique_ptr<ByteSource>> bytes = open_bytes(file.path);
  if (!bytes) return tl::unexpected(bytes.error());
  std::optional<CsvFormat> format;
  if (is_begun) {
    Result<std::optional<CsvFormat>> known = known_format(file);
    if (!known) return tl::unexpected(known.error());
    format = *std::move(known);
  } else if (is_csv(file.path, options_.reading.format)) {
    Result<CsvInput> table =
        open_csv(*std::move(bytes), file.path, options_.reading.csv, node_.program().plan());
    if (!table) return tl::unexpected(table.error());
    bytes = std::move(table->bytes);
    format = std::move(table->format);
  } else {
    bytes = refuse_other_forms(*std::move(bytes), file.path);
  }
  const Result<std::size_t> source = node_.source(file.name, SourceKind::kByPosition);
  if (!source) return tl::unexpected(source.error());
  const std::uint64_t offset = node_.sources()[*source].next_offset;
  if (is_known && offset != 0) {
    const char* const how =
        node_.sources()[*source].has_ended ? "has grown, and goes on" : "goes on";
    notes_.push_back(fmt::format("{} {} at byte {}", file.path, how, offset));
    if (file.name != file.path) {
      notes_.push_back(fmt::format("{} was {} before", file.path, file.name));
    }
  }
  std::string identity = write_identity(file.identity);
  if (format) {
    identity += " " + write_csv_format(*format);
    notes_.push_back(describe_csv(*format, node_.program().plan(), file.path));
  }
  node_.refresh(*source, std::move(identity), std::move(file.prefix));
  const Result<std::uint64_t> skipped = (*bytes)->skip(offset);
  if (!skipped) return tl::unexpected(skipped.error());
  return add(*source, file.path, *std::move(bytes),
             format ? std::optional(format->separator) : std::nullopt);
}

// A file that was begun is read on as it was. Fails where the options say otherwise.
Result<std::optional<CsvFormat>> NodeInputs::known_format(const FileMatch& file) const {
  const InputReading& reading = options_.reading;
  const std::optional<CsvFormat> known =
      read_csv_format(row_format(node_.sources()[*file.source].identity));
  std::optional<CsvFormat> wanted = known;
  if (reading.format == InputFormat::kJson) wanted.reset();
  if (reading.format == InputFormat::kCsv && !known) wanted.emplace();
  if (known && wanted && reading.csv.is_given()) {
    CsvOptions options = reading.csv;
    if (options.type.empty()) options.type = known->type;
    Result<std::unique_ptr<ByteSource>> bytes = options_.files->open(file.path);
    if (!bytes) return tl::unexpected(bytes.error());
    Result<CsvInput> table =
        open_csv(*std::move(bytes), file.path, options, node_.program().plan());
    if (!table) return tl::unexpected(table.error());
    wanted = std::move(table->format);
  }
  if (wanted == known) return known;
  return fail(Errc::kMismatch,
              fmt::format("{} was read as {} before, and the options say otherwise now: leave "
                          "--input-format and --csv-… out, give the file under another name, or "
                          "begin anew in another data directory",
                          file.path, known ? "CSV of another form" : "JSON lines"));
}

Result<void> NodeInputs::open_standard_input() {
  if (is_csv(kStandardInput, options_.reading.format)) {
    return fail(Errc::kInvalidArgument,
                "standard input is JSON lines in a run with --data: name a file of CSV with "
                "--input, or convert it");
  }
  const Result<std::size_t> source = node_.source(kStandardInput, SourceKind::kByValue);
  if (!source) return tl::unexpected(source.error());
  const std::uint64_t lines = node_.sources()[*source].next_offset;
  if (lines != 0) notes_.push_back(fmt::format("standard input goes on after line {}", lines));
  Result<std::unique_ptr<ByteSource>> bytes = open_bytes(std::string(kStandardInput));
  if (!bytes) return tl::unexpected(bytes.error());
  return add(*source, std::string(kStandardInput),
             refuse_other_forms(*std::move(bytes), std::string(kStandardInput)));
}

Result<std::unique_ptr<ByteSource>> NodeInputs::open_bytes(const std::string& path) {
  return path == kStandardInput ? open_source(path, options_.stop_requested)
                                : options_.files->open(path, options_.stop_requested);
}

Result<void> NodeInputs::add(std::size_t source, const std::string& path,
                             std::unique_ptr<ByteSource> bytes, std::optional<char> separator) {
  const std::string name = node_.sources()[source].name;
  const std::optional<std::size_t> in_intake = node_.intake().find(name);
  if (!in_intake) return fail(Errc::kInternal, "a source is not known: " + name);
  // It had ended, or was no input of the last start: that it is one again is a record, so that
  // whatever happens before its first new line, the next start knows that it was not at its end.
  if (node_.sources()[source].has_ended ||
      node_.intake().status(*in_intake).state != SourceState::kActive) {
    auto awake = node_.decide({DecisionKind::kAwake, clock_.now(), name});
    if (!awake) return awake;
  }
  const bool is_standard_input = path == kStandardInput;
  Input input;
  input.path = path;
  input.source = source;
  input.in_intake = *in_intake;
  input.in_keeper = keeper_.source(name);
  input.reader = std::make_unique<BlockReader>(
      std::move(bytes), options_.line_bytes_max,
      is_standard_input ? LongLines::kCut : LongLines::kWhole, options_.unfinished_line, separator);
  input.is_standard_input = is_standard_input;
  inputs_.push_back(std::move(input));
  ++open_count_;
  return {};
}

// A source that nobody reads would hold back time for ever.
Result<void> NodeInputs::leave_others(const std::vector<std::string>& names) {
  std::vector<std::string> left;
  for (const NodeSource& source : node_.sources()) {
    if (source.has_ended || std::ranges::find(names, source.name) != names.end()) continue;
    const std::optional<std::size_t> in_intake = node_.intake().find(source.name);
    if (!in_intake || node_.intake().status(*in_intake).state != SourceState::kActive) continue;
    left.push_back(source.name);
  }
  for (const std::string& name : left) {
    notes_.push_back(fmt::format("{} was not read to its end, and is no input now",
                                 name == kStandardInput ? "standard input" : name));
    auto idle = node_.decide({DecisionKind::kIdle, clock_.now(), name});
    if (!idle) return idle;
  }
  return {};
}

// Inputs that are idle come last.
void NodeInputs::reorder() {
  std::vector<MergeOrder::Place> places;
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    const Input& input = inputs_[i];
    if (input.is_over) continue;
    places.push_back(
        {input.is_idle ? cep::kEventTimeMax : node_.intake().watermark_of(input.in_intake), i});
  }
  order_.emplace(std::move(places));
}

Result<void> NodeInputs::decide(const Decision& decision) {
  if (decision.kind == DecisionKind::kIdle || decision.kind == DecisionKind::kAwake) {
    for (Input& input : inputs_) {
      if (node_.sources()[input.source].name == decision.source) {
        input.is_idle = decision.kind == DecisionKind::kIdle;
      }
    }
  }
  return node_.decide(decision);
}

Result<void> NodeInputs::run() {
  reorder();
  while (order_->is_open()) {
    Input& input = inputs_[order_->current()];
    if (!input.rest.empty()) {
      if (auto taken = take(input, open_count_ > 1 ? &*order_ : nullptr); !taken) return taken;
      continue;
    }
    switch (input.reader->next(input.rest)) {
      case BlockReader::Next::kBlock:
        if (auto awake = wake(input); !awake) return awake;
        break;
      case BlockReader::Next::kNeedsBytes:
        if (auto filled = need_bytes(input); !filled) return filled;
        break;
      case BlockReader::Next::kEnd:
        if (auto ended = input.series ? end_part(input) : end(input); !ended) return ended;
        if (input.is_over) order_->end();
        break;
    }
  }
  report_progress();
  return {};
}

// Lines of the input's block, until another one comes first in `order`.
Result<void> NodeInputs::take(Input& input, MergeOrder* order) {
  const Result<std::size_t> taken = node_.arrive(input.source, input.rest, order);
  if (!taken) return tl::unexpected(taken.error());
  input.rest.remove_prefix(*taken);
  bytes_taken_ += *taken;
  if (input.is_standard_input && options_.standard_input_taken) {
    options_.standard_input_taken(node_.next_sequence() - 1,
                                  node_.sources()[input.source].next_offset);
  }
  return look_around();
}

Result<void> NodeInputs::need_bytes(Input& input) {
  if (!input.reader->wait_ready(std::chrono::milliseconds(0))) {
    // Perhaps its sender waits to hear of them.
    node_.hurry();
    report_progress();
    const Result<bool> has_come = wait_for(input);
    if (!has_come) return tl::unexpected(has_come.error());
    if (!*has_come) return {};
  }
  return input.reader->fill();
}

Result<bool> NodeInputs::wait_for(Input& input) {
  const std::size_t place = order_->current();
  keeper_.found_empty(input.in_keeper);
  for (;;) {
    const Result<bool> has_read = read_ahead(input);
    if (!has_read) return tl::unexpected(has_read.error());
    std::chrono::milliseconds wait = options_.reads_ahead ? kAheadWait : kWait;
    if (*has_read) wait = std::chrono::milliseconds(0);
    if (const std::optional<cep::Duration> due = keeper_.next_due()) {
      wait =
          std::min(std::chrono::milliseconds(std::max<std::int64_t>(due->us / 1000 + 1, 1)), wait);
    }
    if (input.reader->wait_ready(wait)) return true;
    const std::vector<Decision> decisions = keeper_.due();
    for (const Decision& decision : decisions) {
      if (auto decided = decide(decision); !decided) return tl::unexpected(decided.error());
    }
    if (!decisions.empty()) reorder();
    if (auto polled = node_.poll(); !polled) return tl::unexpected(polled.error());
    if (auto looked = look_around(); !looked) return tl::unexpected(looked.error());
    if (order_->current() == place) continue;
    if (!input.is_idle) keeper_.paused(input.in_keeper);
    return false;
  }
}

// While `holder`, whose turn it is, has nothing at hand: takes what other inputs have, as far as
// they may be ahead of it. Their silence says nothing: whose turn it is is waited for, and so are
// they when it is theirs.
Result<bool> NodeInputs::read_ahead(const Input& holder) {
  if (!options_.reads_ahead) return false;
  bool has_read = false;
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    Input& input = inputs_[i];
    // Those that are idle wake as soon as they have lines (look_at_idle()).
    if (&input == &holder || input.is_over || input.is_idle) continue;
    Result<bool> read = read_on(input, i);
    if (!read) return read;
    has_read = has_read || *read;
  }
  if (has_read) reorder();
  return has_read;
}

// Not for long: the input whose turn it is may have come meanwhile. The end of an input is taken
// when its turn comes.
Result<bool> NodeInputs::read_on(Input& input, std::size_t place) {
  constexpr std::size_t kLimit = SIZE_MAX;  // no input's place: comes first beyond the drift
  const std::uint64_t first = bytes_taken_;
  const Intake& intake = node_.intake();
  while (bytes_taken_ - first < kAheadBytes && !input.is_idle && intake.may_read(input.in_intake)) {
    if (!input.rest.empty()) {
      const cep::EventTime own = intake.watermark_of(input.in_intake);
      const cep::EventTime limit = std::max(own, intake.drift_limit());
      MergeOrder ahead(std::vector<MergeOrder::Place>{{own, place}, {limit, kLimit}});
      if (auto taken = take(input, &ahead); !taken) return tl::unexpected(taken.error());
      continue;
    }
    const BlockReader::Next next = input.reader->next(input.rest);
    if (next == BlockReader::Next::kEnd) break;
    if (next == BlockReader::Next::kBlock) continue;
    if (!input.reader->wait_ready(std::chrono::milliseconds(0))) break;
    if (auto filled = input.reader->fill(); !filled) return tl::unexpected(filled.error());
  }
  return bytes_taken_ != first;
}

// Lines of the input are at hand.
Result<void> NodeInputs::wake(Input& input) {
  const std::optional<Decision> awake = keeper_.arrived(input.in_keeper);
  if (!awake) return {};
  if (auto decided = decide(*awake); !decided) return decided;
  reorder();
  return {};
}

// Lines of inputs that held back nobody count again as soon as they come.
Result<void> NodeInputs::look_at_idle() {
  for (Input& input : inputs_) {
    if (!input.is_idle || input.is_over) continue;
    if (!input.reader->wait_ready(std::chrono::milliseconds(0))) continue;
    if (auto awake = wake(input); !awake) return awake;
  }
  return {};
}

Result<void> NodeInputs::end(Input& input) {
  input.is_over = true;
  --open_count_;
  keeper_.ended(input.in_keeper);
  if (const std::size_t left = input.reader->unfinished_bytes(); left != 0) {
    unfinished_.push_back({input.path, left});
  }
  const NodeSource& source = node_.sources()[input.source];
  if (source.has_ended) return {};
  const std::string name = source.name;
  return node_.decide({DecisionKind::kEnded, clock_.now(), name});
}

Result<void> NodeInputs::look_around() {
  // All counters of the engine are asked: not for each of many small blocks.
  if (const auto now = std::chrono::steady_clock::now();
      now >= next_room_look_ || bytes_taken_ >= room_look_at_) {
    next_room_look_ = now + kRoomInterval;
    room_look_at_ = bytes_taken_ + kRoomBytes;
    if (auto room = node_.check_room(); !room) return room;
  }
  if (std::chrono::steady_clock::now() >= next_progress_) report_progress();
  if (auto looked = look_at_idle(); !looked) return looked;
  if (options_.stop_requested && options_.stop_requested()) return fail(Errc::kStopped, "stopped");
  return {};
}

std::vector<std::string> NodeInputs::unfinished() const {
  std::vector<std::string> sentences;
  for (const Unfinished& input : unfinished_) {
    sentences.push_back(
        input.path == kStandardInput
            ? fmt::format("standard input ended within a line: its last {} bytes were not taken, "
                          "nor counted as a line; send the whole line again, with its line end",
                          input.bytes)
            : fmt::format("{} ends within a line: its last {} bytes were not taken, and are when a "
                          "later start finds the line with its line end",
                          input.path, input.bytes));
  }
  return sentences;
}

void NodeInputs::report_progress() {
  next_progress_ = std::chrono::steady_clock::now() + kProgressInterval;
  if (!options_.progress) return;
  Progress progress;
  progress.events = node_.summary().events;
  progress.alerts = node_.summary().alerts;
  bool is_known = true;
  for (const Input& input : inputs_) {
    const ByteSource& bytes = input.reader->bytes();
    progress.bytes_done += bytes.bytes_read();
    progress.bytes_total += bytes.bytes_total().value_or(0);
    is_known = is_known && bytes.bytes_total() && !input.series;
  }
  if (!is_known) progress.bytes_total = 0;
  options_.progress(progress);
}
}  // namespace tocsin::runtime
