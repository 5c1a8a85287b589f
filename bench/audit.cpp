/// The audit log on a real disk: what an entry costs (a change, with its two synced writes; a
/// refusal, without a sync), and how long it takes to verify 1,000, 10,000 and 100,000 entries,
/// signed and not, and to look through them for somebody who did nothing.
///
///   bench_audit DIR        DIR is on the disk to measure, and is emptied of what this leaves there
#include <fmt/format.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <type_traits>
#include <utility>

#include "api/rest/audit_log.h"
#include "api/rest/audit_verify.h"
#include "runtime/effects/effect_reader.h"
#include "runtime/io/clock.h"
#include "runtime/store/rocks_store.h"

namespace {
using namespace tocsin;
using namespace tocsin::api;
namespace fs = std::filesystem;
using std::chrono::steady_clock;

[[noreturn]] void die(const std::string& message) {
  std::fprintf(stderr, "bench: %s\n", message.c_str());
  std::exit(1);
}
template <typename T>
T good(Result<T> result) {
  if (!result) die(result.error().message);
  if constexpr (!std::is_void_v<T>) return *std::move(result);
}
double since(steady_clock::time_point began) {
  return std::chrono::duration<double>(steady_clock::now() - began).count();
}

void measure(const std::string& folder, const SecretKeys& keys) {
  fs::remove_all(folder);
  runtime::RocksStoreOptions options;
  options.families = runtime::effect_families();
  const auto store = good(runtime::RocksStore::open(folder, options));
  runtime::SystemClock clock;
  AuditOptions audit;
  audit.keys = keys;
  const auto log = good(AuditLog::open(*store, clock, audit));
  const AuditDeed deed{.actor = "ann",
                       .role = "analyst",
                       .from = "10.0.0.1",
                       .action = "putRule",
                       .method = "PUT",
                       .path = "/v1/rules/{rule}",
                       .request_id = "3f0c55e92d7a3866c0d2f9a7b81e43aa",
                       .resource = {{"rule", "large"}}};
  constexpr int kChanges = 200;
  auto began = steady_clock::now();
  for (int i = 0; i < kChanges; ++i) good(log->finish(good(log->begin(deed)), deed, {200, {}}));
  const double change_us = since(began) * 1e6 / kChanges;
  std::uint64_t entries = kChanges;
  for (const std::uint64_t count : {1'000, 10'000, 100'000}) {
    const std::uint64_t more = count - entries;
    began = steady_clock::now();
    for (; entries < count; ++entries) good(log->refuse(deed, 403, 1, clock.now()));
    const double refusal_us = since(began) * 1e6 / static_cast<double>(more);
    began = steady_clock::now();
    const AuditReport report = good(verify_audit(*store, keys, {}));
    if (!report.is_good() || report.entries != count) die("the log is not good");
    const double verify_ms = since(began) * 1e3;
    began = steady_clock::now();
    if (!good(log->page({.actor = "bob"}, 0, 100)).lines.empty()) die("bob did nothing");
    fmt::print(
        "{:8} {:>8} entries: change {:7.0f} us, refusal {:5.1f} us, verify {:7.1f} ms, page of "
        "none {:6.1f} ms\n",
        keys.empty() ? "unsigned" : "signed", count, change_us, refusal_us, verify_ms,
        since(began) * 1e3);
  }
  fs::remove_all(folder);
}
}  // namespace

int main(int count, char** arguments) {
  if (count != 2) die("bench_audit DIR");
  const std::string folder = std::string(arguments[1]) + "/bench_audit";
  measure(folder, {});
  measure(folder, good(SecretKeys::parse(good(make_key_line()), "a new key")));
  return 0;
}
