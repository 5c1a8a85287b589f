#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/decode/decoder.h"
#include "runtime/io/topic_partition.h"
#include "tests/simulation/story_teller.h"

namespace tocsin::simulation {
// As a start does, once its node has come up.
void Story::open_topics(Process& process, bool calm) {
  Node& node = *process.node;
  if (!node.may_take()) return;
  if (calm) topics_.calm();
  topics_.change_before(node);
  topics_.set_up(calm || !random_.chance(5));
  topics_.expect_opening(node, ledger_.records());
  process.topics =
      std::make_unique<TopicReading>(topics_, world_, node, faults_, random_, reached_);
  if (calm) process.topics->client().calm();
  const Result<void> opened = process.topics->open();
  if (!opened) return end_by_topics(process, opened.error());
  if (faults_.crashed()) return;
  for (const std::string& note : process.topics->take_notes()) say("  {}", note);
  topics_.check_opening(node);
  ++reached_["topics are read"];
}

void Story::end_by_topics(Process& process, const Error& error) {
  say("  topics: {}", error.message);
  const bool is_named = error.message.find("--kafka-accept-gap") != std::string::npos;
  if (!is_named && (faults_.injected() || faults_.short_of_space())) {
    good(process, Result<void>(tl::unexpected(error)));
    return;
  }
  if (!process.topics->client().has_refused()) topics_.explain(error, *process.node);
  process.died = true;
}

// A source of another kind that has no more lines holds back nobody who is too far ahead of it.
void Story::leave_read(Process& process) {
  Node& node = *process.node;
  for (const ScriptedSource& source : world_.sources) {
    const auto in_intake = node.intake().find(source.name);
    if (source.is_partition || !in_intake || next_line(node, source) < source.lines.size())
      continue;
    if (node.intake().status(*in_intake).state != SourceState::kActive) continue;
    if (!good(process, node.decide({DecisionKind::kIdle, faults_.clock.now(), source.name})))
      return;
  }
}

void Story::read_topics(Process& process, bool calm) {
  Node& node = *process.node;
  if (!node.may_take()) return;
  if (calm) topics_.calm();
  if (!calm && random_.chance(5)) topics_.set_up(random_.chance(50));
  const std::optional<cep::EventTime> newest = topics_.grow(calm);
  if (newest && random_.chance(60)) move_clock(std::max(faults_.clock.time, *newest));
  topics_.remove_some(node);
  if (calm || random_.chance(30)) leave_read(process);
  if (calm) move_clock(faults_.clock.time + cep::Duration{kSecond * random_.between(1, 5)});
  if (process.died) return;
  if (!calm && random_.chance(1)) process.topics->client().refuse();
  std::uint64_t made = node.checkpoints().made;
  const auto look = [&] {
    if (faults_.crashed() || node.checkpoints().made == made) return;
    made = node.checkpoints().made;
    observe(process);
  };
  const Result<void> read = process.topics->read(calm, look);
  for (const std::string& note : process.topics->take_notes()) say("  {}", note);
  for (const NodeSource& source : node.sources()) {
    if (is_partition(source.name))
      say("  {} read up to {}, W {}", source.name, source.next_offset,
          node.intake().watermark().us);
  }
  if (!read) end_by_topics(process, read.error());
}

// Of a partition, without a broker: what a fork reads as the node before it did.
void Story::take_messages(Process& process, const std::string& name, std::size_t& taken) {
  constexpr std::uint64_t kBlankMax = 100;
  Node& node = *process.node;
  const Result<std::size_t> source = node.source(name, SourceKind::kByValue);
  if (!good(process, source)) return;
  const std::vector<TopicLine>& lines = topics_.expected(name);
  const NodeSource& known = node.sources()[*source];
  const auto follows = [&](std::uint64_t place) {
    return lines[taken].offset >= place && lines[taken].offset - place <= kBlankMax;
  };
  if (known.identity.empty() || !follows(known.next_offset)) {
    if (!good(process, node.set_place(*source, lines[taken].offset))) return;
  }
  std::uint64_t place = node.sources()[*source].next_offset;
  std::string block;
  for (std::size_t count = 1 + random_.below(12); count > 0 && taken < lines.size(); --count) {
    if (!follows(place)) break;
    block.append(lines[taken].offset - place, '\n');
    block += lines[taken].line + "\n";
    place = lines[taken++].offset + 1;
  }
  const std::size_t size = block.size();
  block.append(kLinePadding, '\0');
  const Result<std::size_t> arrived =
      node.arrive(*source, std::string_view(block).substr(0, size), nullptr);
  if (!good(process, arrived)) return;
  must(*arrived == size, "messages are taken in part, though nobody comes before them");
}
}  // namespace tocsin::simulation
