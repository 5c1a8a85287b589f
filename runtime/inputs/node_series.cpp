// Inputs of a durable run that are several files, one after the other: how each is begun and left.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "runtime/csv/csv_format.h"
#include "runtime/csv/csv_header.h"
#include "runtime/event_time/input_form.h"
#include "runtime/inputs/node_inputs.h"
#include "runtime/inputs/series_name.h"
#include "runtime/io/topic_partition.h"
#include "runtime/series/open_series.h"

namespace tocsin::runtime {
// The source of a path: what is no producer's name and no partition's.
std::string series_name(const std::string& path) {
  std::string name = path;
  while (name.size() > 1 && name.ends_with('/')) name.pop_back();
  const bool is_other = stream_of(name) != name || is_partition(name);
  return is_other ? "./" + name : name;
}

namespace {
const NodeSource* find_source(const Node& node, const std::string& name) {
  const auto found = std::ranges::find(node.sources(), name, &NodeSource::name);
  return found == node.sources().end() ? nullptr : &*found;
}
}  // namespace

// Also a log that was followed before and is not now: it is read to its end.
bool NodeInputs::is_series(const std::string& path) const {
  if (path == "-") return false;
  if (options_.series.follows || FileSeries::is_directory(path, *options_.files)) return true;
  const NodeSource* const source = find_source(node_, series_name(path));
  return source != nullptr && source->series;
}

FileSeriesOptions NodeInputs::series_options(const std::string& name) const {
  FileSeriesOptions options = options_.series;
  options.files = options_.files;
  options.stop_requested = options_.stop_requested;
  options.has_header = [this](std::string_view path) {
    return is_csv(path, options_.reading.format);
  };
  options.kept = [this, name]() -> const SeriesState* {
    const NodeSource* const source = find_source(node_, name);
    return source != nullptr && source->series ? &*source->series : nullptr;
  };
  return options;
}

void NodeInputs::tell_notes(FileSeries& series) {
  for (std::string& note : series.take_notes()) {
    if (!is_open_) {
      notes_.push_back(std::move(note));
    } else if (options_.note) {
      options_.note(note);
    }
  }
}

Result<void> NodeInputs::open_series(const std::string& path) {
  const std::string name = series_name(path);
  const NodeSource* const known = find_source(node_, name);
  if (known != nullptr && !known->series && known->next_offset != 0) {
    return fail(Errc::kMismatch,
                fmt::format("{} was read without --follow before: leave it out, or begin anew in "
                            "another data directory",
                            path));
  }
  const bool is_at_end = known != nullptr && known->has_ended;
  Result<std::unique_ptr<FileSeries>> series =
      runtime::open_series(path, series_options(name), is_at_end);
  if (!series) return tl::unexpected(series.error());
  Result<std::optional<SeriesPart>> part = (*series)->next();
  tell_notes(**series);
  if (!part) return tl::unexpected(part.error());
  if (!*part) {
    notes_.push_back(known == nullptr ? fmt::format("{} has no files to read", path)
                                      : fmt::format("{} was read to its end before", path));
    return {};
  }
  const Result<std::size_t> source = node_.source(name, SourceKind::kByValue);
  if (!source) return tl::unexpected(source.error());
  if (auto added = add(*source, path, read_memory("")); !added) return added;
  inputs_.back().series = *std::move(series);
  return begin_part(inputs_.back(), **std::move(part));
}

// How rows of the part are read. Reads its beginning, where that comes next.
Result<std::optional<CsvFormat>> NodeInputs::part_format(Input& input, SeriesPart& part) {
  if (!part.is_begun) return read_csv_format(row_format(node_.sources()[input.source].identity));
  const bool is_first = part.begin.read.bytes() == 0;
  if (!is_csv(part.path, options_.reading.format)) {
    if (is_first) part.bytes = refuse_other_forms(std::move(part.bytes), part.path);
    return std::optional<CsvFormat>();
  }
  Result<std::unique_ptr<ByteSource>> whole = fail(Errc::kInternal, "not opened");
  if (!is_first) {
    whole = options_.files->open(part.opened_path, options_.stop_requested);
    if (!whole) return tl::unexpected(whole.error());
  }
  Result<CsvInput> table = open_csv(is_first ? std::move(part.bytes) : *std::move(whole), part.path,
                                    options_.reading.csv, node_.program().plan());
  if (!table) return tl::unexpected(table.error());
  if (is_first) part.bytes = std::move(table->bytes);
  if (formats_.insert(write_csv_format(table->format)).second) {
    std::string text = describe_csv(table->format, node_.program().plan(), part.path);
    if (!is_open_) {
      notes_.push_back(std::move(text));
    } else if (options_.note) {
      options_.note(text);
    }
  }
  return std::optional(std::move(table->format));
}

Result<void> NodeInputs::begin_part(Input& input, SeriesPart part) {
  std::optional<char> separator;
  if (!part.is_waiting) {
    const Result<std::optional<CsvFormat>> format = part_format(input, part);
    if (!format) return tl::unexpected(format.error());
    if (*format) separator = (*format)->separator;
    if (part.is_begun) {
      const NodeSource& source = node_.sources()[input.source];
      part.begin.source = source.name;
      if (*format) part.begin.format = write_csv_format(**format);
      if (part.keeps_lines) part.begin.lines = source.lines.number;
      const Result<std::size_t> begun =
          node_.source(source.name, SourceKind::kByValue, &part.begin);
      if (!begun) return tl::unexpected(begun.error());
    }
  }
  input.reader =
      std::make_unique<BlockReader>(std::move(part.bytes), options_.line_bytes_max,
                                    LongLines::kWhole, UnfinishedLine::kLeave, separator);
  return {};
}

Result<void> NodeInputs::end_part(Input& input) {
  if (!input.has_next_part) {
    Result<std::optional<SeriesPart>> next = input.series->next();
    tell_notes(*input.series);
    if (!next) return tl::unexpected(next.error());
    input.next_part = *std::move(next);
    input.has_next_part = true;
    // Nobody goes on with a file behind which there is another.
    const bool takes_rest = input.next_part || options_.unfinished_line == UnfinishedLine::kTake;
    if (takes_rest && input.reader->unfinished_bytes() != 0) {
      input.reader->take_unfinished();
      return {};
    }
  }
  input.has_next_part = false;
  std::optional<SeriesPart> part = std::exchange(input.next_part, std::nullopt);
  return part ? begin_part(input, *std::move(part)) : end(input);
}
}  // namespace tocsin::runtime
