/// A server's rules beside a node that takes everything, or nothing.
#pragma once
#include <doctest/doctest.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/node/rule_service.h"
#include "runtime/event_time/slice_loop.h"
#include "runtime/journal/blob_store.h"
#include "tests/support/simulated_files.h"

namespace tocsin::api {
inline constexpr const char* kSchema =
    "event payment {\n  ts: time,\n  card: string,\n  amount: decimal(2),\n}\n";
inline constexpr const char* kSmall = R"(rule small "Small" {
  by card
  when 2 payment where amount < 2
  within 10m
  alert "small {card}"
}

test small "two" {
  0s payment { card: "a", amount: 1.00 }
  1s payment { card: "a", amount: 1.00 }
  expect alert at 1s
}
)";
// Each time it is asked, a moment later.
class FixedClock : public runtime::Clock {
 public:
  cep::EventTime now() override { return {1'000'000 + 10 * ++asked_ + passed_us}; }
  std::int64_t passed_us = 0;

 private:
  std::int64_t asked_ = 0;
};

struct RuleServiceWorld {
  RuleServiceWorld() {
    REQUIRE(files.make_directory("d"));
    REQUIRE(runtime::BlobStore::open(files, "d/blobs"));
  }
  RuleServicePorts ports() {
    return {files,
            clock,
            "d/rules",
            "d/blobs",
            [](const cep::Plan& plan) { return runtime::intake_options(plan, {}); },
            [this](const runtime::NodeProgram& program,
                   const std::vector<runtime::NamedContents>& texts,
                   std::unique_ptr<runtime::EarlierRun>) -> Result<Activated> {
              if (failure) return tl::unexpected(*failure);
              keep(texts);
              ++activated;
              return Activated{
                  runtime::settings_of(program.program, {}), {}, 40 + std::uint64_t(activated)};
            },
            [this](const std::string&, const runtime::NodeProgram& program, cep::Duration replay)
                -> Result<std::variant<WarmingUp, std::unique_ptr<runtime::EarlierRun>>> {
              replays.push_back(replay);
              replayed.push_back(program.program);
              if (warming_up) return WarmingUp{0.5, 10};
              return std::unique_ptr<runtime::EarlierRun>();
            },
            [this](std::uint64_t record) -> Result<void> {
              waited_for.push_back(record);
              if (!disk_failure.empty()) return fail(Errc::kIo, disk_failure);
              return {};
            },
            versions_max};
  }
  void keep(const std::vector<runtime::NamedContents>& texts) {
    auto blobs = runtime::BlobStore::open(files, "d/blobs");
    REQUIRE(blobs);
    for (const runtime::NamedContents& text : texts) REQUIRE(blobs->put(text.contents));
  }
  void open(const RulePack& pack = RulePack({{"rules:schema.tocsin", kSchema},
                                             {"rules:small.tocsin", kSmall}})) {
    keep(pack.texts());
    LoadedRules loaded = pack.load();
    REQUIRE_MESSAGE(loaded.program, render_diagnostics(loaded, false));
    runtime::NodeSettings settings = runtime::settings_of(*loaded.program, {});
    auto opened = RuleService::open(ports(), pack, std::move(loaded), std::move(settings));
    REQUIRE_MESSAGE(opened, opened.error().message);
    service = *std::move(opened);
  }
  tl::expected<Deployed, DeployRefusal> put(const std::string& id, const std::string& text,
                                            const RuleChange& change = {.who = "ann"}) {
    return service->deploy(change, [&](const RulePack& pack) { return pack.with_rule(id, text); });
  }
  tl::expected<Deployed, DeployRefusal> stage(const std::string& rule, const Rollout& rollout) {
    return service->deploy(
        {}, [&](const RulePack& pack) { return service->with_stage(pack, rule, rollout); });
  }
  tests::SimulatedFiles files;
  FixedClock clock;
  std::size_t versions_max = 1000;
  std::optional<Error> failure;  // of the node
  int activated = 0;
  std::vector<cep::Duration> replays;     // that were asked for
  std::vector<cep::Program> replayed;     // the rules of each
  bool warming_up = false;                // they are not there yet
  std::vector<std::uint64_t> waited_for;  // records
  std::string disk_failure;
  std::unique_ptr<RuleService> service;
};
}  // namespace tocsin::api
