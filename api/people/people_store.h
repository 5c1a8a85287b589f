/// The list of people of a server, in a file of its data directory, which only its owner may read.
///
///   {"people":[{"who":"group:fraud","role":"analyst","tags":["cards"]},…],"digest":"HEX"}
#pragma once
#include <cstddef>
#include <memory>
#include <mutex>
#include <string>

#include "api/people/people_list.h"
#include "cep/base/result.h"

namespace tocsin::api {
inline constexpr const char* kPeopleFile = "people.json";  // in the data directory
/// Threading: any.
class PeopleStore {
 public:
  /// Reads what is there; no file is nobody. Fails with kCorrupt or kOtherVersion, naming the file
  /// and the remedy, or kIo.
  static Result<std::unique_ptr<PeopleStore>> open(std::string path,
                                                   std::size_t entries_max = 10'000);
  /// As of now; it does not change.
  std::shared_ptr<const PeopleList> list() const;
  /// Adds or replaces an entry, which counts once it is on disk; whether it is new. Fails with
  /// kInvalidArgument for what is_who() refuses, kConflict beyond `entries_max`, kIo.
  Result<bool> put(PeopleEntry entry);
  /// Whether there was one. Fails with kIo.
  Result<bool> remove(const std::string& who);

 private:
  PeopleStore(std::string path, std::size_t entries_max)
      : path_(std::move(path)), entries_max_(entries_max) {}
  Result<void> save(const PeopleList& list) const;

  const std::string path_;
  const std::size_t entries_max_;
  mutable std::mutex mutex_;
  std::shared_ptr<const PeopleList> list_ = std::make_shared<PeopleList>();
};
}  // namespace tocsin::api
