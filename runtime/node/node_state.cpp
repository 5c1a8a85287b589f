#include "runtime/node/node_state.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "cep/base/byte_codec.h"
#include "cep/plan/plan.h"
#include "cep/plan/rule.h"

namespace tocsin::runtime {
namespace {
// The first byte: what stands at the end, in this order, and above it the format. Format 0, of
// builds before the first release, has the same bytes.
constexpr std::uint8_t kWithLists = 1;      // changes of lists
constexpr std::uint8_t kWithProducers = 2;  // what makes sources producers, in their order
constexpr std::uint8_t kWithSeries = 4;     // files read one after the other, by source
constexpr unsigned kFormatShift = 4;
constexpr std::uint8_t kFormat = 1;
}  // namespace

std::optional<std::size_t> NodeState::find(std::string_view name) const {
  const auto found = std::ranges::find(sources, name, &NodeSource::name);
  if (found == sources.end()) return std::nullopt;
  return static_cast<std::size_t>(found - sources.begin());
}

std::size_t NodeState::source(std::string_view name) {
  if (const std::optional<std::size_t> known = find(name)) return *known;
  sources.emplace_back().name = name;
  return sources.size() - 1;
}

void NodeState::save(const cep::Plan& plan, const RunSummary& summary, std::string& to) const {
  ByteWriter writer(to);
  const bool has_producers = std::ranges::any_of(sources, is_producer);
  const auto has_series = [](const NodeSource& source) { return source.series.has_value(); };
  const auto series = static_cast<std::uint64_t>(std::ranges::count_if(sources, has_series));
  writer.u8(static_cast<std::uint8_t>(kFormat << kFormatShift | (lists.empty() ? 0 : kWithLists) |
                                      (has_producers ? kWithProducers : 0) |
                                      (series != 0 ? kWithSeries : 0)));
  writer.u8(has_time_ended ? 1 : 0);
  writer.varint(sources.size());
  for (const NodeSource& source : sources) write_source(source, writer);
  writer.varint(values_missing);
  writer.varint(summary.bytes);
  writer.varint(summary.alerts);
  writer.varint(summary.undelivered);
  writer.varint(plan.rules.size());
  for (std::size_t i = 0; i < plan.rules.size(); ++i) {
    writer.text(plan.rules[i].id);
    writer.varint(summary.alerts_by_rule[i]);
  }
  if (!lists.empty()) writer.text(lists);
  for (const NodeSource& source : sources) {
    if (is_producer(source)) write_producer(source, writer);
  }
  if (series == 0) return;
  writer.varint(series);
  for (std::size_t i = 0; i < sources.size(); ++i) {
    if (!sources[i].series) continue;
    writer.varint(i);
    write_series(*sources[i].series, writer);
  }
}

Result<NodeState> NodeState::restore(std::string_view from, const cep::Plan& plan,
                                     RunSummary& summary) {
  ByteReader reader(from);
  NodeState state;
  const std::uint8_t first = reader.u8();
  const int format = first >> kFormatShift;
  const int has = first & ((1 << kFormatShift) - 1);
  if (format > kFormat) {
    return fail(Errc::kOtherVersion,
                fmt::format("the state of the sources has format {}, and this program knows "
                            "formats up to {}: use the version of tocsin that wrote it, or a later "
                            "one",
                            format, kFormat));
  }
  state.has_time_ended = reader.u8() != 0;
  const std::uint64_t sources = reader.varint_up_to(reader.left());
  for (std::uint64_t i = 0; i < sources && reader.ok(); ++i) {
    state.sources.push_back(read_source(reader));
  }
  state.values_missing = reader.varint();
  summary.bytes = reader.varint();
  summary.alerts = reader.varint();
  summary.undelivered = reader.varint();
  const std::uint64_t rules = reader.varint_up_to(reader.left());
  for (std::uint64_t i = 0; i < rules && reader.ok(); ++i) {
    const std::string_view id = reader.text();
    const std::uint64_t count = reader.varint();
    const auto rule = std::ranges::find(plan.rules, id, &cep::Rule::id);
    if (rule == plan.rules.end()) continue;
    summary.alerts_by_rule[static_cast<std::size_t>(rule - plan.rules.begin())] = count;
  }
  if ((has & kWithLists) != 0) state.lists = reader.text();
  for (NodeSource& source : state.sources) {
    if (!is_producer(source)) continue;
    if ((has & kWithProducers) != 0) {
      read_producer(reader, source);
    } else {  // an older version took its lines
      source.samples = LineSamples(source.next_offset);
    }
  }
  if ((has & kWithSeries) != 0) {
    const std::uint64_t series = reader.varint_up_to(state.sources.size());
    for (std::uint64_t i = 0; i < series && reader.ok(); ++i) {
      const std::uint64_t index = reader.varint_up_to(state.sources.size());
      SeriesState read = read_series(reader);
      if (index < state.sources.size()) state.sources[index].series = std::move(read);
    }
  }
  if (has > (kWithLists | kWithProducers | kWithSeries) || !reader.is_done()) {
    return fail(Errc::kCorrupt, "the sources of a checkpoint are damaged");
  }
  return state;
}
}  // namespace tocsin::runtime
