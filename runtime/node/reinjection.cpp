#include "runtime/node/reinjection.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <tuple>
#include <utility>

#include "cep/plan/semantics.h"
#include "runtime/checkpoint/checkpoint.h"
#include "runtime/journal/blob_store.h"
#include "runtime/journal/journal_directory.h"
#include "runtime/journal/journal_reader.h"
#include "runtime/node/node_commands.h"
#include "runtime/node/node_log.h"

namespace tocsin::runtime {
namespace {
constexpr std::string_view kLate = "late";
constexpr std::string_view kDead = "dead";
constexpr std::string_view kLinesRole = "lines";

RowKey key_of(std::uint32_t timeline, const cep::ArrivalNumber& arrival) {
  return {timeline, arrival.record, arrival.index};
}

bool read_row(simdjson::dom::element element, Reinjection::Row& row) {
  simdjson::dom::array numbers;
  if (element.get(numbers) != simdjson::SUCCESS || numbers.size() != 3) return false;
  std::uint64_t values[3] = {};
  std::size_t place = 0;
  for (const simdjson::dom::element number : numbers) {
    if (number.get(values[place++]) != simdjson::SUCCESS) return false;
  }
  if (values[0] > UINT32_MAX || values[2] > UINT32_MAX) return false;
  row.timeline = static_cast<std::uint32_t>(values[0]);
  row.arrival = {values[1], static_cast<std::uint32_t>(values[2]), 0};
  return true;
}

// What commands of the journal said before, whether or not a run carried them out.
struct Before {
  std::set<RowKey> rows;  // that were put in again
  bool has_time_ended = false;
};
Result<Before> read_journal(Files& files, const std::string& journal, SideOutputKind kind) {
  Before before;
  const Result<JournalDirectory> found = survey_journal(files, journal);
  if (!found) return tl::unexpected(found.error());
  if (found->segments.empty()) return before;
  Result<JournalReader> reader =
      JournalReader::open(files, journal, found->segments.front().header.first_sequence);
  if (!reader) return tl::unexpected(reader.error());
  for (;;) {
    const Result<std::optional<JournalEntry>> entry = reader->next();
    if (!entry) return tl::unexpected(entry.error());
    if (!*entry) return before;
    const auto* command = std::get_if<Command>(&(*entry)->record);
    if (command == nullptr) continue;
    before.has_time_ended = before.has_time_ended || command->name == kEndTimeCommand;
    if (command->name != kReinjectCommand) continue;
    const Result<Reinjection> reinjection = read_reinjection(command->arguments);
    if (!reinjection) return tl::unexpected(reinjection.error());
    if (reinjection->kind != kind) continue;
    for (const Reinjection::Row& row : reinjection->rows) {
      before.rows.insert(key_of(row.timeline, row.arrival));
    }
  }
}

// The journal may have let go of the command that ended it; a checkpoint then tells of it.
Result<bool> has_ended_by_checkpoint(Files& files, const std::string& checkpoints) {
  const Result<std::vector<std::uint64_t>> numbers = list_checkpoints(files, checkpoints);
  if (!numbers) return tl::unexpected(numbers.error());
  return std::ranges::any_of(*numbers, [&](std::uint64_t number) {
    const Result<Manifest> manifest = read_manifest(files, checkpoint_path(checkpoints, number));
    return manifest && manifest->meta.watermark == cep::kEventTimeMax;
  });
}

using Place = std::pair<std::uint64_t, std::uint32_t>;  // an arrival
struct Asked {
  const WantedRow* row = nullptr;
  bool is_found = false;
};
Result<std::map<Place, Asked>> read_wanted(const std::vector<WantedRow>& wanted) {
  std::map<Place, Asked> asked;
  for (const WantedRow& row : wanted) {
    const cep::ArrivalNumber& arrival = row.arrival;
    const auto [found, is_new] = asked.try_emplace({arrival.record, arrival.index}, Asked{&row});
    if (!is_new && (row.text || found->second.row->text)) {
      return fail(Errc::kInvalidArgument, fmt::format("the arrival {}:{} is named more than once",
                                                      arrival.record, arrival.index));
    }
    if (row.text && row.text->find_first_of("\r\n") != std::string::npos) {
      return fail(Errc::kInvalidArgument,
                  fmt::format("the text for the arrival {}:{} is more than one line",
                              arrival.record, arrival.index));
    }
    if (row.text && row.text->find_first_not_of(" \t") == std::string::npos) {
      return fail(Errc::kInvalidArgument, fmt::format("the text for the arrival {}:{} is empty",
                                                      arrival.record, arrival.index));
    }
  }
  return asked;
}

Result<void> append_command(Files& files, Clock& clock, const DataPaths& paths,
                            const SideOutputLines& lines) {
  Result<BlobStore> blobs = BlobStore::open(files, paths.blobs);
  if (!blobs) return tl::unexpected(blobs.error());
  const Result<cep::Digest> digest = blobs->put(lines.text);
  if (!digest) return tl::unexpected(digest.error());
  JournalOptions options;
  options.semantics = cep::kSemantics;
  options.end_mark = paths.journal_end;
  Result<std::unique_ptr<NodeLog>> log = DirectLog::open(files, clock, paths.journal, options);
  if (!log) return tl::unexpected(log.error());
  const std::string arguments = write_reinjection(lines.rows);
  const Command command = reinjection_command(clock.now(), arguments, lines, *digest);
  const Result<std::uint64_t> appended = (*log)->append(command);
  if (!appended) return tl::unexpected(appended.error());
  return (*log)->commit();
}
}  // namespace

std::string write_reinjection(const Reinjection& reinjection) {
  std::string json = fmt::format(R"({{"kind":"{}","rows":[)",
                                 reinjection.kind == SideOutputKind::kLate ? kLate : kDead);
  for (const Reinjection::Row& row : reinjection.rows) {
    if (!json.ends_with('[')) json += ',';
    json += fmt::format("[{},{},{}]", row.timeline, row.arrival.record, row.arrival.index);
  }
  json += "]}";
  return json;
}

Result<Reinjection> read_reinjection(std::string_view json) {
  const auto corrupt = [] { return fail(Errc::kCorrupt, "a re-injection is damaged"); };
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  std::string_view kind;
  simdjson::dom::array rows;
  if (parser.parse(json.data(), json.size()).get(root) != simdjson::SUCCESS ||
      root["kind"].get(kind) != simdjson::SUCCESS || (kind != kLate && kind != kDead) ||
      root["rows"].get(rows) != simdjson::SUCCESS) {
    return corrupt();
  }
  Reinjection reinjection;
  reinjection.kind = kind == kLate ? SideOutputKind::kLate : SideOutputKind::kDead;
  for (const simdjson::dom::element element : rows) {
    if (!read_row(element, reinjection.rows.emplace_back())) return corrupt();
  }
  return reinjection;
}

Command reinjection_command(cep::EventTime now, std::string_view arguments,
                            const SideOutputLines& lines, const cep::Digest& digest) {
  return {now, kReinjectCommand, arguments, {{kLinesRole, lines.text.size(), digest}}};
}

Result<SideOutputLines> collect_side_output(const EffectReader& reader, SideOutputKind kind,
                                            const std::vector<WantedRow>& wanted,
                                            const std::set<RowKey>& waiting,
                                            AppendedReinjection& counts) {
  Result<std::map<Place, Asked>> asked = read_wanted(wanted);
  if (!asked) return tl::unexpected(asked.error());
  SideOutputLines lines;
  lines.rows.kind = kind;
  bool named_message = false;  // of a topic of alerts
  const Result<void> read = reader.side_output(kind, [&](const SideOutputRow& row) {
    const std::string* text = &row.text;
    if (!wanted.empty()) {
      const auto found = asked->find({row.arrival.record, row.arrival.index});
      if (found == asked->end()) return true;
      found->second.is_found = true;
      if (found->second.row->text) text = &*found->second.row->text;
    }
    if (is_from_inbox(row)) {
      named_message = named_message || !wanted.empty();
      return true;
    }
    if (row.reinjected_as != 0) {
      ++counts.done;
    } else if (waiting.contains(key_of(row.timeline, row.arrival))) {
      ++counts.waiting;
    } else {
      lines.rows.rows.push_back({row.timeline, row.arrival});
      counts.corrected += *text != row.text ? 1 : 0;
      lines.text += *text;
      lines.text += '\n';
    }
    return true;
  });
  if (!read) return tl::unexpected(read.error());
  if (named_message) {
    return fail(Errc::kInvalidArgument,
                "a message of a topic of alerts is no event that could be put in again: correct "
                "what wrote it, and write it to the topic again");
  }
  for (const auto& [place, one] : *asked) {
    if (one.is_found) continue;
    return fail(Errc::kNotFound,
                fmt::format("there is none with the arrival {}:{}", place.first, place.second));
  }
  counts.rows = lines.rows.rows.size();
  return lines;
}

Result<AppendedReinjection> append_reinjection(Files& files, Clock& clock,
                                               const DataDirectory& directory,
                                               const EffectReader& reader, SideOutputKind kind,
                                               const std::vector<WantedRow>& wanted) {
  const DataPaths& paths = directory.paths();
  const Result<Before> before = read_journal(files, paths.journal, kind);
  if (!before) return tl::unexpected(before.error());
  const Result<bool> has_ended = has_ended_by_checkpoint(files, paths.checkpoints);
  if (!has_ended) return tl::unexpected(has_ended.error());
  if (before->has_time_ended || *has_ended) {
    return fail(Errc::kConflict,
                fmt::format("in {} time has ended (--final-watermark): nothing is taken any more, "
                            "and what was set aside can only be looked at",
                            paths.directory));
  }
  AppendedReinjection appended;
  const Result<SideOutputLines> lines =
      collect_side_output(reader, kind, wanted, before->rows, appended);
  if (!lines) return tl::unexpected(lines.error());
  if (appended.rows == 0) return appended;
  if (auto done = append_command(files, clock, paths, *lines); !done) {
    return tl::unexpected(done.error());
  }
  return appended;
}
}  // namespace tocsin::runtime
