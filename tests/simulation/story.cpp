#include "tests/simulation/story.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "runtime/checkpoint/data_directory.h"
#include "runtime/decode/decoder.h"
#include "runtime/effects/effect_reader.h"
#include "runtime/journal/end_mark.h"
#include "runtime/node/node.h"
#include "runtime/node/node_inputs.h"
#include "runtime/node/verify.h"
#include "tests/simulation/growing_files.h"
#include "tests/simulation/ledger.h"
#include "tests/simulation/world.h"
#include "tests/support/model_state_store.h"

namespace tocsin::simulation {
using namespace runtime;

namespace {
constexpr const char* kData = "data";
constexpr const char* kFork = "fork";
constexpr std::int64_t kSecond = 1'000'000;
constexpr std::uint64_t kLivesMax = 12;  // the last of them is calm

// The files that a journal points at.
class ScriptRanges : public RangeReader {
 public:
  explicit ScriptRanges(const World& world) {
    for (const ScriptedSource& source : world.sources) {
      std::string text = source.text();
      texts_[source.name] = {text.size(), text + std::string(kLinePadding, '\0')};
    }
  }
  Result<std::string_view> read(const NodeSource& source, std::uint64_t first,
                                std::uint64_t next) override {
    const auto found = texts_.find(source.name);
    if (found == texts_.end()) return fail(Errc::kNotFound, source.name + " is not there");
    const auto& [size, text] = found->second;
    const std::uint64_t end = std::min<std::uint64_t>(next, size);
    if (first > end) return std::string_view();
    // Padding behind a range in the middle is whatever comes next in the file.
    held_ = text.substr(first, end - first) + std::string(kLinePadding, '\0');
    return std::string_view(held_).substr(0, end - first);
  }

 private:
  std::map<std::string, std::pair<std::size_t, std::string>> texts_;
  std::string held_;
};

class Story {
 public:
  Story(tests::Random& random, World world, Reached& reached, bool trace)
      : random_(random),
        world_(std::move(world)),
        reached_(reached),
        trace_(trace),
        faults_(random, reached),
        states_(faults_.files),
        ranges_(world_),
        inputs_(world_, random),
        ledger_(world_) {
    faults_.clock.time = world_.begin;
    segment_bytes_ = 16384 + 2000 * random_.below(10);
    if (random_.chance(70)) checkpoint_every_ = cep::Duration{kSecond * random_.between(1, 20)};
    if (random_.chance(60)) endpoints_.push_back(EndpointId::of("http://receiver/"));
    timeline_[0] = 1;
  }

