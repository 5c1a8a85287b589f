/// Checks the audit log: that every entry is as it was written, where it was written, and that none
/// is missing, at the end neither.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "api/rest/audit_chain.h"
#include "cep/base/result.h"
#include "runtime/store/store.h"

namespace tocsin::api {
struct AuditFinding {
  std::uint64_t sequence = 0;  // of the entry; 0: none in particular
  std::string message;
  bool is_accepted = false;  // somebody with the key went on from there (`tocsin audit accept`)
};
struct AuditReport {
  std::uint64_t entries = 0;
  std::uint64_t first = 0, last = 0;          // sequences; 0: none
  std::map<std::string, std::uint64_t> keys;  // entries by the id of their key; "": not signed
  std::uint64_t unchecked = 0;                // signed with keys that are not given
  std::uint64_t under_way = 0;                // changes that the process died over; no damage
  std::uint64_t witnesses = 0;                // that were compared
  std::uint64_t more = 0;                     // findings that are not kept
  bool are_more_accepted = false;
  std::vector<AuditFinding> findings;  // in the log's order
  bool is_good() const;
};
/// What a checkpoint or savepoint keeps of the log.
struct AuditWitnessText {
  std::string where;
  std::string text;
};
/// Goes through the whole log. With keys the head must be signed, and every entry from the first
/// signed one on, with a key that is given; without, what is signed is not compared with its key.
/// At most `findings_max`
/// findings are kept. Errors: those of the store.
Result<AuditReport> verify_audit(const runtime::StoreReader& store, const SecretKeys& keys,
                                 const std::vector<AuditWitnessText>& witnesses,
                                 std::size_t findings_max = 100);
/// How many entries a good log has. kCorrupt with the first finding that was not accepted.
Result<std::uint64_t> check_audit(const runtime::StoreReader& store, const SecretKeys& keys = {});
/// The same of a log that others write on meanwhile, up to the end that it has now; what retention
/// removes meanwhile is no finding. Fails also with kStopped when `may_go_on`, which is asked
/// before each entry, says no.
Result<std::uint64_t> check_growing_audit(const runtime::StoreReader& store, const SecretKeys& keys,
                                          const std::function<bool()>& may_go_on);
/// What accepts findings before it.
inline constexpr const char* kAcceptAudit = "acceptAudit";
}  // namespace tocsin::api
