#include "api/base/progress.h"

#include <doctest/doctest.h>

namespace tocsin::api {
namespace {
constexpr runtime::Progress kHalf{
    .bytes_done = 50, .bytes_total = 100, .events = 1200, .alerts = 1};

TEST_CASE("progress: a known size has a bar, a share and a time left") {
  CHECK(format_progress(kHalf, 2, 200) ==
        "[============>           ]  50 %  1,200 events  600/s  1 alert  2.0 s left");
}
TEST_CASE("progress: an unknown size has counts alone") {
  runtime::Progress progress = kHalf;
  progress.bytes_total = 0;
  CHECK(format_progress(progress, 2, 200) == "1,200 events  600/s  1 alert");
}
TEST_CASE("progress: the line never leaves its terminal") {
  CHECK(format_progress(kHalf, 2, 10) == "[=========");
  CHECK(format_progress(kHalf, 2, 0).size() > 10);
}
TEST_CASE("progress: a file that grew is at 100 %, without a time left") {
  runtime::Progress progress = kHalf;
  progress.bytes_done = 130;
  CHECK(format_progress(progress, 2, 200) ==
        "[========================] 100 %  1,200 events  600/s  1 alert");
}
TEST_CASE("progress: no time left is guessed from the first moments") {
  runtime::Progress progress = kHalf;
  progress.bytes_done = 1;
  CHECK(format_progress(progress, 2, 200) ==
        "[>                       ]   1 %  1,200 events  600/s  1 alert");
}
}  // namespace
}  // namespace tocsin::api