  StoryFigures run() {
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

 private:
  // Says what happens, where that is asked for.
  template <typename... Values>
  void say(fmt::format_string<Values...> text, Values&&... values) const {
    if (trace_) fmt::print("{}\n", fmt::format(text, std::forward<Values>(values)...));
  }

  // --- a life
  struct Flip {
    std::string path;
    std::size_t offset = 0;
    char mask = 0;
  };
  struct Pending {
    std::uint64_t sequence = 0;  // durable once the journal's end is there
    std::string source;
    std::uint64_t offset = 0;
  };
  // A process: what goes when it goes, last first.
  struct Process {
    std::unique_ptr<DataDirectory> directory;
    std::unique_ptr<Store> store;
    std::optional<NodePorts> ports;
    std::unique_ptr<Node> node;
    std::vector<Pending> pending;
    bool died = false;  // by an error
  };

  NodeOptions options() const {
    NodeOptions options;
    options.settings = settings_of(*world_.program, {});
    options.texts = {{"rules.tocsin", world_.rules}};
    options.intake = world_.intake;
    options.timeline = timeline_;
    options.checkpoint_every = checkpoint_every_;
    options.chunk_bytes = chunk_bytes_;
    options.segment_bytes = segment_bytes_;
    options.endpoints = endpoints_;
    return options;
  }

  // Opens what is there. An error is given; a process that has opened is in `process`.
  Result<void> open(Process& process) {
    Result<DataDirectory> directory = DataDirectory::open(faults_.files, kData, true);
    if (!directory) return tl::unexpected(directory.error());
    process.directory = std::make_unique<DataDirectory>(*std::move(directory));
    Result<std::unique_ptr<Store>> store = faults_.disk.open(effect_families());
    if (!store) return tl::unexpected(store.error());
    process.store = *std::move(store);
    if (Result<void> made = make_store_folder(); !made) return made;
    NodeOptions with = options();
    with.hash_seed = random_.next();
    faults_.executor.run_at_once(true);
    process.ports.emplace(NodePorts{faults_.files, faults_.clock, *process.store, states_,
                                    faults_.executor, ranges_, false});
    Result<std::unique_ptr<Node>> node =
        Node::open(*process.ports, *process.directory, *world_.program, std::move(with));
    faults_.executor.run_at_once(false);
    if (!node) return tl::unexpected(node.error());
    process.node = *std::move(node);
    return {};
  }

  // The store's contents are in the model; `tocsin verify` asks for its folder too. As durable as
  // the folder of a real store, which is made whole or not at all.
  Result<void> make_store_folder() {
    if (faults_.crashed()) return fail(Errc::kIo, "the process has crashed");
    const auto fault = std::exchange(faults_.files.fault, nullptr);
    const FileResult<void> made = make_durable_directory(faults_.files, DataPaths(kData).store);
    faults_.files.fault = fault;
    if (!made) return tl::unexpected(to_error(made.error()));
    return {};
  }

  void end(Process& process) {
    faults_.executor.drop();
    process.node.reset();
    process.store.reset();
    process.directory.reset();
    faults_.end_life();
  }

  // One process, until it ends in whatever way; true once all is through.
  bool live() {
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
    observe(process);
    for (const ScriptedSource& source : world_.sources) check_source(*process.node, source);
    bool finished = false;
    while (!process.died && !faults_.crashed() && !finished) {
      if (!calm && random_.chance(2)) break;  // killed from outside
      const std::uint64_t made = process.node->checkpoints().made;
      finished = step(process, calm);
      if (process.died || faults_.crashed()) continue;
      // After two more checkpoints the journal lets go of what was not looked at.
      const bool has_new = process.node->checkpoints().made != made;
      if (random_.chance(30) || has_new) observe(process);
    }
    if (finished) observe(process);
    if (faults_.crashed() && taking_) ++reached_["a crash while a checkpoint is taken"];
    end(process);
    return finished;
  }

  void after_failed_opening(const Error& error, const std::optional<Flip>& flip) {
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
    must(error.code != Errc::kCorrupt,
         "it calls damaged what is only unfinished: " + error.message);
    if (faults_.crashed()) ++reached_["a crash while it recovers"];
  }

  void note_recovery(const Process& process, const std::optional<Flip>& flip) {
    const Recovery& recovery = process.node->recovery();
    say("  opens: checkpoint {}, {} records replayed, next is {}, {} alerts were stored{}",
        recovery.checkpoint, recovery.records, process.node->next_sequence(),
        ledger_.alerts().size(), recovery.torn_end ? ", a torn end" : "");
    if (recovery.torn_end) ++reached_["a torn end is cut"];
    if (recovery.records > 0) ++reached_["records are replayed"];
    if (recovery.checkpoint > 0) ++reached_["a checkpoint is loaded"];
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
  Result<VerifyReport> verify() {
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
  bool is_found_damaged(bool is_flipped) {
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
  std::uint64_t journal_end() {
    const auto fault = std::exchange(faults_.files.fault, nullptr);
    const Result<KnownEnd> known = read_end_mark(faults_.files, DataPaths(kData).journal_end);
    faults_.files.fault = fault;
    return known ? known->end : 0;
  }

  // Damages a file that counts, on disk; not what a crash left unfinished, which a start removes.
  std::optional<Flip> damage() {
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
  bool undo(const Flip& flip) {
    const std::string contents = faults_.files.contents(flip.path);
    if (flip.offset >= contents.size() || contents[flip.offset] != flipped_to_) return false;
    faults_.files.flip(flip.path, flip.offset, flip.mask);
    return true;
  }

  // --- what an observer sees
  void observe(Process& process) {
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
    std::erase_if(process.pending, [&](const Pending& p) { return durable_end >= p.sequence; });
    const std::size_t alerts = ledger_.alerts().size();
    ledger_.read_alerts(*faults_.disk.open_reader(effect_families()));
    if (ledger_.alerts().size() > alerts) alert_lives_.insert(lives_);
    if (process.node->effects().stored.compared > 0) ++reached_["alerts come again in a replay"];
  }

  // Nothing that was acknowledged is missing.
  void check_source(const Node& node, const ScriptedSource& source) const {
    const NodeSource* const known = find(node, source.name);
    const std::uint64_t offset = known == nullptr ? 0 : known->next_offset;
    must(offset >= ledger_.acknowledged(source.name),
         fmt::format("{} goes on at {}, and {} were acknowledged", source.name, offset,
                     ledger_.acknowledged(source.name)));
  }

  // --- steps
  static const NodeSource* find(const Node& node, const std::string& name) {
    for (const NodeSource& source : node.sources()) {
      if (source.name == name) return &source;
    }
    return nullptr;
  }
  // The script's line that comes next.
  static std::size_t next_line(const Node& node, const ScriptedSource& source) {
    const NodeSource* const known = find(node, source.name);
    if (known == nullptr) return 0;
    if (source.kind == SourceKind::kByValue) return static_cast<std::size_t>(known->next_offset);
    std::size_t line = 0;
    std::uint64_t offset = 0;
    while (offset < known->next_offset) offset += source.lines[line++].size();
    must(offset == known->next_offset, "a file goes on within a line");
    return line;
  }

  // Notes an error: the process ends.
  template <typename T>
  bool good(Process& process, const Result<T>& result) {
    if (result) return true;
    if (faults_.short_of_space() && !faults_.crashed()) ++reached_["a full disk"];
    must(faults_.injected() || faults_.short_of_space(),
         "it fails, though nothing went wrong: " + result.error().message);
    say("  fails: {}", result.error().message);
    process.died = true;
    return false;
  }

  bool step(Process& process, bool calm) {
    Node& node = *process.node;
    taking_ = false;
    std::vector<std::size_t> open_sources;
    for (std::size_t i = 0; i < world_.sources.size(); ++i) {
      if (next_line(node, world_.sources[i]) < world_.sources[i].lines.size())
        open_sources.push_back(i);
    }
    if (open_sources.empty() && (calm || random_.chance(20)))
      return finish(process, [&] { observe(process); });
    switch (random_.weighted({40, 15, 25, 12, 4, 2, 3, 3})) {
      case 0:
        if (!open_sources.empty()) {
          const ScriptedSource& source = world_.sources[random_.pick(open_sources)];
          if (source.kind == SourceKind::kByPosition) {
            read_files(process, calm);
          } else {
            arrive(process, source);
          }
        }
        break;
      case 1:
        pass_time();
        break;
      case 2:
        say("  poll");
        good(process, node.poll());
        break;
      case 3:
        taking_ = true;
        say("  a task of {}", faults_.executor.waiting());
        faults_.executor.run_one();
        break;
      case 4:
        decide(process);
        break;
      case 5:
        make_savepoint(process);
        break;
      case 6:
        checkpoint(process);
        break;
      default:
        deliver(process);
    }
    return false;
  }

  void arrive(Process& process, const ScriptedSource& script) {
    Node& node = *process.node;
    const Result<std::size_t> source = node.source(script.name, script.kind);
    if (!good(process, source)) return;
    if (!node.intake().may_read(*node.intake().find(script.name)) && random_.chance(70)) return;
    const std::size_t begin = next_line(node, script);
    const std::size_t count = 1 + random_.below(random_.pick<std::size_t>({1, 3, 12, 40}));
    std::size_t end = begin;
    std::string block;
    while (end < script.lines.size() && end < begin + count && block.size() < 8192) {
      block += script.lines[end++];
    }
    if (random_.chance(60)) move_clock(std::max(faults_.clock.time, script.times[end - 1]));
    if (script.kind == SourceKind::kByPosition) refresh(node, *source, script, begin);
    const std::size_t size = block.size();
    block.append(kLinePadding, '\0');
    const Result<std::size_t> taken =
        node.arrive(*source, std::string_view(block).substr(0, size), nullptr);
    if (!good(process, taken)) return;
    say("  {} lines of {} as record {}, clock {}, W {}", end - begin, script.name,
        node.next_sequence() - 1, faults_.clock.time.us, node.intake().watermark().us);
    must(*taken == size, "a block is taken in part, though nobody comes before it");
    process.pending.push_back(
        {node.next_sequence(), script.name, find(node, script.name)->next_offset});
    if (end == script.lines.size() && random_.chance(80)) {
      good(process, node.decide({DecisionKind::kEnded, faults_.clock.now(), script.name}));
    }
  }
  // What a start of the program does with its files: opens those that may have more, and reads them
  // to their ends, unless it is over before.
  void read_files(Process& process, bool calm) {
    Node& node = *process.node;
    inputs_.grow(calm);
    for (const std::string& path : inputs_.paths()) {
      const NodeSource* const known = find(node, path);
      if (known != nullptr && known->has_ended && known->next_offset < inputs_.whole_lines(path))
        ++reached_["a file has grown since it was read to its end"];
      if (inputs_.is_within_line(path)) ++reached_["a file ends within a line"];
    }
    NodeInputOptions options;
    options.line_bytes_max = world_.intake.line_bytes_max;
    options.files = &inputs_;
    options.reads_ahead = random_.chance(50);
    inputs_.let_pause(options.reads_ahead);
    std::size_t asked = random_.pick<std::size_t>({1, 3, 1000});
    if (calm) asked = UINT64_MAX;
    options.stop_requested = [&] { return faults_.crashed() || asked-- == 1; };
    Result<std::unique_ptr<NodeInputs>> inputs =
        NodeInputs::open(node, faults_.clock, inputs_.paths(), std::move(options));
    if (!good(process, inputs)) return;
    for (const std::string& note : (*inputs)->notes()) say("  {}", note);
    if (!calm && random_.chance(30)) {
      ++reached_["a start is over before it reads its files"];
      return;
    }
    const std::uint64_t before = inputs_.reads_ahead();
    const Result<void> read = (*inputs)->run();
    if (inputs_.reads_ahead() != before) ++reached_["a file is read ahead of one that pauses"];
    const bool is_stopped = !read && read.error().code == Errc::kStopped && !faults_.crashed();
    if (!is_stopped && !good(process, read)) return;
    for (const std::string& path : inputs_.paths()) {
      const std::uint64_t taken = find(node, path)->next_offset;
      say("  {} read up to byte {}, W {}", path, taken, node.intake().watermark().us);
      process.pending.push_back({node.next_sequence(), path, taken});
      must(is_stopped || taken == inputs_.whole_lines(path),
           fmt::format("{} is said to be read to its end: {} bytes of {}", path, taken,
                       inputs_.whole_lines(path)));
    }
  }
  static void refresh(Node& node, std::size_t source, const ScriptedSource& script,
                      std::size_t line) {
    PrefixDigest prefix;
    for (std::size_t i = 0; i < line; ++i) prefix.add(script.lines[i]);
    node.refresh(source, "the file " + script.name, std::move(prefix));
  }

  void decide(Process& process) {
    Node& node = *process.node;
    const DecisionKind kind = random_.pick({DecisionKind::kIdle, DecisionKind::kAwake,
                                            DecisionKind::kHeartbeat, DecisionKind::kHeartbeat});
    std::string name;
    if (kind != DecisionKind::kHeartbeat || random_.chance(50)) {
      name = random_.pick(world_.sources).name;
      if (find(node, name) == nullptr) return;
    }
    say("  decision {} of '{}'", static_cast<int>(kind), name);
    good(process, node.decide({kind, faults_.clock.now(), name}));
  }

  void checkpoint(Process& process) {
    taking_ = true;
    const bool waiting = process.node->intake().waiting_events() > 0;
    say("  checkpoint");
    observe(process);  // it may finish two
    faults_.executor.run_at_once(true);
    if (good(process, process.node->checkpoint()) && waiting) {
      ++reached_["a checkpoint holds waiting events"];
    }
    faults_.executor.run_at_once(false);
  }

  void make_savepoint(Process& process) {
    if (savepoint_ || process.node->has_time_ended()) return;
    observe(process);
    taking_ = true;
    faults_.executor.run_at_once(true);
    const std::string name = fmt::format("s{}", lives_);
    say("  savepoint");
    const Result<Manifest> made = process.node->savepoint(name);
    faults_.executor.run_at_once(false);
    if (!good(process, made)) return;
    ++reached_["a savepoint is made"];
    savepoint_ = *made;
    savepoint_path_ = process.directory->paths().savepoints + "/" + name;
  }

  void deliver(Process& process) {
    if (endpoints_.empty()) return;
    EffectStore& store = process.node->effect_store();
    std::vector<std::uint64_t> owed;
    const Result<void> read =
        store.reader().outbox(endpoints_.front(), 0, [&](const OutboxRow& row) {
          owed.push_back(row.number);
          return owed.size() < 3;
        });
    must(read.has_value(), "the outbox cannot be read");
    for (const std::uint64_t number : owed) {
      if (ledger_.delivered().contains(number)) ++reached_["a delivery is repeated after a crash"];
      ledger_.deliver(number);
      if (random_.chance(60) && !good(process, store.settle_delivery(endpoints_.front(), number)))
        return;
    }
  }

  void move_clock(cep::EventTime to) {
    waited_us_ +=
        static_cast<std::uint64_t>(std::max<std::int64_t>(0, (to - faults_.clock.time).us));
    faults_.clock.time = to;
  }
  void pass_time() {
    const std::size_t kind = random_.weighted({90, 4, 3});
    if (kind == 0) move_clock(faults_.clock.time + cep::Duration{random_.between(0, 3 * kSecond)});
    if (kind == 1) {
      ++reached_["the clock jumps ahead"];
      move_clock(faults_.clock.time + cep::Duration{random_.between(0, 100 * kSecond)});
    }
    if (kind == 2) {
      ++reached_["the clock jumps back"];
      move_clock(faults_.clock.time - cep::Duration{random_.between(0, 100 * kSecond)});
    }
    if (faults_.short_of_space() && random_.chance(5)) {
      ++reached_["a disk with space again"];
      faults_.files.capacity = UINT64_MAX;
    }
  }

  // Ends time, and waits for all.
  // `look` reads the journal before two more checkpoints let go of records.
  template <typename Look>
  bool finish(Process& process, Look&& look) {
    Node& node = *process.node;
    if (!node.has_time_ended() && !good(process, node.end_time())) return false;
    say("  the end");
    faults_.executor.run_at_once(true);
    bool done = true;
    for (int i = 0; i < 20 && done; ++i) {
      const std::uint64_t made = node.checkpoints().made;
      done = good(process, node.poll());
      if (done && !faults_.crashed() && node.checkpoints().made != made) look();
    }
    if (done) done = good(process, node.close());
    faults_.executor.run_at_once(false);
    return done && !faults_.crashed();
  }

  // --- the end
  static std::string first_difference(const std::vector<std::string>& wanted,
                                      const std::vector<std::string>& found) {
    const auto [a, b] = std::mismatch(wanted.begin(), wanted.end(), found.begin(), found.end());
    return fmt::format("{} are wanted and {} found; at {}\n  wanted: {}\n  found:  {}",
                       wanted.size(), found.size(), a - wanted.begin(),
                       a == wanted.end() ? "(no more)" : *a, b == found.end() ? "(no more)" : *b);
  }

  static void same(const std::string& what, const std::vector<std::string>& wanted,
                   const std::vector<std::string>& found) {
    if (wanted != found) throw Broken(what + ": " + first_difference(wanted, found));
  }

  // Where the engine alone differs from the oracle too, it is no matter of durability.
  static void same_alerts(const Expected& expected, const std::vector<std::string>& found) {
    const bool as_engine = found == expected.engine_alerts;
    same(!expected.by_oracle ? "alerts by the engine alone"
         : as_engine         ? "alerts by the oracle (the engine alone gives what was found)"
                             : "alerts by the oracle",
         expected.alerts, found);
  }

  void check_lines() const {
    for (const ScriptedSource& source : world_.sources) {
      std::vector<std::string> wanted;
      for (const std::string& line : source.lines)
        wanted.push_back(line.substr(0, line.size() - 1));
      const auto found = expected_.lines.find(source.name);
      if (wanted.empty() && found == expected_.lines.end()) continue;
      must(found != expected_.lines.end(), source.name + " is not in the journal");
      same("the journal's lines of " + source.name, wanted, found->second);
    }
  }

  void check_side_output(const EffectReader& reader, SideOutputKind kind,
                         const std::vector<std::string>& wanted) const {
    std::vector<std::string> found;
    const Result<void> read = reader.side_output(kind, [&](const SideOutputRow& row) {
      found.push_back(row.text);
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

  void check_end() {
    expected_ = expect(world_, ledger_.records(), reached_);
    say("rules:\n{}", world_.rules);
    check_lines();
    std::vector<std::string> found;
    for (const StoredAlert& alert : ledger_.alerts()) found.push_back(alert.line);
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
    const Result<VerifyReport> report = verify();
    must(report.has_value(), report ? "" : "it cannot be verified: " + report.error().message);
    // What shares a file with a damaged checkpoint is damaged as well.
    must(report->damaged.empty() || is_damaged_,
         report->damaged.empty() ? "" : report->damaged.front().message);
  }

  void check_deliveries(const EffectReader& reader) const {
    std::set<std::uint64_t> owed;
    const Result<void> read = reader.outbox(endpoints_.front(), 0, [&](const OutboxRow& row) {
      owed.insert(row.number);
      return true;
    });
    must(read.has_value(), "the outbox cannot be read");
    for (const StoredAlert& alert : ledger_.alerts()) {
      const bool known = owed.contains(alert.number) || ledger_.delivered().contains(alert.number);
      must(known == alert.is_live,
           fmt::format("alert {} is {}, and {}", alert.number,
                       alert.is_live ? "live" : "in the shadow",
                       known ? "was owed" : "is neither owed nor delivered"));
    }
  }

  // A second life from a savepoint, with the same sources cut in another way.
  void fork() {
    faults_.begin_life(true);
    tests::ModelDisk disk(random_.next());
    Result<DataDirectory> directory = DataDirectory::open(faults_.files, kFork, true);
    must(directory.has_value(), "the fork's directory cannot be made");
    Result<std::unique_ptr<Store>> store = disk.open(effect_families());
    must(store.has_value(), "the fork's store cannot be made");
    NodeOptions with = options();
    with.from = savepoint_path_;
    with.timeline[0] = 2;
    faults_.executor.run_at_once(true);
    Process process;
    process.ports.emplace(NodePorts{faults_.files, faults_.clock, **store, states_,
                                    faults_.executor, ranges_, false});
    Result<std::unique_ptr<Node>> opened =
        Node::open(*process.ports, *directory, *world_.program, std::move(with));
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
    while (true) {
      look();
      std::vector<std::size_t> open_sources;
      for (std::size_t i = 0; i < world_.sources.size(); ++i) {
        if (next_line(node, world_.sources[i]) < world_.sources[i].lines.size())
          open_sources.push_back(i);
      }
      if (open_sources.empty()) break;
      arrive(process, world_.sources[random_.pick(open_sources)]);
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
      found.push_back(alert.line);
      return true;
    });
    must(read.has_value(), "the fork's alerts cannot be read");
    must(found.size() <= expected.alerts.size(), "the fork has more alerts than there are");
    const std::size_t before = expected.alerts.size() - found.size();
    must(before <= ledger_.alerts().size(), "the fork lacks alerts");
    std::vector<std::string> all;
    for (std::size_t i = 0; i < before; ++i) all.push_back(ledger_.alerts()[i].line);
    all.insert(all.end(), found.begin(), found.end());
    same_alerts(expected, all);
    ++reached_["a fork from a savepoint"];
    process.node.reset();
  }

  tests::Random& random_;
  World world_;
  Reached& reached_;
  bool trace_;
  Faults faults_;
  tests::ModelStateStores states_;
  ScriptRanges ranges_;
  GrowingFiles inputs_;
  Ledger ledger_;
  Expected expected_;
  std::array<std::uint8_t, 16> timeline_{};
  std::uint64_t segment_bytes_ = 8192;
  std::size_t chunk_bytes_ = 1;
  std::optional<cep::Duration> checkpoint_every_;
  std::vector<EndpointId> endpoints_;
  std::uint64_t lives_ = 0;
  std::set<std::uint64_t> alert_lives_;
  bool taking_ = false;
  char flipped_to_ = 0;
  bool ended_by_damage_ = false;
  bool is_damaged_ = false;  // for good
  std::optional<Manifest> savepoint_;
  std::string savepoint_path_;
  std::uint64_t waited_us_ = 0;
};
}  // namespace

StoryFigures play(std::uint64_t seed, Reached& reached, bool trace) {
  tests::Random random(seed);
  std::optional<World> world = make_world(random);
  if (!world) return {};
  return Story(random, *std::move(world), reached, trace).run();
}
}  // namespace tocsin::simulation
