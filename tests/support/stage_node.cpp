#include "tests/support/stage_node.h"

#include <utility>

namespace tocsin::tests {
cep::StageOutbox* StageNode::outbox() const {
  if (source) return &source->outbox();
  if (pass) return &pass->outbox();
  return hold ? &hold->outbox() : nullptr;
}

Result<void> StageNode::take(std::string_view block) const {
  return merge ? merge->put(block) : with_stage([&](auto& s) { return s.put(block); });
}

Result<void> StageNode::prepare(const cep::Program& to, cep::EventTime from) const {
  if (source) return source->prepare(to, from);
  return merge ? merge->prepare(to, from)
               : with_stage([&](auto& s) { return s.prepare(to, from); });
}

std::optional<cep::RestoreReport> StageNode::take_report() const {
  if (!pass && !hold) return std::nullopt;
  return with_stage([](auto& s) { return s.take_report(); });
}

void StageStore::put(std::uint32_t group, std::string_view key, std::string_view value) {
  if (key.size() == 1 && key[0] == static_cast<char>(cep::StageEntry::kHead)) {
    heads[group] = value;
  } else if (key.size() == 1 && key[0] == static_cast<char>(cep::StageEntry::kLayout)) {
    const auto last = layouts.empty() ? nullptr : layouts.rbegin()->second;
    const bool is_same = last != nullptr && *last == value;
    layouts[group] = is_same ? last : std::make_shared<const std::string>(value);
  } else {
    entries[{group, std::string(key)}] = value;
  }
}

Result<void> StageNode::apply_cut(StageStore& store) {
  for (const std::uint32_t group : cleared) {
    store.heads.erase(group);
    store.layouts.erase(group);
    store.entries.erase(store.entries.lower_bound({group, {}}),
                        store.entries.lower_bound({group + 1, {}}));
  }
  for (const auto& place : removed) {
    if (store.entries.erase(place) == 0) {
      return fail(Errc::kInternal, "an entry that no cut had is removed");
    }
  }
  put.heads.merge(store.heads);
  store.heads = std::move(put.heads);
  put.layouts.merge(store.layouts);
  store.layouts = std::move(put.layouts);
  for (auto& [place, value] : put.entries) store.entries.insert_or_assign(place, std::move(value));
  return {};
}

void NodeCutSink::put(cep::KeyGroup group, std::string_view key, std::string_view value) {
  const auto size = [&] {
    return node_.put.heads.size() + node_.put.layouts.size() + node_.put.entries.size();
  };
  const std::size_t before = size();
  node_.put.put(group.value, key, value);
  if (size() == before) problem_ = "a key comes twice in a cut";
}
void NodeCutSink::remove(cep::KeyGroup group, std::string_view key) {
  const auto place = std::pair(group.value, std::string(key));
  if (node_.put.entries.contains(place) || !node_.removed.insert(place).second) {
    problem_ = "a key comes twice in a cut";
  }
}
void NodeCutSink::clear(cep::KeyGroup group) {
  const auto first = node_.put.entries.lower_bound({group.value, {}});
  const bool has_more = first != node_.put.entries.end() && first->first.first == group.value;
  if (has_more || node_.put.heads.contains(group.value) ||
      !node_.cleared.insert(group.value).second) {
    problem_ = "a group is cleared after an entry of it";
  }
}

std::set<std::string> report_lines(const cep::RestoreReport& report) {
  constexpr const char* kFates[] = {"kept", "started", "replayed", "lost"};
  std::set<std::string> lines;
  for (const cep::RestoreReport::Line& line : report.lines) {
    lines.insert(std::string(kFates[static_cast<std::size_t>(line.fate)]) +
                 (line.is_rule ? " rule " : " feature ") + line.name +
                 (line.suppression_lost ? " without what it suppresses" : ""));
  }
  return lines;
}

NodeEntries::NodeEntries(const StageStore& store, cep::KeyGroupRange own)
    : heads(store.heads.lower_bound(own.begin), store.heads.lower_bound(own.end)) {
  const auto written = store.layouts.lower_bound(own.begin);
  if (written != store.layouts.end() && written->first < own.end) layout = *written->second;
  const auto end = store.entries.lower_bound({own.end, {}});
  for (auto at = store.entries.lower_bound({own.begin, {}}); at != end; ++at) rest.push_back(&*at);
}

Result<void> restore_node(StageNode& node, NodeEntries entries, Random& random,
                          const std::function<Result<void>()>& prepare) {
  const cep::StageChange* awaited = nullptr;
  if (node.merge) {
    if (auto begun = node.merge->begin_restore(entries.heads[0], entries.layout); !begun) {
      return begun;
    }
    awaited = node.merge->awaited();
  } else {
    const Result<cep::RestoreReport> report =
        node.with_stage([&](auto& s) { return s.begin_restore(entries.heads, entries.layout); });
    if (!report) return tl::unexpected(report.error());
    if (!report->is_same_program) return fail(Errc::kInternal, "the same program is another one");
    awaited = node.with_stage([](auto& s) { return s.awaited(); });
  }
  if (awaited != nullptr) {
    const bool is_refused = node.merge
                                ? !node.merge->finish_restore()
                                : node.with_stage([](auto& s) { return !s.finish_restore(); });
    if (!is_refused) return fail(Errc::kInternal, "a change that waits is forgotten");
    if (auto prepared = prepare(); !prepared) return prepared;
  }
  std::vector<const StageEntries::value_type*>& rest = entries.rest;
  for (std::size_t i = rest.size(); i > 1; --i) std::swap(rest[i - 1], rest[random.below(i)]);
  for (const StageEntries::value_type* const entry : rest) {
    const cep::KeyGroup group{entry->first.first};
    const std::string& key = entry->first.second;
    const Result<void> restored =
        node.merge ? node.merge->restore(key, entry->second)
                   : node.with_stage([&](auto& s) { return s.restore(group, key, entry->second); });
    if (!restored) return restored;
  }
  return node.merge ? node.merge->finish_restore()
                    : node.with_stage([](auto& s) { return s.finish_restore(); });
}
}  // namespace tocsin::tests
