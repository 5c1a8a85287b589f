// The commands that look at an alert store, over a real one, also while its owner has it.
#include "api/alerts/stored_effects.h"

#include <doctest/doctest.h>
#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <string>

#include "api/node/side_output.h"
#include "runtime/effects/effect_store.h"
#include "runtime/store/rocks_store.h"
#include "tests/support/random_effects.h"
#include "tests/support/simulated_files.h"
#include "tests/support/temporary_folder.h"

namespace tocsin::api {
namespace {
using namespace tests;
using runtime::SideOutputKind;

struct Ran {
  int code = -1;
  std::string out;
};
// The program with these arguments; both of its outputs together.
Ran run_tocsin(const std::string& arguments) {
  const std::string command =
      std::string(TOCSIN_BINARY_DIR) + "/tocsin " + arguments + " 2>&1 </dev/null";
  std::FILE* const pipe = ::popen(command.c_str(), "r");
  REQUIRE(pipe != nullptr);
  Ran ran;
  std::array<char, 4096> bytes{};
  while (const std::size_t count = std::fread(bytes.data(), 1, bytes.size(), pipe))
    ran.out.append(bytes.data(), count);
  const int status = ::pclose(pipe);
  if (WIFEXITED(status)) ran.code = WEXITSTATUS(status);
  return ran;
}

TEST_CASE("alerts, late list, dead list: what is stored by now, while a run owns the directory") {
  const TemporaryFolder folder;
  SimulatedClock clock;
  const auto store =
      runtime::RocksStore::open(folder.path() + "/store", {.families = runtime::effect_families()});
  REQUIRE(store);
  const std::string data = " --data " + folder.path();
  CHECK(run_tocsin("alerts" + data).out.empty());
  const auto effects = *runtime::EffectStore::open(**store, clock, {});
  CHECK(run_tocsin("alerts" + data).code == 0);
  REQUIRE(effects->begin_timeline({1}, {}, {}));
  runtime::SliceEffects slice;
  slice.alerts = {effect_alert(1, 1), effect_alert(2, 2, false), effect_alert(3, 2)};
  slice.side_output = {effect_side_output(SideOutputKind::kLate, 812, 4),
                       effect_side_output(SideOutputKind::kDead, 812, 5)};
  slice.reinjected = {{SideOutputKind::kDead, 1, {812, 5, 0}, 900}};
  REQUIRE(effects->commit({&slice, 1}));

  const Ran all = run_tocsin("alerts" + data);
  CHECK(all.code == 0);
  CHECK(all.out == effect_alert(1, 1).line + "\n" + effect_alert(3, 2).line + "\n");
  CHECK(run_tocsin("alerts --rule rule_1" + data).out == effect_alert(1, 1).line + "\n");
  CHECK(run_tocsin("alerts --rule none" + data).out.empty());
  CHECK(run_tocsin("late list" + data).out ==
        R"({"arrival":"812:4","input":"payments.ndjson","line":8124,"late_us":1500000,)"
        "\"text\":\"line 4 of record 812\"}\n");
  CHECK(run_tocsin("dead list" + data).out ==
        R"({"arrival":"812:5","input":"payments.ndjson","line":8125,"reason":"not JSON",)"
        "\"text\":\"line 5 of record 812\",\"reinjected_as\":900}\n");
  // The owner goes on.
  runtime::SliceEffects more;
  more.alerts = {effect_alert(4, 1)};
  CHECK(effects->commit({&more, 1}));
  CHECK(run_tocsin("alerts" + data).out.find(effect_alert(4, 1).line) != std::string::npos);
}

TEST_CASE("alerts: a directory that is none, or that is damaged, is refused and named") {
  const TemporaryFolder folder;
  const Ran none = run_tocsin("alerts --data " + folder.path() + "/none");
  CHECK(none.code == 5);
  CHECK(none.out == "tocsin: there is no data directory " + folder.path() + "/none\n");
  const Ran other = run_tocsin("late list --data " + folder.path());
  CHECK(other.code == 5);
  CHECK(other.out == "tocsin: " + folder.path() + " is no data directory\n");
  {
    REQUIRE(runtime::RocksStore::open(folder.path() + "/store",
                                      {.families = runtime::effect_families()}));
  }
  std::filesystem::remove(folder.path() + "/store/CURRENT");
  const Ran damaged = run_tocsin("alerts --data " + folder.path());
  CHECK(damaged.code == 5);
  CHECK(damaged.out ==
        "tocsin: the store is damaged: " + folder.path() + "/store/CURRENT is missing\n");
}

TEST_CASE(
    "side output: a row of the store says its arrival, and its timeline where it is another") {
  runtime::SideOutputRow row = effect_side_output(SideOutputKind::kLate, 7, 1);
  row.timeline = 1;
  row.text = "caf\xe9";
  CHECK(format_side_output_row(row, 2) ==
        R"({"arrival":"7:1","timeline":1,"input":"payments.ndjson","line":71,"late_us":1500000,)"
        "\"text\":\"caf\xef\xbf\xbd\",\"base64\":\"Y2Fm6Q==\"}");
}
}  // namespace
}  // namespace tocsin::api
