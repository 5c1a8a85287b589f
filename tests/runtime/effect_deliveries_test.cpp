// Which endpoints are owed which alerts, and what withholds them.
#include <doctest/doctest.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "runtime/effects/effect_codec.h"
#include "runtime/effects/effect_store.h"
#include "tests/runtime/effect_process.h"

namespace tocsin::tests {
namespace {
TEST_CASE("effect store: an endpoint is known by its name's digest, not its name") {
  ModelDisk disk;
  {
    Process process(disk);
    REQUIRE(process->begin_timeline(kFirst, {}, {}));
    const EndpointId secret = EndpointId::of("https://example.com/?token=SECRET");
    CHECK(secret == EndpointId::of("https://example.com/?token=SECRET"));
    CHECK(secret != kHook);
    REQUIRE(process->set_endpoints({secret}));
    REQUIRE(process->name_endpoint(secret, "https://example.com/"));
    REQUIRE(commit(process, with_alerts(1, {effect_alert(10, 1)})));
  }
  const auto reader = disk.open_reader(effect_families());
  for (std::uint32_t i = 0; i < effect_families().size(); ++i) {
    REQUIRE(reader->scan({i}, {}, [](std::string_view key, std::string_view value) {
      CHECK((std::string(key) + std::string(value)).find("SECRET") == std::string::npos);
      return true;
    }));
  }
}
// Alerts of even numbers go to one endpoint, every third of them is withheld there.
class EvenOnes final : public Addressees {
 public:
  class Decisions final : public Addressing {
   public:
    explicit Decisions(EvenOnes& all) : all_(all) {}
    void add(const StoredAlert& alert, std::vector<Addressee>& to) override {
      if (alert.number % 2 != 0) return;
      to.push_back({kOther, {}});
      WithheldRow row{.endpoint = kOther, .message = kMessageBit | 1};
      if (alert.number == 6) row.kind = WithheldKind::kGrouped;
      if (alert.number % 3 == 0) to.back().withheld = row;
    }
    void write(StoreBatch& batch) override { batch.put(kMessageFamily, "beside", "1"); }
    void written() override { ++all_.written; }

   private:
    EvenOnes& all_;
  };
  Result<std::unique_ptr<Addressing>> begin(cep::EventTime) override {
    return std::make_unique<Decisions>(*this);
  }
  int written = 0;
};

TEST_CASE("effect store: what withholds an alert is stored with it, and owed only as a part") {
  ModelDisk disk;
  Process process(disk);
  REQUIRE(process->begin_timeline(kFirst, {}, {}));
  const auto even = std::make_shared<EvenOnes>();
  process->set_addressees(even);
  std::vector<StoredAlert> alerts;
  for (int i = 0; i < 12; ++i) alerts.push_back(effect_alert(10 + i, 1));
  REQUIRE(commit(process, with_alerts(1, alerts)));
  CHECK(even->written == 1);
  CHECK(owed_to(process->reader(), kOther) == Numbers{2, 4, 6, 8, 10});
  CHECK(process->reader().withheld(2)->empty());
  REQUIRE(process->reader().withheld(12)->size() == 1);
  CHECK(process->reader().withheld(12)->front().kind == WithheldKind::kSilenced);
  REQUIRE(process->owe_message(kOther, kMessageBit | 1, {}));
  CHECK(process->owed(kOther) == 6);
  std::vector<std::uint64_t> part_of;
  REQUIRE(process->reader().outbox(kOther, 6, [&](const OutboxRow& row) {
    part_of.push_back(row.part_of);
    return true;
  }));
  CHECK(part_of == std::vector<std::uint64_t>{kMessageBit | 1, 0, 0, 0});
  // 8 is no part of it.
  const std::uint64_t parts[] = {6, 8, 99};
  REQUIRE(process->settle_message(kOther, kMessageBit | 1, parts, {}));
  CHECK(owed_to(process->reader(), kOther) == Numbers{2, 4, 8, 10});
  CHECK(process->owed(kOther) == 4);
  const std::uint64_t again[] = {12, kMessageBit | 1};
  CHECK(process->owe(kOther, again) == 1);  // the message has arrived
  CHECK(process->reader().withheld(12)->empty());
  CHECK(owed_to(process->reader(), kOther) == Numbers{2, 4, 8, 10, 12});
}

TEST_CASE("effect store: who is owed an alert may depend on it") {
  ModelDisk disk;
  Process process(disk);
  REQUIRE(process->begin_timeline(kFirst, {}, {}));
  process->set_endpoints({kHook});
  process->set_addressees(std::make_shared<EvenOnes>());
  const Result<CommitReport> report =
      commit(process, with_alerts(1, {effect_alert(10, 1), effect_alert(11, 1), effect_alert(12, 1),
                                      effect_alert(13, 1)}));
  REQUIRE(report);
  CHECK(report->owed == 6);
  CHECK(owed_to(process->reader(), kHook) == Numbers{1, 2, 3, 4});
  CHECK(owed_to(process->reader(), kOther) == Numbers{2, 4});
  CHECK(process->owed(kOther) == 2);
  CHECK(process->times_owed(kOther) == 1);
  process->set_addressees(nullptr);
  REQUIRE(commit(process, with_alerts(2, {effect_alert(14, 1), effect_alert(15, 1)})));
  CHECK(owed_to(process->reader(), kOther) == Numbers{2, 4});
}

TEST_CASE("effect store: alerts are owed once more, or no longer, and counted right") {
  ModelDisk disk;
  {
    Process process(disk);
    REQUIRE(process->begin_timeline(kFirst, {}, {}));
    process->set_endpoints({kHook});
    REQUIRE(commit(process, with_alerts(1, {effect_alert(10, 1), effect_alert(11, 1)})));
    REQUIRE(process->settle_delivery(kHook, 1));
    REQUIRE(process->note_delivery(kHook, {2, 9, {5}, 500, "", true}));
    // One that arrived, a dead one, and one that is not kept.
    const std::uint64_t numbers[] = {1, 2, 77};
    CHECK(process->owe(kHook, numbers) == 2);
    CHECK(process->owed(kHook) == 2);
    REQUIRE(process->reader().outbox(kHook, 2, [](const OutboxRow& row) {
      CHECK_FALSE(row.is_dead);
      CHECK(row.attempts == 0);
      return true;
    }));
    CHECK(process->owe(kOther, std::span<const std::uint64_t>(numbers).first(1)) == 1);
  }
  disk.cut_power();
  Process process(disk);
  REQUIRE(process->resume(process->mark()));
  CHECK(owed_to(process->reader(), kHook) == Numbers{1, 2});
  CHECK(owed_to(process->reader(), kOther) == Numbers{1});
  REQUIRE(process->name_endpoint(kHook, "hook"));
  StoreBatch also;
  also.put(kSubscriptionFamily, "with it", "1");
  REQUIRE(process->forget_endpoint(kHook, std::move(also)));
  CHECK(process->owed(kHook) == 0);
  CHECK(owed_to(process->reader(), kHook).empty());
  CHECK(owed_to(process->reader(), kOther) == Numbers{1});
  CHECK(process->reader().endpoints()->empty());
  // A note of an attempt that was under way finds nothing, and counts nothing.
  REQUIRE(process->settle_delivery(kHook, 2));
  CHECK(process->owed(kHook) == 0);
}
}  // namespace
}  // namespace tocsin::tests
