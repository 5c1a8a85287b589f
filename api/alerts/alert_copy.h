/// Where the alerts of a durable run are shown besides the store that holds them: a file that is a
/// copy of it, completed at each start, or standard output, which gets what is new.
#pragma once
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>

#include "api/base/output_file.h"
#include "cep/base/result.h"
#include "runtime/effects/effect_reader.h"
#include "runtime/effects/effects.h"

namespace tocsin::api {
/// Alerts of live rules, as format 1. Threading: any.
class AlertCopy {
 public:
  /// `path` "-" begins after alert `shown`; a file goes on after its last whole line, which must be
  /// an alert of the store (kMismatch otherwise).
  static Result<std::unique_ptr<AlertCopy>> open(const std::string& path,
                                                 runtime::EffectReader reader, std::uint64_t shown);
  /// Writes what the store has and the copy has not. Errors: kIo; then nothing more is written.
  Result<void> catch_up();
  /// The same, where these are what was stored last.
  Result<void> catch_up(std::span<const runtime::SliceEffects> stored);
  /// Errors: kIo.
  Result<void> close();
  bool is_terminal() const { return output_.is_terminal(); }
  /// The number of the last alert in the copy: from there on the store has to keep them, so that a
  /// later start can go on with the copy.
  std::uint64_t needed_from() const;
  /// Alerts written.
  std::uint64_t written() const;

 private:
  // With the lock held.
  Result<void> write(const runtime::StoredAlert& alert);
  Result<void> read_on();
  AlertCopy(OutputFile output, runtime::EffectReader reader, std::uint64_t next);
  runtime::EffectReader reader_;
  mutable std::mutex mutex_;
  OutputFile output_;
  std::uint64_t next_;  // number of the first alert that was not looked at
  std::uint64_t last_;  // number of the last alert in the copy, or before it
  std::uint64_t written_ = 0;
};
}  // namespace tocsin::api
