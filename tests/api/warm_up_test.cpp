// Earlier events that were read for rules which nobody asked for any more.
#include "api/rollout/warm_up.h"

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <thread>
#include <variant>

#include "cep/compile/compile.h"
#include "runtime/event_time/slice_loop.h"
#include "runtime/io/clock.h"
#include "tests/support/rule_text.h"
#include "tests/support/simulated_files.h"

namespace tocsin::tests {
using namespace api;

TEST_CASE("warm-up: what was forgotten begins anew for who asks again") {
  const auto compiled = cep::compile(plan_of(R"(
event payment { ts: time, card: string, amount: int }
rule large "Large" { by card when payment where amount > 1 alert "a" }
)"));
  REQUIRE(compiled);
  const cep::Program& program = *compiled;
  SimulatedFiles files;
  for (const char* const folder : {"d", "d/archive", "d/journal", "d/blobs"}) {
    static_cast<void>(files.make_directory(folder));
  }
  runtime::SystemClock clock;
  std::atomic<bool> may_end{false};
  std::atomic<int> begun{0};
  WarmUpLimits limits;
  limits.keep_for = cep::Duration{400'000};
  WarmUp warm_up(files, clock, {"d/archive", "d/journal", "d/blobs"}, limits,
                 [&]() -> Result<std::uint64_t> {
                   ++begun;
                   while (!may_end) std::this_thread::sleep_for(std::chrono::milliseconds(1));
                   return 1;
                 });
  const runtime::NodeProgram rules{program, runtime::intake_options(program.plan(), {})};
  const auto first = warm_up.ask("a", rules, cep::Duration{cep::kDayUs});
  REQUIRE_MESSAGE(first, first.error().message);
  CHECK(std::holds_alternative<WarmingUp>(*first));
  // Others have to wait as long as somebody asks.
  const auto other = warm_up.ask("b", rules, cep::Duration{cep::kDayUs});
  REQUIRE_FALSE(other);
  CHECK(other.error().code == Errc::kInUse);
  std::this_thread::sleep_for(std::chrono::milliseconds(450));
  may_end = true;
  std::this_thread::sleep_for(std::chrono::milliseconds(400));
  const int before = begun;
  // The first one may need a while to end, and the next one to begin.
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (begun == before && std::chrono::steady_clock::now() < until) {
    const auto again = warm_up.ask("a", rules, cep::Duration{cep::kDayUs});
    if (!again) CHECK(again.error().code == Errc::kInUse);
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  CHECK(begun > before);
}
}  // namespace tocsin::tests
