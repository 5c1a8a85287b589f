/// Requests that wait until another person approves them ("four eyes"), as files of the data
/// directory: DIR/proposals/ID.json.
///
///   request ─▶ the router's review says why ─▶ propose() ─▶ another person: begin() ─▶ end()
///
/// Invariants: what was approved is what is done: the request is kept byte for byte. Nobody
/// approves what they asked for. A proposal is done at most once: before it is done, that is on
/// disk; one that was begun when the process ended may have been done or not, and no longer waits
/// (the audit log has its change as `unknown`).
#pragma once
#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "api/net/http_head.h"
#include "cep/base/result.h"
#include "cep/value/time.h"
#include "runtime/io/clock.h"
#include "runtime/io/files.h"

namespace tocsin::runtime {
struct KeptFile;
}
namespace tocsin::api {
struct ProposalLimits {
  cep::Duration wait_max{7 * cep::kDayUs};  // one that waits longer is forgotten
  std::size_t count_max = 100;
  std::size_t body_bytes_max = std::size_t{1} << 20;  // of one request
};
/// A request as it came, apart from who may see it: no token is kept.
struct Proposal {
  std::string id = {};         // "pro_" and 24 hex digits
  std::string operation = {};  // the operation's id
  std::string reason = {};     // why it needs approval
  std::string who = {};        // the token's name
  std::string by = {};         // TokenGrant::by
  std::string from = {};       // the client's address
  cep::EventTime at = {};
  std::string method = {};
  std::string target = {};               // path and query
  std::vector<HttpHeader> headers = {};  // those that an operation reads: media type, preconditions
  std::string body = {};
};

/// Threading: any.
class ProposalStore {
 public:
  /// Reads what waits in `folder`, which is made if it is not there; its parent must be. What was
  /// begun when the process before ended is forgotten, and counted in cut_short(). All that is
  /// given must outlive it. Fails with kCorrupt and kOtherVersion, naming the file; kIo.
  static Result<std::unique_ptr<ProposalStore>> open(runtime::Files& files, runtime::Clock& clock,
                                                     std::string folder, ProposalLimits limits);
  std::size_t cut_short() const { return cut_short_; }
  /// Keeps it; gives it with its id and time. On disk when it returns. Fails with
  /// kConflict where too many wait, kInvalidArgument for too long a body, kIo.
  Result<Proposal> propose(Proposal proposal);
  /// Oldest first.
  std::vector<Proposal> waiting() const;
  std::vector<std::string> waiting_ids() const;
  std::optional<Proposal> find(const std::string& id) const;
  cep::EventTime end_of(const Proposal& proposal) const;
  /// Nobody else may begin or withdraw it from here on; it is on disk that it was begun. Fails with
  /// kNotFound for one that does not wait, kDenied for who asked for it; kIo.
  Result<Proposal> begin(const std::string& id, const std::string& who);
  /// It was done, and is forgotten; or it was refused, and waits again. Where the disk fails it no
  /// longer waits.
  void end(const std::string& id, bool is_done);
  /// Fails with kNotFound, kIo.
  Result<void> withdraw(const std::string& id);

 private:
  struct Kept {
    Proposal proposal;
    bool is_begun = false;
  };
  ProposalStore(runtime::Files& files, runtime::Clock& clock, std::string folder,
                ProposalLimits limits)
      : files_(files), clock_(clock), folder_(std::move(folder)), limits_(limits) {}
  Result<void> read();
  Result<void> take_up(const runtime::KeptFile& file);
  std::string path_of(const std::string& id) const;
  Result<void> write(const Proposal& proposal, bool is_begun) const;
  std::vector<Kept>::iterator find_waiting(const std::string& id);
  Result<void> forget(const std::string& id);
  void forget_old();

  runtime::Files& files_;
  runtime::Clock& clock_;
  const std::string folder_;
  const ProposalLimits limits_;
  std::size_t cut_short_ = 0;
  mutable std::mutex mutex_;
  std::vector<Kept> kept_;  // oldest first
};
}  // namespace tocsin::api
