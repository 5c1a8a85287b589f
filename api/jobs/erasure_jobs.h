/// The erasures of a server: one after the other, on a thread of their own. What was asked for is
/// on disk before it is answered, and goes on after a restart until it is done.
#pragma once
#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "api/jobs/erasure.h"
#include "api/jobs/erasure_work.h"
#include "cep/base/result.h"

namespace tocsin::api {
/// Threading: any.
class ErasureJobs {
 public:
  /// Reads what is kept, and goes on with what is not done. Fails with kCorrupt, kOtherVersion,
  /// kIo.
  static Result<std::unique_ptr<ErasureJobs>> open(ErasurePorts ports);
  ErasureJobs(const ErasureJobs&) = delete;
  ErasureJobs& operator=(const ErasureJobs&) = delete;
  ~ErasureJobs();
  /// Ends what runs; the next start goes on with it.
  void stop();
  /// On disk when it returns. Gives it as it is shown. Fails with kLimit without space, kIo.
  Result<nlohmann::ordered_json> add(runtime::ErasedValue what, std::string who,
                                     std::string reason);
  /// As they are shown, the newest first.
  std::vector<nlohmann::ordered_json> list() const;
  std::optional<nlohmann::ordered_json> find(std::uint64_t number) const;

 private:
  explicit ErasureJobs(ErasurePorts ports);
  Result<void> load();
  Result<void> put(const Erasure& erasure) const;
  std::string path_of(std::uint64_t number) const;
  std::optional<Erasure> next_one() const;
  bool is_stopping() const;
  void serve();
  void note(const Erasure& erasure, std::string problem);
  nlohmann::ordered_json show(const Erasure& erasure) const;

  const ErasurePorts ports_;
  const std::string folder_;
  mutable std::mutex mutex_;  // of all below
  std::condition_variable changed_;
  std::map<std::uint64_t, Erasure> erasures_;
  std::uint64_t running_ = 0;
  std::string problem_;  // why what runs waits
  bool is_stopping_ = false;
  std::thread thread_;
};
}  // namespace tocsin::api
