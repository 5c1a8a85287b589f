#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "runtime/archive/archive_reader.h"
#include "runtime/io/topic_partition.h"
#include "tests/simulation/differences.h"
#include "tests/simulation/story_teller.h"
#include "tests/support/random_journal.h"

namespace tocsin::simulation {
namespace {
constexpr const char* kFork = "fork";

std::vector<std::string> with_offsets(const std::vector<TopicLine>& lines) {
  std::vector<std::string> all;
  for (const TopicLine& line : lines) all.push_back(fmt::format("{}: {}", line.offset, line.line));
  return all;
}

std::map<std::string, std::size_t> lines_taken(const std::vector<std::string>& records) {
  std::map<std::string, std::size_t> taken;
  for (const auto& [name, of] : read_partitions(records)) taken[name] = of.lines.size();
  return taken;
}

// Where the engine alone differs from the oracle too, it is no matter of durability.
void same_alerts(const Expected& expected, const std::vector<std::string>& found) {
  const bool as_engine = found == expected.engine_alerts;
  same(!expected.by_oracle ? "alerts by the engine alone"
       : as_engine         ? "alerts by the oracle (the engine alone gives what was found)"
                           : "alerts by the oracle",
       expected.alerts, found);
}
}  // namespace

void Story::check_lines() const {
  const std::map<std::string, PartitionRecords> partitions = read_partitions(ledger_.records());
  for (const ScriptedSource& source : world_.sources) {
    if (source.is_partition) {
      same("the journal's messages of " + source.name, with_offsets(topics_.expected(source.name)),
           with_offsets(partitions.at(source.name).lines));
      continue;
    }
    std::vector<std::string> wanted;
    for (const std::string& line : source.lines) wanted.push_back(line.substr(0, line.size() - 1));
    const auto found = expected_.lines.find(source.name);
    if (wanted.empty() && found == expected_.lines.end()) continue;
    must(found != expected_.lines.end(), source.name + " is not in the journal");
    same("the journal's lines of " + source.name, wanted, found->second);
  }
}

// What the journal has let go of is in the archive.
void Story::check_archive() {
  const DataPaths paths(kData);
  Result<ArchiveReader> reader =
      ArchiveReader::open(faults_.files, paths.archive, paths.journal, {});
  must(reader.has_value(), "the archive cannot be read");
  std::vector<std::string> found;
  for (;;) {
    const Result<std::optional<ArchivedRecord>> record = reader->next();
    must(record.has_value(), record ? "" : "a record cannot be read: " + record.error().message);
    if (!*record) break;
    found.push_back(tests::body_of((*record)->record));
  }
  must(reader->gaps().empty(), "records are missing in the archive");
  same("records in archive and journal", ledger_.records(), found);
  if (reader->figures().files_read > 0) ++reached_["records are in the archive alone"];
}

void Story::check_side_output(const EffectReader& reader, SideOutputKind kind,
                              const std::vector<std::string>& wanted) const {
  std::vector<std::string> found;
  const Result<void> read = reader.side_output(kind, [&](const SideOutputRow& row) {
    found.push_back(row.text);
    if (is_partition(row.source)) {
      must(std::ranges::any_of(topics_.expected(row.source),
                               [&](const TopicLine& line) {
                                 return line.offset == message_offset(row.line) &&
                                        line.line.starts_with(row.text);
                               }),
           line_place(row.source, row.line) + " was set aside, and is another message");
    }
    return true;
  });
  must(read.has_value(), "what was set aside cannot be read");
  std::vector<std::string> cut = wanted;
  for (std::size_t i = 0; i < std::min(cut.size(), found.size()); ++i) {
    // Of a line that was too long its beginning is kept.
    if (cut[i].size() > world_.intake.line_bytes_max && cut[i].starts_with(found[i]))
      cut[i] = found[i];
  }
  same(kind == SideOutputKind::kLate ? "late events" : "dead letters", cut, found);
}

void Story::check_end() {
  expected_ = expect(world_, ledger_.records(), reached_);
  say("rules:\n{}", world_.rules);
  check_lines();
  std::vector<std::string> found;
  for (const StoredAlert& alert : ledger_.alerts()) {
    if (rules_.is_own(alert)) found.push_back(alert.line);
  }
  same_alerts(expected_, found);
  const std::unique_ptr<StoreReader> store = faults_.disk.open_reader(effect_families());
  const Result<EffectReader> reader = EffectReader::open(*store);
  must(reader.has_value(), "the store cannot be read");
  check_side_output(*reader, SideOutputKind::kLate, expected_.late);
  check_side_output(*reader, SideOutputKind::kDead, expected_.dead);
  if (!expected_.late.empty()) ++reached_["late events are set aside"];
  if (!expected_.dead.empty()) ++reached_["dead letters"];
  if (expected_.clamped != 0) ++reached_["late events are clamped"];
  if (alert_lives_.size() > 1) ++reached_["alerts of several lives"];
  if (!endpoints_.empty()) check_deliveries(*reader);
  sinks_.check_all(ledger_.alerts(), *reader);
  if (has_archive_) check_archive();
  const Result<VerifyReport> report = verify();
  must(report.has_value(), report ? "" : "it cannot be verified: " + report.error().message);
  // What shares a file with a damaged checkpoint is damaged as well.
  must(report->damaged.empty() || is_damaged_,
       report->damaged.empty() ? "" : report->damaged.front().message);
}

void Story::check_deliveries(const EffectReader& reader) const {
  std::set<std::uint64_t> owed;
  const Result<void> read = reader.outbox(endpoints_.front(), 0, [&](const OutboxRow& row) {
    owed.insert(row.number);
    return true;
  });
  must(read.has_value(), "the outbox cannot be read");
  for (const StoredAlert& alert : ledger_.alerts()) {
    const bool known = owed.contains(alert.number) || ledger_.delivered().contains(alert.number);
    must(known == alert.is_live, fmt::format("alert {} is {}, and {}", alert.number,
                                             alert.is_live ? "live" : "in the shadow",
                                             known ? "was owed" : "is neither owed nor delivered"));
  }
}

// A second life from a savepoint, with the same sources cut in another way.
void Story::fork() {
  faults_.begin_life(true);
  tests::ModelDisk disk(random_.next());
  Result<DataDirectory> directory = DataDirectory::open(faults_.files, kFork, true);
  must(directory.has_value(), "the fork's directory cannot be made");
  Result<std::unique_ptr<Store>> store = disk.open(effect_families());
  must(store.has_value(), "the fork's store cannot be made");
  const Result<Beginning> kept = beginning_of(savepoint_->meta, savepoint_path_);
  must(kept.has_value(), "the savepoint does not say its rules");
  const cep::Program& program = rules_.of(kept->settings);
  NodeOptions with = options(program);
  with.from = savepoint_path_;
  with.timeline[0] = 2;
  faults_.executor.run_at_once(true);
  Process process;
  process.ports.emplace(
      NodePorts{faults_.files, faults_.clock, **store, states_, faults_.executor, ranges_, false});
  Result<std::unique_ptr<Node>> opened =
      Node::open(*process.ports, *directory, program, std::move(with));
  must(opened.has_value(), opened ? "" : "the fork does not begin: " + opened.error().message);
  process.node = *std::move(opened);
  Node& node = *process.node;
  // The records that both have, then those of the fork alone.
  Ledger forked(world_);
  const std::uint64_t position = savepoint_->meta.position;
  std::vector<std::string> records(
      ledger_.records().begin(),
      ledger_.records().begin() + static_cast<std::ptrdiff_t>(position - 1));
  forked.begin_with(records);
  const auto look = [&] {  // before a checkpoint lets go of them
    const std::string journal = directory->paths().journal;
    const Result<JournalDirectory> segments = survey_journal(faults_.files, journal);
    must(segments.has_value(), "the fork's journal cannot be read");
    const std::uint64_t first = segments->segments.front().header.first_sequence;
    forked.read_journal(faults_.files, journal, first, node.durable_end());
  };
  std::map<std::string, std::size_t> taken = lines_taken(records);  // of partitions
  while (true) {
    look();
    std::vector<std::size_t> open_sources;
    for (std::size_t i = 0; i < world_.sources.size(); ++i) {
      const ScriptedSource& source = world_.sources[i];
      const bool is_open = source.is_partition
                               ? taken[source.name] < topics_.expected(source.name).size()
                               : next_line(node, source) < source.lines.size();
      if (is_open) open_sources.push_back(i);
    }
    if (open_sources.empty()) break;
    const ScriptedSource& source = world_.sources[random_.pick(open_sources)];
    if (source.is_partition) {
      take_messages(process, source.name, taken[source.name]);
    } else {
      arrive(process, source);
    }
    good(process, node.poll());
  }
  must(finish(process, look), "the fork does not end");
  look();
  const Expected expected = expect(world_, forked.records(), reached_);
  std::vector<std::string> found;
  const std::unique_ptr<StoreReader> stored = disk.open_reader(effect_families());
  const Result<EffectReader> reader = EffectReader::open(*stored);
  must(reader.has_value(), "the fork's store cannot be read");
  const Result<void> read = reader->alerts(1, [&](const StoredAlert& alert) {
    if (rules_.is_own(alert)) found.push_back(alert.line);
    return true;
  });
  must(read.has_value(), "the fork's alerts cannot be read");
  must(found.size() <= expected.alerts.size(), "the fork has more alerts than there are");
  const std::size_t before = expected.alerts.size() - found.size();
  std::vector<std::string> all;
  for (const StoredAlert& alert : ledger_.alerts()) {
    if (rules_.is_own(alert) && all.size() < before) all.push_back(alert.line);
  }
  must(all.size() == before, "the fork lacks alerts");
  all.insert(all.end(), found.begin(), found.end());
  same_alerts(expected, all);
  ++reached_["a fork from a savepoint"];
  process.node.reset();
}
}  // namespace tocsin::simulation
