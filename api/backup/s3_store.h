/// Backups in a bucket of an S3-compatible store.
///
///   PREFIX/FORMAT       "tocsin backups 1"
///   PREFIX/LOCK         who changes something here, and until when that counts
///   PREFIX/backups/  PREFIX/objects/      api/backup/backup_manifest.h
///
/// An object is sent and read in parts, so that memory is bounded whatever its size: a part is held
/// until it is stored, and sent again alone. What is larger than a part is stored by an upload of
/// parts, which is there once it is completed.
#pragma once
#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/backup/backup_store.h"
#include "api/backup/s3_client.h"

namespace tocsin::api {
/// How long a LOCK counts that nobody renews: what a crash leaves on another machine.
inline constexpr cep::Duration kS3HoldTime{30LL * 60 * 1'000'000};

class S3Store : public BackupStore {
 public:
  /// `holder` says who holds it, such as HOST:FOLDER; the same one takes over what it held.
  S3Store(S3Place place, S3Limits limits, S3Ports ports, std::string holder);
  std::string place_of(std::string_view name) const override;
  Result<void> check() override;
  Result<std::unique_ptr<Hold>> hold() override;
  Result<std::vector<StoredObject>> list(std::string_view folder) override;
  Result<void> read(std::string_view name, const PieceSink& sink) override;
  Result<void> put(std::string_view name, const PieceSource& source) override;
  Result<void> remove(std::string_view name) override;
  void stop() override { client_.stop(); }

 private:
  class S3Hold;
  struct Lock {
    std::string holder;
    std::string nonce;  // of one hold
    cep::EventTime until;
  };
  struct Upload;
  // Nothing where there is none.
  Result<std::optional<Lock>> read_lock();
  // False where somebody was faster.
  Result<bool> write_lock(const Lock& lock, bool is_new);
  Result<void> acquire();
  // Before each change: fails with kInUse where the hold was lost.
  Result<void> renew();
  void release();
  Result<std::vector<StoredObject>> list_below(const std::string& prefix,
                                               std::optional<std::size_t> most);
  Result<void> put_part(Upload& upload, std::string_view part);
  Result<void> complete(const Upload& upload);
  void abandon(const Upload& upload);

  S3Client client_;
  const std::string holder_;
  std::mutex mutex_;  // of what follows
  std::optional<Lock> held_;
  cep::EventTime renew_at_;
};
}  // namespace tocsin::api
