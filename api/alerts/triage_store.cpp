#include "api/alerts/triage_store.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "api/alerts/alert_line.h"
#include "api/base/stored_format.h"
#include "runtime/effects/effect_codec.h"
#include "runtime/io/crash_point.h"

namespace tocsin::api {
namespace {
using nlohmann::ordered_json;
using runtime::kTriageFamily;
constexpr int kFormat = 1;
constexpr std::size_t kWriteBytes = std::size_t{1} << 20;  // of one write of several changes, about

Result<std::string> record_key(std::string_view alert_id) {
  const std::optional<std::string> prefix = runtime::alert_id_prefix(alert_id);
  if (!prefix) return fail(Errc::kNotFound, "no alert has such an id: " + std::string(alert_id));
  return "a" + *prefix;
}
std::string state_prefix(TriageState state) {
  return {'s', static_cast<char>('0' + static_cast<int>(state))};
}
std::string state_key(TriageState state, std::uint64_t number) {
  std::string key = state_prefix(state);
  runtime::append_key_u64(key, number);
  return key;
}
constexpr std::string_view kLabels = "p";
std::string labels_key(std::string_view rule) { return std::string(kLabels) + std::string(rule); }
Result<RuleLabels> read_labels(std::string_view value) {
  const ordered_json counted = ordered_json::parse(value, nullptr, false);
  if (!counted.is_object())
    return fail(Errc::kCorrupt, "the alert store holds labels that this program did not write");
  RuleLabels labels;
  labels.confirmed = counted.value("confirmed", std::uint64_t{0});
  labels.dismissed = counted.value("dismissed", std::uint64_t{0});
  return labels;
}

std::string encode(const TriageRecord& record) {
  ordered_json value = {{"format", kFormat},
                        {"state", name_of(record.state)},
                        {"version", record.version},
                        {"number", record.number},
                        {"history", ordered_json::array()}};
  if (!record.assignee.empty()) value["assignee"] = record.assignee;
  if (record.label) value["label"] = name_of(*record.label);
  for (const TriageEntry& entry : record.history) {
    ordered_json row = {{"at", entry.at.us}, {"who", entry.who}};
    if (entry.action) {
      row["action"] = name_of(*entry.action);
      row["from"] = name_of(entry.from);
      row["to"] = name_of(entry.to);
    }
    if (!entry.assignee.empty()) row["assignee"] = entry.assignee;
    if (!entry.comment.empty()) row["comment"] = entry.comment;
    value["history"].push_back(std::move(row));
  }
  return value.dump();
}

TriageState read_state(const ordered_json& value) {
  const auto state = triage_state_named(value.get<std::string>());
  if (!state) throw std::runtime_error("no state of triage");
  return *state;
}
Result<TriageRecord> decode(std::string_view text) {
  try {
    const ordered_json value = ordered_json::parse(text);
    if (auto known =
            check_stored_format(value.at("format").get<int>(), kFormat, "a record of triage");
        !known) {
      return tl::unexpected(known.error());
    }
    TriageRecord record;
    record.state = read_state(value.at("state"));
    record.version = value.at("version").get<std::uint64_t>();
    record.number = value.at("number").get<std::uint64_t>();
    record.assignee = value.value("assignee", "");
    if (value.contains("label")) record.label = read_state(value.at("label"));
    for (const ordered_json& row : value.at("history")) {
      TriageEntry entry;
      entry.at.us = row.at("at").get<std::int64_t>();
      entry.who = row.at("who").get<std::string>();
      if (row.contains("action")) {
        entry.action = triage_action_named(row.at("action").get<std::string>());
        entry.from = read_state(row.at("from"));
        entry.to = read_state(row.at("to"));
      }
      entry.assignee = row.value("assignee", "");
      entry.comment = row.value("comment", "");
      record.history.push_back(std::move(entry));
    }
    return record;
  } catch (const std::exception& error) {
    return fail(Errc::kCorrupt,
                fmt::format("the alert store holds a record of triage that this program did not "
                            "write: {}",
                            error.what()));
  }
}

Result<void> judge(const TriageRecord& record, const TriageChange& change) {
  if (!change.action || triage_after(record.state, *change.action)) return {};
  std::vector<std::string_view> allowed;
  for (const TriageAction action : triage_actions_of(record.state))
    allowed.push_back(name_of(action));
  return fail(Errc::kConflict,
              fmt::format("an alert that is {} cannot {}; it can {}", name_of(record.state),
                          name_of(*change.action), fmt::join(allowed, ", ")));
}
}  // namespace

Result<TriageRecord> TriageStore::get(std::string_view alert_id) const {
  const Result<std::string> key = record_key(alert_id);
  if (!key) return tl::unexpected(key.error());
  const Result<std::optional<std::string>> value = store_.get(kTriageFamily, *key);
  if (!value) return tl::unexpected(value.error());
  if (!*value) return TriageRecord{};
  return decode(**value);
}

Result<RuleLabels> TriageStore::labels(std::string_view rule) const {
  const Result<std::optional<std::string>> value = store_.get(kTriageFamily, labels_key(rule));
  if (!value) return tl::unexpected(value.error());
  if (!*value) return RuleLabels{};
  return read_labels(**value);
}

Result<void> TriageStore::all_labels(
    const std::function<bool(std::string_view rule, const RuleLabels&)>& visit) const {
  Result<void> failed;
  const Result<void> read =
      store_.scan(kTriageFamily, runtime::StoreRange::of_prefix(kLabels),
                  [&](std::string_view key, std::string_view value) {
                    const Result<RuleLabels> labels = read_labels(value);
                    if (!labels) failed = tl::unexpected(labels.error());
                    return labels && visit(key.substr(kLabels.size()), *labels);
                  });
  return read ? failed : read;
}

// What one write has of several changes.
struct TriageStore::Writes {
  runtime::StoreBatch batch = {};
  std::map<std::string, RuleLabels, std::less<>> labels = {};  // by rule, as they will be
};

Result<void> TriageStore::add(const runtime::StoredAlert& alert, const TriageChange& change,
                              cep::EventTime now, TriageRecord& record, Writes& writes) const {
  if (Result<void> good = judge(record, change); !good) return good;
  if (record.history.size() >= limits_.entries_max) {
    return fail(Errc::kConflict,
                fmt::format("an alert takes at most {} comments and changes", limits_.entries_max));
  }
  const TriageState before = record.state;
  const TriageState after = change.action ? *triage_after(before, *change.action) : before;
  std::optional<TriageState> label = record.label;
  if (change.action) {
    if (after == TriageState::kConfirmed || after == TriageState::kDismissed) label = after;
    if (*change.action == TriageAction::kReopen) label.reset();
  }
  if (label != record.label) {
    auto known = writes.labels.find(alert.rule);
    if (known == writes.labels.end()) {
      const Result<RuleLabels> stored = labels(alert.rule);
      if (!stored) return tl::unexpected(stored.error());
      known = writes.labels.emplace(alert.rule, *stored).first;
    }
    const auto count = [&](std::optional<TriageState> of, std::uint64_t by) {
      if (of == TriageState::kConfirmed) known->second.confirmed += by;
      if (of == TriageState::kDismissed) known->second.dismissed += by;
    };
    count(record.label, ~std::uint64_t{0});
    count(label, 1);
  }

  record.state = after;
  record.label = label;
  if (change.action == TriageAction::kAssign) record.assignee = change.assignee;
  if (change.action == TriageAction::kRelease || change.action == TriageAction::kReopen)
    record.assignee.clear();
  if (record.version == 0) record.number = alert.number;
  ++record.version;
  record.history.push_back(
      {now, change.who, change.action, before, after, change.assignee, change.comment});
  runtime::StoreBatch& batch = writes.batch;
  batch.put(kTriageFamily, *record_key(alert.id), encode(record));
  if (before != after) {
    if (before != TriageState::kOpen) batch.remove(kTriageFamily, state_key(before, record.number));
    if (after != TriageState::kOpen)
      batch.put(kTriageFamily, state_key(after, record.number), alert.id);
  }
  return {};
}

Result<void> TriageStore::write(Writes& writes) {
  for (const auto& [rule, labels] : writes.labels) {
    const ordered_json counted = {{"confirmed", labels.confirmed}, {"dismissed", labels.dismissed}};
    writes.batch.put(kTriageFamily, labels_key(rule), counted.dump());
  }
  runtime::crash_point("triage.before_write");
  if (Result<void> written = store_.write(writes.batch, true); !written) return written;
  runtime::crash_point("triage.after_write");
  return {};
}

Result<TriageRecord> TriageStore::change(const runtime::StoredAlert& alert,
                                         const TriageChange& change, cep::EventTime now,
                                         const Condition& condition) {
  const std::lock_guard lock(changing);
  Result<TriageRecord> record = get(alert.id);
  if (!record) return record;
  if (condition) {
    if (Result<void> holds = condition(*record); !holds) return tl::unexpected(holds.error());
  }
  Writes writes;
  if (Result<void> added = add(alert, change, now, *record, writes); !added)
    return tl::unexpected(added.error());
  if (Result<void> written = write(writes); !written) return tl::unexpected(written.error());
  return record;
}

void TriageStore::change_all(std::span<const TriageTarget> targets, const TriageChange& change,
                             cep::EventTime now, const OutcomeVisitor& visit) {
  for (std::size_t next = 0; next < targets.size();)
    next = change_some(targets, next, change, now, visit);
}

std::size_t TriageStore::change_some(std::span<const TriageTarget> targets, std::size_t first,
                                     const TriageChange& change, cep::EventTime now,
                                     const OutcomeVisitor& visit) {
  const std::lock_guard lock(changing);
  Writes writes;
  std::vector<std::pair<std::size_t, TriageOutcome>> changed;
  std::size_t place = first;
  for (; place < targets.size() && writes.batch.bytes() < kWriteBytes; ++place) {
    const auto& [alert, version] = targets[place];
    Result<TriageRecord> record = get(alert.id);
    if (!record) {
      visit(place, {{}, record.error()});
      continue;
    }
    TriageOutcome outcome{*std::move(record), {}};
    Result<void> added;
    if (version && *version != outcome.record.version) {
      added = fail(Errc::kMismatch, fmt::format("its triage has version {} by now, not {}",
                                                outcome.record.version, *version));
    } else {
      added = add(alert, change, now, outcome.record, writes);
    }
    if (added) {
      changed.emplace_back(place, std::move(outcome));
    } else {
      outcome.refusal = added.error();
      visit(place, outcome);
    }
  }
  if (changed.empty()) return place;
  const Result<void> written = write(writes);
  for (auto& [changed_place, outcome] : changed) {
    if (!written) outcome = {{}, written.error()};
    visit(changed_place, outcome);
  }
  return place;
}

Result<bool> TriageStore::erase_comments(std::string_view alert_id) {
  const std::lock_guard lock(changing);
  Result<TriageRecord> record = get(alert_id);
  if (!record) return tl::unexpected(record.error());
  bool has_changed = false;
  for (TriageEntry& entry : record->history) {
    if (entry.comment.empty() || entry.comment == kErasedText) continue;
    entry.comment = kErasedText;
    has_changed = true;
  }
  if (!has_changed) return false;
  ++record->version;
  runtime::StoreBatch batch;
  batch.put(kTriageFamily, *record_key(alert_id), encode(*record));
  if (Result<void> written = store_.write(batch, true); !written) {
    return tl::unexpected(written.error());
  }
  return true;
}

Result<void> TriageStore::numbers(TriageState state, std::uint64_t from, bool is_descending,
                                  const std::function<bool(std::uint64_t)>& visit) const {
  const std::string prefix = state_prefix(state);
  runtime::StoreRange range = runtime::StoreRange::of_prefix(prefix);
  range.is_descending = is_descending;
  if (is_descending) {
    if (from != UINT64_MAX) range.end = state_key(state, from + 1);
  } else {
    range.begin = state_key(state, from);
  }
  return store_.scan(kTriageFamily, range, [&](std::string_view key, std::string_view) {
    return visit(runtime::read_key_u64(key.substr(prefix.size())));
  });
}
}  // namespace tocsin::api
