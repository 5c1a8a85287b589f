/// The time zones that rules name, and their rules from the system's database (TZif files, RFC
/// 8536; see tzfile(5)).
#pragma once
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cep/base/result.h"
#include "cep/plan/zone.h"

namespace tocsin::rules {
/// Reads a file of the database by its name in it ("Europe/Berlin", "tzdata.zi").
using ReadZoneFile = std::function<Result<std::string>(const std::string& name)>;
/// From the folder that the environment's TZDIR names, else /usr/share/zoneinfo.
Result<std::string> read_system_zone(const std::string& name);

/// The last year whose changes of the clock are written out; later ones keep its last offset.
inline constexpr int kLastZoneYear = 2100;
/// The rules of a zone from the bytes of its TZif file, up to the end of kLastZoneYear. Errors:
/// kCorrupt.
Result<cep::Zone> parse_zone(std::string name, std::string_view bytes);

class ZoneTable {
 public:
  explicit ZoneTable(ReadZoneFile read) : read_(std::move(read)) {}
  enum class Use { kKnown, kUnknown, kNoDatabase };
  /// Puts a zone among those that the plan needs.
  Use use(const std::string& name);
  /// Puts all zones there; false where there is no database.
  bool use_all();
  /// All names that the database has, sorted; empty where it has no list of them.
  const std::vector<std::string>& names();
  /// Why there is no database.
  const std::string& problem() const { return problem_; }
  /// True the first time.
  bool report_once() { return !std::exchange(reported_, true); }
  /// The zones used, by name.
  std::vector<cep::Zone> take();

 private:
  ReadZoneFile read_;
  std::map<std::string, std::optional<cep::Zone>> known_;  // absent: asked for, not there
  std::optional<std::vector<std::string>> names_;
  std::string problem_;
  bool reported_ = false;
};
}  // namespace tocsin::rules
