// Shares of who asks: room for bodies, and places of requests that wait for a worker.
#include <doctest/doctest.h>

#include <future>
#include <string>
#include <thread>
#include <vector>

#include "api/net/body_budget.h"
#include "api/net/worker_pool.h"

namespace tocsin::api {
TEST_CASE("shares: bodies of one asker leave room for others") {
  BodyBudget budget(100, 75);
  BodyBudget::Hold own(budget, "a");
  CHECK(own.add(50));
  CHECK_FALSE(own.add(26));
  CHECK(budget.held() == 50);
  {
    BodyBudget::Hold more(budget, "a");
    CHECK(more.add(25));
    CHECK_FALSE(more.add(1));
    BodyBudget::Hold other(budget, "b");
    CHECK(other.add(25));
    CHECK_FALSE(other.add(1));  // there is no more in all
  }
  CHECK(budget.held() == 50);
  own.give_back(50);
  BodyBudget::Hold nobody(budget);
  CHECK(nobody.add(100));
  CHECK_FALSE(own.add(1));
  nobody.give_back(100);
  CHECK(own.add(75));
  CHECK(budget.held() == 75);
}

TEST_CASE("shares: requests of one asker leave places to wait in for others") {
  WorkerPool pool({1, 4, 2});
  std::promise<void> begun;
  std::promise<void> let_go;
  std::shared_future<void> goes_on = let_go.get_future().share();
  REQUIRE(pool.submit(
      [&](bool) {
        begun.set_value();
        goes_on.wait();
      },
      "a"));
  begun.get_future().wait();
  std::vector<std::string> done;
  const auto note = [&](const char* what) {
    return [&done, what](bool is_dropped) {
      if (!is_dropped) done.emplace_back(what);
    };
  };
  CHECK(pool.submit(note("a1"), "a"));
  CHECK(pool.submit(note("a2"), "a"));
  CHECK_FALSE(pool.submit(note("a3"), "a"));
  CHECK(pool.submit(note("b1"), "b"));
  CHECK(pool.submit(note("nobody"), ""));
  CHECK_FALSE(pool.submit(note("b2"), "b"));  // as many wait as may
  std::promise<void> last;
  let_go.set_value();
  while (!pool.submit([&](bool) { last.set_value(); }, "a")) std::this_thread::yield();
  last.get_future().wait();
  CHECK(done == std::vector<std::string>{"a1", "a2", "b1", "nobody"});
}
}  // namespace tocsin::api
