/// Filters of alerts that people have saved under a name, in a file of the data directory, which
/// only its owner may read.
///
///   {"last":7,"views":[{"id":7,"version":1,"owner":"ada","name":"mine","query":"status=open",
///    "shared":false},…],"digest":"HEX"}
#pragma once
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "cep/base/result.h"

namespace tocsin::api {
inline constexpr const char* kViewsFile = "views.json";  // in the data directory
inline constexpr std::size_t kViewNameChars = 100;
inline constexpr std::size_t kViewQueryChars = 2000;

/// What a view is, as people change it.
struct ViewSettings {
  std::string name;   // 1 to kViewNameChars characters
  std::string query;  // of GET /v1/alerts, as in a URL; empty: all alerts
  bool is_shared = false;
};
struct SavedView {
  std::uint64_t id = 0;
  std::uint64_t version = 1;  // a number more with each change
  std::string owner;          // who made it, as TokenGrant::name
  ViewSettings settings;
};
struct ViewLimits {
  std::size_t views_max = 1000, own_max = 100;
};
/// By id, and so in the order in which they were made.
using ViewList = std::map<std::uint64_t, SavedView>;

/// Whether a query has parameters of the queue alone, and no characters but those of URLs. Fails
/// with kInvalidArgument, naming what it is.
Result<void> check_view_query(std::string_view query);
/// Whether a query may hold values of events: it asks for a key, for words, or by a condition.
bool has_event_values(std::string_view query);

/// Threading: any. What a change gives is on disk.
class ViewStore {
 public:
  /// Reads what is there; no file is no view. Fails with kCorrupt or kOtherVersion, naming the file
  /// and the remedy, or kIo.
  static Result<std::unique_ptr<ViewStore>> open(std::string path, ViewLimits limits = {});
  /// As of now; it does not change.
  std::shared_ptr<const ViewList> list() const;
  /// Fails with kConflict where its owner, or where it is shared anybody, has such a view of the
  /// name, and beyond the limits; kIo.
  Result<SavedView> create(const std::string& owner, ViewSettings settings);
  /// Of the version that was read; nothing where there is another by now, or none. Fails as
  /// create().
  Result<std::optional<SavedView>> replace(std::uint64_t id, std::uint64_t version,
                                           ViewSettings settings);
  /// Whether it was there in that version. Fails with kIo.
  Result<bool> remove(std::uint64_t id, std::uint64_t version);

 private:
  ViewStore(std::string path, ViewLimits limits) : path_(std::move(path)), limits_(limits) {}
  /// Puts a changed list in its place.
  Result<void> keep(ViewList list);
  Result<void> check_name(const SavedView& view) const;

  const std::string path_;
  const ViewLimits limits_;
  mutable std::mutex mutex_;
  std::uint64_t last_ = 0;  // the highest id that was ever given
  std::shared_ptr<const ViewList> list_ = std::make_shared<ViewList>();
};
}  // namespace tocsin::api
