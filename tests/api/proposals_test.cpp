// Requests that wait for another person: over starts, until they are done once, withdrawn or old.
#include "api/rest/proposals.h"

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <utility>

#include "runtime/journal/file_tree.h"
#include "tests/api/stored_alerts.h"
#include "tests/support/simulated_files.h"

namespace tocsin::api {
namespace {
struct World {
  World() {
    REQUIRE(files.make_directory("d"));
    open();
  }
  void open() {
    store.reset();
    auto opened = ProposalStore::open(files, clock, "d/proposals", limits);
    REQUIRE_MESSAGE(opened, opened.error().message);
    store = *std::move(opened);
  }
  Proposal propose(const std::string& who = "ann", const std::string& body = "{}") const {
    Proposal proposal;
    proposal.operation = "createSilence";
    proposal.reason = "it is long";
    proposal.who = who;
    proposal.from = "10.0.0.1";
    proposal.method = "POST";
    proposal.target = "/v1/silences?a=b";
    proposal.headers = {{"content-type", "application/json"}};
    proposal.body = body;
    auto made = store->propose(std::move(proposal));
    REQUIRE_MESSAGE(made, made.error().message);
    return *made;
  }

  tests::SimulatedFiles files;
  tests::SharedClock clock;
  ProposalLimits limits = {cep::Duration{1'000'000'000}, 3, 100};
  std::unique_ptr<ProposalStore> store;
};
}  // namespace

TEST_CASE("proposals: what waits is kept byte for byte over a start") {
  World world;
  const std::string body("\0\xff{\"a\":1}\n", 10);
  const Proposal made = world.propose("ann", body);
  CHECK(made.id.starts_with("pro_"));
  world.open();
  CHECK(world.store->cut_short() == 0);
  const auto found = world.store->find(made.id);
  REQUIRE(found);
  CHECK(found->body == body);
  CHECK(found->operation == "createSilence");
  CHECK(found->reason == "it is long");
  CHECK(found->who == "ann");
  CHECK(found->from == "10.0.0.1");
  CHECK(found->at == made.at);
  CHECK(found->method == "POST");
  CHECK(found->target == "/v1/silences?a=b");
  REQUIRE(found->headers.size() == 1);
  CHECK(found->headers[0].name == "content-type");
  CHECK(found->headers[0].value == "application/json");
}

TEST_CASE("proposals: nobody approves their own, and one is begun once") {
  World world;
  const std::string id = world.propose().id;
  CHECK(world.store->begin(id, "ann").error().code == Errc::kDenied);
  CHECK(world.store->begin("pro_0", "bob").error().code == Errc::kNotFound);
  REQUIRE(world.store->begin(id, "bob"));
  // Another one comes too late, and so does who would withdraw it.
  CHECK(world.store->begin(id, "eve").error().code == Errc::kNotFound);
  CHECK(world.store->withdraw(id).error().code == Errc::kNotFound);
  CHECK_FALSE(world.store->find(id));
  // It was refused, and waits again.
  world.store->end(id, false);
  CHECK(world.store->find(id));
  world.open();
  REQUIRE(world.store->begin(id, "bob"));
  world.store->end(id, true);
  CHECK_FALSE(world.store->find(id));
  world.open();
  CHECK(world.store->waiting().empty());
  CHECK(world.store->cut_short() == 0);
}

TEST_CASE("proposals: what was begun when the process ended is not done again") {
  World world;
  const std::string id = world.propose().id;
  const std::string other = world.propose().id;
  REQUIRE(world.store->begin(id, "bob"));
  world.open();
  CHECK(world.store->cut_short() == 1);
  CHECK_FALSE(world.store->find(id));
  CHECK(world.store->find(other));
  world.open();
  CHECK(world.store->cut_short() == 0);
}

TEST_CASE("proposals: limits are said, and old ones make room") {
  World world;
  CHECK_FALSE(world.store->propose({.who = "ann", .body = std::string(101, 'x')}));
  const std::string first = world.propose().id;
  world.propose();
  world.propose();
  const auto more = world.store->propose({.who = "ann"});
  REQUIRE_FALSE(more);
  CHECK(more.error().code == Errc::kConflict);
  CHECK(more.error().message.starts_with("3 proposals wait for approval already"));
  CHECK(world.store->waiting().size() == 3);
  REQUIRE(world.store->withdraw(first));
  CHECK(world.store->withdraw(first).error().code == Errc::kNotFound);
  world.propose();
  world.clock.advance(world.limits.wait_max);
  CHECK(world.store->waiting().empty());
  world.propose();
  CHECK(world.store->waiting().size() == 1);
}

TEST_CASE("proposals: a damaged file is named with the remedy") {
  World world;
  const std::string path = "d/proposals/" + world.propose().id + ".json";
  std::string text = *runtime::read_whole(world.files, path);
  text.replace(text.find("it is long"), 10, "it is fine");
  REQUIRE(world.files.remove(path));
  REQUIRE(runtime::put_file(world.files, path, text));
  const auto opened = ProposalStore::open(world.files, world.clock, "d/proposals", world.limits);
  REQUIRE_FALSE(opened);
  CHECK(opened.error().code == Errc::kCorrupt);
  CHECK(opened.error().message.find(path) == 0);
}
}  // namespace tocsin::api
