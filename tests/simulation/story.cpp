#include "tests/simulation/story.h"

#include <fmt/format.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "runtime/journal/end_mark.h"
#include "runtime/replay/earlier_run.h"
#include "tests/simulation/story_teller.h"

namespace tocsin::simulation {
namespace {
constexpr std::uint64_t kLivesMax = 12;  // the last of them is calm
constexpr std::uint64_t kStepsMax = 100'000;
}  // namespace

Story::Story(tests::Random& random, World world, Reached& reached, bool trace)
    : random_(random),
      world_(std::move(world)),
      reached_(reached),
      trace_(trace),
      faults_(random, reached),
      states_(faults_.files),
      ranges_(world_),
      inputs_(world_, random),
      topics_(world_, random, reached),
      sinks_(faults_, random, reached),
      ledger_(world_),
      rules_(world_) {
  faults_.clock.time = world_.begin;
  segment_bytes_ = 16384 + 2000 * random_.below(10);
  has_archive_ = segment_bytes_ % 4000 < 3000;
  if (random_.chance(70)) checkpoint_every_ = cep::Duration{kSecond * random_.between(1, 20)};
  if (random_.chance(60)) endpoints_.push_back(EndpointId::of("http://receiver/"));
  timeline_[0] = 1;
}

StoryFigures Story::run() {
  while (!live()) {
  }
  if (!ended_by_damage_) {
    check_end();
    // A file of a checkpoint may be one of the savepoint's as well.
    if (savepoint_ && !is_damaged_) fork();
  }
  StoryFigures figures;
  figures.happened = true;
  figures.lives = lives_;
  figures.events = expected_.events;
  figures.alerts = expected_.alerts.size();
  figures.simulated_us = waited_us_;
  return figures;
}

NodeOptions Story::options(const cep::Program& program) {
  NodeOptions options;
  options.settings = settings_of(program, {});
  options.texts = rules_.texts_of(program);
  options.compile = [this](const NodeSettings& settings,
                           const std::vector<NamedContents>&) -> Result<NodeProgram> {
    return NodeProgram{rules_.of(settings), world_.intake};
  };
  options.past = [this](
                     const NodeProgram& program,
                     const std::vector<CheckpointBlob>& kept) -> Result<std::unique_ptr<PastRun>> {
    ++reached_["what they made of earlier events is made again"];
    const DataPaths paths(kData);
    return EarlierRun::restore(faults_.files, {paths.archive, paths.journal, paths.blobs}, program,
                               kept, {});
  };
  options.intake = world_.intake;
  options.timeline = timeline_;
  options.checkpoint_every = checkpoint_every_;
  options.chunk_bytes = chunk_bytes_;
  options.segment_bytes = segment_bytes_;
  if (has_archive_) options.archive.emplace();
  options.endpoints = endpoints_;
  return options;
}

// Opens what is there. An error is given; a process that has opened is in `process`.
Result<void> Story::open(Process& process) {
  Result<DataDirectory> directory = DataDirectory::open(faults_.files, kData, true);
  if (!directory) return tl::unexpected(directory.error());
  process.directory = std::make_unique<DataDirectory>(*std::move(directory));
  // As a start of the program does.
  const Result<std::optional<Beginning>> kept =
      find_beginning(faults_.files, process.directory->paths(), true);
  if (!kept) return tl::unexpected(kept.error());
  process.program = *kept ? &rules_.of((*kept)->settings) : &rules_.alone();
  Result<std::unique_ptr<Store>> store = faults_.disk.open(effect_families());
  if (!store) return tl::unexpected(store.error());
  process.store = *std::move(store);
  if (Result<void> made = make_store_folder(); !made) return made;
  if (Result<void> begun = sinks_.begin(*process.store); !begun) return begun;
  NodeOptions with = options(*process.program);
  with.hash_seed = random_.next();
  faults_.executor.run_at_once(true);
  process.ports.emplace(NodePorts{faults_.files, faults_.clock, *process.store, states_,
                                  faults_.executor, ranges_, false});
  Result<std::unique_ptr<Node>> node =
      Node::open(*process.ports, *process.directory, *process.program, std::move(with));
  faults_.executor.run_at_once(false);
  if (!node) return tl::unexpected(node.error());
  process.node = *std::move(node);
  return sinks_.open(*process.store);
}

// The store's contents are in the model; `tocsin verify` asks for its folder too. As durable as
// the folder of a real store, which is made whole or not at all.
Result<void> Story::make_store_folder() {
  if (faults_.crashed()) return fail(Errc::kIo, "the process has crashed");
  const auto fault = std::exchange(faults_.files.fault, nullptr);
  const FileResult<void> made = make_durable_directory(faults_.files, DataPaths(kData).store);
  faults_.files.fault = fault;
  if (!made) return tl::unexpected(to_error(made.error()));
  return {};
}

void Story::end(Process& process) {
  faults_.executor.drop();
  sinks_.end_life();
  process.topics.reset();
  process.node.reset();
  process.store.reset();
  process.directory.reset();
  faults_.end_life();
}

// One process, until it ends in whatever way; true once all is through.
bool Story::live() {
  ++lives_;
  const bool calm = lives_ >= kLivesMax;
  chunk_bytes_ = random_.pick<std::size_t>({1, 200, 5000, 128 << 10});
  std::optional<Flip> flip;
  if (!calm && lives_ > 1 && random_.chance(15)) flip = damage();
  faults_.begin_life(calm || flip.has_value());
  const std::uint64_t known_end = journal_end();
  const bool is_found = is_found_damaged(flip.has_value());
  if (is_found) ++reached_["a damaged file is found by verify"];
  say("life {}{}{}", lives_, calm ? ", calm" : "", flip ? ", damaged: " + flip->path : "");
  Process process;
  const Result<void> opened = open(process);
  if (!opened) {
    say("  does not open: {}", opened.error().message);
    must(!flip || is_found, "verify calls good what a start refuses: " + opened.error().message);
    after_failed_opening(opened.error(), flip);
    end(process);
    return false;
  }
  if (faults_.crashed()) {  // in a write whose failure nobody asks for
    end(process);
    return false;
  }
  note_recovery(process, flip);
  must(process.node->durable_end() >= known_end,
       fmt::format("the journal begins again at record {}, and records up to {} were on disk",
                   process.node->durable_end(), known_end - 1));
  if (flip && process.node->recovery().torn_end) {
    // After a power cut the end mark may be older than the last commit. Then what that wrote
    // cannot be told from what a crash leaves of it: it is cut, and that is said. Lines that were
    // acknowledged are gone, so the story ends here.
    ++reached_["a damaged last commit is cut"];
    ended_by_damage_ = true;
    end(process);
    return true;
  }
  // Else the damage is in bytes that nothing needs.
  if (flip && !undo(*flip)) is_damaged_ = true;
  rules_.begin_with(*process.program);
  observe(process);
  for (const ScriptedSource& source : world_.sources) check_source(*process.node, source);
  bool finished = false;
  std::uint64_t steps = 0;
  if (!topics_.empty()) open_topics(process, calm);
  while (!process.died && !faults_.crashed() && !finished) {
    if (!calm && random_.chance(2)) break;  // killed from outside
    must(++steps < kStepsMax, "a life comes to no end");
    const std::uint64_t made = process.node->checkpoints().made;
    finished = step(process, calm);
    if (process.died || faults_.crashed()) continue;
    // After two more checkpoints the journal lets go of what was not looked at.
    const bool has_new = process.node->checkpoints().made != made;
    if (random_.chance(30) || has_new) observe(process);
  }
  if (finished && process.topics) process.topics->finish();
  if (finished && !sinks_.empty())
    finished = good(process, sinks_.write_all(*process.store)) && !faults_.crashed();
  if (finished) observe(process);
  if (faults_.crashed() && taking_) ++reached_["a crash while a checkpoint is taken"];
  end(process);
  return finished;
}

void Story::after_failed_opening(const Error& error, const std::optional<Flip>& flip) {
  if (flip) {
    const std::string name = flip->path.substr(flip->path.rfind('/') + 1);
    must(error.message.find(name) != std::string::npos,
         fmt::format("{} is damaged, and the message does not name it: {}", flip->path,
                     error.message));
    ++reached_["a damaged file is refused by name"];
    must(undo(*flip), "a refused start wrote to the file that it refused");
    return;
  }
  must(faults_.injected() || faults_.short_of_space(),
       "it does not open, though nothing went wrong: " + error.message);
  must(error.code != Errc::kCorrupt, "it calls damaged what is only unfinished: " + error.message);
  if (faults_.crashed()) ++reached_["a crash while it recovers"];
}

void Story::note_recovery(const Process& process, const std::optional<Flip>& flip) {
  const Recovery& recovery = process.node->recovery();
  say("  opens: checkpoint {}, {} records replayed, next is {}, {} alerts were stored{}",
      recovery.checkpoint, recovery.records, process.node->next_sequence(), ledger_.alerts().size(),
      recovery.torn_end ? ", a torn end" : "");
  if (recovery.torn_end) ++reached_["a torn end is cut"];
  if (recovery.records > 0) ++reached_["records are replayed"];
  if (recovery.checkpoint > 0) ++reached_["a checkpoint is loaded"];
  if (process.program != &rules_.alone()) ++reached_["other rules after a crash"];
  if (!flip) return;
  if (recovery.damaged.empty()) return;
  // The checkpoint is named by its folder, and the file in it.
  const std::string name = flip->path.substr(flip->path.rfind('/') + 1);
  must(recovery.damaged.front().find(name) != std::string::npos,
       fmt::format("{} is damaged, and the message does not name it: {}", flip->path,
                   recovery.damaged.front()));
  ++reached_["an older checkpoint is taken, and the damaged one named"];
}

// As `tocsin verify` does, undisturbed.
Result<VerifyReport> Story::verify() {
  const auto fault = std::exchange(faults_.files.fault, nullptr);
  const VerifyPorts ports{faults_.files, [&](const DataPaths&) -> Result<StoreExtent> {
                            const auto reader = faults_.disk.open_reader(effect_families());
                            return extent_of(*reader);
                          }};
  Result<VerifyReport> report = verify_directory(ports, kData);
  faults_.files.fault = fault;
  return report;
}

// Whether verify finds damage in the folder as a crash or a clean end left it, or with a flipped
// bit. Without that bit it must find none.
bool Story::is_found_damaged(bool is_flipped) {
  const Result<VerifyReport> report = verify();
  if (!report) {
    const bool is_begun = !faults_.files.contents(DataPaths(kData).format).empty();
    must(!is_begun, "it cannot be verified: " + report.error().message);
    return false;
  }
  if (report->damaged.empty()) return false;
  must(is_flipped || is_damaged_,
       "verify calls damaged what is good: " + report->damaged.front().message);
  return is_flipped;
}

// How far the journal is known to have been on disk.
std::uint64_t Story::journal_end() {
  const auto fault = std::exchange(faults_.files.fault, nullptr);
  const Result<KnownEnd> known = read_end_mark(faults_.files, DataPaths(kData).journal_end);
  faults_.files.fault = fault;
  return known ? known->end : 0;
}

// Damages a file that counts, on disk; not what a crash left unfinished, which a start removes.
std::optional<Story::Flip> Story::damage() {
  std::vector<std::string> paths;
  for (const std::string& path : faults_.files.paths()) {
    const bool counts =
        path.starts_with("data/journal/segment") || path.starts_with("data/checkpoints/");
    const bool is_left =
        path.find(".new/") != std::string::npos || path.find(".old/") != std::string::npos;
    if (counts && !is_left && !faults_.files.contents(path).empty()) paths.push_back(path);
  }
  if (paths.empty()) return std::nullopt;
  Flip flip;
  flip.path = random_.pick(paths);
  flip.offset = random_.below(faults_.files.contents(flip.path).size());
  flip.mask = static_cast<char>(1U << random_.below(8));
  faults_.files.flip(flip.path, flip.offset, flip.mask);
  flipped_to_ = faults_.files.contents(flip.path)[flip.offset];
  return flip;
}

// Puts the bit right again; false where the file is gone or was written to there.
bool Story::undo(const Flip& flip) {
  const std::string contents = faults_.files.contents(flip.path);
  if (flip.offset >= contents.size() || contents[flip.offset] != flipped_to_) return false;
  faults_.files.flip(flip.path, flip.offset, flip.mask);
  return true;
}

void Story::observe(Process& process) {
  Node& node = *process.node;
  const std::uint64_t durable_end = node.durable_end();
  // The observer's reading is no part of what goes wrong.
  const auto fault = std::exchange(faults_.files.fault, nullptr);
  const std::string journal = process.directory->paths().journal;
  const Result<JournalDirectory> segments = survey_journal(faults_.files, journal);
  must(segments.has_value(),
       segments ? "" : "the journal cannot be read: " + segments.error().message);
  if (segments->segments.size() > 1) ++reached_["several segments"];
  const std::uint64_t first = segments->segments.front().header.first_sequence;
  if (first > 1) ++reached_["the journal lets go of records"];
  ledger_.read_journal(faults_.files, journal, first, durable_end);
  faults_.files.fault = fault;
  for (const Pending& pending : process.pending) {
    if (durable_end >= pending.sequence) ledger_.acknowledge(pending.source, pending.offset);
  }
  rules_.settle(durable_end);
  std::erase_if(process.pending, [&](const Pending& p) { return durable_end >= p.sequence; });
  const std::size_t alerts = ledger_.alerts().size();
  ledger_.read_alerts(*faults_.disk.open_reader(effect_families()));
  sinks_.check(ledger_.alerts());
  if (ledger_.alerts().size() > alerts) alert_lives_.insert(lives_);
  if (process.node->effects().stored.compared > 0) ++reached_["alerts come again in a replay"];
}

// Nothing that was acknowledged is missing.
void Story::check_source(const Node& node, const ScriptedSource& source) const {
  const NodeSource* const known = find(node, source.name);
  const std::uint64_t offset = known == nullptr ? 0 : known->next_offset;
  must(offset >= ledger_.acknowledged(source.name),
       fmt::format("{} goes on at {}, and {} were acknowledged", source.name, offset,
                   ledger_.acknowledged(source.name)));
}

StoryFigures play(std::uint64_t seed, Reached& reached, bool trace) {
  tests::Random random(seed);
  std::optional<World> world = make_world(random);
  if (!world) return {};
  return Story(random, *std::move(world), reached, trace).run();
}
}  // namespace tocsin::simulation
