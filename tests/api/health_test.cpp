#include "api/health/health.h"

#include <doctest/doctest.h>

#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

namespace tocsin::api {
namespace {
constexpr cep::Duration kMinute{60'000'000};

// The codes of all causes, with blanks between them.
std::string codes(const HealthFacts& facts, const HealthLimits& limits = {}) {
  std::string text;
  for (const HealthCause& cause : health_causes(facts, limits)) {
    text += (text.empty() ? "" : " ") + std::string(name_of(cause.code));
  }
  return text;
}
}  // namespace

TEST_CASE("health: a server of which nothing is known to be wrong has no cause") {
  CHECK(codes({}).empty());
  CHECK(unreadiness_of(HealthFacts()).empty());
}

TEST_CASE("health: what stops events comes first, and is what /readyz says") {
  HealthFacts facts;
  facts.disk_bytes = 1000;
  facts.disk_free_bytes = 1;
  facts.memory_limit = "memory.max is 1GiB";
  facts.store_no_space = "No space left on device: data/store";
  CHECK(codes(facts) == "disk_full memory_full disk_low");
  CHECK(unreadiness_of(facts) == "the disk is full: No space left on device: data/store");
  facts.failure = "the journal failed";
  CHECK(codes(facts) == "engine_failed disk_full memory_full disk_low");
  CHECK(unreadiness_of(facts) == "the journal failed");
}

TEST_CASE("health: a value at its limit is well, one beyond it is a cause") {
  struct Row {
    const char* name;
    HealthFacts well, bad;
    const char* code;
  };
  const HealthLimits limits;
  const cep::Duration second{1'000'000};
  HealthFacts space;
  space.disk_bytes = std::uint64_t{1} << 60;
  HealthFacts little = space;
  space.disk_free_bytes = space.disk_bytes / 10 + 100;
  little.disk_free_bytes = space.disk_bytes / 10 - space.disk_bytes / 100;
  HealthFacts near;
  near.sources = {{"a", limits.source_behind, true}};
  HealthFacts far;
  far.sources = {{"a", limits.source_behind + second, true}};
  HealthFacts fresh;
  fresh.checkpoint_age = limits.checkpoint_age;
  HealthFacts stale;
  stale.checkpoint_age = limits.checkpoint_age + second;
  HealthFacts soon;
  soon.oldest_delivery = limits.delivery_wait;
  HealthFacts late;
  late.oldest_delivery = limits.delivery_wait + second;
  HealthFacts lasts;
  lasts.certificate_left = limits.certificate_left;
  HealthFacts ends;
  ends.certificate_left = limits.certificate_left - second;
  HealthFacts renewed;  // each day, and valid for a week
  renewed.revocations_period = cep::Duration{7 * cep::kDayUs};
  HealthFacts not_renewed = renewed;
  renewed.revocations_left = cep::Duration{renewed.revocations_period.us / 4};
  not_renewed.revocations_left = *renewed.revocations_left - second;
  HealthFacts of_a_year;
  of_a_year.revocations_period = cep::Duration{365 * cep::kDayUs};
  HealthFacts soon_over = of_a_year;
  of_a_year.revocations_left = limits.certificate_left;
  soon_over.revocations_left = limits.certificate_left - second;
  HealthFacts writes;
  writes.streams = {{"alerts", false, "", limits.delivery_wait}};
  HealthFacts waits;
  waits.streams = {{"alerts", false, "", limits.delivery_wait + second}};
  const Row rows[] = {{"disk", space, little, "disk_low"},
                      {"source", near, far, "source_behind"},
                      {"checkpoint", fresh, stale, "checkpoint_old"},
                      {"deliveries", soon, late, "delivery_behind"},
                      {"certificate", lasts, ends, "certificate_ends"},
                      {"revocations of a week", renewed, not_renewed, "revocations_end"},
                      {"revocations of a year", of_a_year, soon_over, "revocations_end"},
                      {"stream", writes, waits, "stream_behind"}};
  for (const Row& row : rows) {
    CAPTURE(row.name);
    CHECK(codes(row.well, limits).empty());
    CHECK(codes(row.bad, limits) == row.code);
  }
}

TEST_CASE("health: endpoints, streams and sources are named") {
  HealthFacts facts;
  facts.endpoints = {
      {"sub_1"}, {"sub_2", "fraud desk", "", true, 7}, {"sub_3", "", "it answered 410", true, 9}};
  facts.streams = {{"late", true, "another writer took over"}, {"dead", false, "no broker"}};
  CHECK(codes(facts) == "stream_fenced delivery_failing delivery_disabled stream_behind");
  const auto causes = health_causes(facts, {});
  REQUIRE(causes.size() == 4);
  CHECK(causes[0].subject == "late");
  CHECK(causes[1].subject == "sub_2");
  CHECK(causes[1].detail == "deliveries to fraud desk (sub_2) fail, and 7 are owed");
  CHECK(causes[2].detail == "sub_3 is sent nothing any more: it answered 410");
  CHECK(health_cause_json(causes[1]).dump() ==
        R"({"code":"delivery_failing","level":"warning","subject":"sub_2","detail":)"
        R"("deliveries to fraud desk (sub_2) fail, and 7 are owed","remedy":)"
        R"("GET /v1/subscriptions/ID/deliveries shows what the endpoint answers; )"
        R"(what is owed is kept and sent"})");
}

