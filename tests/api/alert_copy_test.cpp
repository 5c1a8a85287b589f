// The copy of stored alerts in a file: from what a commit gives, and from the store where that is
// not all.
#include "api/alerts/alert_copy.h"

#include <doctest/doctest.h>

#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "runtime/effects/effect_store.h"
#include "tests/support/model_store.h"
#include "tests/support/random_effects.h"
#include "tests/support/simulated_files.h"
#include "tests/support/temporary_folder.h"

namespace tocsin::api {
namespace {
using namespace tests;

std::string contents_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}
std::string lines_of(const std::vector<runtime::StoredAlert>& alerts) {
  std::string lines;
  for (const runtime::StoredAlert& alert : alerts) lines += alert.line + "\n";
  return lines;
}

TEST_CASE("alert copy: takes what a commit stored, and reads the store where that is not all") {
  const TemporaryFolder folder;
  const std::string path = folder.path() + "/alerts.ndjson";
  ModelDisk disk;
  SimulatedClock clock;
  const auto store = *disk.open(runtime::effect_families());
  const auto effects = *runtime::EffectStore::open(*store, clock, {});
  REQUIRE(effects->begin_timeline({1}, {}, {}));
  const auto commit = [&](std::vector<runtime::StoredAlert> alerts) {
    std::vector<runtime::SliceEffects> slices(2);  // the first one has nothing
    slices[1].alerts = std::move(alerts);
    REQUIRE(effects->commit(slices));
    return slices;
  };
  const auto open = [&] {
    auto opened = AlertCopy::open(path, effects->reader(), 0);
    if (!opened) FAIL(opened.error().message);
    return *std::move(opened);
  };
  std::vector<runtime::StoredAlert> expected = {effect_alert(1, 1), effect_alert(3, 1)};
  {
    const std::unique_ptr<AlertCopy> copy = open();
    REQUIRE(copy->catch_up(commit({effect_alert(1, 1), effect_alert(2, 1, false)})));
    CHECK(copy->needed_from() == 1);
    REQUIRE(copy->catch_up(commit({effect_alert(3, 1)})));
    CHECK(contents_of(path) == lines_of(expected));
    CHECK(copy->written() == 2);
    CHECK(copy->needed_from() == 3);
    REQUIRE(copy->close());
  }
  // Stored while there was no copy: the next commit does not have them.
  commit({effect_alert(4, 1), effect_alert(5, 1)});
  const std::unique_ptr<AlertCopy> copy = open();
  REQUIRE(copy->catch_up(commit({effect_alert(6, 1)})));
  for (const int time : {4, 5, 6}) expected.push_back(effect_alert(time, 1));
  CHECK(contents_of(path) == lines_of(expected));
  // Nothing twice: neither what the store knew already, nor what was read from it.
  REQUIRE(copy->catch_up());
  REQUIRE(effects->resume({}));
  REQUIRE(copy->catch_up(commit({effect_alert(1, 1), effect_alert(2, 1, false)})));
  CHECK(contents_of(path) == lines_of(expected));
  CHECK(copy->written() == 3);
  REQUIRE(copy->close());
}
}  // namespace
}  // namespace tocsin::api
