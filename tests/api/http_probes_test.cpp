// Requests that two readers could read differently, and others that nobody should send: what each
// is answered, and that nothing is taken for a request that is none. However the bytes are cut, the
// answers are the same.
#include <doctest/doctest.h>

#include <atomic>
#include <string>
#include <string_view>

#include "tests/api/http_probes.h"
#include "tests/api/http_world.h"

namespace tocsin::api {
namespace {
using namespace tests;

// The statuses of all answers on the connection, and whether the server has closed it.
std::string outcome_of(std::string_view answers, bool is_closed) {
  std::string outcome;
  for (std::size_t at = answers.find("HTTP/1.1 "); at != std::string_view::npos;
       at = answers.find("HTTP/1.1 ", at + 1)) {
    // Words of an answer may name the version too.
    if (at > 0 && answers[at - 1] == ' ') continue;
    if (!outcome.empty()) outcome += ',';
    outcome += answers.substr(at + 9, 3);
  }
  return outcome + (is_closed ? " closed" : " open");
}

struct World {
  World() {
    HttpServerLimits limits;
    limits.body_bytes_max = std::uint64_t{1} << 20;
    server = start_with(
        [this](HttpRequest& request) {
          if (request.head().target.find("smuggled") != std::string::npos) was_smuggled = true;
          return HttpAdmission{[](HttpRequest& whole) {
                                 return text_answer(whole.head().target == "/echo" ? 200 : 404,
                                                    "body=" + whole.body());
                               },
                               true, true};
        },
        limits);
  }
  // Sends the bytes in two parts, where `cut` is one of them, and behind them a request that ends
  // the connection: what is left over of a probe would change its answer.
  std::string ask(const HttpProbe& probe, std::size_t cut) const {
    const RawClient client(server->port());
    client.send(std::string_view(probe.bytes).substr(0, cut));
    if (cut < probe.bytes.size()) client.send(std::string_view(probe.bytes).substr(cut));
    const bool stays_open = std::string_view(probe.outcome).ends_with("open");
    if (!stays_open) return outcome_of(client.receive(), true);
    client.send("GET /last" + kClose + "\r\n");
    const std::string answers = client.receive();
    // The last one is the answer to that.
    const std::size_t last = answers.rfind("HTTP/1.1 404");
    CHECK(last != std::string::npos);
    const std::string_view before = std::string_view(answers).substr(0, last);
    if (probe.body != nullptr) {
      CHECK(before.find("body=" + std::string(probe.body)) != std::string_view::npos);
    }
    return outcome_of(before, false);
  }
  std::atomic<bool> was_smuggled{false};
  std::unique_ptr<HttpServer> server;
};

TEST_CASE("http probes: each has its answer, and nothing smuggled is run") {
  const World world;
  CHECK(http_probes().size() >= 54);
  for (const HttpProbe& probe : http_probes()) {
    CAPTURE(probe.what);
    CHECK(world.ask(probe, probe.bytes.size()) == probe.outcome);
  }
  CHECK(!world.was_smuggled);
}

TEST_CASE("http probes: cut at any byte they are answered the same") {
  const World world;
  for (const HttpProbe& probe : http_probes()) {
    CAPTURE(probe.what);
    // Long ones are long by repeating themselves.
    const std::size_t step = probe.bytes.size() < 300 ? 1 : probe.bytes.size() / 20;
    for (std::size_t cut = 1; cut < probe.bytes.size(); cut += step) {
      CAPTURE(cut);
      CHECK(world.ask(probe, cut) == probe.outcome);
    }
  }
  CHECK(!world.was_smuggled);
}
}  // namespace
}  // namespace tocsin::api
