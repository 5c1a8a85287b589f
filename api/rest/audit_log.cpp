#include "api/rest/audit_log.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "api/rest/audit_verify.h"
#include "runtime/effects/effect_codec.h"
#include "runtime/io/crash_point.h"

namespace tocsin::api {
namespace {
using nlohmann::ordered_json;
using runtime::kAuditFamily;
constexpr int kRemovedAtOnce = 16;
constexpr std::string_view kOwnActor = "tocsin";  // of entries that nobody asked for

std::string ticket_key(std::uint64_t number) {
  std::string key = "p";
  runtime::append_key_u64(key, number);
  return key;
}
std::string dump(const ordered_json& document) {
  return document.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
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
tl::unexpected<Error> damaged(std::string_view how) {
  return fail(Errc::kCorrupt,
              fmt::format("the audit log was changed: {}. Keep a copy of the folder; `tocsin audit "
                          "verify` names what was changed, and `tocsin audit accept` goes on from "
                          "there",
                          how));
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
                                                 AuditOptions options) {
  const std::optional<std::string> witness = std::move(options.witness);
  std::unique_ptr<AuditLog> log(new AuditLog(store, clock, std::move(options)));
  if (auto loaded = log->load(witness); !loaded) return tl::unexpected(loaded.error());
  return log;
}

// Before anything is signed anew: what was changed must not be made good by a start.
Result<void> AuditLog::check_end(const AuditPlace& head,
                                 const std::optional<std::string>& witness) const {
  const AuditSignature signature = signature_of(head, kAuditHead, keys_);
  if (signature == AuditSignature::kUnknownKey) {
    return fail(Errc::kDenied, missing_key_text("the audit log is signed", head.key, keys_) +
                                   "; if the key is lost, `tocsin audit accept` goes on without");
  }
  if (signature == AuditSignature::kBad) return damaged("its end is not what was signed");
  if (!witness || keys_.empty()) return {};
  const std::optional<AuditWitness> seen = read_witness(*witness, keys_);
  if (!seen || seen->signature == AuditSignature::kBad)
    return damaged("what the newest checkpoint keeps of it is not what was signed");
  if (seen->signature != AuditSignature::kGood) return {};
  if (head.key.empty()) return damaged("it was signed at the newest checkpoint, and is not now");
  if (head.sequence >= seen->place.sequence) return {};
  return damaged(fmt::format("it had {} entries at the newest checkpoint, and has {}",
                             seen->place.sequence, head.sequence));
}

Result<void> AuditLog::load(const std::optional<std::string>& witness) {
  const Result<AuditPlace> head = read_place(store_, kAuditHead);
  if (!head) return tl::unexpected(head.error());
  const Result<AuditPlace> anchor = read_place(store_, kAuditAnchor);
  if (!anchor) return tl::unexpected(anchor.error());
  if (auto checked = check_end(*head, witness); !checked) return checked;
  const AuditSignature removed = signature_of(*anchor, kAuditAnchor, keys_);
  const bool is_unsigned =
      removed == AuditSignature::kNone && anchor->sequence > 0 && !head->key.empty();
  if (removed == AuditSignature::kBad || removed == AuditSignature::kUnknownKey || is_unsigned)
    return damaged("the place up to which retention removed entries is not what was signed");
  head_ = *head;
  synced_ = *head;
  removed_ = *anchor;
  if (!keys_.empty() && head_.key.empty() && head_.sequence > 0) {
    const std::lock_guard lock(mutex_);
    unsigned_before_ = head_.sequence - removed_.sequence;
    runtime::StoreBatch batch;
    if (removed_.sequence > 0)
      batch.put(kAuditFamily, kAuditAnchor, encode_place(removed_, kAuditAnchor, keys_));
    AuditDeed deed;
    deed.actor = kOwnActor;
    deed.action = "signAudit";
    const AuditOutcome outcome{200, {{"unsigned_entries", std::to_string(head_.sequence)}}};
    const std::string line = line_of(deed, outcome, clock_.now());
    if (auto added = append(line, std::move(batch), true); !added) return added;
  }
  return recover();
}

// Of changes that were under way nobody knows the end.
Result<void> AuditLog::recover() {
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
    if (!pending.is_object()) return damaged("a change that was under way is no text of its own");
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
    batch.remove(kAuditFamily, ticket_key(ticket));
    const std::string line = line_of(deed, {}, begun.value_or(clock_.now()));
    if (auto added = append(line, std::move(batch), true); !added) return added;
    ++recovered_;
  }
  return {};
}

std::string AuditLog::witness(std::uint64_t position) const {
  const std::lock_guard lock(mutex_);
  return encode_witness(synced_, position, keys_);
}

Result<std::uint64_t> AuditLog::accept(runtime::Store& store, runtime::Clock& clock,
                                       const SecretKeys& keys, std::uint64_t seen,
                                       const std::string& comment) {
  const Result<AuditPlace> head = read_place(store, kAuditHead);
  if (!head) return tl::unexpected(head.error());
  Result<AuditPlace> anchor = read_place(store, kAuditAnchor);
  if (!anchor) return tl::unexpected(anchor.error());
  AuditLog log(store, clock, {{}, keys, {}});
  log.head_ = *head;
  log.removed_ = *anchor;
  // What is there, whatever the head says.
  const Result<void> read = store.scan(
      kAuditFamily, {.begin = "e", .end = "f", .is_descending = true},
      [&](std::string_view key, std::string_view line) {
        log.head_.sequence = std::max(head->sequence, runtime::read_key_u64(key.substr(1)));
        log.head_.link = link_of(line);
        return false;
      });
  if (!read) return tl::unexpected(read.error());
  log.head_.sequence = std::max(log.head_.sequence, seen);
  const std::lock_guard lock(log.mutex_);
  AuditDeed deed;
  deed.actor = kOwnActor;
  deed.action = kAcceptAudit;
  AuditOutcome outcome{200, {{"comment", ordered_json(comment).dump()}}};
  if (!head->key.empty()) outcome.notes["key_before"] = ordered_json(head->key).dump();
  runtime::StoreBatch batch;
  if (anchor->sequence > 0)
    batch.put(kAuditFamily, kAuditAnchor, encode_place(*anchor, kAuditAnchor, keys));
  const std::string line = log.line_of(deed, outcome, clock.now());
  if (auto added = log.append(line, std::move(batch), true); !added)
    return tl::unexpected(added.error());
  return log.head_.sequence;
}

// Requires mutex_. `at` is when it began: what came after it may have happened before its end.
std::string AuditLog::line_of(const AuditDeed& deed, const AuditOutcome& outcome,
                              cep::EventTime begun) const {
  ordered_json entry = {{"format", keys_.empty() ? 1 : 2},
                        {"sequence", head_.sequence + 1},
                        {"at", cep::format_time(begun)}};
  entry.update(deed_json(deed));
  entry["result"] = result_of(outcome.status);
  if (outcome.status != 0) entry["status"] = outcome.status;
  for (const auto& [name, value] : outcome.notes) {
    entry[name] = ordered_json::parse(value, nullptr, false);
  }
  entry["previous"] = cep::hex(head_.link);
  return keys_.empty() ? dump(entry) : sign_entry(dump(entry), keys_);
}

// Requires mutex_. Adds the removal of some of the oldest entries that need not be kept any more.
Result<void> AuditLog::retain(runtime::StoreBatch& batch, std::uint64_t& bytes,
                              AuditPlace& removed) const {
  const cep::EventTime now = clock_.now();
  int count = 0;
  return store_.scan(kAuditFamily, {.begin = audit_entry_key(removed.sequence + 1), .end = "f"},
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
                       removed.sequence = runtime::read_key_u64(key.substr(1));
                       removed.link = link_of(line);
                       return true;
                     });
}

// Requires mutex_.
Result<void> AuditLog::append(const std::string& line, runtime::StoreBatch batch, bool sync) {
  std::uint64_t bytes = head_.bytes + line.size();
  AuditPlace removed = removed_;
  if (auto kept = retain(batch, bytes, removed); !kept) return kept;
  const AuditPlace head{head_.sequence + 1, link_of(line), bytes};
  batch.put(kAuditFamily, audit_entry_key(head.sequence), line);
  batch.put(kAuditFamily, kAuditHead, encode_place(head, kAuditHead, keys_));
  if (removed.sequence != removed_.sequence) {
    removed.bytes = 0;
    batch.put(kAuditFamily, kAuditAnchor, encode_place(removed, kAuditAnchor, keys_));
  }
  if (auto written = store_.write(batch, sync); !written) return written;
  head_ = head;
  if (sync) synced_ = head;
  removed_ = removed;
  if (listener_) listener_();
  return {};
}

Result<std::uint64_t> AuditLog::begin(const AuditDeed& deed) {
  const std::lock_guard lock(mutex_);
  const cep::EventTime now = clock_.now();
  ordered_json pending = deed_json(deed);
  pending["at"] = cep::format_time(now);
  runtime::StoreBatch batch;
  batch.put(kAuditFamily, ticket_key(next_ticket_), dump(pending));
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
  batch.remove(kAuditFamily, ticket_key(ticket));
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

Result<void> AuditLog::note_read(const AuditDeed& deed, const AuditOutcome& outcome) {
  const std::lock_guard lock(mutex_);
  return append(line_of(deed, outcome, clock_.now()), {}, false);
}

Result<AuditPage> AuditLog::page(const AuditFilter& filter, std::uint64_t before, std::size_t most,
                                 std::size_t rows_max) const {
  AuditPage page;
  constexpr std::size_t kPageBytes = std::size_t{8} << 20;
  std::size_t looked_at = 0;
  std::size_t bytes = 0;
  std::uint64_t last = 0;  // that was looked at
  // A line has its actor as it was dumped: one that lacks it need not be parsed.
  const bool is_of_one = filter.actor && !filter.actor->empty();
  const std::string actor = is_of_one ? R"("actor":)" + dump(*filter.actor) : "";
  runtime::StoreRange range{.begin = "e", .end = "f", .is_descending = true};
  if (before != 0) range.end = audit_entry_key(before);
  const Result<void> read =
      store_.scan(kAuditFamily, range, [&](std::string_view key, std::string_view line) {
        if (page.lines.size() == most || looked_at == rows_max || bytes >= kPageBytes) {
          page.next = last;
          return false;
        }
        ++looked_at;
        last = runtime::read_key_u64(key.substr(1));
        if (line.find(actor) == std::string_view::npos) return true;
        const ordered_json entry = ordered_json::parse(line, nullptr, false);
        if (entry.is_object() && admits(filter, entry)) {
          bytes += line.size();
          page.lines.emplace_back(line);
        }
        return true;
      });
  if (!read) return tl::unexpected(read.error());
  return page;
}

std::string AuditLog::mark_of(std::string_view text) const {
  constexpr std::size_t kMarkDigits = 24;
  if (keys_.empty()) return {};
  const AuditDigest tag =
      hmac_sha256(keys_.current().bytes(KeyUse::kAudit), fmt::format("mark:{}", text));
  return cep::hex(tag).substr(0, kMarkDigits);
}

Result<AuditTail> AuditLog::tail(std::uint64_t after, std::size_t most,
                                 std::size_t bytes_max) const {
  AuditTail tail{{}, after};
  std::size_t bytes = 0;
  const Result<void> read =
      store_.scan(kAuditFamily, {.begin = audit_entry_key(after + 1), .end = "f"},
                  [&](std::string_view key, std::string_view line) {
                    if (tail.lines.size() == most || bytes >= bytes_max) return false;
                    bytes += line.size();
                    tail.last = runtime::read_key_u64(key.substr(1));
                    tail.lines.emplace_back(line);
                    return true;
                  });
  if (!read) return tl::unexpected(read.error());
  return tail;
}

AuditFigures AuditLog::figures() const {
  const std::lock_guard lock(mutex_);
  return {head_.sequence, head_.bytes};
}
}  // namespace tocsin::api
