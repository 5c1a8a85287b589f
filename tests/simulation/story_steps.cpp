#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/decode/decoder.h"
#include "runtime/inputs/node_inputs.h"
#include "runtime/journal/blob_store.h"
#include "runtime/replay/earlier_run.h"
#include "tests/simulation/story_teller.h"

namespace tocsin::simulation {
// The script's line that comes next.
std::size_t Story::next_line(const Node& node, const ScriptedSource& source) {
  const NodeSource* const known = find(node, source.name);
  if (known == nullptr) return 0;
  if (source.kind == SourceKind::kByValue) return static_cast<std::size_t>(known->next_offset);
  std::size_t line = 0;
  std::uint64_t offset = 0;
  while (offset < known->next_offset) offset += source.lines[line++].size();
  must(offset == known->next_offset, "a file goes on within a line");
  return line;
}

bool Story::step(Process& process, bool calm) {
  Node& node = *process.node;
  taking_ = false;
  std::vector<std::size_t> open_sources;
  for (std::size_t i = 0; i < world_.sources.size(); ++i) {
    if (world_.sources[i].is_partition) continue;
    if (next_line(node, world_.sources[i]) < world_.sources[i].lines.size())
      open_sources.push_back(i);
  }
  const bool has_more = !open_sources.empty() || (process.topics && topics_.has_more(node));
  if (!has_more && (calm || random_.chance(20))) return finish(process, [&] { observe(process); });
  const std::size_t writes = sinks_.empty() ? 0 : 25;
  switch (random_.weighted({40, 15, 25, 12, 4, 2, 3, 8, 3, writes})) {
    case 0:
      if (process.topics && (open_sources.empty() || random_.chance(60))) {
        read_topics(process, calm);
      } else if (!open_sources.empty()) {
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
    case 7:
      deploy(process);
      break;
    case 8:
      deliver(process);
      break;
    default:
      say("  writes to a topic");
      good(process, sinks_.step());
  }
  return false;
}

namespace {
void refresh(Node& node, std::size_t source, const ScriptedSource& script, std::size_t line) {
  PrefixDigest prefix;
  for (std::size_t i = 0; i < line; ++i) prefix.add(script.lines[i]);
  node.refresh(source, "the-file-" + script.name, std::move(prefix));
}
}  // namespace

void Story::arrive(Process& process, const ScriptedSource& script) {
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
void Story::read_files(Process& process, bool calm) {
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

void Story::decide(Process& process) {
  Node& node = *process.node;
  const DecisionKind kind = random_.pick({DecisionKind::kIdle, DecisionKind::kAwake,
                                          DecisionKind::kHeartbeat, DecisionKind::kHeartbeat});
  std::string name;
  if (kind != DecisionKind::kHeartbeat || random_.chance(50)) {
    const ScriptedSource& source = random_.pick(world_.sources);
    name = source.name;
    if (source.is_partition || find(node, name) == nullptr) return;
  }
  say("  decision {} of '{}'", static_cast<int>(kind), name);
  good(process, node.decide({kind, faults_.clock.now(), name}));
}

void Story::checkpoint(Process& process) {
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

void Story::make_savepoint(Process& process) {
  if (savepoint_ || !process.node->may_take()) return;
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

namespace {
// What rules make of earlier events, up to record `end`.
Result<std::unique_ptr<PastRun>> run_earlier(Files& files, const DataPaths& paths,
                                             const NodeProgram& program, std::uint64_t end,
                                             std::uint64_t number) {
  std::unique_ptr<EarlierRun> run =
      EarlierRun::make(files, {paths.archive, paths.journal, paths.blobs}, program,
                       cep::kEventTimeMin, {.number = number});
  BlobStore blobs = BlobStore::look(files, paths.blobs);
  Result<void> done = run->take_earlier();
  if (done) done = run->catch_up(end);
  if (done) done = run->keep(blobs);
  if (!done) return tl::unexpected(done.error());
  return run;
}
}  // namespace

// The other rules, beside events and checkpoints; or what was prepared is called off by the same.
void Story::deploy(Process& process) {
  Node& node = *process.node;
  if (!world_.beside || !node.may_take()) return;
  const cep::Program& other = rules_.other_than(*process.program);
  if (!node.is_preparing() || random_.chance(5)) {
    std::unique_ptr<PastRun> past;
    // Lines are in journal and archive where nothing is taken by position.
    const bool has_lines = std::ranges::all_of(world_.sources, [](const ScriptedSource& source) {
      return source.kind == SourceKind::kByValue;
    });
    if (has_lines && random_.chance(50)) {
      auto run = run_earlier(faults_.files, process.directory->paths(), {other, world_.intake},
                             node.durable_end(), random_.next());
      if (!good(process, run)) return;
      past = *std::move(run);
    }
    say("  prepares other rules{}", past ? ", from earlier events" : "");
    if (past) ++reached_["other rules go on from earlier events"];
    const Result<void> prepared =
        node.prepare({other, world_.intake}, rules_.texts_of(other), std::move(past));
    // A checkpoint came between.
    if (!prepared && prepared.error().code == Errc::kConflict) return;
    good(process, prepared);
    return;
  }
  const bool is_ready = node.is_prepared();
  if (!is_ready && !random_.chance(20)) return;
  if (is_ready) ++reached_["state was carried over before rules change"];
  rules_.deploy(node.next_sequence(), other);
  say("  activates them as record {}", node.next_sequence());
  const Result<cep::RestoreReport> report = node.activate();
  if (!good(process, report)) return;
  for (const cep::RestoreReport::Line& line : report->lines) {
    const bool is_kept = line.fate == cep::RestoreReport::Fate::kKept && !line.suppression_lost;
    if (line.name.find("other_") <= 1) continue;  // "$other_" where it has no name of its own
    must(is_kept, line.name + " does not keep its state");
  }
  process.program = &other;
  ++reached_["other rules"];
}

void Story::deliver(Process& process) {
  if (endpoints_.empty()) return;
  EffectStore& store = process.node->effect_store();
  std::vector<std::uint64_t> owed;
  const Result<void> read = store.reader().outbox(endpoints_.front(), 0, [&](const OutboxRow& row) {
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

void Story::move_clock(cep::EventTime to) {
  waited_us_ += static_cast<std::uint64_t>(std::max<std::int64_t>(0, (to - faults_.clock.time).us));
  faults_.clock.time = to;
}

void Story::pass_time() {
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
bool Story::finish(Process& process, const std::function<void()>& look) {
  Node& node = *process.node;
  if (node.may_take() && !good(process, node.end_time())) return false;
  say("  the end");
  faults_.executor.run_at_once(true);
  bool done = true;
  const auto is_storing = [&] { return node.effects().committed < node.effects().pushed; };
  for (int i = 0; i < (is_storing() ? 500 : 20) && done; ++i) {
    const std::uint64_t made = node.checkpoints().made;
    done = good(process, node.poll());
    if (done && !faults_.crashed() && node.checkpoints().made != made) look();
  }
  if (done && !is_storing()) {  // else the disk is full
    done = good(process, node.close());
  } else {
    done = false;
  }
  faults_.executor.run_at_once(false);
  return done && !faults_.crashed();
}
}  // namespace tocsin::simulation
