#include "runtime/node/node_records.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <unordered_set>
#include <utility>

#include "cep/engine/key_report.h"
#include "runtime/archive/erased_value.h"
#include "runtime/csv/csv_format.h"
#include "runtime/io/topic_partition.h"
#include "runtime/node/node_commands.h"
#include "runtime/node/reinjection.h"

namespace tocsin::runtime {
std::size_t NodeRecords::index_of(std::string_view name, SourceKind kind) {
  const std::size_t index = parts_.state.source(name);
  if (parts_.state.sources[index].next_offset == 0) parts_.state.sources[index].kind = kind;
  return index;
}

Result<const CsvEvents*> NodeRecords::csv_of(const NodeSource& source) {
  if (source.kind != SourceKind::kByPosition && !source.series) return nullptr;
  const std::string_view text = row_format(source.identity);
  if (text.empty()) return nullptr;
  if (const auto known = parts_.csv.find(text); known != parts_.csv.end()) return &known->second;
  std::optional<CsvFormat> format = read_csv_format(text);
  if (!format) {
    return fail(Errc::kOtherVersion,
                fmt::format("{} says of {} that its rows are read in a way that this program does "
                            "not know: use the version of tocsin that wrote it",
                            parts_.paths.journal, source.name));
  }
  return &parts_.csv
              .try_emplace(std::string(text), parts_.program.plan(), *std::move(format),
                           OtherColumns::kWritten)
              .first->second;
}

Result<std::size_t> NodeRecords::take_lines(std::size_t source, std::string_view block,
                                            MergeOrder* order, std::uint64_t& count) {
  NodeSource& known = parts_.state.sources[source];
  const std::string_view stream =
      known.kind == SourceKind::kByValue ? stream_of(known.name) : std::string_view(known.name);
  const std::size_t in_intake = parts_.intake->source(stream);
  parts_.intake->name_lines(known.series           ? std::string_view(known.series->path)
                            : stream == known.name ? std::string_view()
                                                   : std::string_view(known.name));
  const std::size_t place = order == nullptr ? 0 : order->current();
  const Result<const CsvEvents*> csv = csv_of(known);
  if (!csv) return tl::unexpected(csv.error());
  splitter_.resume(known.lines);
  splitter_.begin(block, *csv);
  known.has_ended = false;
  Line line;
  count = 0;
  while (splitter_.next(line)) {
    ++count;
    auto taken = parts_.intake->take(in_intake, line, record_.next_arrival(), record_.taken_at());
    if (!taken) return tl::unexpected(taken.error());
    if (order == nullptr) continue;
    order->advance(parts_.intake->watermark_of(in_intake));
    if (order->current() != place) break;
  }
  parts_.intake->name_lines({});
  known.lines = splitter_.place();
  parts_.summary.bytes += splitter_.consumed();
  return splitter_.consumed();
}

void NodeRecords::note_traces(const std::vector<TraceRun>& traces, std::uint64_t count) {
  for (const TraceRun& run : traces) {
    if (run.first >= count) return;
    parts_.effects.add(
        TraceRow{{record_.sequence(), static_cast<std::uint32_t>(run.first)}, run.trace_parent});
  }
}

Result<void> NodeRecords::take_value(const ArrivalByValue& record) {
  const std::size_t source = index_of(record.source, SourceKind::kByValue);
  block_.assign(record.bytes);
  block_.append(kLinePadding, '\n');
  // Before any of their alerts.
  if (const auto traces = decode_traces(record.traces)) note_traces(*traces, record.count);
  std::uint64_t count = 0;
  const Result<std::size_t> taken =
      take_lines(source, std::string_view(block_).substr(0, record.bytes.size()), nullptr, count);
  if (!taken) return tl::unexpected(taken.error());
  NodeSource& known = parts_.state.sources[source];
  known.next_offset = record.next_offset;
  note_producer(known, record.bytes);
  note_message(known, record.bytes);
  note_file(known, record.bytes);
  return {};
}

// What the file at hand is known by.
void NodeRecords::note_file(NodeSource& source, std::string_view lines) {
  if (!source.series) return;
  source.series->read.add(lines);
  source.next_offset = source.series->read.bytes();
}

Result<void> NodeRecords::take_file(const Command& command) {
  const Result<SeriesBegin> begin = read_series_begin(command.arguments);
  if (!begin) return tl::unexpected(begin.error());
  const std::size_t index = index_of(begin->source, SourceKind::kByValue);
  NodeSource& source = parts_.state.sources[index];
  if (!source.series) source.series.emplace();
  begin_series_file(*source.series, *begin, source.lines.number);
  source.next_offset = begin->read.bytes();
  source.lines = {begin->lines, false};
  source.identity = fmt::format("{}:{}", begin->device, begin->inode);
  if (!begin->format.empty()) source.identity += " " + begin->format;
  source.has_ended = false;
  if (!parts_.intake->find(begin->source))
    parts_.intake->decide({DecisionKind::kAwake, command.given_at, begin->source});
  return {};
}

// What a partition that is read again is compared with. A record without lines sets its place.
void NodeRecords::note_message(NodeSource& source, std::string_view lines) {
  if (!is_partition(source.name)) return;
  source.lines.number = source.next_offset;
  if (lines.empty()) {
    source.identity = kNoMessage;
  } else {
    source.identity = message_identity(lines);
  }
}

// What a producer may send again is compared with what it sent.
void NodeRecords::note_producer(NodeSource& source, std::string_view lines) const {
  if (!is_producer(source)) return;
  source.used_at = record_.taken_at();
  source.samples.add(lines);
}

Result<void> NodeRecords::take_producers(const Command& command) {
  const Result<ProducerCommand> change = read_producer_command(command.arguments);
  if (!change) return tl::unexpected(change.error());
  std::unordered_set<std::string> names;
  for (const std::string& producer : change->producers) names.insert(producer_source(producer));
  if (change->removes) {
    std::erase_if(parts_.state.sources,
                  [&](const NodeSource& source) { return names.contains(source.name); });
    return {};
  }
  for (const std::string& name : names) {
    NodeSource& source = parts_.state.sources[index_of(name, SourceKind::kByValue)];
    source.owner = change->owner;
    if (source.next_offset == 0) source.used_at = record_.taken_at();
  }
  return {};
}

Result<void> NodeRecords::take_position(const ArrivalByPosition& record) {
  const std::size_t source = index_of(record.source, SourceKind::kByPosition);
  NodeSource& known = parts_.state.sources[source];
  known.identity = record.identity;
  const auto other_bytes = [&](const std::string& what) {
    return fail(Errc::kCorrupt,
                fmt::format("{} is not what it was: bytes {} to {} {}; put the old contents back, "
                            "or start from a savepoint that was made after them",
                            record.source, record.first_offset, record.next_offset, what));
  };
  if (!known.prefix.is_whole()) {
    const Result<std::string_view> missing =
        parts_.ports.ranges.read(known, known.prefix.missing_from(), known.prefix.bytes());
    if (!missing) return tl::unexpected(missing.error());
    if (!known.prefix.supply(*missing)) return other_bytes("follow on others than before");
  }
  const Result<std::string_view> bytes =
      parts_.ports.ranges.read(known, record.first_offset, record.next_offset);
  if (!bytes) return tl::unexpected(bytes.error());
  if (bytes->size() != record.next_offset - record.first_offset) {
    return other_bytes("are no longer there");
  }
  known.prefix.add(*bytes);
  if (known.prefix.digest() != record.digest) {
    return other_bytes("were others when they were taken");
  }
  std::uint64_t count = 0;
  const Result<std::size_t> taken = take_lines(source, *bytes, nullptr, count);
  if (!taken) return tl::unexpected(taken.error());
  known.next_offset = record.next_offset;
  return {};
}

Result<void> NodeRecords::take_decision(const Decision& decision) {
  if (decision.kind == DecisionKind::kAwake) {
    const std::size_t source = parts_.state.source(decision.source);
    parts_.state.sources[source].has_ended = false;
  }
  if (decision.kind == DecisionKind::kEnded) {
    if (const auto source = parts_.state.find(decision.source))
      parts_.state.sources[*source].has_ended = true;
  }
  parts_.intake->decide(decision);
  return {};
}

Result<void> NodeRecords::take_command(const Command& command) {
  blob_keeper_.note(record_.sequence(), command);
  if (command.name == kBeginCommand || command.name == kPresentCommand ||
      command.name == kDeployCommand) {
    std::vector<CheckpointBlob> blobs;
    for (const BlobReference& blob : command.blobs) {
      blobs.push_back({std::string(blob.role), blob.bytes, blob.digest});
    }
    return rules_.take_settings(
        command.arguments, blobs, parts_.paths.journal,
        command.name == kBeginCommand ? NodeRules::State::kNone : NodeRules::State::kCarried);
  }
  if (command.name == kReinjectCommand) return take_again(command);
  if (command.name == kListCommand) return lists_.take(command);
  if (command.name == kProducerCommand) return take_producers(command);
  if (command.name == kFileCommand) return take_file(command);
  if (command.name == kSettleCommand) return parts_.intake->finish(false, std::nullopt);
  if (command.name == kEraseCommand) return take_erasure(command);
  if (command.name == kEndTimeCommand) {
    parts_.state.has_time_ended = true;
    return parts_.intake->finish(true, std::nullopt);
  }
  return fail(Errc::kOtherVersion,
              fmt::format("{} has a command `{}` in record {}, which a newer version of Tocsin "
                          "wrote: use that version",
                          parts_.paths.journal, command.name, record_.sequence()));
}

Result<void> NodeRecords::take_erasure(const Command& command) {
  erased_ = {.record = record_.sequence()};
  if (command.blobs.empty()) return {};
  const Result<std::string> text = parts_.blob_store->get(command.blobs.front().digest);
  if (!text) return tl::unexpected(text.error());
  const std::optional<ErasedValue> what = read_erased_value(*text);
  if (!what) return fail(Errc::kCorrupt, "a command to erase does not say what");
  ValueFinder finder(*what, cep::input_members(parts_.program, what->name));
  erased_.waiting =
      parts_.intake->drop_waiting([&](std::string_view line) { return finder.is_in(line); });
  erased_.keys = parts_.engine->erase(cep::find_key_parts(parts_.program, what->name, what->value));
  return {};
}

// Late lines come as a source of their own, which takes them now, at W; dead ones as any line.
Result<void> NodeRecords::take_again(const Command& command) {
  const Result<Reinjection> reinjection = read_reinjection(command.arguments);
  if (!reinjection) return tl::unexpected(reinjection.error());
  if (auto may = parts_.may_take(); !may) return may;
  if (command.blobs.size() != 1) return fail(Errc::kCorrupt, "a re-injection has no lines");
  Result<std::string> lines = parts_.blob_store->get(command.blobs.front().digest);
  if (!lines) return tl::unexpected(lines.error());
  const std::size_t bytes = lines->size();
  lines->append(kLinePadding, '\n');
  const bool is_late = reinjection->kind == SideOutputKind::kLate;
  SourcePolicy policy = parts_.options.intake.policy;
  if (is_late) policy.late = LatePolicy::kClamp;
  if (is_late) policy.late_max.reset();
  const std::string name = fmt::format("{} put in again by record {}",
                                       is_late ? "late events" : "lines", record_.sequence());
  const std::size_t source = parts_.intake->source(name, policy);
  LineSplitter splitter(parts_.options.intake.line_bytes_max);
  splitter.begin(std::string_view(*lines).substr(0, bytes));
  Line line;
  while (splitter.next(line)) {
    auto taken = parts_.intake->take(source, line, record_.next_arrival(), record_.taken_at());
    if (!taken) return taken;
  }
  parts_.intake->decide(DecisionKind::kEnded, source, record_.taken_at());
  for (const Reinjection::Row& row : reinjection->rows) {
    parts_.effects.add(
        Reinjected{reinjection->kind, row.timeline, row.arrival, record_.sequence()});
  }
  return {};
}

// As many whole lines of the block as a record may carry, and at least one.
std::string_view NodeRecords::room_for(const NodeSource& source, std::string_view block) const {
  const std::size_t most = parts_.log->value_bytes_max();
  if (source.kind == SourceKind::kByPosition || block.size() <= most) return block;
  std::size_t end = block.rfind('\n', most - 1);
  if (end == std::string_view::npos) end = block.find('\n');
  return end == std::string_view::npos ? block : block.substr(0, end + 1);
}

Result<std::size_t> NodeRecords::arrive(std::size_t source, std::string_view block,
                                        MergeOrder* order, const std::vector<TraceRun>& traces) {
  record_.begin(parts_.log->next_sequence(), parts_.ports.clock.now(), false);
  NodeSource& known = parts_.state.sources[source];
  std::uint64_t count = 0;
  Result<std::size_t> taken = take_lines(source, room_for(known, block), order, count);
  if (!taken) return taken;
  const std::string_view bytes = block.substr(0, *taken);
  Result<void> appended;
  if (known.kind == SourceKind::kByValue) {
    std::string encoded = encode_traces(traces);
    const std::size_t most = parts_.log->value_bytes_max();
    if (encoded.size() > most - std::min(bytes.size(), most)) encoded.clear();
    const std::uint64_t next = known.series ? known.next_offset + bytes.size() : known.lines.number;
    appended = record_.append(ArrivalByValue{record_.taken_at(), known.name, known.next_offset,
                                             next, count, bytes, encoded});
    if (!encoded.empty()) note_traces(traces, count);
    known.next_offset = next;
    note_producer(known, bytes);
    note_message(known, bytes);
    note_file(known, bytes);
  } else {
    known.prefix.add(bytes);
    appended = record_.append(ArrivalByPosition{record_.taken_at(), known.name, known.identity,
                                                known.next_offset, known.next_offset + bytes.size(),
                                                count, known.prefix.digest()});
    known.next_offset += bytes.size();
  }
  if (!appended) return tl::unexpected(appended.error());
  if (auto ended = record_.end(); !ended) return tl::unexpected(ended.error());
  return taken;
}

Result<void> NodeRecords::set_place(std::size_t source, std::uint64_t offset) {
  const cep::EventTime now = parts_.ports.clock.now();
  record_.begin(parts_.log->next_sequence(), now, false);
  NodeSource& known = parts_.state.sources[source];
  const ArrivalByValue record{now, known.name, offset, offset, 0, {}, {}};
  if (auto appended = record_.append(record); !appended) return appended;
  if (auto taken = take_value(record); !taken) return taken;
  return record_.end();
}

Result<void> NodeRecords::decide(const Decision& decision) {
  record_.begin(parts_.log->next_sequence(), decision.clock, false);
  if (auto appended = record_.append(decision); !appended) return appended;
  if (auto taken = take_decision(decision); !taken) return taken;
  return record_.end();
}

Result<void> NodeRecords::give(const Command& command) {
  record_.begin(parts_.log->next_sequence(), command.given_at, false);
  if (auto appended = record_.append(command); !appended) return appended;
  if (auto taken = take_command(command); !taken) return taken;
  return record_.end();
}

Result<void> NodeRecords::replay(const JournalEntry& entry) {
  const JournalRecord& record = entry.record;
  if (const auto* command = std::get_if<Command>(&record)) {
    record_.begin(entry.sequence, command->given_at, true);
    if (auto taken = take_command(*command); !taken) return taken;
  } else if (const auto* decision = std::get_if<Decision>(&record)) {
    record_.begin(entry.sequence, decision->clock, true);
    if (auto taken = take_decision(*decision); !taken) return taken;
  } else if (const auto* value = std::get_if<ArrivalByValue>(&record)) {
    record_.begin(entry.sequence, value->taken_at, true);
    if (auto taken = take_value(*value); !taken) return taken;
  } else {
    const auto& position = std::get<ArrivalByPosition>(record);
    record_.begin(entry.sequence, position.taken_at, true);
    if (auto taken = take_position(position); !taken) return taken;
  }
  if (auto ended = record_.end(); !ended) return ended;
  return record_.commit();
}
}  // namespace tocsin::runtime