TEST_CASE("health: a certificate that has ended is said to have") {
  HealthFacts facts;
  facts.certificate = "server.pem";
  facts.certificate_left = cep::Duration{0} - kMinute;
  const auto causes = health_causes(facts, {});
  REQUIRE(causes.size() == 1);
  CHECK(causes[0].subject == "server.pem");
  CHECK(causes[0].detail == "the certificate has ended: clients refuse it");
}

TEST_CASE("health: a revocation list that is out of date says who is refused") {
  HealthFacts facts;
  facts.revocations = "clients.crl";
  facts.revocations_period = kMinute;
  facts.revocations_left = cep::Duration{0};
  const auto causes = health_causes(facts, {});
  REQUIRE(causes.size() == 1);
  CHECK(causes[0].subject == "clients.crl");
  CHECK(causes[0].detail ==
        "a revocation list is out of date: clients of its authority are refused");
}

TEST_CASE("health: a backup that failed, and one that is missed twice") {
  HealthFacts facts;
  facts.backup_failure = "no space";
  CHECK(codes(facts) == "backup_failed");
  facts.backup_failure.clear();
  facts.backup_age = cep::Duration{1000 * kMinute.us};
  CHECK(codes(facts).empty());  // nobody asks for any
  facts.backup_every = kMinute;
  CHECK(codes(facts) == "backup_old");
  CHECK(health_causes(facts, {})[0].detail == "there is no backup, and one is asked for every 1m");
  facts.has_backup = true;
  facts.backup_age = cep::Duration{2 * kMinute.us};
  CHECK(codes(facts).empty());
  facts.backup_age = cep::Duration{3 * kMinute.us};
  CHECK(health_causes(facts, {})[0].detail ==
        "the newest backup is of 3m ago, and one is asked for every 1m");
}

TEST_CASE("health: a changed audit log is critical, and stops no events") {
  HealthFacts facts;
  facts.disk_bytes = 1000;
  facts.audit_finding = "the audit log is damaged: entry 3 is missing";
  CHECK(codes(facts) == "audit_broken disk_low");
  CHECK(unreadiness_of(facts).empty());
}

TEST_CASE("health: every cause is in docs/operations.md, and no other") {
  std::ifstream file(TOCSIN_SOURCE_DIR "/docs/operations.md");
  const std::string page((std::istreambuf_iterator<char>(file)), {});
  const std::size_t begin = page.find("## What is wrong");
  REQUIRE(begin != std::string::npos);
  const std::string part = page.substr(begin, page.find("\n## ", begin) - begin);
  std::size_t count = 0;
#define TOCSIN_HEALTH_CAUSE(code, level, remedy)                             \
  ++count;                                                                   \
  CHECK_MESSAGE(part.find("\n| `" #code "` |") != std::string::npos, #code); \
  CHECK_MESSAGE(std::string_view(remedy_of(HealthCode::code)) == remedy, #code);
#include "api/health/health_causes.def"
#undef TOCSIN_HEALTH_CAUSE
  std::size_t rows = 0;
  for (std::size_t at = part.find("\n| `"); at != part.npos; at = part.find("\n| `", at + 1))
    ++rows;
  CHECK(rows == count);
}
}  // namespace tocsin::api
