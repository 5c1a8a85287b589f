#include <doctest/doctest.h>

#include <algorithm>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "tests/api/node_service_world.h"

namespace tocsin::tests {
namespace {
TEST_CASE("node service: a producer belongs to the token that used its name first") {
  Home home;
  const auto send = [](const Life& life, const std::string& lines, const std::string& producer,
                       std::uint64_t sequence, const std::string& owner) {
    EventBatch batch;
    batch.lines = lines;
    batch.count = static_cast<std::size_t>(std::ranges::count(lines, '\n'));
    batch.producer = producer;
    batch.sequence = sequence;
    batch.owner = owner;
    const auto answered = std::make_shared<std::promise<Served<EventAnswer>>>();
    life.service->take(std::move(batch), kLong, [answered](Served<EventAnswer> answer) {
      answered->set_value(std::move(answer));
    });
    return answered->get_future().get();
  };
  const auto why = [](const Served<EventAnswer>& answer) {
    REQUIRE_FALSE(answer);
    return answer.error().why;
  };
  {
    Life life(home);
    REQUIRE(send(life, payment(1), "nobody's", 0, ""));
    CHECK(why(send(life, payment(1), "p", 1, "ann")) == Refusal::Why::kGap);
    REQUIRE(send(life, payment(1) + payment(2), "p", 0, "bob"));
    CHECK(why(send(life, payment(1), "p", 0, "ann")) == Refusal::Why::kOwned);
    CHECK(why(send(life, payment(3), "p", 2, "ann")) == Refusal::Why::kOwned);
    CHECK(why(send(life, payment(3), "p", 2, "")) == Refusal::Why::kOwned);
    REQUIRE(send(life, payment(3), "nobody's", 1, "ann"));
    CHECK(why(send(life, payment(4), "nobody's", 2, "bob")) == Refusal::Why::kOwned);
    const auto all = life.service->producers("", 10, kLong);
    REQUIRE((all && all->size() == 2));
    CHECK((all->at(0).name == "nobody's" && all->at(0).owner == "ann"));
    CHECK((all->at(1).owner == "bob" && all->at(1).next_sequence == 2));
    CHECK(life.service->producers("nobody's", 10, kLong)->size() == 1);
    CHECK(life.service->producers("", 1, kLong)->size() == 1);
    // What a crash leaves is the journal alone.
    REQUIRE(life.service->stop(false));
  }
  for (const bool has_checkpoint : {false, true}) {
    home.disk.restart();
    Life life(home);
    CHECK(why(send(life, payment(9), "p", 2, "ann")) == Refusal::Why::kOwned);
    CHECK(why(send(life, payment(9), "p", 1, "bob")) == Refusal::Why::kDiffers);
    CHECK(statuses(send(life, payment(2), "p", 1, "bob"), 1) == "du ");
    CHECK(life.service->producer("nobody's", kLong)->value().owner == "ann");
    REQUIRE(life.service->stop(!has_checkpoint));
  }
  {
    home.disk.restart();
    Life life(home);
    CHECK(*life.service->remove_producer("p", kLong) == true);
    CHECK(*life.service->remove_producer("p", kLong) == false);
    CHECK_FALSE(life.service->producer("p", kLong)->has_value());
    // Those behind it have other places now.
    CHECK(statuses(send(life, payment(3), "nobody's", 1, "ann"), 1) == "du ");
    CHECK(why(send(life, payment(3), "p", 2, "ann")) == Refusal::Why::kGap);
    REQUIRE(send(life, payment(20), "p", 0, "ann"));
    REQUIRE(life.service->stop(false));
  }
  home.disk.restart();
  Life life(home);
  CHECK(life.service->producer("p", kLong)->value().owner == "ann");
  CHECK(life.service->producer("p", kLong)->value().next_sequence == 1);
}

TEST_CASE("node service: what is sent again must be what was taken") {
  Home home;
  Life life(home);
  std::string lines;
  for (int second = 1; second <= 2000; ++second) lines += payment(second);
  REQUIRE(life.take(lines, "p", 0));
  // A sender that lost its place, with events of its own.
  const auto from_0 = life.take(payment(3000), "p", 0);
  REQUIRE_FALSE(from_0);
  CHECK(from_0.error().why == Refusal::Why::kDiffers);
  CHECK(from_0.error().expected == 2000);
  const auto changed = life.take(payment(1999) + payment(2000, "2") + payment(2001), "p", 1998);
  REQUIRE_FALSE(changed);
  CHECK(changed.error().why == Refusal::Why::kDiffers);
  CHECK(changed.error().differing == 1999);
  CHECK(life.service->producer("p", kLong)->value().next_sequence == 2000);
  const auto old = life.take(payment(4), "p", 3);
  REQUIRE_FALSE(old);
  CHECK(old.error().why == Refusal::Why::kTooOld);
  // The whole again, with more behind it, in other parts too.
  CHECK(life.take(lines + payment(2001), "p", 0)->next_sequence == 2001);
  CHECK(statuses(life.take(payment(1500) + payment(1501), "p", 1499), 2) == "du du ");
}

TEST_CASE(
    "node service: producers that send nothing for long are forgotten, and others take their "
    "room") {
  Home home;
  NodeServiceOptions options;
  options.limits.producers_max = 3;  // with the stream that all are in
  options.producers_expire = cep::Duration{1'000'000};
  {
    Life life(home, options);
    REQUIRE(life.take(payment(1), "p", 0));
    REQUIRE(life.take(payment(2), "q", 0));
    life.clock.us += 900'000;
    REQUIRE(life.take(payment(3), "q", 1));
    CHECK(life.take(payment(4), "r", 0).error().why == Refusal::Why::kProducers);
    life.clock.us += 900'000;
    REQUIRE(life.take(payment(4), "r", 0));
    CHECK_FALSE(life.service->producer("p", kLong)->has_value());
    CHECK(life.take(payment(5), "q", 2)->next_sequence == 3);
    REQUIRE(life.service->stop(true));
  }
  home.disk.restart();
  Life life(home, options);
  life.clock.us += 2'000'000;
  CHECK(life.service->producer("q", kLong)->value().next_sequence == 3);
  life.clock.us += 100'000'000;  // looked for now and then, not only where there is no room
  while (life.service->producer("q", kLong)->has_value()) std::this_thread::sleep_for(1ms);
  CHECK_FALSE(life.service->producer("r", kLong)->has_value());
  const auto gone = life.take(payment(9), "q", 3);
  REQUIRE_FALSE(gone);
  CHECK(gone.error().why == Refusal::Why::kGap);
  CHECK(gone.error().expected == 0);
}
}  // namespace
}  // namespace tocsin::tests
