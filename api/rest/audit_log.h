/// Who changed what, from where and when, and who was refused: entries that are only ever added, in
/// the alert store's family `audit`.
///
///   'e' u64 sequence   an entry: one line of JSON, format 1, or with keys format 2
///   'p' u64 ticket     JSON: a change that is under way
///   'h'                the place of the newest entry (audit_chain.h)
///   'a'                the place of the last entry that retention removed
///
/// Entries are linked, and with keys signed, so that none can be changed, taken out, swapped or put
/// in: audit_verify.h goes through them. A change is written down before it is made, and its end
/// before it is answered: what the process died over is in the log as `unknown` from its next start
/// on. Entries hold no bodies, queries or tokens.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/rest/audit_chain.h"
#include "api/secrets/secret_keys.h"
#include "cep/base/result.h"
#include "cep/value/time.h"
#include "runtime/io/clock.h"
#include "runtime/store/store.h"

namespace tocsin::api {
/// What somebody asks for.
struct AuditDeed {
  std::string actor = {};   // the token's name; empty: none that is known
  std::string role = {};    // its role
  std::string from = {};    // the client's address
  std::string action = {};  // the operation's id; empty: none there
  std::string method = {};  // of HTTP
  std::string path = {};    // as the operation has it: "/v1/rules/{rule}"
  std::string request_id = {};
  std::map<std::string, std::string, std::less<>> resource = {};  // values of the path's parameters
};
/// How it went.
struct AuditOutcome {
  int status = 0;                                              // of HTTP; 0: nobody knows
  std::map<std::string, std::string, std::less<>> notes = {};  // name to a JSON value
};
struct AuditLimits {
  std::optional<cep::Duration> age_max;  // none: for ever
  std::optional<std::uint64_t> bytes_max;
};
struct AuditOptions {
  AuditLimits limits = {};
  SecretKeys keys = {};  // none: entries are linked, and not signed
  /// What the newest checkpoint keeps of the log, as witness() gave it; nothing without one.
  std::optional<std::string> witness = {};
};
/// What is left out admits all.
struct AuditFilter {
  std::optional<cep::EventTime> from = {};
  std::optional<cep::EventTime> to = {};
  std::optional<std::string> actor = {};
  std::optional<std::string> action = {};
  std::optional<std::string> result = {};
};
struct AuditPage {
  std::vector<std::string> lines;  // newest first
  std::uint64_t next = 0;          // go on before this sequence; 0: there are no more
};
/// Entries as they were written, oldest first.
struct AuditTail {
  std::vector<std::string> lines;
  std::uint64_t last = 0;  // sequence of the last of them; what was asked for where there are none
};
struct AuditFigures {
  std::uint64_t entries = 0;  // ever written
  std::uint64_t bytes = 0;    // kept
};

/// Threading: any.
class AuditLog {
 public:
  /// Over a store that was opened with runtime::effect_families(); both must outlive this. What was
  /// under way when the process before ended becomes an entry (recovered()). Errors of all here:
  /// kCorrupt, and those of the store. Of this one too: kDenied, with the remedy, where the log is
  /// signed with a key that is not given; kCorrupt where its end is not what was signed.
  static Result<std::unique_ptr<AuditLog>> open(runtime::Store& store, runtime::Clock& clock,
                                                AuditOptions options);
  /// How many changes were under way when the process before ended.
  std::uint64_t recovered() const { return recovered_; }
  /// How many entries without a signature there were when it was opened with keys for the first
  /// time; 0: there were none, or it was signed before.
  std::uint64_t unsigned_before() const { return unsigned_before_; }
  /// What a checkpoint at that position of the journal keeps: the newest entry that is on disk.
  std::string witness(std::uint64_t position) const;
  /// Goes on from a log of which the end, or entries, are not what was signed: writes an entry that
  /// says so, and signs the end. Requires keys. Gives its sequence, which is greater than `seen`:
  /// that of the newest entry that any checkpoint knows.
  static Result<std::uint64_t> accept(runtime::Store& store, runtime::Clock& clock,
                                      const SecretKeys& keys, std::uint64_t seen,
                                      const std::string& comment);
  /// Writes down, synced, that a change begins; gives what finish() takes.
  Result<std::uint64_t> begin(const AuditDeed& deed);
  /// It ended so. Synced.
  Result<void> finish(std::uint64_t ticket, const AuditDeed& deed, const AuditOutcome& outcome);
  /// Somebody was refused, so many times since then (api/rest/refusal_tally.h). Not synced, so that
  /// refusals cost little: a power failure may take the last ones.
  Result<void> refuse(const AuditDeed& deed, int status, std::uint64_t count, cep::EventTime since);
  /// Somebody read what reading is written down of. Not synced, likewise.
  Result<void> note_read(const AuditDeed& deed, const AuditOutcome& outcome);
  /// What stands for a text that must not be in the log: the same for the same text, and without
  /// the key of the log nothing can be found from it. Empty without keys.
  std::string mark_of(std::string_view text) const;
  /// Entries before the sequence `before` (0: from the newest), at most `most` and about 8 MiB of
  /// them; looks at so many rows.
  Result<AuditPage> page(const AuditFilter& filter, std::uint64_t before, std::size_t most,
                         std::size_t rows_max = 100'000) const;
  /// Entries behind the sequence `after`, at most `most` and about `bytes_max` bytes of them.
  Result<AuditTail> tail(std::uint64_t after, std::size_t most,
                         std::size_t bytes_max = std::size_t{8} << 20) const;
  /// Called after each entry, in the thread of whoever wrote it; must not call this log. Before
  /// other threads use it.
  void set_listener(std::function<void()> listener) { listener_ = std::move(listener); }
  AuditFigures figures() const;

 private:
  AuditLog(runtime::Store& store, runtime::Clock& clock, AuditOptions options)
      : store_(store), clock_(clock), limits_(options.limits), keys_(std::move(options.keys)) {}
  Result<void> load(const std::optional<std::string>& witness);
  Result<void> check_end(const AuditPlace& head, const std::optional<std::string>& witness) const;
  Result<void> recover();
  std::string line_of(const AuditDeed& deed, const AuditOutcome& outcome,
                      cep::EventTime begun) const;
  Result<void> append(const std::string& line, runtime::StoreBatch batch, bool sync);
  Result<void> retain(runtime::StoreBatch& batch, std::uint64_t& bytes, AuditPlace& removed) const;

  runtime::Store& store_;
  runtime::Clock& clock_;
  const AuditLimits limits_;
  const SecretKeys keys_;
  mutable std::mutex mutex_;
  AuditPlace head_;     // the newest entry
  AuditPlace synced_;   // the newest that is on disk
  AuditPlace removed_;  // the last that is gone
  std::uint64_t recovered_ = 0;
  std::uint64_t unsigned_before_ = 0;
  std::function<void()> listener_;
  std::uint64_t next_ticket_ = 1;
  std::map<std::uint64_t, cep::EventTime> begun_;  // by ticket
};
}  // namespace tocsin::api
