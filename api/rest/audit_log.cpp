#include "api/rest/audit_log.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "cep/base/byte_codec.h"
#include "runtime/effects/effect_codec.h"
#include "runtime/io/crash_point.h"

namespace tocsin::api {
namespace {
using nlohmann::ordered_json;
using runtime::kAuditFamily;
constexpr int kRemovedAtOnce = 16;
constexpr const char* kHeadKey = "h";
constexpr const char* kAnchorKey = "a";

std::string numbered_key(char kind, std::uint64_t number) {
  std::string key(1, kind);
  runtime::append_key_u64(key, number);
  return key;
}
std::string_view bytes_of(const cep::Digest& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}
std::string dump(const ordered_json& document) {
  return document.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

// A place in the chain.
struct Link {
  std::uint64_t sequence = 0;
  cep::Digest digest{};
  std::uint64_t bytes = 0;
};
std::string encode(const Link& link) {
  std::string value;
  ByteWriter to(value);
  to.u64(link.sequence);
  to.raw(bytes_of(link.digest));
  to.u64(link.bytes);
  return value;
}
Result<Link> read_link(const runtime::StoreReader& store, const char* key) {
  const Result<std::optional<std::string>> value = store.get(kAuditFamily, key);
  if (!value) return tl::unexpected(value.error());
  if (!*value) return Link{};
  ByteReader from(**value);
  Link link;
  link.sequence = from.u64();
  const std::string_view digest = from.raw(link.digest.size());
  std::ranges::copy(digest, link.digest.begin());
  link.bytes = from.u64();
  if (from.is_done()) return link;
  return fail(Errc::kCorrupt, "the audit log has a place that this program did not write");
}

ordered_json deed_json(const AuditDeed& deed) {
  return {{"actor", deed.actor},
          {"role", deed.role},
          {"from", deed.from},
          {"action", deed.action},
          {"method", deed.method},
          {"path", deed.path},
          {"resource", ordered_json(deed.resource)},
          {"request_id", deed.request_id}};
}
std::string_view result_of(int status) {
  if (status == 0) return "unknown";
  if (status < 400) return "done";
  return status < 500 || status == 503 ? "refused" : "failed";
}
tl::unexpected<Error> damaged(std::uint64_t sequence, std::string_view how) {
  return fail(Errc::kCorrupt, fmt::format("the audit log is damaged: entry {} {}", sequence, how));
}
std::optional<cep::EventTime> time_of(const ordered_json& entry) {
  return cep::parse_time(entry.value("at", ""));
}
bool admits(const AuditFilter& filter, const ordered_json& entry) {
  const auto is = [&](const std::optional<std::string>& wanted, const char* name) {
    return !wanted || entry.value(name, "") == *wanted;
  };
  if (!is(filter.actor, "actor") || !is(filter.action, "action") || !is(filter.result, "result")) {
    return false;
  }
  const std::optional<cep::EventTime> at = time_of(entry);
  return at && (!filter.from || *at >= *filter.from) && (!filter.to || *at < *filter.to);
}
}  // namespace

Result<std::unique_ptr<AuditLog>> AuditLog::open(runtime::Store& store, runtime::Clock& clock,
                                                 AuditLimits limits) {
  std::unique_ptr<AuditLog> log(new AuditLog(store, clock, limits));
  if (auto loaded = log->load(); !loaded) return tl::unexpected(loaded.error());
  return log;
}

Result<void> AuditLog::load() {
  const Result<Link> head = read_link(store_, kHeadKey);
  if (!head) return tl::unexpected(head.error());
  const Result<Link> anchor = read_link(store_, kAnchorKey);
  if (!anchor) return tl::unexpected(anchor.error());
  last_ = head->sequence;
  digest_ = head->digest;
  bytes_ = head->bytes;
  removed_ = anchor->sequence;
  removed_digest_ = anchor->digest;
  // What nobody knows the end of.
  std::map<std::uint64_t, ordered_json> open;
  Result<void> read = store_.scan(kAuditFamily, runtime::StoreRange::of_prefix("p"),
                                  [&](std::string_view key, std::string_view value) {
                                    open[runtime::read_key_u64(key.substr(1))] =
                                        ordered_json::parse(value, nullptr, false);
                                    return true;
                                  });
  if (!read) return read;
  for (const auto& [ticket, pending] : open) {
    next_ticket_ = ticket + 1;
    AuditDeed deed;
    if (!pending.is_object()) return damaged(last_ + 1, "was begun by another program");
    for (const auto& [name, place] :
         {std::pair{"actor", &deed.actor}, std::pair{"role", &deed.role},
          std::pair{"from", &deed.from}, std::pair{"action", &deed.action},
          std::pair{"method", &deed.method}, std::pair{"path", &deed.path},
          std::pair{"request_id", &deed.request_id}}) {
      *place = pending.value(name, "");
    }
    const ordered_json resource = pending.value("resource", ordered_json::object());
    for (const auto& [name, value] : resource.items()) {
      deed.resource[name] = value.is_string() ? value.get<std::string>() : "";
    }
    const std::optional<cep::EventTime> begun = time_of(pending);
    const std::lock_guard lock(mutex_);
    runtime::StoreBatch batch;
    batch.remove(kAuditFamily, numbered_key('p', ticket));
    const std::string line = line_of(deed, {}, begun.value_or(clock_.now()));
    if (auto added = append(line, std::move(batch), true); !added) return added;
  }
  return {};
}

// Requires mutex_. `at` is when it began: what came after it may have happened before its end.
std::string AuditLog::line_of(const AuditDeed& deed, const AuditOutcome& outcome,
                              cep::EventTime begun) const {
  ordered_json entry = {{"format", 1}, {"sequence", last_ + 1}, {"at", cep::format_time(begun)}};
  entry.update(deed_json(deed));
  entry["result"] = result_of(outcome.status);
  if (outcome.status != 0) entry["status"] = outcome.status;
  for (const auto& [name, value] : outcome.notes) {
    entry[name] = ordered_json::parse(value, nullptr, false);
  }
  entry["previous"] = cep::hex(digest_);
  return dump(entry);
}

// Requires mutex_. Adds the removal of some of the oldest entries that need not be kept any more.
Result<void> AuditLog::retain(runtime::StoreBatch& batch, std::uint64_t& bytes,
                              std::uint64_t& removed, cep::Digest& removed_digest) const {
  const cep::EventTime now = clock_.now();
  int count = 0;
  return store_.scan(kAuditFamily, {.begin = numbered_key('e', removed + 1), .end = "f"},
                     [&](std::string_view key, std::string_view line) {
                       const bool is_too_much = limits_.bytes_max && bytes > *limits_.bytes_max;
                       bool is_old = false;
                       if (!is_too_much && limits_.age_max) {
                         const auto at = time_of(ordered_json::parse(line, nullptr, false));
                         is_old = at && *at + *limits_.age_max <= now;
                       }
                       if ((!is_too_much && !is_old) || ++count > kRemovedAtOnce) return false;
                       batch.remove(kAuditFamily, key);
                       bytes -= std::min<std::uint64_t>(bytes, line.size());
                       removed = runtime::read_key_u64(key.substr(1));
                       removed_digest = cep::sha256(line);
                       return true;
                     });
}

// Requires mutex_.
Result<void> AuditLog::append(const std::string& line, runtime::StoreBatch batch, bool sync) {
  std::uint64_t bytes = bytes_ + line.size();
  std::uint64_t removed = removed_;
  cep::Digest removed_digest = removed_digest_;
  if (auto kept = retain(batch, bytes, removed, removed_digest); !kept) return kept;
  const Link head{last_ + 1, cep::sha256(line), bytes};
  batch.put(kAuditFamily, numbered_key('e', head.sequence), line);
  batch.put(kAuditFamily, kHeadKey, encode(head));
  if (removed != removed_)
    batch.put(kAuditFamily, kAnchorKey, encode({removed, removed_digest, 0}));
  if (auto written = store_.write(batch, sync); !written) return written;
  last_ = head.sequence;
  digest_ = head.digest;
  bytes_ = bytes;
  removed_ = removed;
  removed_digest_ = removed_digest;
  return {};
}

Result<std::uint64_t> AuditLog::begin(const AuditDeed& deed) {
  const std::lock_guard lock(mutex_);
  const cep::EventTime now = clock_.now();
  ordered_json pending = deed_json(deed);
  pending["at"] = cep::format_time(now);
  runtime::StoreBatch batch;
  batch.put(kAuditFamily, numbered_key('p', next_ticket_), dump(pending));
  if (auto written = store_.write(batch, true); !written) return tl::unexpected(written.error());
  begun_[next_ticket_] = now;
  runtime::crash_point("audit.begun");
  return next_ticket_++;
}

Result<void> AuditLog::finish(std::uint64_t ticket, const AuditDeed& deed,
                              const AuditOutcome& outcome) {
  runtime::crash_point("audit.before_finish");
  const std::lock_guard lock(mutex_);
  const auto begun = begun_.find(ticket);
  const cep::EventTime at = begun == begun_.end() ? clock_.now() : begun->second;
  if (begun != begun_.end()) begun_.erase(begun);
  runtime::StoreBatch batch;
  batch.remove(kAuditFamily, numbered_key('p', ticket));
  return append(line_of(deed, outcome, at), std::move(batch), true);
}

Result<void> AuditLog::refuse(const AuditDeed& deed, int status, std::uint64_t count,
                              cep::EventTime since) {
  const std::lock_guard lock(mutex_);
  AuditOutcome outcome{status, {}};
  if (count > 1) {
    outcome.notes["count"] = std::to_string(count);
    outcome.notes["since"] = ordered_json(cep::format_time(since)).dump();
  }
  return append(line_of(deed, outcome, clock_.now()), {}, false);
}

Result<AuditPage> AuditLog::page(const AuditFilter& filter, std::uint64_t before, std::size_t most,
                                 std::size_t rows_max) const {
  AuditPage page;
  std::size_t looked_at = 0;
  std::uint64_t last = 0;  // that was looked at
  runtime::StoreRange range{.begin = "e", .end = "f", .is_descending = true};
  if (before != 0) range.end = numbered_key('e', before);
  const Result<void> read =
      store_.scan(kAuditFamily, range, [&](std::string_view key, std::string_view line) {
        if (page.lines.size() == most || looked_at == rows_max) {
          page.next = last;
          return false;
        }
        ++looked_at;
        last = runtime::read_key_u64(key.substr(1));
        const ordered_json entry = ordered_json::parse(line, nullptr, false);
        if (entry.is_object() && admits(filter, entry)) page.lines.emplace_back(line);
        return true;
      });
  if (!read) return tl::unexpected(read.error());
  return page;
}

AuditFigures AuditLog::figures() const {
  const std::lock_guard lock(mutex_);
  return {last_, bytes_};
}

Result<std::uint64_t> AuditLog::verify(const runtime::StoreReader& store) {
  const Result<Link> head = read_link(store, kHeadKey);
  if (!head) return tl::unexpected(head.error());
  const Result<Link> anchor = read_link(store, kAnchorKey);
  if (!anchor) return tl::unexpected(anchor.error());
  Link last = *anchor;
  Result<void> outcome;
  const Result<void> read = store.scan(
      kAuditFamily, {.begin = "e", .end = "f"}, [&](std::string_view key, std::string_view line) {
        const std::uint64_t sequence = runtime::read_key_u64(key.substr(1));
        const ordered_json entry = ordered_json::parse(line, nullptr, false);
        if (sequence != last.sequence + 1) {
          outcome = damaged(last.sequence + 1, "is missing");
        } else if (!entry.is_object() || entry.value("sequence", std::uint64_t{0}) != sequence) {
          outcome = damaged(sequence, "is not what was written");
        } else if (entry.value("previous", "") != cep::hex(last.digest)) {
          outcome = damaged(sequence,
                            "does not follow the entry before it: one of the two was "
                            "changed");
        }
        last = {sequence, cep::sha256(line), 0};
        return outcome.has_value();
      });
  if (!read) return tl::unexpected(read.error());
  if (!outcome) return tl::unexpected(outcome.error());
  if (last.sequence < head->sequence) return damaged(last.sequence + 1, "is missing");
  if (last.sequence > head->sequence) return damaged(last.sequence, "is not one of the log's");
  if (last.digest != head->digest) return damaged(last.sequence, "is not what was written");
  return last.sequence - anchor->sequence;
}
}  // namespace tocsin::api
