/// Where backups are kept: objects of bytes under names with slashes.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "cep/base/result.h"

namespace tocsin::api {
/// The next piece of what is to be stored; empty at the end. A failure stops the storing.
using PieceSource = std::function<Result<std::string_view>()>;
/// Takes the next piece of what is stored. A failure stops the reading.
using PieceSink = std::function<Result<void>(std::string_view piece)>;
struct StoredObject {
  std::string name;
  std::uint64_t bytes = 0;
};

/// Threading: any. Errors of all calls: kIo; kLimit without space; kDenied; kStopped.
class BackupStore {
 public:
  BackupStore() = default;
  BackupStore(const BackupStore&) = delete;
  BackupStore& operator=(const BackupStore&) = delete;
  virtual ~BackupStore() = default;
  /// Where an object is, for people.
  virtual std::string place_of(std::string_view name) const = 0;
  /// Whether backups are kept there: fails with kNotFound where nothing is, kUnsupported where
  /// something else is, kOtherVersion.
  virtual Result<void> check() = 0;
  /// Held by who changes what is stored. Begins the store where there is none. Fails with kInUse,
  /// and kUnsupported where something else is kept there.
  class Hold {
   public:
    Hold() = default;
    Hold(const Hold&) = delete;
    Hold& operator=(const Hold&) = delete;
    virtual ~Hold() = default;
  };
  virtual Result<std::unique_ptr<Hold>> hold() = 0;
  /// All whose names begin with `folder` and a slash, by name; none where there is no store yet.
  virtual Result<std::vector<StoredObject>> list(std::string_view folder) = 0;
  /// Gives an object's bytes to `sink`. Fails with kNotFound.
  virtual Result<void> read(std::string_view name, const PieceSink& sink) = 0;
  /// Stores an object: it is there whole, or as before. On disk when this returns.
  virtual Result<void> put(std::string_view name, const PieceSource& source) = 0;
  /// Removes one; nothing where it is not there.
  virtual Result<void> remove(std::string_view name) = 0;
  /// Ends calls that wait for somebody, and later ones, with kStopped.
  virtual void stop() {}
};
/// What the object FORMAT of a place of backups has.
inline constexpr std::string_view kBackupMark = "tocsin backups 1\n";
/// Whether it is that: fails with kOtherVersion, or kUnsupported, as check() does.
Result<void> check_backup_mark(std::string_view mark, const std::string& place);
/// A whole object, of at most `bytes_max` (else kCorrupt).
Result<std::string> read_object(BackupStore& store, std::string_view name, std::size_t bytes_max);
Result<void> put_text(BackupStore& store, std::string_view name, std::string_view text);
}  // namespace tocsin::api
