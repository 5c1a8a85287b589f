/// Who changed what, from where and when, and who was refused: entries that are only ever added, in
/// the alert store's family `audit`.
///
///   'e' u64 sequence   an entry: one line of JSON, format 1
///   'p' u64 ticket     JSON: a change that is under way
///   'h'                u64 last sequence | u8[32] its digest | u64 bytes of all entries
///   'a'                u64 last sequence that retention removed | u8[32] its digest
///
/// Each entry has the SHA-256 of the line before it, so that none can be changed, taken out or put
/// in without all later ones being written anew; verify() goes through them. A change is written
/// down before it is made, and its end before it is answered: what the process died over is in the
/// log as `unknown` from its next start on. Entries hold no bodies, queries or tokens.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "cep/base/result.h"
#include "cep/value/identity.h"
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
struct AuditFigures {
  std::uint64_t entries = 0;  // ever written
  std::uint64_t bytes = 0;    // kept
};

/// Threading: any.
class AuditLog {
 public:
  /// Over a store that was opened with runtime::effect_families(); both must outlive this. What was
  /// under way when the process before ended becomes an entry. Errors of all here: kCorrupt, and
  /// those of the store.
  static Result<std::unique_ptr<AuditLog>> open(runtime::Store& store, runtime::Clock& clock,
                                                AuditLimits limits);
  /// Writes down, synced, that a change begins; gives what finish() takes.
  Result<std::uint64_t> begin(const AuditDeed& deed);
  /// It ended so. Synced.
  Result<void> finish(std::uint64_t ticket, const AuditDeed& deed, const AuditOutcome& outcome);
  /// Somebody was refused, so many times since then (api/rest/refusal_tally.h). Not synced, so that
  /// refusals cost little: a power failure may take the last ones.
  Result<void> refuse(const AuditDeed& deed, int status, std::uint64_t count, cep::EventTime since);
  /// Entries before the sequence `before` (0: from the newest), at most `most`; looks at so many
  /// rows.
  Result<AuditPage> page(const AuditFilter& filter, std::uint64_t before, std::size_t most,
                         std::size_t rows_max = 100'000) const;
  AuditFigures figures() const;

  /// Goes through the whole chain; gives how many entries there are. kCorrupt names the first entry
  /// that is not as it was written.
  static Result<std::uint64_t> verify(const runtime::StoreReader& store);

 private:
  AuditLog(runtime::Store& store, runtime::Clock& clock, const AuditLimits& limits)
      : store_(store), clock_(clock), limits_(limits) {}
  Result<void> load();
  std::string line_of(const AuditDeed& deed, const AuditOutcome& outcome,
                      cep::EventTime begun) const;
  Result<void> append(const std::string& line, runtime::StoreBatch batch, bool sync);
  Result<void> retain(runtime::StoreBatch& batch, std::uint64_t& bytes, std::uint64_t& removed,
                      cep::Digest& removed_digest) const;

  runtime::Store& store_;
  runtime::Clock& clock_;
  const AuditLimits limits_;
  mutable std::mutex mutex_;
  std::uint64_t last_ = 0;  // sequence
  cep::Digest digest_{};    // of its line
  std::uint64_t bytes_ = 0;
  std::uint64_t removed_ = 0;  // last sequence that is gone
  cep::Digest removed_digest_{};
  std::uint64_t next_ticket_ = 1;
  std::map<std::uint64_t, cep::EventTime> begun_;  // by ticket
};
}  // namespace tocsin::api
