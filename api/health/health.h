/// What is wrong with a server and what to do about it: one list of causes, which /readyz,
/// GET /v1/health, the console and `tocsin doctor` show.
///
/// Facts are gathered elsewhere (api/server, api/doctor) and judged here, by limits that are
/// settings. Each kind of cause has a code, which does not change, and a remedy
/// (health_causes.def).
#pragma once
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cep/value/time.h"

namespace tocsin::api {
enum class HealthLevel : std::uint8_t {
  kWarning,   // it works, and will not for long, or not for all
  kCritical,  // no events are accepted, or something was changed or is lost to its readers
};
std::string_view name_of(HealthLevel level);

enum class HealthCode : std::uint8_t {
#define TOCSIN_HEALTH_CAUSE(code, level, remedy) code,
#include "api/health/health_causes.def"
#undef TOCSIN_HEALTH_CAUSE
};
std::string_view name_of(HealthCode code);
HealthLevel level_of(HealthCode code);
std::string_view remedy_of(HealthCode code);

struct HealthCause {
  HealthCode code{};
  std::string subject = {};  // a source, a subscription, a stream, a file; empty: the whole server
  std::string detail = {};   // the fact, for people
  /// When a running server first saw it; it was seen whenever it looked since. Nothing: not known.
  std::optional<cep::EventTime> since = {};
};

/// From which values on something is a cause. Each is a setting `health.…`.
struct HealthLimits {
  cep::Duration source_behind{600'000'000};
  cep::Duration delivery_wait{900'000'000};
  cep::Duration checkpoint_age{1'800'000'000};
  cep::Duration certificate_left{14 * cep::kDayUs};
  std::uint64_t disk_free_percent = 10;
};

/// What is known of a server at one time. What is left out is well.
struct HealthFacts {
  struct Source {
    std::string name;
    cep::Duration behind{};  // the most advanced source
    bool is_holder = false;  // of the engine's time
  };
  struct Endpoint {
    std::string id;
    std::string name = {};
    std::string disabled = {};     // why the server sends it nothing any more; empty: it does
    bool is_circuit_open = false;  // attempts failed, and it is tried now and then
    std::uint64_t owed = 0;
  };
  struct Stream {
    std::string name;
    bool is_fenced = false;  // another server writes under its name
    std::string error = {};  // why it cannot be written; empty: it can
    cep::Duration oldest_owed{};
  };

  std::string failure = {};           // why the engine has ended
  std::string journal_no_space = {};  // why its disk takes nothing
  std::string store_no_space = {};
  std::string memory_limit = {};  // which one was reached
  std::uint64_t disk_bytes = 0;   // of the file system with the data; 0: unknown
  std::uint64_t disk_free_bytes = 0;
  std::vector<Source> sources = {};
  std::string checkpoint_failure = {};
  std::optional<cep::Duration> checkpoint_age = {};  // nothing: it has all that there is
  std::string archive_failure = {};
  std::string release_failure = {};  // why the journal cannot remove what is not needed any more
  std::vector<Endpoint> endpoints = {};
  cep::Duration oldest_delivery{};  // how long it has waited
  std::vector<Stream> streams = {};
  std::string backup_failure = {};                 // why the last one was not made
  std::optional<cep::Duration> backup_every = {};  // nothing: there is no schedule
  bool has_backup = false;                         // any at all
  cep::Duration backup_age{};                      // of the newest; else of the server
  std::string audit_finding = {};                  // what is wrong with the audit log
  std::string certificate = {};                    // the file
  std::optional<cep::Duration> certificate_left = {};
  std::string revocations = {};  // the file with lists of revoked certificates
  std::optional<cep::Duration> revocations_left = {};  // until one is out of date
  cep::Duration revocations_period{};                  // for which that one is valid
};

/// The causes, critical ones first; none: all is well.
std::vector<HealthCause> health_causes(const HealthFacts& facts, const HealthLimits& limits);
/// Why no events are accepted, as the first of the causes that stop them says it; empty: they are.
std::string unreadiness_of(const HealthFacts& facts);
/// {"code", "level", "subject"?, "since"?, "detail", "remedy"}
nlohmann::ordered_json health_cause_json(const HealthCause& cause);
}  // namespace tocsin::api
